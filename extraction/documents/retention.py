"""How long documents and page images are kept. Their extractions stay, with what was read."""

import logging
import shutil
import time
from datetime import datetime, timedelta
from datetime import time as time_of_day

from django.conf import settings
from django.utils import timezone
from django_q.tasks import async_task

from extraction.documents.intake import folder_of
from extraction.models import Extraction
from logs.models import Kept, RetentionRun
from logs.retention import running
from ocrsite.lib.schedules import ensure_nightly

logger = logging.getLogger(__name__)

# Extractions per query.
BATCH = 200
# Well within the time that the queue gives a task.
SECONDS = 60.0


def purge_files(seconds: float = SECONDS) -> int:
    """Remove the files of extractions that ended FILE_RETENTION_DAYS ago; return of how many.

    Safe to kill and to repeat: a row is marked before its files go, and the next run removes what
    a killed one only marked. After so many seconds the rest is left to another task.
    """
    if settings.FILE_RETENTION_DAYS is None:
        return 0
    cutoff = timezone.now() - timedelta(days=settings.FILE_RETENTION_DAYS)
    give_up_at = time.monotonic() + seconds
    completed = RetentionRun.objects.filter(what=Kept.FILES, is_complete=True).first()
    with running(Kept.FILES, cutoff) as run:
        marked = Extraction.objects.exclude(files_removed_at=None)
        if completed is not None:
            marked = marked.filter(files_removed_at__gte=completed.started_at)
        for extraction in marked.only("pk").iterator():
            _remove_files(extraction, run)
        while batch := _next(cutoff):
            if time.monotonic() >= give_up_at:
                break
            for extraction in batch:
                if Extraction.objects.mark_files_removed(extraction, cutoff):
                    _remove_files(extraction, run)
                    run.deleted += 1
            run.save()
        run.is_complete = not batch and not run.error
    logger.info("Removed the files of %d extractions from before %s", run.deleted, cutoff)
    if batch:
        async_task("extraction.documents.retention.purge_files")
    return run.deleted


def ensure_schedules() -> None:
    """Have old files removed every night at 3:20 UTC, unless that is already scheduled."""
    ensure_nightly("purge_files", "extraction.documents.retention.purge_files", time_of_day(3, 20))


def _next(cutoff: datetime) -> list[Extraction]:
    old = Extraction.objects.with_old_files(cutoff).order_by("finished_at")
    return list(old.only("pk")[:BATCH])


def _remove_files(extraction: Extraction, run: RetentionRun) -> None:
    """Remove the folder of an extraction, if any; the next run repeats what failed."""
    folder = folder_of(extraction.pk)
    try:
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        if folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        logger.exception("The files of %s cannot be removed.", extraction.pk)
        run.error = type(error).__name__
    else:
        run.size += size
