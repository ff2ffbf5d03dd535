"""What retention did, each time it ran."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import models
from django.utils import timezone


class Kept(models.TextChoices):
    """What is kept for a time."""

    LOGS = "logs", "Log records"
    RETRIES = "retries", "Failed attempts"
    FILES = "files", "Documents and page images"
    ORPHANS = "orphans", "Documents without an extraction"
    IDEMPOTENCY_KEYS = "idempotency-keys", "Idempotency keys"
    SESSIONS = "sessions", "Expired sessions"
    QUEUE = "queue", "Left-over queue messages and task results"


class RetentionRun(models.Model):
    """One run. Without an end it goes on, or its process died: the next run completes its work."""

    run_id = models.BigAutoField(db_column="RunID", primary_key=True)
    what = models.CharField(db_column="What", max_length=20, choices=Kept)
    started_at = models.DateTimeField(db_column="StartedAt", default=timezone.now)
    ended_at = models.DateTimeField(db_column="EndedAt", null=True)
    cutoff = models.DateTimeField(
        db_column="Cutoff",
        help_text="What is older goes, unless its level has days of its own.",
    )
    archived = models.BigIntegerField(
        db_column="Archived", default=0, help_text="Rows put into files under DATA_DIR/archive."
    )
    deleted = models.BigIntegerField(
        db_column="Deleted", default=0, help_text="Rows, or extractions whose files were removed."
    )
    size = models.BigIntegerField(
        db_column="Bytes",
        default=0,
        help_text="Of the archive files, or of the files removed.",
    )
    files = models.TextField(
        db_column="Files", blank=True, help_text="The archive files that were completed."
    )
    is_complete = models.BooleanField(
        db_column="IsComplete", default=False, help_text="Nothing was left to do."
    )
    error = models.TextField(db_column="Error", blank=True)

    class Meta:
        db_table = "RetentionRuns"
        verbose_name = "retention run"
        ordering = ["-started_at", "-run_id"]

    def __str__(self) -> str:
        return f"{self.get_what_display()}, {self.started_at:%Y-%m-%d %H:%M}"


@contextmanager
def running(what: Kept, cutoff: datetime) -> Iterator[RetentionRun]:
    """Keep a run's row inside the block: its start, what it counts, and how it ended."""
    run = RetentionRun.objects.create(what=what, cutoff=cutoff)
    try:
        yield run
    except BaseException as error:
        # Without its text, which may hold anything; the log has it, redacted.
        run.error = type(error).__name__
        raise
    finally:
        run.ended_at = timezone.now()
        run.save()
