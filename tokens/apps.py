from django.apps import AppConfig


class TokensConfig(AppConfig):
    name = "tokens"

    def ready(self) -> None:
        """Register the system checks."""
        from tokens import system_checks  # noqa: F401
