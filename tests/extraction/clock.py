"""Both clocks of the worker's main process, moved by the test."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace

import pytest
import time_machine
from django.utils import timezone

from extraction import liveness
from extraction.worker import reconciler, watchdog
from ocrsite.lib import clock as clocks


class Clock:
    """The time of day and ``time.monotonic``, which time_machine leaves alone."""

    def __init__(self, day: time_machine.Traveller) -> None:
        self._day = day
        self._monotonic = time.monotonic()

    def monotonic(self) -> float:
        return self._monotonic

    def shift(self, by: timedelta) -> None:
        """Let time pass."""
        self._day.shift(by)
        self._monotonic += by.total_seconds()

    def set_wall_clock(self, by: timedelta) -> None:
        """Set the time of day, as an administrator or a time server does."""
        self._day.shift(by)


@contextmanager
def standing_clock() -> Iterator[Clock]:
    """Stop time; only ``shift`` moves it."""
    with (
        time_machine.travel(timezone.now(), tick=False) as day,
        pytest.MonkeyPatch.context() as patch,
    ):
        clock = Clock(day)
        for module in (liveness, reconciler, watchdog, clocks):
            patch.setattr(module, "time", SimpleNamespace(monotonic=clock.monotonic))
        yield clock
