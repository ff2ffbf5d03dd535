"""Sends what waits to be told: at least once each, and no receiver holds up another.

One thread of the worker owns the rows; each request has a thread of its own, which touches no
database. An endpoint gets one message at a time, and those that fail cannot take every thread.
"""

import logging
import queue
import threading
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from extraction.models import DeliveryState, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from extraction.models.webhook import TRIED_FOR
from extraction.retry import RetryPolicy
from extraction.webhooks import endpoints, secrets
from logs.redaction import redact
from ocrsite.lib import clock, outbound
from ocrsite.lib.database import deadlocks_retried, dispensable
from ocrsite.lib.outbound import Answer, Unreachable
from ocrsite.lib.outbound_targets import RefusedTarget
from tokens.encryption import UndecryptableKey
from tokens.models import AlertKind, Finding, SiteAlert

logger = logging.getLogger(__name__)

# Requests at once; those to endpoints that fail take no more than half of them.
MOST_AT_ONCE = 8
FAILING_AT_ONCE = 4
# Seconds: a whole exchange, and how long the thread that owns the rows stays in one round.
EXCHANGE_SECONDS = 15.0
ROUND_SECONDS = 1.0
# A process that was stopped for so long, in seconds, after its claim does not send any more.
SENT_WITHIN = 30.0
# Characters of an answer that are kept.
KEPT_OF_ANSWER = 300
# Seconds between tries: 5, 15, 45 … and from the sixth on an hour.
FIRST_WAIT, WAIT_MULTIPLIER, LONGEST_WAIT = 5.0, 3.0, 3600.0
# However long a receiver asks to be left alone.
LONGEST_ASKED_FOR = timedelta(hours=6)
GONE = 410
NOT_SENT = "It could not be sent: the log of the service says why."
NOTHING_ARRIVED = "Nothing arrived for a day."
ANSWERED_GONE = "The receiver answered 410 Gone."


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one try. Without an answer ``error`` says why."""

    delivery: WebhookDelivery
    started_at: datetime
    milliseconds: int
    answer: Answer | None = None
    error: str = ""

    @property
    def arrived(self) -> bool:
        """Whether the receiver took the message."""
        return self.answer is not None and 200 <= self.answer.status < 300


class Deliverer:
    """Remembers the requests under way between the rounds of one thread."""

    def __init__(self) -> None:
        # By endpoint: whether it failed when the request began.
        self._under_way: dict[uuid.UUID, bool] = {}
        self._ended: queue.SimpleQueue[tuple[uuid.UUID, Outcome | None]] = queue.SimpleQueue()

    def round(self) -> None:
        """Send what is due and record what came of it, for about ROUND_SECONDS at most.

        What is not answered by then is left to later rounds. Raises what a query does when the
        database is away: a message whose outcome could not be recorded is sent again.
        """
        if not settings.WEBHOOK_HOSTS:
            return
        ends_at = time.monotonic() + ROUND_SECONDS
        self._begin_due()
        while self._under_way and (left := ends_at - time.monotonic()) > 0:
            try:
                endpoint_id, outcome = self._ended.get(timeout=left)
            except queue.Empty:
                return
            del self._under_way[endpoint_id]
            if outcome is not None:
                record(outcome)
            self._begin_due()

    def _begin_due(self) -> None:
        """Begin a request for each endpoint that has something due, as far as there is room."""
        while len(self._under_way) < MOST_AT_ONCE:
            due = WebhookDelivery.objects.due().exclude(endpoint_id__in=list(self._under_way))
            if sum(self._under_way.values()) >= FAILING_AT_ONCE:
                due = due.filter(endpoint__failing_since=None)
            first = due.values_list("pk", flat=True).first()
            if first is None:
                return
            before = time.monotonic()
            delivery = WebhookDelivery.objects.claim(first)
            if delivery is not None:
                self._begin(delivery, before)

    def _begin(self, delivery: WebhookDelivery, claimed_at: float) -> None:
        endpoint = delivery.endpoint

        def run() -> None:
            outcome = None
            try:
                outcome = _try(delivery, claimed_at)
            except Exception:  # whatever it is: the endpoint must not stay taken
                logger.exception("Webhook message %s could not be sent.", delivery.pk)
                outcome = Outcome(delivery, timezone.now(), 0, error=NOT_SENT)
            finally:
                self._ended.put((endpoint.pk, outcome))

        self._under_way[endpoint.pk] = endpoint.failing_since is not None
        try:
            threading.Thread(target=run, name="webhook", daemon=True).start()
        except RuntimeError:  # there can be no more threads
            logger.exception("Webhook message %s could not be sent.", delivery.pk)
            self._ended.put((endpoint.pk, None))  # it is sent when its lease has run out


@deadlocks_retried
def record(outcome: Outcome) -> None:
    """Store a try and what follows: delivered, another try, or given up."""
    delivery, endpoint = outcome.delivery, outcome.delivery.endpoint
    answer, now = outcome.answer, clock.now()
    with transaction.atomic():
        with dispensable(f"the record of a try to send {delivery.pk}"):
            WebhookAttempt.objects.create(
                delivery=delivery,
                number=delivery.attempts,
                started_at=outcome.started_at,
                milliseconds=outcome.milliseconds,
                status_code=None if answer is None else answer.status,
                error=outcome.error[:200],
                answer="" if answer is None else _shown(answer.body),
            )
        stored = WebhookEndpoint.objects.filter(pk=endpoint.pk)
        if outcome.arrived:
            WebhookDelivery.objects.let_go(delivery, state=DeliveryState.DELIVERED, ended_at=now)
            stored.update(failing_since=None, last_success_at=now)
            return
        stored.filter(failing_since=None).update(failing_since=now)
        gone = answer is not None and answer.status == GONE
        next_try = now + _wait(delivery.attempts, answer, now)
        if not gone and next_try <= delivery.give_up_at:
            WebhookDelivery.objects.let_go(delivery, due_at=next_try)
            return
        WebhookDelivery.objects.let_go(delivery, state=DeliveryState.FAILED, ended_at=now)
        begun_at = delivery.give_up_at - TRIED_FOR
        arrived_meanwhile = stored.filter(last_success_at__gte=begun_at).exists()
        reason = ANSWERED_GONE if gone else NOTHING_ARRIVED
        disabled = (gone or not arrived_meanwhile) and endpoints.disable(endpoint, reason)
        if disabled:
            told = Finding(f"Webhook {endpoint} is disabled: {reason}"[:500], endpoint.company_id)
            SiteAlert.objects.raise_once(AlertKind.WEBHOOK, str(endpoint.pk), told)
    if disabled:
        logger.error("Webhook %s of %s is disabled: %s", endpoint.pk, endpoint, reason)


def _try(delivery: WebhookDelivery, claimed_at: float) -> Outcome | None:
    """Send a message; None when this process was stopped for so long that another may send it."""
    # This host's own clock: the shared one may ask the database.
    started_at, began = timezone.now(), time.monotonic()
    if began - claimed_at > SENT_WITHIN:
        return None
    answer, error = None, ""
    try:
        answer = outbound.post(
            delivery.endpoint.url,
            delivery.body.encode(),
            {"Content-Type": "application/json", **secrets.headers(delivery, started_at)},
            allowed=settings.WEBHOOK_HOSTS,
            seconds=EXCHANGE_SECONDS,
            keep=KEPT_OF_ANSWER,
        )
    except (RefusedTarget, Unreachable) as failure:
        error = str(failure)
    except UndecryptableKey:
        error = "Its secret cannot be decrypted. Give it a new one."
    milliseconds = round((time.monotonic() - began) * 1000)
    return Outcome(delivery, started_at, milliseconds, answer, error)


def _wait(tries: int, answer: Answer | None, now: datetime) -> timedelta:
    policy = RetryPolicy(
        limit=0,
        initial=FIRST_WAIT,
        multiplier=WAIT_MULTIPLIER,
        cap=LONGEST_WAIT,
        jitter=settings.RETRY_JITTER,
    )
    asked_for = 0.0 if answer is None else _retry_after(answer, now)
    # With more tries the power has no float any more, and the cap holds long before.
    return policy.wait(min(tries - 1, 20), min(asked_for, LONGEST_ASKED_FOR.total_seconds()))


def _retry_after(answer: Answer, now: datetime) -> float:
    """The seconds of a Retry-After header (RFC 9110, 10.2.3), 0 without a readable one."""
    value = answer.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdecimal():
        return float(value[:9])
    try:
        return max(0.0, (parsedate_to_datetime(value) - now).total_seconds())
    except (TypeError, ValueError, OverflowError):  # no date, or one without a zone
        return 0.0


def _shown(body: bytes) -> str:
    """How an answer begins, as text that every database takes, without secrets."""
    text = "".join(each if each.isprintable() else " " for each in body.decode(errors="replace"))
    return redact(text)[:KEPT_OF_ANSWER]
