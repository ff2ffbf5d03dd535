import django_stubs_ext
from django.apps import AppConfig

# Before any admin or form is imported: they name the model of Django's generic classes in
# brackets, which Django itself takes only from its stubs. "ocrsite" is the first of INSTALLED_APPS.
django_stubs_ext.monkeypatch()


class OcrsiteConfig(AppConfig):
    name = "ocrsite"
