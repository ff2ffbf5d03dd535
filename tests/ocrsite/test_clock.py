"""Pauses and changes of the clock are noticed, and all hosts go by the database's."""

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from ocrsite.lib import clock as clocks
from ocrsite.lib.clock import COMPARED_EVERY, ClockWatch, Disturbance
from tests.extraction.clock import Clock, standing_clock

TOLERANCE = timedelta(seconds=5)
REAL_IS_SHARED = clocks._is_shared  # which tests have say no
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


class Database:
    """A server whose clock is ahead of this host's; it counts how often it is asked."""

    def __init__(self, vendor: str, clock: Clock, ahead: timedelta, *, naive: bool) -> None:
        self.vendor = vendor
        self.ahead = ahead
        self.asked: list[str] = []
        self.log_in = timedelta(0)
        # How long it takes to say what time it was in the beginning, the first answer first.
        self.delays: list[timedelta] = []
        self._clock = clock
        self._began = timezone.now() - timedelta(seconds=clock.monotonic())
        self._naive = naive

    @property
    def time(self) -> datetime:
        """Nobody sets the server's own clock, apart from ``ahead``."""
        return self._began + timedelta(seconds=self._clock.monotonic()) + self.ahead

    def ensure_connection(self) -> None:
        self._clock.shift(self.log_in)

    def cursor(self) -> Any:
        """A context manager, and the cursor that it gives."""
        return self

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def execute(self, sql: str) -> None:
        self.asked.append(sql)

    def fetchone(self) -> tuple[datetime]:
        said = self.time.replace(tzinfo=None) if self._naive else self.time
        self._clock.shift(self.delays.pop(0) if self.delays else timedelta(0))
        return (said,)


@pytest.mark.parametrize(
    ("vendor", "naive", "sql"),
    [
        ("postgresql", False, "SELECT clock_timestamp()"),
        ("microsoft", True, "SELECT SYSUTCDATETIME()"),
    ],
)
def test_the_databases_clock_is_the_one_that_counts(
    vendor: str, naive: bool, sql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clocks, "_is_shared", lambda: True)
    monkeypatch.setattr(clocks, "_last", None)
    with standing_clock() as clock:
        database = Database(vendor, clock, timedelta(hours=1), naive=naive)
        monkeypatch.setattr(clocks, "connection", database)

        assert clocks.now() == database.time
        clock.shift(timedelta(seconds=COMPARED_EVERY))
        assert clocks.now() == database.time
        assert database.asked == [sql]  # it is not asked each time

        clock.shift(timedelta(seconds=1))
        clocks.now()
        assert database.asked == [sql, sql]

        clock.set_wall_clock(timedelta(hours=-3))
        assert clocks.now() == database.time
        assert database.asked == [sql] * 3  # the host may have been suspended


@pytest.mark.parametrize(
    ("delays", "asked", "wrong_by"),
    [([], 1, 0), ([4], 1, 2), ([400, 4], 2, 2), ([400, 60, 10, 80, 70], 5, 5)],
)
def test_slow_answers_and_log_ins_do_not_tell_the_databases_time(
    delays: list[int], asked: int, wrong_by: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clocks, "_is_shared", lambda: True)
    monkeypatch.setattr(clocks, "_last", None)
    with standing_clock() as clock:
        database = Database("postgresql", clock, timedelta(hours=1), naive=False)
        database.log_in = timedelta(seconds=2)
        database.delays = [timedelta(milliseconds=delay) for delay in delays]
        monkeypatch.setattr(clocks, "connection", database)

        told = clocks.now()

        error = database.time - told
        assert abs(error - timedelta(milliseconds=wrong_by)) < timedelta(microseconds=10)
        assert len(database.asked) == asked


def test_a_clock_that_is_set_is_no_disturbance_where_the_databases_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clocks, "_is_shared", lambda: True)
    monkeypatch.setattr(clocks, "_last", None)
    with standing_clock() as clock:
        database = Database("postgresql", clock, timedelta(0), naive=False)
        monkeypatch.setattr(clocks, "connection", database)
        watch = ClockWatch(TOLERANCE)

        clock.set_wall_clock(timedelta(hours=1))
        assert watch.look() is None

        clock.set_wall_clock(timedelta(hours=1))  # for it to be asked
        database.ahead = timedelta(hours=-1)
        assert watch.look() is Disturbance.SET_BACK


@pytest.mark.parametrize(
    ("vendor", "shared"), [("sqlite", False), ("postgresql", True), ("microsoft", True)]
)
def test_on_sqlite_all_processes_are_on_one_host(
    vendor: str, shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clocks, "connection", SimpleNamespace(vendor=vendor))

    assert REAL_IS_SHARED() is shared
