from django.apps import AppConfig


class ExtractionConfig(AppConfig):
    name = "extraction"

    def ready(self) -> None:
        """Register the system checks."""
        from extraction import checks  # noqa: F401
