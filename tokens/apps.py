from django.apps import AppConfig


class TokensConfig(AppConfig):
    name = "tokens"
    verbose_name = "Keys and quotas"

    def ready(self) -> None:
        """Register the system checks."""
        from tokens import checks  # noqa: F401
