from typing import Any

from django.apps import AppConfig
from django.apps import apps as current_apps
from django.db.models.signals import post_migrate
from django.utils.translation import pgettext_lazy


class ExtractionConfig(AppConfig):
    name = "extraction"
    verbose_name = pgettext_lazy("the app", "Extraction")

    def ready(self) -> None:
        """Register the checks, fill the roles, log log-ins, and rotate what else is encrypted."""
        from extraction import checks  # noqa: F401
        from extraction.accounts import log_in, second_factor
        from extraction.webhooks import secrets
        from tokens import key_rotation

        # After Django's own receiver, which makes the permissions: this app is the last one.
        post_migrate.connect(fill_roles, sender=self, dispatch_uid="extraction.roles")
        log_in.connect_signals()
        key_rotation.also(second_factor.rotate_secrets)
        key_rotation.also(secrets.rotate_encryption)


def fill_roles(using: str, apps: Any = current_apps, **_: object) -> None:
    """Give the roles what is new."""
    from extraction import roles

    roles.fill(apps, using)
