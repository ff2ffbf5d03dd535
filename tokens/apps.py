from django.apps import AppConfig
from django.core.checks import register
from django.utils.translation import gettext_lazy as _

from tokens.checks import check_app_setting, check_encryption_keys


class TokensConfig(AppConfig):
    name = "tokens"
    verbose_name = _("Keys and quotas")

    def ready(self) -> None:
        """Register the system checks, and the companies for the filters of other apps."""
        from ocrsite.lib import company_choices
        from tokens.company_fields import filter_options

        company_choices.register(filter_options)
        register(check_encryption_keys)
        register(check_app_setting)
