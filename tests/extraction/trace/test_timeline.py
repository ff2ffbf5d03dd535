"""Events in order, with what lies between them."""

from datetime import UTC, datetime, timedelta

import pytest

from extraction.trace.timeline import Event, elapsed, facts, timeline

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("time", "shown"),
    [
        (timedelta(0), "+0.000 s"),
        (timedelta(microseconds=1_999), "+0.001 s"),
        (timedelta(seconds=59, milliseconds=999), "+59.999 s"),
        (timedelta(minutes=1), "+1 min 0.000 s"),
        (timedelta(minutes=59, seconds=3, milliseconds=7), "+59 min 3.007 s"),
        (timedelta(hours=1, minutes=2, seconds=59), "+1 h 2 min"),
        (timedelta(days=3, hours=4, minutes=5), "+3 d 4 h"),
    ],
)
def test_differences_are_exact_below_an_hour(time: timedelta, shown: str) -> None:
    assert elapsed(time) == shown


def test_events_are_in_order_and_those_of_a_moment_in_the_order_given() -> None:
    late = Event(NOON + timedelta(milliseconds=250), "late")
    first, second = Event(NOON, "first"), Event(NOON, "second")

    lines = timeline([late, first, second])

    assert [line.event.title for line in lines] == ["first", "second", "late"]
    assert [line.shown_after for line in lines] == ["", "+0.000 s", "+0.250 s"]
    assert timeline([]) == []


def test_only_what_says_something_is_a_fact() -> None:
    assert facts(("a", None), ("b", ""), ("c", 0), ("d", "x")) == (("c", "0"), ("d", "x"))
