"""Tells a worker that hangs from one that has nothing to do or is busy.

A process that is killed while it holds a lock of the queue leaves it locked for ever: no message
is taken any more, or none is acknowledged, while every process is alive.
"""

import time
from datetime import timedelta

from django.conf import settings

from extraction.liveness import Liveness
from extraction.models import Extraction, State
from ocrsite.lib import clock

# django-q2's pusher pauses for 10 s after an error of the queue; that is no hang.
HANG_AFTER = timedelta(seconds=20)
# Unacknowledged messages cost little, and SQLite can make a process wait 20 s to delete them.
UNACKNOWLEDGED_AFTER = timedelta(seconds=60)
# So many observations must agree: on a machine so busy that this process hardly runs, the workers
# hardly run either.
OBSERVATIONS = 20


class Watchdog:
    """Observes the liveness of one worker and the rows that wait for it."""

    def __init__(self, liveness: Liveness) -> None:
        self._liveness = liveness
        self.forget()

    def forget(self) -> None:
        """Start over: what was observed while the database or the queue was away proves nothing."""
        self._not_taking = _Suspicion(HANG_AFTER)
        self._not_acknowledging = _Suspicion(UNACKNOWLEDGED_AFTER)
        self._since = time.monotonic()

    def hangs(self) -> bool:
        """Observe once; whether the worker hangs, as far as all observations so far prove."""
        liveness = self._liveness
        # Messages, not claims: the workers of other hosts may claim every extraction first, and a
        # free worker still gets messages.
        not_taking = self._not_taking.confirmed(self._work_waits(), liveness.taken_at)
        not_acknowledging = self._not_acknowledging.confirmed(
            liveness.done_at > max(liveness.acknowledged_at, self._since),
            liveness.acknowledged_at,
        )
        return not_taking or not_acknowledging

    def _work_waits(self) -> bool:
        """Whether an extraction has waited for long although a worker process is free."""
        waiting = Extraction.objects.filter(state=State.QUEUED, due_at__lt=clock.now() - HANG_AFTER)
        if not waiting.exists():
            return False
        if self._liveness.has_other_work:
            return False  # a nightly task, which holds no row; it is killed when it takes too long
        return Extraction.objects.held_by(self._liveness.name).count() < settings.WORKERS


class _Suspicion:
    """Is confirmed when it lasts for long enough without a sign of life."""

    def __init__(self, lasts: timedelta) -> None:
        self._seconds = lasts.total_seconds()
        self._sign = 0.0
        self._dismiss()

    def _dismiss(self) -> None:
        self._since = time.monotonic()
        self._observations = 0

    def confirmed(self, suspicious: bool, sign: float) -> bool:
        """Add an observation: whether it is suspicious, and when the last sign of life was."""
        if not suspicious or sign != self._sign:
            self._sign = sign
            self._dismiss()
            return False
        self._observations += 1
        lasted = time.monotonic() - self._since
        return self._observations >= OBSERVATIONS and lasted >= self._seconds
