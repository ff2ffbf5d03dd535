"""What stands now: documents that wait or are read, to review, the workers, and how long it takes.

``companies`` are the ids that may be looked at; None means every one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import CharField, Count, Min, Value

from extraction.document_days import begin_of
from extraction.models import Extraction, QueuePause, State, Worker, WorkerState
from extraction.queue_state import Pace, pace_of, stuck_after, wait_since
from ocrsite.lib import clock

# Of so many documents the times are compared, the newest of the day.
TIMED = 200
# Workers of the last day; more than a site has.
WORKERS_SHOWN = 50
_PAUSED, _TO_REVIEW = "paused", "to_review"


@dataclass(frozen=True, slots=True)
class Standing:
    """Documents by state that have not ended, those to review, and how the queue moves."""

    by_state: dict[str, int]
    to_review: int
    oldest_wait: timedelta
    pace: Pace

    @property
    def waiting(self) -> int:
        """Documents that wait for a worker, or for another try."""
        return self.by_state.get(State.QUEUED, 0) + self.by_state.get(State.WAITING, 0)

    @property
    def reading(self) -> int:
        """Documents that are being read."""
        return self.by_state.get(State.PROCESSING, 0)


@dataclass(frozen=True, slots=True)
class Times:
    """From the receipt of a document to its result: the median, and what 19 of 20 stay below."""

    documents: int
    median: timedelta
    slow: timedelta


def standing(workers: Sequence[Worker], companies: Sequence[str] | None = None) -> Standing:
    """Look at what has not ended; one query."""
    rows = Extraction.objects.for_companies(None if companies is None else list(companies))
    unended = rows.filter(state__in=State.unended()).order_by().values_list("state")
    counted = unended.annotate(count=Count("pk"), since=Min("due_at")).union(
        # As the index has it.
        _counted(rows.filter(needs_review__in=[True], reviewed_at=None), _TO_REVIEW, "created_at"),
        _counted(QueuePause.objects.all(), _PAUSED, "paused_at"),
        all=True,
    )
    found = {name: (count, since) for name, count, since in counted}
    now = clock.now()
    _, due = found.get(State.QUEUED, (0, None))
    wait = wait_since(due, now)
    to_review, _ = found.pop(_TO_REVIEW, (0, None))
    paused, _ = found.pop(_PAUSED, (0, None))

    def is_moving() -> bool:
        taken = [worker.last_taken_at for worker in workers if worker.last_taken_at]
        return any(at > now - stuck_after() for at in taken)

    return Standing(
        by_state={name: count for name, (count, _) in found.items()},
        to_review=to_review,
        oldest_wait=wait,
        pace=pace_of(wait, is_paused=bool(paused), is_moving=is_moving),
    )


def workers() -> list[Worker]:
    """Return the workers of the last day, those that live first; one query."""
    found = list(Worker.objects.order_by("-last_sign")[:WORKERS_SHOWN])
    return sorted(found, key=lambda worker: not lives(worker))


def lives(worker: Worker) -> bool:
    """Whether a worker neither stopped nor is missing."""
    return worker.state != WorkerState.STOPPED and not worker.is_missing


def times(day: date, companies: Sequence[str] | None = None) -> Times | None:
    """Return how long those took that were read of the newest TIMED of a day; None for none.

    One query.
    """
    rows = Extraction.objects.for_companies(None if companies is None else list(companies))
    newest = rows.filter(
        created_at__gte=begin_of(day), created_at__lt=begin_of(day + timedelta(days=1))
    ).order_by("-created_at")
    # Not filtered by the state: SQLite would look through every document of that state.
    taken = sorted(
        _length(received, ended)
        for state, received, ended in newest.values_list("state", "created_at", "finished_at")[
            :TIMED
        ]
        if ended and state == State.SUCCEEDED
    )
    if not taken:
        return None
    return Times(len(taken), _percentile(taken, 50), _percentile(taken, 95))


def _counted(rows: Any, name: str, since: str) -> Any:
    named = rows.order_by().annotate(kind=Value(name, CharField())).values_list("kind")
    return named.annotate(count=Count("pk"), since=Min(since))


def _length(received: datetime, ended: datetime) -> timedelta:
    return max(ended - received, timedelta(0))


def _percentile(lengths: Sequence[timedelta], percent: int) -> timedelta:
    """The nearest rank, of lengths in order."""
    return lengths[math.ceil(len(lengths) * percent / 100) - 1]
