"""How long documents and page images are kept: of an extraction, of a deleted one, and of none.

An extraction stays when its files go, with what was read; of a deleted one only what it cost.
"""

import contextlib
import logging
import shutil
import time
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django_q.tasks import async_task

from extraction.documents.intake import documents_folder, folder_of
from extraction.models import Correction, EarlierDocument, Extraction, IdempotencyKey, Label
from logs.models import Kept, RetentionRun
from logs.retention import running
from ocrsite.lib.database import deadlocks_retried
from ocrsite.lib.schedules import ensure_nightly

logger = logging.getLogger(__name__)

# Extractions per query.
BATCH = 200
# Well within the time that the queue gives a task.
SECONDS = 60.0
# Longer than anybody takes from storing a document to writing its row.
ORPHAN_AGE = timedelta(days=1)
# Of folders that no row knows. More of them mean that the database is not the one of these files.
ORPHANS_EXPECTED = 100


def purge_files(seconds: float = SECONDS) -> int:
    """Remove the files of extractions that ended FILE_RETENTION_DAYS ago; return of how many.

    Safe to kill and to repeat: a row is marked before its files go, and the next run removes what
    a killed one only marked. After so many seconds the rest is left to another task. Raises OSError
    while the disk of the documents is away: nothing on it is gone.
    """
    if settings.FILE_RETENTION_DAYS is None:
        return 0
    cutoff = timezone.now() - timedelta(days=settings.FILE_RETENTION_DAYS)
    give_up_at = time.monotonic() + seconds
    completed = RetentionRun.objects.filter(what=Kept.FILES, is_complete=True).first()
    with running(Kept.FILES, cutoff) as run:
        documents_folder()
        marked = Extraction.with_deleted.exclude(files_removed_at=None)
        if completed is not None:
            marked = marked.filter(files_removed_at__gte=completed.started_at)
        for extraction in marked.only("pk").iterator():
            _remove(folder_of(extraction.pk), run)
        while batch := _next(cutoff):
            if time.monotonic() >= give_up_at:
                break
            for extraction in batch:
                if Extraction.with_deleted.mark_files_removed(extraction, cutoff):
                    _remove(folder_of(extraction.pk), run)
                    run.deleted += 1
            run.save()
        run.is_complete = not batch and not run.error
    logger.info("Removed the files of %d extractions from before %s", run.deleted, cutoff)
    if batch:
        async_task("extraction.documents.retention.purge_files")
    return run.deleted


def purge_deleted(seconds: float = SECONDS) -> int:
    """Remove for good what people deleted DELETED_DAYS ago; return of how many documents.

    Files, pages, result and corrections go; a row without them keeps who sent and deleted the
    document, and its calls. Safe to kill and to repeat, as ``purge_files``.
    """
    cutoff = timezone.now() - timedelta(days=settings.DELETED_DAYS)
    give_up_at = time.monotonic() + seconds
    completed = RetentionRun.objects.filter(what=Kept.DELETED, is_complete=True).first()
    with running(Kept.DELETED, cutoff) as run:
        documents_folder()
        marked = Extraction.with_deleted.exclude(purged_at=None)
        if completed is not None:
            marked = marked.filter(purged_at__gte=completed.started_at)
        for extraction in marked.only("pk").iterator():
            _remove(folder_of(extraction.pk), run)
        old = Extraction.with_deleted.deleted().filter(deleted_at__lt=cutoff)
        while batch := list(old.order_by("deleted_at").values_list("pk", flat=True)[:BATCH]):
            if time.monotonic() >= give_up_at:
                break
            for pk in batch:
                if _purge_row(pk, cutoff):
                    _remove(folder_of(pk), run)
                    run.deleted += 1
            run.save()
        run.is_complete = not batch and not run.error
    logger.info("Removed %d documents for good that were deleted before %s", run.deleted, cutoff)
    if batch:
        async_task("extraction.documents.retention.purge_deleted")
    return run.deleted


