"""The way of an extraction, from a queued row to its result.

Claim, pages, choose a token and reserve, read, settle, check, finish. No transaction is open
while poppler or a provider works; one transaction books every outcome.
"""

import logging
import random
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from extraction import liveness
from extraction.documents import intake, rendering
from extraction.documents.document import Document
from extraction.exceptions import CANNOT_CONVERT, CANNOT_PROCESS, DocumentRejected
from extraction.heartbeat import heartbeat
from extraction.invoices.validation import checked_invoice
from extraction.models import Attempt, AttemptOutcome, Extraction, State
from extraction.models.extraction import DEATHS_ALLOWED
from extraction.outage import retry_while_unreachable
from extraction.readers import model_of, reader_for
from extraction.readers.base import Billing, Failure, KeyEffect, Reading, ReadingError
from extraction.retry import RetryPolicy
from logs import context
from logs.models import RetryAttempt
from logs.redaction import redact
from tokens import circuit_breaker, ledger, selection
from tokens.models import Provider, TokenMaster
from tokens.selection import Cost, KeysBusy, NoUsableKey
from tokens.usage import NO_USAGE, Usage

logger = logging.getLogger(__name__)

# Fewer output tokens than this cannot hold even a short invoice.
OUTPUT_FLOOR = 2_000
# Extractions that wait for a key come back spread over this long for each of them, so that they
# look at the key some twenty times a second, however many they are.
SPREAD = timedelta(seconds=0.05)
# A reservation outlives the longest task by this; then its attempt is dead.
RESERVATION_MARGIN = timedelta(seconds=60)


def process(extraction_id: uuid.UUID) -> None:
    """Take one queued extraction as far as it can go now: result, wait or failure.

    Does nothing when another process has it, so it may be called twice, late or for nothing.
    """
    extraction = Extraction.objects.claim(extraction_id, worker=liveness.worker_name())
    if extraction is None:
        return
    with (
        context.bound(extraction_id=str(extraction_id), company_id=extraction.company_id),
        heartbeat(extraction),
    ):
        stopwatch = Stopwatch()
        try:
            document = prepare_pages(extraction)
            stopwatch.lap("pages")
            call = retry_while_unreachable(partial(begin_attempt, extraction, document))
        except DocumentRejected as refusal:
            retry_while_unreachable(partial(end_refused, extraction, refusal))
        except KeysBusy as busy:
            retry_while_unreachable(partial(wait_for_key, extraction, busy.until))
        except LeaseLost:
            logger.warning("The lease was lost before the call: another worker goes on.")
        except NoUsableKey as no_token:
            retry_while_unreachable(partial(end_without_token, extraction, no_token))
        else:
            try:
                reading = call.read(document)
                stopwatch.lap("read")
            except ReadingError as error:
                retry_while_unreachable(partial(end_attempt_failed, extraction, call, error))
            else:
                retry_while_unreachable(
                    partial(end_attempt_succeeded, extraction, call, reading, stopwatch)
                )


class LeaseLost(Exception):
    """This process was taken for dead: the extraction is no longer its to work on."""


class Stopwatch:
    """Wall-clock seconds by stage."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, stage: str) -> None:
        """Book the time since the last lap to a stage."""
        now = time.monotonic()
        self.laps[stage] = round(now - self._last, 4)
        self._last = now


@dataclass(frozen=True, slots=True)
class Call:
    """An attempt that is committed and reserved for, about to be made."""

    row: Attempt
    token: TokenMaster
    probe: bool

    def read(self, document: Document) -> Reading:
        """Make the call. Raises ReadingError."""
        return reader_for(self.token.provider).read(
            document,
            api_key=self.token.reveal_key(),
            model=self.row.model,
            output_budget=self.row.output_budget,
            correction=self.row.repairs.correction if self.row.repairs else "",
        )


def prepare_pages(extraction: Extraction) -> Document:
    """Render the document's pages. Raises DocumentRejected when it shows nothing."""
    path = Path(settings.DATA_DIR) / "files" / extraction.file
    images = rendering.render(
        path, extraction.media_type, extraction.page_count, intake.folder_of(extraction.pk)
    )
    if all(image.blank for image in images):
        raise DocumentRejected(
            "no_content", "Every page is blank. Check the scan and send it again."
        )
    return Document(path=path, media_type=extraction.media_type, pages=images)


