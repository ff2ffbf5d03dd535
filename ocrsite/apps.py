import django_stubs_ext
from django.apps import AppConfig, apps
from django.contrib.admin import apps as admin_apps
from django.core.checks import Tags, register

from ocrsite.checks import check_data_dir
from ocrsite.lib.columns import bound_texts
from ocrsite.lib.sqlserver.checks import check_read_committed_snapshot
from ocrsite.lib.translations import translate_names

# Before any admin or form is imported: they name the model of Django's generic classes in
# brackets, which Django itself takes only from its stubs. "ocrsite" is the first of INSTALLED_APPS.
django_stubs_ext.monkeypatch()


class OcrsiteConfig(AppConfig):
    name = "ocrsite"

    def ready(self) -> None:
        """Register the system checks; that of the database runs in migrate and with --database.

        Have forms of models look whether texts fit, and give names in the reader's language before
        any form takes them.
        """
        for app in ("logs", "tokens", "extraction"):
            translate_names(apps.get_app_config(app).get_models())
        register(check_data_dir)
        register(check_read_committed_snapshot, Tags.database)
        bound_texts()


class AdminConfig(admin_apps.AdminConfig):
    """Django's admin with our site."""

    default = False  # of this package: INSTALLED_APPS names it
    default_site = "ocrsite.admin_site.Site"
