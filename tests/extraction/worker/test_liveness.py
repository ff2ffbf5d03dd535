"""Whether a process works under a lease is known for certain within its worker."""

import multiprocessing
import signal
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event

import psutil
import pytest
from django.utils import timezone
from django_q.brokers import get_broker

from extraction import liveness
from extraction.liveness import Liveness
from extraction.models import Extraction, State
from extraction.models.extraction_queryset import LEASE
from extraction.worker.reconciler import Reconciler
from tests.extraction.clock import standing_clock
from tests.extraction.factories import make_extraction
from tests.running_site import eventually

forking = multiprocessing.get_context("fork")


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Liveness:
    """The worker that this process and its forks are."""
    own = Liveness()
    monkeypatch.setattr(liveness, "_own", own)
    return own


def hold(lease_id: uuid.UUID, ready: Event) -> None:
    with liveness.holding(lease_id):
        ready.set()
        threading.Event().wait()


@contextmanager
def holder(lease_id: uuid.UUID) -> Iterator[BaseProcess]:
    """A process of the worker that works under a lease."""
    ready = forking.Event()
    process = forking.Process(target=hold, args=(lease_id, ready))
    process.start()
    try:
        assert ready.wait(30)
        yield process
    finally:
        process.kill()
        process.join()


def stop(process: BaseProcess) -> None:
    assert process.pid is not None
    stopped = psutil.Process(process.pid)
    stopped.send_signal(signal.SIGSTOP)
    for _ in eventually(30):
        if stopped.status() == psutil.STATUS_STOPPED:
            return


@pytest.mark.usefixtures("own")
def test_a_lease_is_held_by_a_process_that_is_stopped_and_by_none_that_is_dead() -> None:
    lease, other = uuid.uuid4(), uuid.uuid4()
    with holder(lease) as process:
        assert liveness.is_held(lease)
        assert liveness.is_held(lease)  # to ask does no harm
        assert not liveness.is_held(other)

        stop(process)
        assert liveness.is_held(lease)

        process.kill()
        process.join()
        assert not liveness.is_held(lease)


@pytest.mark.usefixtures("own")
def test_a_lease_is_not_held_any_more_after_the_work() -> None:
    lease = uuid.uuid4()
    done = forking.Event()
    may_end = forking.Event()

    def work() -> None:
        with liveness.holding(lease):
            pass
        done.set()
        may_end.wait()

    process = forking.Process(target=work)
    process.start()
    try:
        assert done.wait(30)
        assert not liveness.is_held(lease)
    finally:
        may_end.set()
        process.join()


def test_without_a_worker_nothing_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "_own", None)
    lease = uuid.uuid4()

    with liveness.holding(lease):
        assert not liveness.is_held(lease)


@pytest.mark.django_db(transaction=True)
def test_extraction_of_a_process_that_is_stopped_is_left_to_it(
    own: Liveness, caplog: pytest.LogCaptureFixture
) -> None:
    lease = uuid.uuid4()
    with holder(lease) as process, standing_clock():
        extraction = make_extraction(
            state=State.PROCESSING,
            worker=own.name,
            lease_id=lease,
            leased_until=timezone.now() - timedelta(seconds=1),
        )
        reconciler = Reconciler(get_broker())
        stop(process)

        reconciler.round()
        reconciler.round()

        extraction.refresh_from_db()
        assert (extraction.state, extraction.deaths) == (State.PROCESSING, 0)
        assert extraction.lease_id == lease
        assert extraction.leased_until == timezone.now() + LEASE
        (record,) = caplog.records  # once in the time of a lease
        assert "is stopped: it is waited for" in record.getMessage()

        process.kill()
        process.join()
        Extraction.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
        reconciler.round()

        extraction.refresh_from_db()
        assert (extraction.state, extraction.deaths) == (State.QUEUED, 1)
