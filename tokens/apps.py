from django.apps import AppConfig


class TokensConfig(AppConfig):
    name = "tokens"

    def ready(self) -> None:
        """Register the system checks."""
        from tokens import checks  # noqa: F401
