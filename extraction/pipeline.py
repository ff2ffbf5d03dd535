"""What happens to an extraction from the queued row to its outcome.

Claim, render the pages, choose a key and reserve, call; outcomes.py records what came of it. No
transaction is open while poppler or a provider works.
"""

import logging
import time
import uuid
from datetime import timedelta
from functools import partial
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import F

from extraction import liveness, outcomes
from extraction.documents import intake, rendering
from extraction.documents.document import Document
from extraction.heartbeat import heartbeat
from extraction.models import Attempt, AttemptOutcome, Extraction
from extraction.outcomes import Call
from extraction.readers import cost_of, model_of, reader_for
from extraction.readers.base import Failure, Reading, ReadingError
from logs import context
from ocrsite.lib.database import deadlocks_retried, retry_while_unreachable
from ocrsite.lib.errors import UserFacingError
from tokens import circuit_breaker, ledger, selection
from tokens.selection import KeysBusy

logger = logging.getLogger(__name__)

# A reservation is kept for this much longer than a task may take; then its attempt is dead.
RESERVATION_MARGIN = timedelta(seconds=60)


def process(extraction_id: uuid.UUID) -> None:
    """Take one queued extraction as far as it can go now: result, wait or failure.

    Does nothing when another process has it, so it may be called twice, late or for nothing.
    """
    claim = partial(
        Extraction.objects.claim,
        extraction_id,
        worker=liveness.worker_name(),
        lease_id=uuid.uuid4(),
    )
    extraction = retry_while_unreachable(claim)
    if extraction is None:
        return
    with (
        context.bound(extraction_id=str(extraction_id), company_id=extraction.company_id),
        heartbeat(extraction),
    ):
        try:
            _attempt(extraction)
        except KeysBusy as busy:
            retry_while_unreachable(partial(outcomes.wait_for_key, extraction, busy.until))
        except UserFacingError as error:
            retry_while_unreachable(partial(outcomes.fail, extraction, error))
        except LeaseLost:
            logger.warning("The lease was lost before the call: another worker goes on.")


class LeaseLost(Exception):
    """Another process took the extraction over, because this one seemed dead."""


def _attempt(extraction: Extraction) -> None:
    """Make one call and record what came of it.

    Raises DocumentRejected, NoUsableKey, KeysBusy or LeaseLost when no call is made.
    """
    stopwatch = Stopwatch()
    document = prepare_pages(extraction)
    stopwatch.lap("pages")
    begin = partial(begin_attempt, extraction, document, attempt_id=uuid.uuid4())
    call = retry_while_unreachable(begin)
    try:
        reading = read(document, call)
    except ReadingError as error:
        retry_while_unreachable(partial(outcomes.fail_attempt, extraction, call, error))
    else:
        stopwatch.lap("read")
        retry_while_unreachable(
            partial(outcomes.finish, extraction, call, reading, timings=stopwatch.laps)
        )


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


def prepare_pages(extraction: Extraction) -> Document:
    """Render the document's pages. Raises DocumentRejected, for blank ones too."""
    return rendering.render_document(
        Path(settings.DATA_DIR) / "files" / extraction.file,
        extraction.media_type,
        extraction.page_count,
        intake.folder_of(extraction.pk),
    )


def begin_attempt(
    extraction: Extraction, document: Document, *, attempt_id: uuid.UUID | None = None
) -> Call:
    """Choose a key, reserve what the call can cost, and commit the attempt before it is made.

    Raises NoUsableKey when the company has no key for it, KeysBusy when it must wait, and LeaseLost
    when another process has taken it over. Safe to repeat with the same ``attempt_id`` until the
    call is made.
    """
    earlier = list(outcomes.attempts_of_this_run(extraction).select_related("token"))
    last = earlier[-1] if earlier else None
    if last and last.outcome == AttemptOutcome.PENDING:
        # Committed a moment ago, when the database went away before it could confirm it. It may be
        # a trial call; where it is none, ending it as one does no harm to the real one.
        return Call(last, last.token, half_open=True)
    if attempt_id is not None:
        ledger.release(attempt_id)  # reserved before the database went away
    attempt_id = attempt_id or uuid.uuid4()
    repaired = last if last and last.failure == Failure.REPAIR else None
    # Not in the attempt's transaction: a key found Exceeded stays so when no other will do. After
    # a crash between the two the reservation's lease frees it; no call was made.
    token, reservation, half_open = selection.take(
        extraction.company_id,
        attempt_id=attempt_id,
        cost_of=lambda token: cost_of(document, token, repaired),
        lease=timedelta(seconds=settings.Q_CLUSTER["timeout"]) + RESERVATION_MARGIN,
        tried={attempt.token_id for attempt in earlier if attempt.failure == Failure.RETRY},
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
    )
    try:
        _commit_attempt(extraction, attempt)
    except LeaseLost:
        ledger.release(attempt_id)
        if half_open:
            circuit_breaker.end_trial_call(token, answered=False)
        raise
    return Call(attempt, token, half_open)


@deadlocks_retried
def _commit_attempt(extraction: Extraction, attempt: Attempt) -> None:
    with transaction.atomic():
        if not Extraction.objects.held(extraction).update(attempts=F("attempts") + 1):
            raise LeaseLost
        attempt.save(force_insert=True)


def read(document: Document, call: Call) -> Reading:
    """Make the call. Raises ReadingError."""
    repaired = call.attempt.repairs
    return reader_for(call.token.provider).read(
        document,
        api_key=call.token.reveal_key(),
        model=call.attempt.model,
        output_budget=call.attempt.output_budget,
        correction=repaired.correction if repaired else "",
    )
