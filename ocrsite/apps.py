from django.apps import AppConfig
from django.core.checks import register

from ocrsite.checks import check_data_dir


class OcrsiteConfig(AppConfig):
    name = "ocrsite"

    def ready(self) -> None:
        """Register the system checks."""
        register(check_data_dir)
