from django.apps import AppConfig


class ExtractionConfig(AppConfig):
    name = "extraction"

    def ready(self) -> None:
        """Register the system checks, log log-ins, and rotate what else is encrypted."""
        from extraction import checks  # noqa: F401
        from extraction.accounts import log_in, second_factor
        from extraction.webhooks import secrets
        from tokens import key_rotation

        log_in.connect_signals()
        key_rotation.also(second_factor.rotate_secrets)
        key_rotation.also(secrets.rotate_encryption)