def begin_attempt(extraction: Extraction, document: Document) -> Call:
    """Choose a token, reserve what the call can cost, and commit the attempt before it is made.

    Raises NoUsableKey when the company has no key for it, KeysBusy when it must wait, and LeaseLost
    when another process has taken it up. Safe to repeat until the call is made.
    """
    attempt_id = uuid.uuid4()
    earlier = list(_attempts_of_this_run(extraction).select_related("token").order_by("number"))
    last = earlier[-1] if earlier else None
    if last and last.outcome == AttemptOutcome.PENDING:
        # Committed a moment ago, by a first time that lost the database before it heard so. It may
        # be a probe; if not, its end does no harm to the one that is.
        return Call(last, last.token, probe=True)
    repaired = last if last and last.failure == Failure.REPAIR else None
    # Not in the attempt's transaction: a key found Exceeded stays so when no other will do. After
    # a crash between the two the reservation's lease frees it; no call was made.
    token, reservation, probe = selection.take(
        extraction.company_id,
        attempt_id=attempt_id,
        cost_of=lambda token: cost_of(document, token, repaired),
        lease=timedelta(seconds=settings.Q_CLUSTER["timeout"]) + RESERVATION_MARGIN,
        tried={attempt.token_id for attempt in earlier if attempt.failure == Failure.RETRY},
    )
    try:
        with transaction.atomic():
            if not Extraction.objects.held(extraction).update(attempts=F("attempts") + 1):
                raise LeaseLost
            row = Attempt.objects.create(
                id=attempt_id,
                extraction=extraction,
                number=extraction.attempts + 1,
                token=token,
                model=model_of(token),
                reserved=reservation.amount,
                output_budget=reservation.output_budget,
                repairs=repaired,
            )
    except LeaseLost:
        ledger.release(attempt_id)
        if probe:
            circuit_breaker.end_trial_call(token, answered=False)
        raise
    return Call(row, token, probe)


def cost_of(document: Document, token: TokenMaster, repaired: Attempt | None = None) -> Cost:
    """Return the most LLM tokens that reading this document with this key can cost.

    The call that repairs one whose answer was too long gets twice its output.
    """
    if token.provider == Provider.OFFLINE:
        return Cost(fixed=0, output_max=0, output_floor=0)
    reader = reader_for(token.provider)
    request = reader.request_cost(
        document,
        api_key=token.reveal_key(),
        model=model_of(token),
        correction=repaired.correction if repaired else "",
    )
    output_max, output_floor = settings.MAX_OUTPUT_TOKENS, OUTPUT_FLOOR
    if repaired and not repaired.correction:
        output_floor = min(2 * repaired.output_budget, reader.longest_output)
        output_max = max(output_max, output_floor)
    return Cost(
        fixed=request.most,
        output_max=output_max,
        output_floor=output_floor,
        smallest_call=request.smallest + OUTPUT_FLOOR,
    )


def end_attempt_succeeded(
    extraction: Extraction, call: Call, reading: Reading, stopwatch: Stopwatch
) -> None:
    """Book the call, check what was read, and finish the extraction, all in one transaction."""
    earlier = Extraction.objects.filter(
        company_id=extraction.company_id, sha256=extraction.sha256, state=State.SUCCEEDED
    ).order_by("created_at")
    first = earlier.values_list("pk", flat=True).first()
    today = timezone.now().date()
    invoice = checked_invoice(reading, today, duplicate_of=str(first) if first else None)
    with transaction.atomic():
        _close(call.row, AttemptOutcome.SUCCEEDED)
        _book(extraction, call.row, reading.billing, reading.usage)
        if call.probe:
            circuit_breaker.end_trial_call(call.token, answered=True)
        Extraction.objects.end(
            extraction,
            State.SUCCEEDED,
            http_status=200,
            result=invoice.model_dump(mode="json"),
            needs_review=invoice.needs_review,
            checks=[check.model_dump(mode="json") for check in invoice.checks],
            token=call.token,
            model=reading.model,
            timings=stopwatch.laps,
        )
    logger.info("Extracted %s pages with %s.", extraction.page_count, reading.model)


