from django.apps import AppConfig
from django.core.checks import register

from tokens.checks import check_app_setting, check_encryption_keys


class TokensConfig(AppConfig):
    name = "tokens"
    verbose_name = "Keys and quotas"

    def ready(self) -> None:
        """Register the system checks."""
        register(check_encryption_keys)
        register(check_app_setting)
