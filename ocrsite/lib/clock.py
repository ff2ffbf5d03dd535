"""Notices that this process was paused or that the wall clock was set."""

import time
from datetime import timedelta
from enum import Enum, auto

from django.utils import timezone


class Disturbance(Enum):
    """Why times that were compared before and after two looks at the clocks prove nothing."""

    PAUSED = auto()  # more time passed than between two looks at work
    SET_FORWARD = auto()  # the wall clock; or the machine was suspended
    SET_BACK = auto()


class ClockWatch:
    """Compares the monotonic and the wall clock with those of the look before.

    Two looks at work are less than ``tolerance`` apart. A change of the wall clock below it is not
    noticed.
    """

    def __init__(self, tolerance: timedelta) -> None:
        self._tolerance = tolerance.total_seconds()
        self._monotonic, self._wall = _read_clocks()

    def look(self) -> Disturbance | None:
        """Return what happened to the clocks since the last look, or None."""
        monotonic, wall = _read_clocks()
        passed = monotonic - self._monotonic
        set_by = wall - self._wall - passed
        self._monotonic, self._wall = monotonic, wall
        if set_by > self._tolerance:
            return Disturbance.SET_FORWARD
        if set_by < -self._tolerance:
            return Disturbance.SET_BACK
        return Disturbance.PAUSED if passed > self._tolerance else None


def _read_clocks() -> tuple[float, float]:
    return time.monotonic(), timezone.now().timestamp()
