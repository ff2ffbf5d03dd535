"""``manage.py worker``: does the extractions."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from extraction.worker.main import run_worker


class Command(BaseCommand):
    help = "Work on queued extractions until SIGTERM or Ctrl-C."

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit with the worker's code, so that a supervisor sees a death."""
        sys.exit(run_worker())
