"""What happens to an extraction from the queued row to its outcome.

Claim, read the e-invoice if there is one, else see that a key may be free, render the pages, choose
a key and reserve, call; outcomes.py records what came of it. No transaction is open while poppler
or a provider works.
"""

import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import F

from extraction import fairness, liveness, outcomes
from extraction.documents import intake, rendering
from extraction.documents.document import Document, PageImage
from extraction.documents.kept_words import keep_words
from extraction.evidence.collection import Comparison, collect, compare, start_collecting
from extraction.exceptions import ExtractionFailed
from extraction.heartbeat import heartbeat
from extraction.models import Attempt, AttemptOutcome, Extraction
from extraction.outcomes import Call
from extraction.readers.base import (
    RECITATION,
    Billing,
    Failure,
    Reading,
    ReadingError,
    credible,
)
from extraction.readers.einvoice.first import read_first
from extraction.readers.registry import cost_of, model_of, reader_for
from logs import context
from ocrsite.lib.database import deadlocks_retried, retry_while_unreachable
from ocrsite.lib.errors import ServiceFault, UserFacingError
from tokens import circuit_breaker, ledger, selection
from tokens.selection import KeysBusy
from tokens.usage import NO_USAGE

logger = logging.getLogger(__name__)

# A reservation is kept for this much longer than a task may take; then its attempt is dead.
RESERVATION_MARGIN = timedelta(seconds=60)


def process(extraction_id: uuid.UUID) -> None:
    """Take one extraction as far as it can go now: result, wait or failure.

    It is the one whose turn it is, and the given one when no other is queued. Does nothing when
    other processes have them all, so it may be called twice, late or for nothing.
    """
    worker = liveness.worker_name()
    extraction = fairness.claim_fairest(worker=worker) or fairness.claim(
        extraction_id, worker=worker
    )
    if extraction is None:
        return
    extraction.note_taken()
    context.add(extraction_id=str(extraction.pk), company_id=extraction.company_id)
    with heartbeat(extraction):
        try:
            _attempt(extraction)
        except KeysBusy as busy:
            fairness.put_off(extraction.company_id)
            retry_while_unreachable(partial(outcomes.wait_for_key, extraction, busy.until))
        except ServiceFault as fault:
            retry_while_unreachable(partial(outcomes.wait_for_service, extraction, fault))
        except UserFacingError as error:
            retry_while_unreachable(partial(outcomes.fail, extraction, error))
        except LeaseLost:
            logger.warning("The lease was lost before the call: another worker goes on.")


class LeaseLost(Exception):
    """Another process took the extraction over, because this one seemed dead."""


def _attempt(extraction: Extraction) -> None:
    """Read the e-invoice or make one call, and record what came of it.

    Raises DocumentRejected, ExtractionFailed, NoUsableKey, KeysBusy or LeaseLost when neither is
    done.
    """
    stopwatch = Stopwatch()
    if (einvoice := read_einvoice(extraction)) is not None:
        stopwatch.lap("read")
        document = prepare_pages(extraction)
        stopwatch.lap("pages")
        comparison = compare(einvoice, collect(document))
        keep_evidence(extraction, comparison)
        stopwatch.lap("evidence")
        _finish_without_call(extraction, einvoice, comparison, stopwatch)
        return
    retry_while_unreachable(partial(require_free_key, extraction))
    document = prepare_pages(extraction)
    stopwatch.lap("pages")
    begin = partial(begin_attempt, extraction, document, attempt_id=uuid.uuid4())
    call = retry_while_unreachable(begin)
    collected = start_collecting(document)
    try:
        reading = read(document, call)
    except ReadingError as error:
        record = partial(outcomes.fail_attempt, extraction, call, error)
        billing, usage = error.billing, error.usage
    else:
        stopwatch.lap("read")
        comparison = compare(reading, collected.result())
        keep_evidence(extraction, comparison)
        stopwatch.lap("evidence")
        record = partial(
            outcomes.finish, extraction, call, reading, comparison, timings=stopwatch.laps
        )
        billing, usage = reading.billing, reading.usage
    _record(record, extraction, call, outcomes.internal_error(billing, usage))


def _record(
    record: Callable[[], None], extraction: Extraction, call: Call, failure: ReadingError
) -> None:
    """Record what came of a call, or that this failed, or at last its charge alone.

    Whatever the reason is, the call is charged as it was billed, and not paid for again.
    """
    steps = (
        record,
        partial(outcomes.fail_attempt, extraction, call, failure),
        partial(outcomes.end_attempt, extraction, call, failure),
    )
    for step in steps[:-1]:
        try:
            retry_while_unreachable(step)
        except Exception:
            logger.exception("What came of attempt %s could not be recorded.", call.attempt.pk)
        else:
            return
    retry_while_unreachable(steps[-1])


def _finish_without_call(
    extraction: Extraction, reading: Reading, comparison: Comparison, stopwatch: "Stopwatch"
) -> None:
    finish = partial(outcomes.finish, extraction, None, reading, comparison, timings=stopwatch.laps)
    try:
        retry_while_unreachable(finish)
    except Exception as error:
        logger.exception("What the e-invoice says could not be recorded.")
        detail = outcomes.CANNOT_RECORD
        raise ExtractionFailed(outcomes.INTERNAL_ERROR, detail, 502) from error


class Stopwatch:
    """Seconds of wall clock by stage."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, stage: str) -> None:
        """Record the time since the last lap as the stage's."""
        now = time.monotonic()
        self.laps[stage] = round(now - self._last, 4)
        self._last = now