def end_attempt_failed(extraction: Extraction, call: Call, error: ReadingError) -> None:
    """Book the failed call, spare its key, and let the policy decide: wait, repair, or failure."""
    policy = RetryPolicy.from_settings()
    with transaction.atomic():
        closed = _close(
            call.row,
            AttemptOutcome.FAILED,
            code=error.code,
            failure=error.failure,
            correction=error.correction,
        )
        _book(extraction, call.row, error.billing, error.usage)
        if not closed:  # by this before, or by the one who took the extraction up
            return
        retries = max(0, _failures(extraction, Failure.RETRY) - 1)
        spared_until = _spare_key(call, error, policy, retries)
        delay = _delay_after(extraction, call, error, policy, retries)
        RetryAttempt.objects.create(
            token=call.token,
            company_id=extraction.company_id,
            extraction_id=extraction.pk,
            attempt=call.row.number,
            attempts_allowed=policy.limit + 1,
            error_class=error.failure,
            error_code=error.code,
            provider_code=error.provider_code[:100],
            error_message=redact(error.provider_message) or error.detail,
            is_retryable=error.failure is not Failure.FINAL,
            delay_seconds=None if delay is None else delay.total_seconds(),
        )
        if delay is not None and not _past_deadline(extraction, delay):
            Extraction.objects.postpone(extraction, delay)
        elif delay is not None and spared_until is not None:
            end_without_key_free(extraction, spared_until)
        else:
            _fail(
                extraction,
                CANNOT_PROCESS,
                code=error.code,
                detail=error.detail,
                http_status=_http_status(error),
            )
    logger.warning("Attempt %s failed: %s (%s)", call.row.number, error.detail, error.code)


def end_refused(extraction: Extraction, refusal: DocumentRejected) -> None:
    """Fail a document that turned out to be unreadable when its pages were rendered."""
    _fail(
        extraction,
        CANNOT_CONVERT,
        code=refusal.code,
        detail=refusal.detail,
        http_status=refusal.http_status,
    )
    logger.warning("Refused: %s (%s)", refusal.detail, refusal.code)


def end_without_token(extraction: Extraction, no_token: NoUsableKey) -> None:
    """Fail an extraction that no key can pay for, with the reason that the contract names."""
    _fail(
        extraction,
        no_token.message,
        code=no_token.code,
        detail=no_token.detail,
        http_status=no_token.http_status,
    )
    logger.warning("No token: %s (%s)", no_token.detail, no_token.code)


def end_without_key_free(extraction: Extraction, until: datetime) -> None:
    """Fail an extraction whose company has keys, none of which could take it in time.

    ``until`` is when asking again is of use: what Retry-After says.
    """
    _fail(
        extraction,
        CANNOT_PROCESS,
        code="no_key_free",
        detail="None of your company's keys could take this invoice now. Try again later.",
        http_status=503,
        due_at=until,
    )
    logger.warning("No key was free.")


def wait_for_key(extraction: Extraction, until: datetime) -> None:
    """Look again when a key may be free: they cool down, are at a limit, or their quota is held."""
    now = timezone.now()
    delay = max(until - now, timedelta(0))
    if _past_deadline(extraction, delay):
        end_without_key_free(extraction, until)
        return
    waiting = Extraction.objects.filter(
        company_id=extraction.company_id, state=State.WAITING
    ).count()
    delay += random.random() * waiting * SPREAD  # noqa: S311 - spreads load, guards no secret
    # A last look is taken at the deadline itself.
    latest = delay if extraction.deadline is None else extraction.deadline - now
    Extraction.objects.postpone(extraction, min(delay, latest))


def recover(extraction: Extraction, *, stopped: bool = False) -> None:
    """Take up an extraction whose worker died; what it may have spent is charged as estimated.

    We cannot know whether a call in flight was made and billed, so it is booked at its reserve
    and flagged. A document that keeps killing its workers is failed; that we ``stopped`` the
    worker is not held against it. Does nothing when the lease was renewed or another process
    was first.
    """
    code = "worker_stopped" if stopped else "worker_died"
    with transaction.atomic():
        worker = liveness.worker_name()
        if not Extraction.objects.take_over(extraction, worker=worker, stopped=stopped):
            return
        for attempt in extraction.attempt_set.filter(outcome=AttemptOutcome.PENDING):
            _close(attempt, AttemptOutcome.UNKNOWN, code=code)
            _book(extraction, attempt, Billing.UNKNOWN, NO_USAGE)
            circuit_breaker.end_trial_call(attempt.token, answered=False)
        if extraction.deaths >= DEATHS_ALLOWED:
            _fail(
                extraction,
                CANNOT_PROCESS,
                code="worker_died",
                detail="Reading this document failed unexpectedly more than once. "
                "Check the file, or contact support.",
                http_status=502,
            )
        else:
            Extraction.objects.postpone(extraction, timedelta(0))
    with context.bound(extraction_id=str(extraction.pk), company_id=extraction.company_id):
        logger.error("Took up extraction %s (%s).", extraction.pk, code)


