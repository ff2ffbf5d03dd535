"""Reconciles queue and rows: the rows are the truth, the queue may lose, double or delay messages.

Wakes what is due, takes over what a dead process left, and repeats lost wake-ups.
"""

import logging
import math
import time
import uuid
from datetime import timedelta
from functools import partial

from django.db import transaction
from django.db.models import Q
from django_q.brokers import Broker

from extraction import liveness, outcomes, queue_state
from extraction.models import Extraction, State, WebhookDelivery
from extraction.models.extraction_queryset import HEARTBEAT, LEASE
from extraction.tasks import wake
from extraction.worker.waiting import Waiting
from ocrsite.lib import clock
from ocrsite.lib.clock import ClockWatch, Disturbance
from ocrsite.lib.database import deadlocks_retried, is_unreachable, retry_deadlocks
from tokens import circuit_breaker

logger = logging.getLogger(__name__)

# The message of an extraction that is queued for so long, while the queue is empty, was lost.
LOST_AFTER = timedelta(seconds=5)
# Of a long backlog only so many are looked at in one round, the oldest first, so that a round never
# takes long.
WOKEN_AT_ONCE = 100
RECOVERED_AT_ONCE = 20
# A row that cannot be taken over is looked at again after so many seconds: others go first.
FAILED_AGAIN = 30.0
# So many are woken in one transaction: fewer commits, and on SQLite no long hold of the write lock.
WOKEN_TOGETHER = 10
# Seconds.
PAUSE_SEEN_AFTER = 1.0
# Seconds. Whoever waits so long for SQLite's write lock takes it at the same moment as a living
# process that could not renew its lease for as long.
LOCK_WAIT = 0.5


class Reconciler:
    """Does one round after another; remembers which wake-ups it repeated."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        # 0 in the first round: the messages of an earlier worker are not waited for.
        self._lost_after = timedelta(0)
        self._woken_at: dict[uuid.UUID, float] = {}
        self._failed_at: dict[uuid.UUID, float] = {}
        self._waiting = Waiting()
        self.is_paused = False
        self._asked_at = -math.inf
        self._recovers_from = 0.0
        self._clocks: ClockWatch | None = None
        # What happened to the clocks and the rows do not follow yet, and from when on they are to.
        self._unfollowed: list[tuple[float, Disturbance | None]] = [
            (-math.inf, None)  # while no worker ran, too
        ]

    def spare_leases(self) -> None:
        """Recover nothing for the time of a lease: living processes could not renew theirs."""
        self._recovers_from = time.monotonic() + LEASE.total_seconds()

    def round(self) -> None:
        """Recover what was abandoned, wake what is due, and repeat lost wake-ups."""
        self._watch_clocks()
        self._follow_clocks()
        self._recover()
        self._look_for_pause()
        if not self.is_paused:
            self._wake_due()
            self._wake_lost()
            self._lost_after = LOST_AFTER

    def _follow_clocks(self) -> None:
        for entry in list(self._unfollowed):
            since, disturbance = entry
            if since <= time.monotonic():
                Extraction.objects.follow_clock(disturbance)
                circuit_breaker.follow_clock(disturbance)
                WebhookDelivery.objects.follow_clock(disturbance)
                self._unfollowed.remove(entry)

    def _look_for_pause(self) -> None:
        """Learn whether staff paused the queue, at most PAUSE_SEEN_AFTER too late."""
        if time.monotonic() - self._asked_at >= PAUSE_SEEN_AFTER:
            self.is_paused = queue_state.is_paused()
            self._asked_at = time.monotonic()

    def _watch_clocks(self) -> None:
        """After a pause or a change of the wall clock, let living processes renew their leases."""
        if self._clocks is None:  # not before: it may ask the database
            self._clocks = ClockWatch(HEARTBEAT)
        disturbance = self._clocks.look()
        if disturbance is None:
            return
        logger.warning("The worker was paused, or the clock was set: %s.", disturbance.name)
        if disturbance is not Disturbance.PAUSED:
            now = time.monotonic()
            # And once more: who read the clock before it was set may write that time after.
            self._unfollowed += [(now, disturbance), (now + LEASE.total_seconds(), disturbance)]
        self.spare_leases()

    def _wake_due(self) -> None:
        pks = self._waiting.startable()
        for first in range(0, len(pks), WOKEN_TOGETHER):
            _requeue_due(pks[first : first + WOKEN_TOGETHER])

    def _recover(self) -> None:
        now = time.monotonic()
        self._failed_at = {pk: at for pk, at in self._failed_at.items() if now - at < FAILED_AGAIN}
        abandoned = Extraction.objects.abandoned(liveness.worker_name()).order_by("leased_until")
        for extraction in abandoned.exclude(pk__in=list(self._failed_at))[:RECOVERED_AT_ONCE]:
            if time.monotonic() < self._recovers_from:
                return
            if liveness.is_held(extraction.lease_id):
                _keep(extraction)
                continue
            self._take_over(extraction)

    def _take_over(self, extraction: Extraction) -> None:
        """Recover one. Whatever is wrong with it keeps no other from being recovered or woken."""
        is_certain = partial(self._is_certain, time.monotonic())
        try:
            outcomes.recover(extraction, is_certain=is_certain)
        except Exception as error:
            if is_unreachable(error):
                raise
            self._failed_at[extraction.pk] = time.monotonic()
            logger.exception("Extraction %s could not be taken over.", extraction.pk)

    def _is_certain(self, began: float) -> bool:
        """Whether a process whose lease ran out was able to renew it, as far as this one knows.

        Called inside the recovery's transaction, which had to wait for other writers to begin.
        """
        if time.monotonic() - began > LOCK_WAIT:
            self.spare_leases()
        self._watch_clocks()
        return time.monotonic() >= self._recovers_from

    def _wake_lost(self) -> None:
        now = time.monotonic()
        self._woken_at = {
            pk: woken_at
            for pk, woken_at in self._woken_at.items()
            if now - woken_at < LOST_AFTER.total_seconds()
        }
        today = clock.now()
        # One that is due in the future was queued before the clock was set back.
        long_due = Q(due_at__lt=today - self._lost_after) | Q(due_at__gt=today + LOST_AFTER)
        lost = Extraction.objects.filter(long_due, state=State.QUEUED).order_by("due_at")
        lost = lost[:WOKEN_AT_ONCE]
        pks = [pk for pk in lost.values_list("pk", flat=True) if pk not in self._woken_at]
        # While messages wait, a queued row merely waits for its own.
        if pks and self._broker.queue_size() == 0:
            for pk in pks:
                wake(pk)
                self._woken_at[pk] = now


def _keep(extraction: Extraction) -> None:
    """Renew the lease of a process that exists and does not: it is stopped, or cut off.

    Its call may go on. One that never ends is killed with its task, and lets go of its lease.
    """
    if retry_deadlocks(partial(Extraction.objects.renew_lease, extraction)):
        logger.warning("The process that works on %s is stopped: it is waited for.", extraction.pk)


@deadlocks_retried
def _requeue_due(pks: list[uuid.UUID]) -> None:
    with transaction.atomic():
        for pk in pks:
            if Extraction.objects.requeue_due(pk):
                wake(pk)
