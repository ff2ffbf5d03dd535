"""Reconciles queue and rows: the rows are the truth, the queue may lose, double or delay messages.

Wakes what is due, takes over what a dead process left, and repeats lost wake-ups.
"""

import time
import uuid
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django_q.brokers import Broker

from extraction import liveness, outcomes
from extraction.models import Extraction, State
from extraction.models.extraction import LEASE
from extraction.tasks import wake
from ocrsite.lib.database import deadlocks_retried

# The message of an extraction that is queued for so long, while the queue is empty, was lost.
LOST_AFTER = timedelta(seconds=5)
# Of a long backlog only so many are looked at in one round.
WOKEN_AT_ONCE = 100


class Reconciler:
    """Does one round after another; remembers which wake-ups it repeated."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        # 0 in the first round: the messages of an earlier worker are not waited for.
        self._lost_after = timedelta(0)
        self._woken_at: dict[uuid.UUID, float] = {}
        self._recovers_from = 0.0

    def spare_leases(self) -> None:
        """Let processes renew what they could not renew while the database was away."""
        self._recovers_from = time.monotonic() + LEASE.total_seconds()

    def round(self) -> None:
        """Recover what was abandoned, wake what is due, and repeat lost wake-ups."""
        if time.monotonic() >= self._recovers_from:
            for extraction in Extraction.objects.abandoned(liveness.worker_name()):
                outcomes.recover(extraction)
        for pk in list(Extraction.objects.due().values_list("pk", flat=True)):
            _requeue_due(pk)
        self._wake_lost()
        self._lost_after = LOST_AFTER

    def _wake_lost(self) -> None:
        now = time.monotonic()
        self._woken_at = {
            pk: woken_at
            for pk, woken_at in self._woken_at.items()
            if now - woken_at < LOST_AFTER.total_seconds()
        }
        lost = Extraction.objects.filter(
            state=State.QUEUED, due_at__lt=timezone.now() - self._lost_after
        ).order_by("due_at")[:WOKEN_AT_ONCE]
        pks = [pk for pk in lost.values_list("pk", flat=True) if pk not in self._woken_at]
        # While messages wait, a queued row merely waits for its own.
        if pks and self._broker.queue_size() == 0:
            for pk in pks:
                wake(pk)
                self._woken_at[pk] = now


@deadlocks_retried
def _requeue_due(pk: uuid.UUID) -> None:
    with transaction.atomic():
        if Extraction.objects.requeue_due(pk):
            wake(pk)
