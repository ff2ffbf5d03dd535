from django.apps import AppConfig
from django.core.checks import Tags, register

from ocrsite.checks import check_data_dir
from ocrsite.lib.sqlserver.checks import check_read_committed_snapshot


class OcrsiteConfig(AppConfig):
    name = "ocrsite"

    def ready(self) -> None:
        """Register the system checks; that of the database runs in migrate and with --database."""
        register(check_data_dir)
        register(check_read_committed_snapshot, Tags.database)
