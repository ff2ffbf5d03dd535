"""Requests that wait are told by one poller, and never more wait than threads can be spared."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import InterfaceError, connections

from extraction.api import long_polling
from extraction.models import Extraction, State
from tests import pyodbc_errors
from tests.extraction.factories import make_extraction

pytestmark = pytest.mark.django_db(transaction=True)

LONG = 30.0


def end(extraction: Extraction) -> None:
    Extraction.objects.filter(pk=extraction.pk).update(state=State.SUCCEEDED)


def wait(extraction: Extraction, seconds: float = LONG) -> State:
    """Wait as a request does, in a thread with its own connection."""
    try:
        return State(long_polling.wait_until_ended(extraction.pk, seconds).state)
    finally:
        connections.close_all()


def pollers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "extraction-poller"]


def all_wait(count: int) -> None:
    """Return once so many requests wait."""
    pause = threading.Event()
    while long_polling.poller.waiters < count:
        pause.wait(0.01)


def test_ended_extraction_is_returned_at_once() -> None:
    extraction = make_extraction(state=State.FAILED)

    assert long_polling.wait_until_ended(extraction.pk, LONG).state == State.FAILED
    assert not pollers()


def test_no_time_to_wait_returns_it_as_it_is() -> None:
    assert long_polling.wait_until_ended(make_extraction().pk, 0).state == State.QUEUED


def test_time_that_runs_out_returns_it_as_it_is() -> None:
    assert wait(make_extraction(), 0.01) == State.QUEUED


def test_many_waiters_share_one_poller_and_each_is_told_of_its_own() -> None:
    extractions = [make_extraction() for _ in range(5)]
    with ThreadPoolExecutor(10) as requests:
        answers = [requests.submit(wait, extraction) for extraction in extractions * 2]
        all_wait(10)
        assert len(pollers()) == 1
        for extraction in extractions:
            end(extraction)

        assert {answer.result(LONG) for answer in answers} == {State.SUCCEEDED}
    for poller in pollers():
        poller.join(LONG)
    assert not pollers()


def test_one_more_than_may_wait_is_answered_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_polling, "MAX_WAITERS", 1)
    first, second = make_extraction(), make_extraction()
    with ThreadPoolExecutor(1) as requests:
        answer = requests.submit(wait, first)
        all_wait(1)

        assert wait(second) == State.QUEUED
        end(first)
        assert answer.result(LONG) == State.SUCCEEDED


def test_poller_outlives_a_database_that_fails_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    extraction = make_extraction()
    ended = State.ended
    calls = iter(
        [
            InterfaceError("gone for a moment"),
            pyodbc_errors.KILLED.wrapped(),
            pyodbc_errors.LINK_LOST.raised(),
            RuntimeError("whatever it is"),
        ]
    )

    def fail() -> tuple[State, ...]:
        for error in calls:
            raise error
        return ended()

    with ThreadPoolExecutor(1) as requests:
        answer = requests.submit(wait, extraction)
        all_wait(1)
        monkeypatch.setattr(State, "ended", fail)
        end(extraction)

        assert answer.result(LONG) == State.SUCCEEDED
    assert [r.levelname for r in caplog.records if r.name == long_polling.__name__] == ["WARNING"]


def test_forked_process_starts_without_its_parents_waiters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    extraction = make_extraction()
    poller = long_polling.Poller()
    poller.waiters, poller.polling = long_polling.MAX_WAITERS, True
    monkeypatch.setattr(poller, "pid", poller.pid + 1)

    poller.wait(extraction.pk, 0.01)

    assert (poller.waiters, poller.polling) == (0, True)
    for thread in pollers():
        thread.join(LONG)


@pytest.mark.parametrize(
    ("asked", "pause"), [(0.0001, 0.1), (0.00075, 0.1), (0.0015, 0.2), (0.5, 1.0)]
)
def test_asking_takes_a_small_share_of_a_core(asked: float, pause: float) -> None:
    assert long_polling.pause_after(asked) == pytest.approx(pause)