def purge_orphans(after: str = "", seconds: float = SECONDS) -> int:
    """Remove document folders older than a day that no extraction knows; return how many.

    A web process that is killed between storing a document and writing its row leaves one. What is
    left after so many seconds is left to another task, which goes on ``after`` a group of folders.
    Nothing is removed while the database knows less than half of all folders.
    """
    cutoff = timezone.now() - ORPHAN_AGE
    give_up_at = time.monotonic() + seconds
    groups = [group for group in sorted(_files().glob("??")) if group.name > after]
    with running(Kept.ORPHANS, cutoff) as run:
        if _is_foreign():
            run.error = "UnknownFolders"
            return 0
        for group in groups:
            if time.monotonic() >= give_up_at:
                async_task("extraction.documents.retention.purge_orphans", after)
                break
            for folder in _orphans(group, cutoff):
                run.deleted += _remove(folder, run)
            run.save()
            after = group.name
        else:
            run.is_complete = not run.error
    logger.info("Removed %d document folders without an extraction", run.deleted)
    return run.deleted


def ensure_schedules() -> None:
    """Have all of it done every night from 3:20 UTC, unless that is already scheduled."""
    ensure_nightly("purge_files", "extraction.documents.retention.purge_files", time_of_day(3, 20))
    ensure_nightly(
        "purge_deleted", "extraction.documents.retention.purge_deleted", time_of_day(3, 25)
    )
    ensure_nightly(
        "purge_orphans", "extraction.documents.retention.purge_orphans", time_of_day(3, 30)
    )


def _next(cutoff: datetime) -> list[Extraction]:
    old = Extraction.with_deleted.with_old_files(cutoff).order_by("finished_at")
    return list(old.only("pk")[:BATCH])


@deadlocks_retried
def _purge_row(pk: uuid.UUID, cutoff: datetime) -> bool:
    with transaction.atomic():
        if not Extraction.with_deleted.purge(pk, cutoff):
            return False
        Correction.objects.filter(extraction_id=pk).delete()
        EarlierDocument.objects.filter(extraction_id=pk).delete()
        IdempotencyKey.objects.filter(extraction_id=pk).delete()
        Label.objects.filter(extraction_id=pk).delete()
    return True


def _is_foreign() -> bool:
    """Whether the database knows so few of the folders that it cannot be theirs."""
    stored = sum(1 for _ in _files().glob("??/*"))
    known = Extraction.with_deleted.filter(files_removed_at=None).count()
    if stored <= 2 * known + ORPHANS_EXPECTED:
        return False
    logger.error(
        "DATA_DIR/files holds %d documents, and the database knows %d: nothing is removed. Is it "
        "the database of this DATA_DIR?",
        stored,
        known,
    )
    return True


def _orphans(group: Path, cutoff: datetime) -> Iterator[Path]:
    """The old document folders of a group that no extraction knows."""
    old = {}
    for folder in group.iterdir():
        with contextlib.suppress(ValueError, FileNotFoundError):  # not ours; removed meanwhile
            document_id = uuid.UUID(folder.name)
            if folder.stat().st_mtime < cutoff.timestamp():
                old[document_id] = folder
    ids = list(old)
    for start in range(0, len(ids), BATCH):
        some = ids[start : start + BATCH]
        known = set(Extraction.with_deleted.filter(pk__in=some).values_list("pk", flat=True))
        yield from (old[document_id] for document_id in some if document_id not in known)


def _remove(folder: Path, run: RetentionRun) -> bool:
    """Remove a document's folder, if it is there; what cannot be removed is tried again."""
    try:
        documents_folder()
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        if folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        logger.exception("The files of %s cannot be removed.", folder.name)
        run.error = type(error).__name__
        return False
    run.size += size
    return True


def _files() -> Path:
    return Path(settings.DATA_DIR) / "files"
