"""Erases what documents said and who sent them, for good: a company's, a person's, or one.

An Erasure is worked off by the workers in batches, each one transaction, so that nobody waits for
it. Every step may be repeated: whoever is killed leaves the rest to the next, which finds it by
what is not erased yet. The ledger keeps its numbers; a pseudonym replaces the requester's name.
"""

import logging
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone
from django_q.tasks import async_task

from extraction import outcomes
from extraction.access import Principal
from extraction.documents.intake import documents_folder, folder_of
from extraction.erasure_orders import audited, extractions_of, limited, spellings
from extraction.models import (
    Attempt,
    Correction,
    EarlierDocument,
    Erasure,
    ErasureScope,
    Extraction,
    IdempotencyKey,
    Label,
    State,
)
from extraction.models.extraction_queryset import ExtractionQuerySet
from logs.models import ApplicationLog, RetryAttempt
from ocrsite.lib import audit, clock
from ocrsite.lib.audit import SYSTEM, Action, Who
from ocrsite.lib.database import deadlocks_retried
from tokens.models import TokenUsageLog

logger = logging.getLogger(__name__)

# Extractions per transaction.
BATCH = 50
# Their ids are looked up so many at a time: the search begins anew each time.
LOOKED_UP = 5_000
# Rows per UPDATE or DELETE of other tables. SQL Server takes 2,100 parameters.
ROWS = 500
# Log records that are looked through at a time for a name.
LOOKED_THROUGH = 5_000
# A shorter name stands in too many words to be looked for in texts.
SHORTEST_NAME = 4
# Well within the time that the queue gives a task.
SECONDS = 60.0
LEASE = timedelta(seconds=180)
# Then it is looked again whether what was being read has ended.
PAUSE = timedelta(seconds=10)
ERASED = "(erased)"


def wake_unfinished() -> int:
    """Queue the erasures that no worker is at, and return how many. Cheap: workers ask always."""
    now = clock.now()
    woken = 0
    # What is leased for longer than that was so before the clock was set back. Twice: whoever
    # leases it after ``now`` was read has it.
    ran_out = Q(leased_until__lte=now) | Q(leased_until__gt=now + 2 * LEASE)
    free = Erasure.objects.filter(ran_out, ended_at=None).order_by("pk")
    for pk in free.values_list("pk", flat=True):
        if free.filter(pk=pk).update(leased_until=now + LEASE):
            async_task("extraction.erasing.go_on", pk)
            woken += 1
    return woken


def go_on(pk: int, seconds: float = SECONDS) -> bool:
    """Erase for so many seconds, and return whether all is done."""
    erasure = Erasure.objects.filter(pk=pk, ended_at=None).first()
    if erasure is None:
        return False
    give_up_at = time.monotonic() + seconds
    rest = (_erase_usage, _erase_logs, _erase_failures, _erase_name)
    for step in (_erase_documents(erasure), *(_repeated(each, erasure) for each in rest)):
        for _ in step:
            Erasure.objects.filter(pk=pk).update(leased_until=clock.now() + LEASE)
            if time.monotonic() >= give_up_at:
                Erasure.objects.filter(pk=pk).update(leased_until=clock.now())
                return False
    if extractions_of(erasure).filter(erased_at=None).exists():  # they are being read
        Erasure.objects.filter(pk=pk).update(leased_until=clock.now() + PAUSE)
        return False
    return _end(erasure)


def _repeated(step: Callable[[Erasure], bool], erasure: Erasure) -> Iterator[None]:
    """Do it until nothing is left to do."""
    while step(erasure):
        yield


def _erase_documents(erasure: Erasure) -> Iterator[None]:
    """Erase the extractions that are not being read, a batch for each step."""
    left = extractions_of(erasure).filter(erased_at=None).exclude(state=State.PROCESSING)
    left = left.order_by("pk")
    pks = list(left.values_list("pk", flat=True)[:LOOKED_UP])
    while pks:
        for start in range(0, len(pks), BATCH):
            _erase_batch(erasure, pks[start : start + BATCH])
            yield
        pks = list(left.filter(pk__gt=pks[-1]).values_list("pk", flat=True)[:LOOKED_UP])


