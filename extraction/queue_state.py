"""The queue as a whole: paused or not, who works on it, and for how long its documents wait."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.db import transaction

from extraction.models import Extraction, QueuePause, Worker
from ocrsite.lib import audit, clock
from ocrsite.lib.audit import Action, What, Who
from ocrsite.lib.clock import Disturbance
from ocrsite.lib.database import deadlocks_retried

logger = logging.getLogger(__name__)

# A document that nobody took for so long, while none was taken at all, waits for nothing good.
SLOW_AFTER = timedelta(minutes=5)


_QUEUE = What("queue", name="Queue")


class Pace(StrEnum):
    """How the queue moves."""

    OK = "ok"
    PAUSED = "paused"  # by staff
    SLOW = "slow"  # the oldest waits for more than SLOW_AFTER, but documents are taken
    STUCK = "error"  # it waits for long, and none was taken meanwhile


@dataclass(frozen=True, slots=True)
class QueueState:
    """How the queue moves, and how long the oldest document in it has waited (0: none waits)."""

    pace: Pace
    oldest_wait: timedelta


def pause() -> QueuePause | None:
    """Return who paused the queue, when and why; None while it is not paused."""
    return QueuePause.objects.first()


def is_paused() -> bool:
    """Whether staff paused the queue: documents are accepted, and none is taken to be read."""
    return QueuePause.objects.exists()


@deadlocks_retried
def pause_queue(*, who: Who, reason: str = "") -> bool:
    """Have no worker take another document; False when it is paused already.

    What is being read is read to its end.
    """
    values = {"paused_by": who.name[:150], "reason": reason[:200], "paused_at": clock.now()}
    with transaction.atomic():
        _, is_new = QueuePause.objects.get_or_create(pk=1, defaults=values)
        if is_new:
            audit.record(
                Action.CHANGED, who=who, what=_QUEUE, before="running", after="paused", why=reason
            )
    if is_new:
        logger.warning("%s paused the queue: %s", who.name, reason or "no reason given")
    return is_new


@deadlocks_retried
def resume_queue(*, who: Who) -> bool:
    """Have the workers take documents again; False when it is not paused.

    A deadline that passed meanwhile is set anew: the pause took the time, not the document.
    """
    with transaction.atomic():
        deleted, _ = QueuePause.objects.all().delete()
        if not deleted:
            return False
        Extraction.objects.follow_clock(Disturbance.SET_FORWARD)
        audit.record(Action.CHANGED, who=who, what=_QUEUE, before="paused", after="running")
    logger.warning("%s resumed the queue.", who.name)
    return True


@deadlocks_retried
def set_draining(worker: Worker, drains: bool, *, who: Who) -> bool:
    """Have a worker take no new work, or take some again; it follows with its next sign.

    False when it was asked before. It ends what it has, and lives on until somebody stops it.
    """
    asked = "drain" if drains else "take work"
    with transaction.atomic():
        row = Worker.objects.filter(pk=worker.pk).exclude(to_drain=drains)
        if not row.update(to_drain=drains):
            return False
        audit.record(Action.CHANGED, who=who, what=audit.row(worker), after=f"is to {asked}")
    logger.warning("%s had worker %s %s.", who.name, worker, asked)
    return True


def stuck_after() -> timedelta:
    """Return after how long without a claim a queue in which documents wait is stuck.

    Longer than the longest reading, during which every process may be busy.
    """
    return timedelta(seconds=settings.Q_CLUSTER["timeout"]) + timedelta(minutes=1)


def queue_state() -> QueueState:
    """Look at the queue once: two queries, three where documents have waited for long."""
    now = clock.now()
    oldest = Extraction.objects.queued().order_by("due_at").values_list("due_at", flat=True).first()
    wait = wait_since(oldest, now)

    def is_moving() -> bool:
        taken = Extraction.with_deleted.filter(claimed_at__gt=now - stuck_after())
        return taken.exists()

    return QueueState(pace_of(wait, is_paused=is_paused(), is_moving=is_moving), wait)


def wait_since(oldest: datetime | None, now: datetime) -> timedelta:
    """Return how long a document has waited that is due since a moment; 0 for none."""
    return max(now - oldest, timedelta(0)) if oldest else timedelta(0)


def pace_of(wait: timedelta, *, is_paused: bool, is_moving: Callable[[], bool]) -> Pace:
    """Return how a queue moves whose oldest document waits for so long.

    ``is_moving``: whether any document was taken within ``stuck_after``; asked where it matters.
    """
    if is_paused:
        return Pace.PAUSED
    if wait < SLOW_AFTER:
        return Pace.OK
    return Pace.SLOW if wait < stuck_after() or is_moving() else Pace.STUCK
