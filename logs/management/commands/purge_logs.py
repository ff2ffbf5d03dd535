"""Delete old log records."""

import math

from django.core.management.base import BaseCommand

from logs.retention import purge_logs


class Command(BaseCommand):
    help = "Archive and delete old log records (LOG_RETENTION_DAYS). Runs every night by itself."

    def handle(self, *_args: object, **_options: object) -> None:
        self.stdout.write(f"{purge_logs(math.inf)} log records deleted.")
