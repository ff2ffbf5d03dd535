from django.apps import AppConfig
from django.core.checks import Tags, register

from ocrsite.lib.sqlserver.checks import check_read_committed_snapshot


class OcrsiteConfig(AppConfig):
    name = "ocrsite"

    def ready(self) -> None:
        """Register the system check of the database, which only migrate and --database run."""
        register(check_read_committed_snapshot, Tags.database)
