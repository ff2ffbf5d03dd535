"""Delete old log records."""

from django.core.management.base import BaseCommand

from logs.retention import purge_logs


class Command(BaseCommand):
    help = "Delete log records older than LOG_RETENTION_DAYS. Runs every night by itself."

    def handle(self, *_args: object, **_options: object) -> None:
        self.stdout.write(f"{purge_logs()} log records deleted.")
