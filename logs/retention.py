"""Archives and deletes log records and failed attempts that are older than they are kept.

A batch of rows is written to an archive file, which is on disk completely before the rows are
deleted. Until they are, the file's name ends in ``.pending``. The next run first deletes the rows
of such a file, so that a run killed at any point loses no row and archives none twice.
"""

import gzip
import json
import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Model, QuerySet
from django.utils import timezone
from django_q.tasks import async_task

from logs.models import ApplicationLog, AuditEntry, Kept, RetentionRun, RetryAttempt
from ocrsite.lib.files import atomic_write, sole_process, sync_folder
from ocrsite.lib.schedules import ensure_nightly

logger = logging.getLogger(__name__)

# Rows per archive file.
BATCH = 5_000
# Rows per DELETE, so that other writers do not wait long. SQL Server takes 2100 parameters.
DELETED_AT_ONCE = 500
# Well below the time-out of a task.
SECONDS = 60.0

_PENDING = ".pending"


def purge_logs(seconds: float = SECONDS) -> int:
    """Archive and delete ApplicationLogs older than LOG_RETENTION_DAYS; return how many.

    Levels in LOG_RETENTION_DAYS_PER_LEVEL have their own days. Safe to kill and to repeat. After so
    many seconds the rest is queued as another task.
    """
    now = timezone.now()
    cutoff = now - timedelta(days=settings.LOG_RETENTION_DAYS)
    by_level: dict[str, int] = settings.LOG_RETENTION_DAYS_PER_LEVEL
    logs = ApplicationLog.objects.all()
    expired = [
        logs.exclude(level__in=list(by_level)).filter(timestamp__lt=cutoff),
        *(
            logs.filter(level=level, timestamp__lt=now - timedelta(days=days))
            for level, days in by_level.items()
        ),
    ]
    run = _purge(Kept.LOGS, expired, cutoff, seconds)
    if run is None:
        return 0
    logger.info("Purged %d log records from before %s", run.deleted, cutoff)
    if not run.is_complete:
        async_task("logs.retention.purge_logs")
    return run.deleted


def purge_retries(seconds: float = SECONDS) -> int:
    """Archive and delete RetryAttempts older than RETRY_RETENTION_DAYS, as ``purge_logs`` does."""
    cutoff = timezone.now() - timedelta(days=settings.RETRY_RETENTION_DAYS)
    expired = RetryAttempt.objects.filter(timestamp__lt=cutoff)
    run = _purge(Kept.RETRIES, [expired], cutoff, seconds)
    if run is None:
        return 0
    logger.info("Purged %d failed attempts from before %s", run.deleted, cutoff)
    if not run.is_complete:
        async_task("logs.retention.purge_retries")
    return run.deleted


def purge_audit(seconds: float = SECONDS) -> int:
    """Archive and delete audit entries older than AUDIT_RETENTION_DAYS, as ``purge_logs`` does."""
    cutoff = timezone.now() - timedelta(days=settings.AUDIT_RETENTION_DAYS)
    run = _purge(Kept.AUDIT, [AuditEntry.objects.filter(timestamp__lt=cutoff)], cutoff, seconds)
    if run is None:
        return 0
    logger.info("Purged %d audit entries from before %s", run.deleted, cutoff)
    if not run.is_complete:
        async_task("logs.retention.purge_audit")
    return run.deleted


@contextmanager
def running(what: Kept, cutoff: datetime) -> Iterator[RetentionRun]:
    """Record a run: its start, what the block counts in the row, and how it ended."""
    run = RetentionRun.objects.create(what=what, cutoff=cutoff)
    try:
        yield run
    except BaseException as error:
        # Only its type: the text may hold secrets. The log has it, redacted.
        run.error = type(error).__name__
        raise
    finally:
        run.ended_at = timezone.now()
        run.save()


def ensure_schedules() -> None:
    """Have all purged every night from 3:00 UTC, unless that is already scheduled."""
    ensure_nightly("purge_logs", "logs.retention.purge_logs", time_of_day(3))
    ensure_nightly("purge_retries", "logs.retention.purge_retries", time_of_day(3, 10))
    ensure_nightly("purge_audit", "logs.retention.purge_audit", time_of_day(3, 15))


def _purge(
    what: Kept, expired: Sequence[QuerySet[Any]], cutoff: datetime, seconds: float
) -> RetentionRun | None:
    """Remove the expired rows of one table; None when another process is doing so."""
    model: type[Model] = expired[0].model
    table = model._meta.db_table
    give_up_at = time.monotonic() + seconds
    with sole_process(_folder() / f".{table}.lock") as is_sole:
        if not is_sole:
            logger.info("%s are being purged by another process.", what.label)
            return None
        with running(what, cutoff) as run:
            for draft in _folder().glob(f".{table}-*.draft"):
                draft.unlink()
            for pending in sorted(_folder().glob(f"{table}-*{_PENDING}")):
                _complete(pending, model, _keys_in(pending, model), run)
            for rows in expired:
                # In the order of the indexes; by key where times are equal.
                while batch := list(rows.order_by("timestamp", "pk")[:BATCH]):
                    if time.monotonic() >= give_up_at:
                        return run
                    _remove(batch, run)
            run.is_complete = True
        return run


def _remove(batch: Sequence[Model], run: RetentionRun) -> None:
    model = type(batch[0])
    keys = [row.pk for row in batch]
    if settings.LOG_ARCHIVE:
        _complete(_archive(batch), model, keys, run)
    else:
        run.deleted += _delete(model, keys)
    run.save()


def _archive(batch: Sequence[Any]) -> Path:
    """Write rows to a file: a JSON object per line, with the columns' names as keys."""
    table = batch[0]._meta.db_table
    keys = [row.pk for row in batch]
    # Unique, because a row is in one file only and keys are not reused.
    name = f"{table}-{batch[0].timestamp:%Y%m%d}-{min(keys)}-{max(keys)}.jsonl.gz"
    path = _folder() / f"{name}{_PENDING}"
    with atomic_write(path) as file, gzip.GzipFile(fileobj=file, mode="wb") as compressed:
        for row in batch:
            columns = {
                field.column: getattr(row, field.attname) for field in row._meta.concrete_fields
            }
            compressed.write(f"{json.dumps(columns, default=str, ensure_ascii=False)}\n".encode())
    return path


def _complete(pending: Path, model: type[Model], keys: Sequence[int], run: RetentionRun) -> None:
    """Delete the rows of an archive file, and give the file its final name."""
    run.archived += len(keys)
    run.size += pending.stat().st_size
    run.deleted += _delete(model, keys)
    path = pending.with_name(pending.name.removesuffix(_PENDING))
    pending.replace(path)
    sync_folder(path.parent)
    run.files = "\n".join(filter(None, [run.files, path.name]))


def _keys_in(path: Path, model: type[Model]) -> list[int]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line)[model._meta.pk.column] for line in lines]


def _delete(model: type[Model], keys: Sequence[int]) -> int:
    """Delete rows, DELETED_AT_ONCE per transaction; return how many there were."""
    return sum(
        # Without what goes with them.
        model._default_manager.filter(pk__in=some).delete()[1].get(model._meta.label, 0)
        for some in _slices(keys, DELETED_AT_ONCE)
    )


def _slices(keys: Sequence[int], length: int) -> Iterable[Sequence[int]]:
    return (keys[start : start + length] for start in range(0, len(keys), length))


def _folder() -> Path:
    return Path(settings.DATA_DIR) / "archive"