def _spare_key(
    call: Call, error: ReadingError, policy: RetryPolicy, retries: int
) -> datetime | None:
    """Do to the key or its project what the failure asks for; return until when it is closed."""
    if call.probe:
        circuit_breaker.end_trial_call(call.token, answered=False)
    match error.key_effect:
        case KeyEffect.REJECTED:
            selection.disable_key(call.token, error.detail)
        case KeyEffect.COOL_KEY | KeyEffect.COOL_PROJECT:
            wait = policy.wait(retries, error.retry_after)
            if error.cools_for is not None:
                wait = timedelta(seconds=error.cools_for)
            until = timezone.now() + wait
            whole_project = error.key_effect is KeyEffect.COOL_PROJECT
            circuit_breaker.trip(call.token, until, error.detail, whole_project=whole_project)
            return until
    return None


def _delay_after(
    extraction: Extraction, call: Call, error: ReadingError, policy: RetryPolicy, retries: int
) -> timedelta | None:
    """The wait before the next call, or None when there is no next call."""
    match error.failure:
        case Failure.FINAL:
            return None
        case Failure.OTHER_KEY:
            return timedelta(0)
        case Failure.REPAIR:
            longest = reader_for(call.token.provider).longest_output
            too_long = not error.correction and call.row.output_budget >= longest
            first = _failures(extraction, Failure.REPAIR) == 1
            return timedelta(0) if first and not too_long else None
        case Failure.RETRY:
            cools = error.key_effect is not KeyEffect.NONE
            another = cools and selection.another_is_free(call.token)
            # What the server asks of one key is nothing to the next.
            return policy.delay(retries, None if another else error.retry_after)


def _failures(extraction: Extraction, failure: Failure) -> int:
    return _attempts_of_this_run(extraction).filter(failure=failure).count()


def _attempts_of_this_run(extraction: Extraction) -> QuerySet[Attempt]:
    """Those since it was queued: a retry by hand begins the policy anew."""
    return extraction.attempt_set.filter(number__gt=extraction.attempts_before)


def _http_status(error: ReadingError) -> int:
    if error.failure is Failure.FINAL:
        return 422
    return 504 if error.timed_out else 502


def _past_deadline(extraction: Extraction, delay: timedelta) -> bool:
    return extraction.deadline is not None and timezone.now() + delay > extraction.deadline


def _book(extraction: Extraction, attempt: Attempt, billing: Billing, usage: Usage) -> None:
    """Turn an attempt's reservation into its charge, or free it. Safe to repeat."""
    requester = {
        "company_id": extraction.company_id,
        "branch": extraction.branch,
        "requested_by": extraction.requested_by,
    }
    match billing:
        case Billing.NONE:
            ledger.release(attempt.pk)
        case Billing.KNOWN:
            ledger.settle(attempt.pk, attempt.token_id, usage, **requester)
        case Billing.UNKNOWN:
            ledger.settle_unknown(attempt.pk, attempt.token_id, attempt.reserved, **requester)


def _close(attempt: Attempt, outcome: AttemptOutcome, **failed: str) -> bool:
    """Record how a call ended, once; False when that was done before."""
    closed = Attempt.objects.filter(pk=attempt.pk, outcome=AttemptOutcome.PENDING).update(
        outcome=outcome, finished_at=timezone.now(), **failed
    )
    return bool(closed)


def _fail(
    extraction: Extraction,
    message: str,
    *,
    code: str,
    detail: str,
    http_status: int,
    **fields: object,
) -> None:
    Extraction.objects.end(
        extraction,
        State.FAILED,
        http_status=http_status,
        error_code=code,
        error_message=message,
        error_detail=detail,
        dedup_key=None,  # the same bytes may be sent again
        **fields,
    )
