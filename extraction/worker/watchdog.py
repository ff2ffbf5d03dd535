"""Tells a worker that hangs from one that has nothing to do or is busy.

A process that is killed while it holds a lock of the queue leaves it locked for ever: nobody
takes messages any more, or nobody acknowledges them, and every process looks alive.
"""

import time
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from extraction.liveness import Liveness
from extraction.models import Extraction, State

# django-q2's pusher pauses for 10 s after an error of the queue; that is no hang.
HANG_AFTER = timedelta(seconds=20)
# Unacknowledged messages cost little, and SQLite can make the one who deletes them wait for 20 s.
UNACKNOWLEDGED_AFTER = timedelta(seconds=60)
# So many looks must agree: where even this process is hardly run, the workers are not either.
LOOKS = 20


class Watchdog:
    """Looks again and again at the pulse of one worker and at the rows that wait for it."""

    def __init__(self, pulse: Liveness) -> None:
        self._pulse = pulse
        self.forget()

    def forget(self) -> None:
        """Begin anew: what was seen while the database or the queue was away says nothing."""
        self._not_taking = _Suspicion(HANG_AFTER)
        self._not_acknowledging = _Suspicion(UNACKNOWLEDGED_AFTER)
        self._since = time.monotonic()

    def hangs(self) -> bool:
        """Whether the worker will not go on by itself."""
        pulse = self._pulse
        # Not "claims nothing": other hosts may be faster, but a message is left for a free worker.
        not_taking = self._not_taking.confirmed(self._work_waits(), pulse.taken_at)
        not_acknowledging = self._not_acknowledging.confirmed(
            pulse.done_at > max(pulse.acknowledged_at, self._since), pulse.acknowledged_at
        )
        return not_taking or not_acknowledging

    def _work_waits(self) -> bool:
        """Whether an extraction has waited for long although a worker process is free."""
        busy_until = self._pulse.other_taken_at + settings.Q_CLUSTER["timeout"]
        if self._pulse.other_taken_at and time.monotonic() < busy_until:
            return False  # with the nightly work, which no row tells of
        waiting = Extraction.objects.filter(
            state=State.QUEUED, due_at__lt=timezone.now() - HANG_AFTER
        )
        if not waiting.exists():
            return False
        return Extraction.objects.held_by(self._pulse.name).count() < settings.WORKERS


class _Suspicion:
    """Becomes certain when it lasts and no sign of life comes."""

    def __init__(self, lasts: timedelta) -> None:
        self._seconds = lasts.total_seconds()
        self._sign = 0.0
        self._dismiss()

    def _dismiss(self) -> None:
        self._since = time.monotonic()
        self._looks = 0

    def confirmed(self, suspicious: bool, sign: float) -> bool:
        """Take note of a look: whether it is suspicious, and the last sign of life."""
        if not suspicious or sign != self._sign:
            self._sign = sign
            self._dismiss()
            return False
        self._looks += 1
        return self._looks >= LOOKS and time.monotonic() - self._since >= self._seconds
