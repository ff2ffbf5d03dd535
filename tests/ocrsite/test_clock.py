"""Pauses and changes of the wall clock are noticed between two looks."""

from datetime import timedelta

import pytest

from ocrsite.lib.clock import ClockWatch, Disturbance
from tests.extraction.clock import standing_clock

TOLERANCE = timedelta(seconds=5)
MORE = TOLERANCE + timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("passed", "set_by", "disturbance"),
    [
        (TOLERANCE, timedelta(0), None),
        (timedelta(0), TOLERANCE, None),
        (timedelta(0), -TOLERANCE, None),
        (MORE, timedelta(0), Disturbance.PAUSED),
        (timedelta(0), MORE, Disturbance.SET_FORWARD),
        (timedelta(0), -MORE, Disturbance.SET_BACK),
        (timedelta(seconds=40), -timedelta(hours=1), Disturbance.SET_BACK),
    ],
)
def test_each_disturbance_is_told_once(
    passed: timedelta, set_by: timedelta, disturbance: Disturbance | None
) -> None:
    with standing_clock() as clock:
        watch = ClockWatch(TOLERANCE)
        clock.shift(passed)
        clock.set_wall_clock(set_by)

        assert watch.look() is disturbance
        assert watch.look() is None
