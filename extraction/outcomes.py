"""What came of a run: a result, a failed call, a wait or a failure, each recorded as a whole.

One transaction charges a call and changes the extraction. Every function may be repeated when the
database went away before it confirmed the commit.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from extraction import liveness
from extraction.access import Principal
from extraction.evidence.collection import Comparison
from extraction.evidence.verdict import judge
from extraction.exceptions import ExtractionCancelled, ExtractionFailed
from extraction.invoices.listed import listed_fields
from extraction.models import Attempt, AttemptOutcome, Extraction, Right, State
from extraction.models.extraction_queryset import DEATHS_ALLOWED
from extraction.readers.base import (
    SERVICE_FAULTS,
    Billing,
    Failure,
    KeyEffect,
    Reading,
    ReadingError,
)
from extraction.readers.registry import reader_for
from extraction.retry import RetryPolicy
from extraction.webhooks import events
from logs import context
from logs.models import RetryAttempt
from logs.redaction import redact
from ocrsite.lib import audit, clock
from ocrsite.lib.audit import Action
from ocrsite.lib.database import deadlocks_retried
from ocrsite.lib.errors import ServiceFault, UserFacingError
from tokens import circuit_breaker, ledger, selection
from tokens.models import TokenMaster
from tokens.usage import NO_USAGE, Requester, Usage

logger = logging.getLogger(__name__)

NO_KEY_FREE = "None of your company's keys could take this invoice now. Try again later."
INTERNAL_ERROR = "internal_error"
CANNOT_RECORD = "An internal error came after the document was read. Contact support."
KEEPS_FAILING = (
    "Reading this document failed unexpectedly more than once. Check the file, or contact support."
)


@dataclass(frozen=True, slots=True)
class Call:
    """A committed attempt with its key.

    ``half_open``: the key's first call after a cool-down; ``varied``: see ``Reader.read``.
    """

    attempt: Attempt
    token: TokenMaster
    half_open: bool
    varied: bool = False


def finish(
    extraction: Extraction,
    call: Call | None,
    reading: Reading,
    comparison: Comparison,
    *,
    timings: Mapping[str, float],
) -> None:
    """Store what was read, its verdict and seconds by stage, and charge the call if any."""
    earlier = Extraction.objects.filter(
        company_id=extraction.company_id, sha256=extraction.sha256, state=State.SUCCEEDED
    ).order_by("created_at")
    if extraction.has_result:  # others may have come since it was first read
        earlier = earlier.filter(created_at__lt=extraction.created_at)
    first = earlier.values_list("pk", flat=True).first()
    today = clock.now().date()
    invoice = judge(reading, comparison, today, duplicate_of=str(first) if first else None)
    with transaction.atomic():
        if call is not None:
            _close(call.attempt, AttemptOutcome.SUCCEEDED)
            _charge(extraction, call.attempt, reading.billing, reading.usage)
            if call.half_open:
                circuit_breaker.end_trial_call(call.token, answered=True)
        ended = Extraction.objects.end(
            extraction,
            State.SUCCEEDED,
            http_status=200,
            result=invoice.model_dump(mode="json"),
            needs_review=invoice.needs_review,
            **listed_fields(invoice),
            checks=[check.model_dump(mode="json") for check in invoice.checks],
            token=call.token if call else None,
            model=reading.model,
            timings=timings,
            **(Extraction.objects.unreviewed() if extraction.has_result else {}),
        )
        if ended:
            if not extraction.answers_for_bytes:  # it kept that as long as it was held
                Extraction.objects.answer_for_bytes(extraction)
            events.tell_succeeded(extraction, needs_review=invoice.needs_review)
    logger.info("Extracted %s pages with %s.", extraction.page_count, reading.model)


def fail_attempt(extraction: Extraction, call: Call, error: ReadingError) -> None:
    """Charge the failed call, block its key where that is due, and retry, repair or fail."""
    policy = RetryPolicy.from_settings()
    with transaction.atomic():
        closed = _close(
            call.attempt,
            AttemptOutcome.FAILED,
            code=error.code,
            failure=error.failure,
            correction=error.correction,
            asked_wait=error.retry_after,
        )
        _charge(extraction, call.attempt, error.billing, error.usage)
        if not closed:  # by this function before, or by the process that took the extraction over
            return
        retries = max(0, _failures(extraction, Failure.RETRY) - 1)
        blocked_until = _block_key(call, error, policy, retries)
        delay = _delay_after(extraction, call, error, policy, retries)
        RetryAttempt.objects.create(
            token=call.token,
            company_id=extraction.company_id,
            extraction_id=extraction.pk,
            attempt=call.attempt.number,
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
        elif delay is not None and blocked_until is not None:
            fail(extraction, _no_key_free(blocked_until))
        else:
            fail(extraction, _as_told(error))
    logger.warning("Attempt %s failed: %s (%s)", call.attempt.number, error.detail, error.code)
    if error.for_staff:
        logger.error("Key %s cannot be used: %s (%s)", call.token, error.detail, error.code)


def end_attempt(extraction: Extraction, call: Call, error: ReadingError) -> None:
    """Charge a failed call and fail the extraction: for where ``fail_attempt`` fails."""
    with transaction.atomic():
        _close(call.attempt, AttemptOutcome.FAILED, code=error.code, failure=error.failure)
        _charge(extraction, call.attempt, error.billing, error.usage)
        fail(extraction, _as_told(error))


def internal_error(billing: Billing, usage: Usage) -> ReadingError:
    """Return the failure of a call whose answer this service could not deal with."""
    return ReadingError(Failure.FINAL, INTERNAL_ERROR, CANNOT_RECORD, billing=billing, usage=usage)


def fail(extraction: Extraction, error: UserFacingError) -> None:
    """End an extraction with an error, which its callers are told.

    One that was being read again has its earlier result back, and its page tells the error.
    """
    wait = error.retry_after
    failed: dict[str, Any] = {
        "state": State.FAILED,
        "http_status": error.http_status,
        "retry_after_at": None if wait is None else clock.now() + wait,
        "dedup_key": None,  # the same bytes may be sent again
    }
    with transaction.atomic():
        ended = Extraction.objects.end(
            extraction,
            error_code=error.code,
            error_message=error.message,
            error_detail=error.detail,
            **(Extraction.objects.earlier_result() if extraction.has_result else failed),
        )
        if ended and not extraction.has_result:
            events.tell_failed(extraction, http_status=error.http_status, code=error.code)
    logger.warning("The extraction failed: %s (%s)", error.detail, error.code)


def wait_for_key(extraction: Extraction, until: datetime) -> None:
    """Look again when a key may be free: they cool down, are at a limit, or their quota is held.

    It is woken then, but only when there is room for its call: ``extraction.worker.waiting``.
    """
    delay = max(until - clock.now(), timedelta(0))
    if _past_deadline(extraction, delay):
        fail(extraction, _no_key_free(until))
        return
    # A last look is taken at the deadline itself.
    latest = delay if extraction.deadline is None else extraction.deadline - extraction.now()
    Extraction.objects.postpone(extraction, min(delay, latest))


@deadlocks_retried
def wait_for_service(extraction: Extraction, fault: ServiceFault) -> None:
    """Try again later, by the retry policy, what this installation could not do; fail it at last.

    The document is not to blame, so only its deadline ends the tries.
    """
    now = extraction.now()
    elapsed = now - (extraction.started_at or now)
    delay = RetryPolicy.from_settings().wait_after(elapsed)
    if _past_deadline(extraction, delay):
        fail(extraction, fault)
        return
    Extraction.objects.postpone(extraction, delay)
    logger.warning("The extraction waits: %s (%s)", fault.detail, fault.code)


@deadlocks_retried
def recover(
    extraction: Extraction,
    *,
    stopped: bool = False,
    is_certain: Callable[[], bool] = lambda: True,
) -> None:
    """Take over an extraction whose process died: charge its open calls, then retry or fail it.

    Whether a call under way was billed cannot be known, so it is charged at its reserve and flagged
    as estimated. A document that keeps killing processes is failed; a process that was ``stopped``
    on purpose does not count. Does nothing when the lease was renewed or another process was first,
    or when it is no longer certain, once the database lets this process write, that the other one
    could have renewed its lease.
    """
    code = "worker_stopped" if stopped else "worker_died"
    with context.bound(extraction_id=str(extraction.pk), company_id=extraction.company_id):
        with transaction.atomic():
            worker = liveness.worker_name()
            if not Extraction.objects.take_over(extraction, worker=worker, stopped=stopped):
                return
            if not is_certain():
                transaction.set_rollback(True)
                return
            _charge_open_calls(extraction, code)
            if extraction.deaths >= DEATHS_ALLOWED:
                fail(extraction, ExtractionFailed("worker_died", KEEPS_FAILING, 502))
            else:
                Extraction.objects.postpone(extraction, timedelta(0))
        logger.error("Took over extraction %s (%s).", extraction.pk, code)


@deadlocks_retried
def cancel(extraction: Extraction, *, by: Principal) -> bool:
    """``end_unread`` for who has the right to it. Raises NotAllowed."""
    by.demand(Right.RETRY, extraction.company_id)
    return end_unread(extraction, by=by)


def end_unread(extraction: Extraction, *, by: Principal) -> bool:
    """End an extraction that no process has taken; False when one has, or when it has ended.

    A call under way is not cut off: it is paid for. One that was being read again has its earlier
    result back.
    """
    told = ExtractionCancelled(by.name)
    with transaction.atomic():
        state = Extraction.objects.cancel(
            extraction.pk,
            http_status=told.http_status,
            error_code=told.code,
            error_message=told.message,
            error_detail=told.detail,
        )
        if state is None:
            return False
        _charge_open_calls(extraction, told.code)
        audit.record(
            Action.CANCELLED,
            who=by.who,
            what=extraction.audited_as,
            before=extraction.state,
            after=state,
        )
    with context.bound(extraction_id=str(extraction.pk), company_id=extraction.company_id):
        logger.info("%s cancelled %s: it is %s", by.label, extraction.pk, state)
    return True


def _charge_open_calls(extraction: Extraction, code: str) -> None:
    """Charge what nobody knows the bill of at its reserve, flagged as estimated."""
    for attempt in extraction.attempt_set.filter(outcome=AttemptOutcome.PENDING):
        _close(attempt, AttemptOutcome.UNKNOWN, code=code)
        _charge(extraction, attempt, Billing.UNKNOWN, NO_USAGE)
        circuit_breaker.end_trial_call(attempt.token, answered=False)


def attempts_of_this_run(extraction: Extraction) -> QuerySet[Attempt]:
    """Return its attempts in order, without those before it was last retried by hand."""
    attempts = extraction.attempt_set.filter(number__gt=extraction.attempts_before)
    return attempts.order_by("number")


def _close(attempt: Attempt, outcome: AttemptOutcome, **failed: str | float | None) -> bool:
    """Record how a call ended, once; False when that was done before."""
    under_way = Attempt.objects.filter(pk=attempt.pk, outcome=AttemptOutcome.PENDING)
    return bool(under_way.update(outcome=outcome, finished_at=clock.now(), **failed))


def _charge(extraction: Extraction, attempt: Attempt, billing: Billing, usage: Usage) -> None:
    """Turn an attempt's reservation into its charge, or free it. Safe to repeat."""
    requester = Requester(
        company_id=extraction.company_id,
        branch=extraction.branch,
        requested_by=extraction.requested_by,
    )
    call, began_at = (attempt.pk, attempt.token_id), attempt.started_at
    match billing:
        case Billing.NONE:
            ledger.release(attempt.pk)
        case Billing.KNOWN:
            ledger.settle(*call, usage, **requester, model=attempt.model, began_at=began_at)
        case Billing.UNKNOWN:
            ledger.settle_unknown(
                *call,
                attempt.reserved,
                **requester,
                model=attempt.model,
                output_budget=attempt.output_budget,
                began_at=began_at,
            )


