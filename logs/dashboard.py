"""What the dashboard tells of errors, and of log records that wait on disk."""

from logs.handler.spool import waiting_files
from logs.models import ErrorGroup

SHOWN = 5


def newest_errors() -> list[ErrorGroup]:
    """Return the groups of errors that happened last; one query."""
    return list(ErrorGroup.objects.all()[:SHOWN])


def backlog() -> int:
    """Return how many files of log records wait to be ingested. No query; raises nothing."""
    return waiting_files()
