from django.apps import AppConfig


class ExtractionConfig(AppConfig):
    name = "extraction"

    def ready(self) -> None:
        """Register the system checks, and log log-ins."""
        from extraction import checks, log_in  # noqa: F401

        log_in.connect_signals()