def reservation_lease() -> timedelta:
    """Return how long the reservation of a call is kept."""
    return timedelta(seconds=settings.Q_CLUSTER["timeout"]) + RESERVATION_MARGIN


def read_einvoice(extraction: Extraction) -> Reading | None:
    """Return what the document's e-invoice says, where that is read instead of its pages.

    No key is chosen and none is called. Raises NoUsableKey for a company whose keys are all Expired
    or Disabled, ExtractionFailed ``no_einvoice``, and ServiceFault.
    """
    if extraction.attempts > extraction.attempts_before:
        return None  # looked for before the first call
    choice = extraction.chosen_reader or extraction.reader
    reading = read_first(document_of(extraction), extraction.media_type, choice)
    if reading is not None:
        retry_while_unreachable(partial(selection.require_unblocked, extraction.company_id))
    return reading


def document_of(extraction: Extraction) -> Path:
    """Return where the document of an extraction lies."""
    return Path(settings.DATA_DIR) / "files" / extraction.file


def require_free_key(extraction: Extraction) -> None:
    """Raise KeysBusy when no key could take its call now, before any work on its pages.

    What a call costs depends on the number of pages, not on what is on them.
    """
    pages = (PageImage(n, Path(), blank=False) for n in range(1, extraction.page_count + 1))
    document = Document(Path(extraction.file), extraction.media_type, tuple(pages))
    selection.require_free(
        extraction.company_id,
        cost_of=partial(cost_of, document),
        only=extraction.chosen_key_id,
    )


def prepare_pages(extraction: Extraction) -> Document:
    """Render the document's pages. Raises ServiceFault or DocumentRejected, for blank ones too."""
    return rendering.render_document(
        document_of(extraction),
        extraction.media_type,
        extraction.page_count,
        intake.folder_of(extraction.pk),
    )


def keep_evidence(extraction: Extraction, comparison: Comparison) -> None:
    """Keep the words of the pages for those who review it. Raises nothing."""
    if comparison.sources.words is not None:
        keep_words(intake.folder_of(extraction.pk), comparison.sources.words.pages)


def begin_attempt(
    extraction: Extraction, document: Document, *, attempt_id: uuid.UUID | None = None
) -> Call:
    """Choose a key, reserve what the call can cost, and commit the attempt before it is made.

    Raises NoUsableKey when the company has no key for it, KeysBusy when it must wait, and LeaseLost
    when another process has taken it over. Safe to repeat with the same ``attempt_id`` until the
    call is made.
    """
    earlier = list(outcomes.attempts_of_this_run(extraction))
    last = earlier[-1] if earlier else None
    varied = any(attempt.code == RECITATION for attempt in earlier)
    if last and last.outcome == AttemptOutcome.PENDING:
        # Committed a moment ago, when the database went away before it could confirm it. It may be
        # a trial call; where it is none, ending it as one does no harm to the real one.
        return Call(last, last.token, half_open=True, varied=varied)
    if attempt_id is not None:
        ledger.end_reservation(attempt_id)  # reserved before the database went away
    attempt_id = attempt_id or uuid.uuid4()
    repaired = last if last and last.failure == Failure.REPAIR else None
    # Not in the attempt's transaction: a key found Exceeded stays so when no other will do. After
    # a crash between the two the reservation's lease frees it; no call was made.
    token, reservation, half_open = selection.take(
        extraction.company_id,
        attempt_id=attempt_id,
        cost_of=lambda token: cost_of(document, token, repaired),
        lease=reservation_lease(),
        tried={attempt.token_id for attempt in earlier if attempt.failure == Failure.RETRY},
        only=extraction.chosen_key_id,
    )
    attempt = Attempt(
        id=attempt_id,
        extraction=extraction,
        number=extraction.attempts + 1,
        token=token,
        model=model_of(token),
        reserved=reservation.amount,
        output_budget=reservation.output_budget,
        repairs=repaired,
        started_at=reservation.began_at,
    )
    try:
        _commit_attempt(extraction, attempt)
    except LeaseLost:
        ledger.release(attempt_id)
        if half_open:
            circuit_breaker.end_trial_call(token, answered=False)
        raise
    return Call(attempt, token, half_open, varied)


@deadlocks_retried
def _commit_attempt(extraction: Extraction, attempt: Attempt) -> None:
    with transaction.atomic():
        if not Extraction.objects.held(extraction).update(attempts=F("attempts") + 1):
            raise LeaseLost
        attempt.save(force_insert=True)


def read(document: Document, call: Call) -> Reading:
    """Make the call. Raises ReadingError."""
    repaired = call.attempt.repairs
    api_key = call.token.reveal_key()
    check = partial(credible, reserve=call.attempt.reserved, attempt_id=call.attempt.pk)
    try:
        reading = reader_for(call.token.provider).read(
            document,
            api_key=api_key,
            model=call.attempt.model,
            output_budget=call.attempt.output_budget,
            correction=repaired.correction if repaired else "",
            varied=call.varied,
        )
    except ReadingError as error:
        error.billing, error.usage = check(error.billing, error.usage)
        raise
    except Exception:
        logger.exception("The answer to attempt %s could not be read.", call.attempt.pk)
        raise outcomes.internal_error(Billing.UNKNOWN, NO_USAGE) from None
    billing, usage = check(reading.billing, reading.usage)
    return replace(reading, billing=billing, usage=usage)
