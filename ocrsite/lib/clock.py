"""The clock that all hosts of a site share, and what happens to it.

Hosts' own clocks differ. By the database's clock goes whatever one process stores and another
compares: leases, deadlines, due times and cool-downs.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from operator import itemgetter

from django.db import connection
from django.utils import timezone

# Seconds after which this process's clock is compared with the database's again, and by which it
# may be set without being compared at once.
COMPARED_EVERY = 60.0
MAY_BE_SET_BY = 0.5
# Seconds: an answer that took longer tells the database's time too roughly. It is asked again, so
# many times in all, and the quickest answer counts.
PROMPT = 0.005
_TRIES = 5
_SQL = {"postgresql": "SELECT clock_timestamp()", "microsoft": "SELECT SYSUTCDATETIME()"}


@dataclass(frozen=True, slots=True)
class _Comparison:
    """What three clocks said at one moment."""

    database: datetime
    wall: datetime
    monotonic: float


_last: _Comparison | None = None


def now() -> datetime:
    """Return what the clock that all hosts share says: the database's.

    With SQLite all processes are on one host, and it is the host's. Else it is right to some
    milliseconds: this process counts on from its last comparison, by its monotonic clock. Raises
    what a query does when the database must be asked.
    """
    global _last
    if not _is_shared():
        return timezone.now()
    last = _last
    if last is None or _is_old(last):
        last = _last = _compare()
    return last.database + timedelta(seconds=time.monotonic() - last.monotonic)


def _is_shared() -> bool:
    return connection.vendor in _SQL


def _is_old(comparison: _Comparison) -> bool:
    """Whether it is long ago, or the host was suspended or its clock was set meanwhile."""
    passed = time.monotonic() - comparison.monotonic
    set_by = (timezone.now() - comparison.wall).total_seconds() - passed
    return passed > COMPARED_EVERY or abs(set_by) > MAY_BE_SET_BY


def _compare() -> _Comparison:
    connection.ensure_connection()  # a log-in takes long
    took, best = _asked()
    for _ in range(_TRIES - 1):
        if took <= PROMPT:
            break
        took, best = min((took, best), _asked(), key=itemgetter(0))
    return best


def _asked() -> tuple[float, _Comparison]:
    """Ask the database once: how long that took, and what it said in the middle of it."""
    asked = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute(_SQL[connection.vendor])
        (database,) = cursor.fetchone()
    if database.tzinfo is None:  # SQL Server's
        database = database.replace(tzinfo=UTC)
    answered = time.monotonic()
    return answered - asked, _Comparison(database, timezone.now(), (asked + answered) / 2)


class Disturbance(Enum):
    """Why times that were compared before and after two looks at the clocks prove nothing."""

    PAUSED = auto()  # more time passed than between two looks at work
    SET_FORWARD = auto()  # the shared clock; or the machine was suspended
    SET_BACK = auto()


class ClockWatch:
    """Compares the monotonic and the shared clock with those of the look before.

    Two looks at work are less than ``tolerance`` apart. A change of the shared clock below it is
    not noticed.
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
    return time.monotonic(), now().timestamp()