def _block_key(
    call: Call, error: ReadingError, policy: RetryPolicy, retries: int
) -> datetime | None:
    """Disable the key, or have it or its project cool down, as the error demands.

    Returns the end of the cool-down, if there is one.
    """
    if call.half_open:
        circuit_breaker.end_trial_call(call.token, answered=False)
    match error.key_effect:
        case KeyEffect.REJECTED:
            selection.disable_key(call.token, error.detail)
        case KeyEffect.COOL_KEY | KeyEffect.COOL_PROJECT:
            wait = policy.wait(retries, error.retry_after)
            if error.cools_for is not None:
                wait = timedelta(seconds=error.cools_for)
            until = clock.now() + wait
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
            too_long = not error.correction and call.attempt.output_budget >= longest
            first = _failures(extraction, Failure.REPAIR) == 1
            return timedelta(0) if first and not too_long else None
        case Failure.RETRY:
            cools = error.key_effect is not KeyEffect.NONE
            another = cools and selection.another_is_free(call.token)
            # The wait that the server asks for concerns this key, not the next one.
            return policy.delay(retries, None if another else error.retry_after)


def _failures(extraction: Extraction, failure: Failure) -> int:
    return attempts_of_this_run(extraction).filter(failure=failure).count()


def _past_deadline(extraction: Extraction, delay: timedelta) -> bool:
    return extraction.deadline is not None and extraction.now() + delay > extraction.deadline


def _no_key_free(until: datetime) -> ExtractionFailed:
    """The company has keys, and none of them could take it before the deadline."""
    return ExtractionFailed("no_key_free", NO_KEY_FREE, 503, retry_after=until - clock.now())


def _as_told(error: ReadingError) -> ExtractionFailed:
    if error.code in SERVICE_FAULTS:
        wait = timedelta(seconds=30)
        return ExtractionFailed(error.code, error.detail, 503, retry_after=wait)
    if error.failure is Failure.FINAL and error.code != INTERNAL_ERROR:
        return ExtractionFailed(error.code, error.detail, 422)
    return ExtractionFailed(error.code, error.detail, 504 if error.timed_out else 502)