def _erase_batch(erasure: Erasure, pks: Sequence[UUID]) -> None:
    """Cancel what waits, empty the rows, remove the files, and only then say that it is done."""
    rows = list(
        Extraction.with_deleted.filter(pk__in=pks).only("company_id", "state", "received_in")
    )
    # Whoever may erase may cancel what is not being read yet.
    by = Principal("user:0", erasure.asked_by, User(is_superuser=True))
    for row in rows:
        if row.state in (State.QUEUED, State.WAITING):
            outcomes.cancel(row, by=by)
    _empty(erasure, pks, [row.received_in for row in rows if row.received_in])
    # A process that dies here leaves it to the next.
    gone = [pk for pk in _emptied(pks).values_list("pk", flat=True) if _remove_files(pk)]
    with transaction.atomic():
        erased = Extraction.with_deleted.filter(pk__in=gone, erased_at=None)
        _count(erasure, documents=erased.update(erased_at=timezone.now()))


def _remove_files(pk: UUID) -> bool:
    folder = folder_of(pk)
    try:
        documents_folder()  # raises where its disk is away: what is on it is not gone
        if folder.exists():
            shutil.rmtree(folder)
    except OSError:
        logger.exception("The files of %s cannot be removed; it is tried again.", pk)
        return False
    return True


@deadlocks_retried
def _empty(erasure: Erasure, pks: Sequence[UUID], requests: Sequence[str]) -> None:
    """Empty what the database keeps of ended extractions, but for what they cost."""
    now = timezone.now()
    with transaction.atomic():
        Extraction.with_deleted.filter(pk__in=pks, state__in=State.ended()).update(
            **ExtractionQuerySet.emptied(now),
            deleted_at=Coalesce(F("deleted_at"), now),
            deleted_by=ERASED,
            requested_by=erasure.pseudonym,
            client=ERASED,
            licence_id="",
            received_from=None,
            received_in=None,
            reviewed_by=None,
            claimed_for_review_by=None,
            page_turns=None,
            dedup_key=None,
            batch=None,
        )
        ended = list(_emptied(pks).values_list("pk", flat=True))
        corrections = Correction.objects.filter(extraction_id__in=ended).delete()[0]
        EarlierDocument.objects.filter(extraction_id__in=ended).delete()
        Label.objects.filter(extraction_id__in=ended).delete()
        IdempotencyKey.objects.filter(extraction_id__in=ended).delete()
        attempts = Attempt.objects.filter(extraction_id__in=ended)
        attempts.exclude(correction="").update(correction="")
        RetryAttempt.objects.filter(extraction_id__in=ended).update(error_message=ERASED)
        usage = 0
        calls = list(attempts.values_list("pk", flat=True))
        for start in range(0, len(calls), ROWS):
            charged = TokenUsageLog.objects.filter(attempt_id__in=calls[start : start + ROWS])
            named = charged.exclude(requested_by=erasure.pseudonym)
            usage += named.update(requested_by=erasure.pseudonym)
        # One index after the other: databases may read the whole table for both at once.
        logs = ApplicationLog.objects.filter(extraction_id__in=ended).delete()[0]
        logs += ApplicationLog.objects.filter(request_id__in=requests).delete()[0]
        _count(erasure, corrections=corrections, usage=usage, logs=logs)


def _emptied(pks: Sequence[UUID]) -> ExtractionQuerySet[Extraction]:
    return Extraction.with_deleted.filter(
        pk__in=pks, state__in=State.ended(), erased_at=None, purged_at__isnull=False
    )


def _erase_usage(erasure: Erasure) -> bool:
    """Replace the name in the next ROWS of usage, of documents that are not known any more."""
    usage = TokenUsageLog.objects.filter(logged_at__lte=erasure.created_at)
    match ErasureScope(erasure.scope):
        case ErasureScope.COMPANY:
            named = usage.filter(company_id__in=spellings(erasure.subject)).exclude(
                requested_by=erasure.pseudonym
            )
        case ErasureScope.PERSON:
            named = usage.filter(limited(erasure), requested_by=erasure.subject)
        case ErasureScope.EXTRACTION:
            return False
    with transaction.atomic():
        pks = _first(named)
        changed = TokenUsageLog.objects.filter(pk__in=pks).update(requested_by=erasure.pseudonym)
        _count(erasure, usage=changed)
    return bool(pks)


