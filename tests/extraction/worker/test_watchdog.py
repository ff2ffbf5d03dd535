"""The watchdog tells a worker that hangs from one that is idle, busy, slow or cut off."""

import multiprocessing
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.process import BaseProcess

import pytest
from django.utils import timezone
from pytest_django import Settings

from extraction.liveness import Liveness
from extraction.models import State
from extraction.worker.watchdog import HANG_AFTER, OBSERVATIONS, UNACKNOWLEDGED_AFTER, Watchdog
from tests.extraction.clock import Clock, standing_clock
from tests.extraction.factories import make_extraction

pytestmark = pytest.mark.django_db

A_SECOND = timedelta(seconds=1)
forking = multiprocessing.get_context("fork")


@pytest.fixture
def clock() -> Iterator[Clock]:
    with standing_clock() as clock:
        yield clock


@pytest.fixture
def liveness() -> Liveness:
    return Liveness()


@pytest.fixture
def watchdog(clock: Clock, liveness: Liveness) -> Watchdog:
    return Watchdog(liveness)


def observe(watchdog: Watchdog, clock: Clock, passing: timedelta = HANG_AFTER) -> bool:
    """Observe again and again while the time passes; whether the last time it hangs."""
    for _ in range(OBSERVATIONS):
        watchdog.hangs()
        clock.shift(passing / OBSERVATIONS)
    return watchdog.hangs()


def wait_long(**fields: object) -> None:
    """Queue an extraction that no process takes."""
    make_extraction(due_at=timezone.now() - HANG_AFTER - A_SECOND, **fields)


@contextmanager
def nightly_work(liveness: Liveness) -> Iterator[BaseProcess]:
    """A process of the worker that is busy with a task which holds no row."""
    taken = forking.Event()

    def work() -> None:
        liveness.take(is_extraction=False)
        taken.set()
        threading.Event().wait()

    process = forking.Process(target=work)
    process.start()
    try:
        assert taken.wait(30)
        yield process
    finally:
        process.kill()
        process.join()


def test_waiting_extraction_that_no_process_takes_is_a_hang(
    watchdog: Watchdog, clock: Clock
) -> None:
    wait_long()

    assert not observe(watchdog, clock, HANG_AFTER - A_SECOND)
    clock.shift(2 * A_SECOND)
    assert watchdog.hangs()


def test_empty_queue_is_no_hang(watchdog: Watchdog, clock: Clock) -> None:
    make_extraction(due_at=timezone.now() + timedelta(hours=1))

    assert not observe(watchdog, clock)


def test_backlog_behind_busy_workers_is_no_hang(
    watchdog: Watchdog, clock: Clock, liveness: Liveness, settings: Settings
) -> None:
    wait_long()
    for _ in range(settings.WORKERS):
        make_extraction(state=State.PROCESSING, worker=liveness.name, lease_id=uuid.uuid4())

    assert not observe(watchdog, clock, timedelta(seconds=90))


def test_busy_workers_of_another_host_do_not_excuse_ours(
    watchdog: Watchdog, clock: Clock, settings: Settings
) -> None:
    wait_long()
    for _ in range(settings.WORKERS):
        make_extraction(state=State.PROCESSING, worker="elsewhere:1", lease_id=uuid.uuid4())

    assert observe(watchdog, clock)


def test_worker_that_takes_messages_but_no_extraction_does_not_hang(
    watchdog: Watchdog, clock: Clock, liveness: Liveness
) -> None:
    """Other hosts are faster."""
    wait_long()

    for _ in range(3):
        observe(watchdog, clock, HANG_AFTER - A_SECOND)
        liveness.take(is_extraction=True)
        assert not watchdog.hangs()


def test_nightly_work_is_no_hang(
    watchdog: Watchdog, clock: Clock, liveness: Liveness, settings: Settings
) -> None:
    wait_long()
    with nightly_work(liveness) as process:
        assert not observe(watchdog, clock, timedelta(seconds=settings.Q_CLUSTER["timeout"]))

        process.kill()  # it took too long, or died
        process.join()
        assert observe(watchdog, clock)


def test_nightly_work_that_has_ended_excuses_nothing(
    watchdog: Watchdog, clock: Clock, liveness: Liveness
) -> None:
    """Else a queue that a killed process left locked stood still until a task's time is over."""
    wait_long()
    liveness.take(is_extraction=False)
    liveness.finish()

    assert observe(watchdog, clock)


def test_few_observations_are_not_enough_on_a_slow_machine(
    watchdog: Watchdog, clock: Clock
) -> None:
    wait_long()
    watchdog.hangs()

    clock.shift(HANG_AFTER)

    assert not watchdog.hangs()


def test_time_without_database_does_not_count(
    watchdog: Watchdog, clock: Clock, liveness: Liveness
) -> None:
    wait_long()
    observe(watchdog, clock, HANG_AFTER - A_SECOND)
    liveness.finish()  # its acknowledgement was lost with the database
    clock.shift(HANG_AFTER)

    watchdog.forget()

    assert not watchdog.hangs()
    liveness.take(is_extraction=True)
    make_extraction()
    assert not observe(watchdog, clock, HANG_AFTER - A_SECOND)


def test_ended_task_that_is_not_acknowledged_is_a_hang(
    watchdog: Watchdog, clock: Clock, liveness: Liveness
) -> None:
    clock.shift(A_SECOND)
    assert not watchdog.hangs()
    liveness.finish()

    assert not observe(watchdog, clock, UNACKNOWLEDGED_AFTER - A_SECOND)
    clock.shift(2 * A_SECOND)
    assert watchdog.hangs()


def test_slow_acknowledgements_are_no_hang(
    watchdog: Watchdog, clock: Clock, liveness: Liveness
) -> None:
    for _ in range(3):
        observe(watchdog, clock, UNACKNOWLEDGED_AFTER - A_SECOND)
        liveness.acknowledge()
        clock.shift(A_SECOND)
        liveness.finish()
        assert not watchdog.hangs()