def _erase_logs(erasure: Erasure) -> bool:
    """Delete the next ROWS log records of a company; take a person's name off the next ROWS."""
    logs = ApplicationLog.objects.filter(timestamp__lte=erasure.created_at)
    with transaction.atomic():
        match ErasureScope(erasure.scope):
            case ErasureScope.COMPANY:
                pks = _first(logs.filter(company_id__in=spellings(erasure.subject)))
                changed = ApplicationLog.objects.filter(pk__in=pks).delete()[0]
            case ErasureScope.PERSON:
                pks = _first(logs.filter(limited(erasure), user=erasure.subject))
                changed = ApplicationLog.objects.filter(pk__in=pks).update(user=erasure.pseudonym)
            case ErasureScope.EXTRACTION:
                return False
        _count(erasure, logs=changed)
    return bool(pks)


def _erase_failures(erasure: Erasure) -> bool:
    """Empty the providers' words in the next ROWS failed calls of a company."""
    if erasure.scope != ErasureScope.COMPANY:
        return False
    failures = RetryAttempt.objects.filter(
        company_id__in=spellings(erasure.subject), timestamp__lte=erasure.created_at
    )
    pks = _first(failures.exclude(error_message=ERASED))
    RetryAttempt.objects.filter(pk__in=pks).update(error_message=ERASED)
    return bool(pks)


def _erase_name(erasure: Erasure) -> bool:
    """Look through the next log records for a person's name; False when all were looked through."""
    if erasure.scope != ErasureScope.PERSON or len(erasure.subject) < SHORTEST_NAME:
        return False
    name = erasure.subject
    erasure.refresh_from_db(fields=["read_to"])
    rows = ApplicationLog.objects.filter(limited(erasure))
    later = rows.filter(pk__gt=erasure.read_to, timestamp__lte=erasure.created_at)
    pks = list(later.order_by("pk").values_list("pk", flat=True)[:LOOKED_THROUGH])
    if not pks:
        return False
    between = rows.filter(pk__gt=erasure.read_to, pk__lte=pks[-1])
    with transaction.atomic():
        changed = 0
        for log in between.filter(Q(message__icontains=name) | Q(exception__icontains=name)):
            log.message = _without(log.message, erasure)
            log.exception = log.exception and _without(log.exception, erasure)
            log.save(update_fields=["message", "exception"])
            changed += 1
        _count(erasure, logs=changed)
        Erasure.objects.filter(pk=erasure.pk).update(read_to=pks[-1])
    return True


def _without(text: str, erasure: Erasure) -> str:
    """Return a text with the pseudonym in place of the name, in whatever case it is written."""
    name, folded = erasure.subject.lower(), text.lower()
    if len(folded) != len(text):  # a few letters change their length with their case
        return text.replace(erasure.subject, erasure.pseudonym)
    kept, start = [], 0
    while (at := folded.find(name, start)) >= 0:
        kept += [text[start:at], erasure.pseudonym]
        start = at + len(name)
    return "".join([*kept, text[start:]])


def _end(erasure: Erasure) -> bool:
    """Record that all is done, once, and forget whom it was about."""
    with transaction.atomic():
        ended = Erasure.objects.filter(pk=erasure.pk, ended_at=None).update(
            ended_at=timezone.now(), subject=erasure.shown_subject
        )
        if ended:
            erasure.refresh_from_db()
            told = f"documents: {erasure.documents}, corrections: {erasure.corrections}, "
            told += f"log records: {erasure.logs}, usage rows: {erasure.usage}"
            who = Who(SYSTEM.kind)
            audit.record(Action.ERASED, who=who, what=audited(erasure), after=told)
    logger.info("Erasure %s is done: %s documents.", erasure.pk, erasure.documents)
    return bool(ended)


def _count(erasure: Erasure, **more: int) -> None:
    Erasure.objects.filter(pk=erasure.pk).update(
        **{name: F(name) + number for name, number in more.items()}
    )


def _first(rows: "QuerySet[Any]") -> list[int]:
    return list(rows.order_by("pk").values_list("pk", flat=True)[:ROWS])
