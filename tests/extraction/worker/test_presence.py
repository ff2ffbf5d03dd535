"""The rows by which staff see workers: what they say, and when they go."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from extraction import liveness, queue_state
from extraction.models import Extraction, State, Worker, WorkerState
from extraction.worker import presence
from extraction.worker.cluster import _held_back
from extraction.worker.presence import Presence
from ocrsite.lib.audit import ActorKind, Who
from tests.extraction.factories import make_extraction

ASHA = Who(ActorKind.USER, "asha")
pytestmark = pytest.mark.django_db


@pytest.fixture
def own() -> liveness.Liveness:
    return liveness.begin()


@pytest.fixture
def shown(own: liveness.Liveness, monkeypatch: pytest.MonkeyPatch) -> Presence:
    """The presence of this process's worker, which shows a sign whenever it is asked to."""
    monkeypatch.setattr(presence, "SIGN_EVERY", 0.0)
    return Presence(own)


def row() -> Worker:
    return Worker.objects.get()


def test_worker_tells_who_it_is_and_what_it_does(own: liveness.Liveness, shown: Presence) -> None:
    shown.show()

    worker = row()
    assert (worker.name, worker.host) == (own.name, own.host)
    assert (worker.process_id, worker.since) == (own.process_id, own.since)
    assert worker.version.startswith("0.")
    assert (worker.state, worker.busy, worker.last_extraction) == (WorkerState.RUNNING, 0, None)
    assert list(Worker.objects.living()) == [worker]


def test_sign_tells_what_is_read_and_what_was_taken_last(
    own: liveness.Liveness, shown: Presence
) -> None:
    shown.show()
    now = timezone.now()
    for state, claimed_at in ((State.PROCESSING, now), (State.SUCCEEDED, now - timedelta(0, 2))):
        make_extraction(state=state, worker=own.name, claimed_at=claimed_at)
    make_extraction(state=State.PROCESSING, worker="other", claimed_at=now + timedelta(0, 1))
    held = Extraction.objects.get(state=State.PROCESSING, worker=own.name)

    shown.show()
    assert (row().busy, row().last_extraction, row().last_taken_at) == (1, held.pk, now)

    Extraction.objects.update(state=State.SUCCEEDED, claimed_at=now - timedelta(hours=1))
    shown.show()
    assert (row().busy, row().last_extraction) == (0, held.pk)


def test_signs_are_not_shown_more_often_than_needed(own: liveness.Liveness) -> None:
    one = Presence(own)
    one.show()
    Worker.objects.all().delete()

    one.show()

    assert not Worker.objects.exists()


def test_worker_follows_what_staff_ask_for(own: liveness.Liveness, shown: Presence) -> None:
    shown.show()
    queue_state.pause_queue(who=ASHA)
    shown.show()
    assert row().state == WorkerState.PAUSED

    queue_state.set_draining(row(), True, who=ASHA)
    shown.show()
    assert (row().state, own.draining) == (WorkerState.DRAINING, True)

    queue_state.set_draining(row(), False, who=ASHA)
    queue_state.resume_queue(who=ASHA)
    shown.show()
    assert (row().state, own.draining) == (WorkerState.RUNNING, False)


def test_worker_that_stops_drains_and_then_says_that_it_stopped(
    own: liveness.Liveness, shown: Presence
) -> None:
    own.stop()
    shown.show()
    assert row().state == WorkerState.DRAINING

    shown.end()
    assert row().state == WorkerState.STOPPED
    assert not row().is_missing


def test_rows_of_workers_that_are_gone_are_removed_after_a_day(shown: Presence) -> None:
    now = timezone.now()
    ages = {"day": timedelta(hours=25), "hour": timedelta(hours=1), "ahead": -timedelta(days=2)}
    for name, age in ages.items():
        Worker.objects.create(
            name=name, host=name, process_id=1, since=now, last_sign=now - age, processes=4
        )

    shown.show()

    assert set(Worker.objects.values_list("name", flat=True)) == {"hour", shown._own.name}


def test_sign_that_fails_is_logged_once_and_stops_nothing(
    shown: Presence, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away() -> None:
        raise OperationalError("away")

    monkeypatch.setattr(presence, "drop_connections", lambda: None)  # that of the test
    with monkeypatch.context() as patched:
        patched.setattr("ocrsite.lib.clock.now", away)
        shown.show()
        shown.show()
    assert [record.message for record in caplog.records] == [
        "The worker's row could not be written."
    ]

    shown.show()
    assert row().state == WorkerState.RUNNING


class Queue:
    """Stands in for a broker, and has always one message."""

    def dequeue(self) -> list[tuple[int, str]]:
        return [(1, "message")]


def test_pusher_of_a_worker_that_drains_takes_no_message(
    own: liveness.Liveness, settings: Any
) -> None:
    settings.Q_CLUSTER = {**settings.Q_CLUSTER, "poll": 0.0}
    broker = _held_back(Queue(), own)

    assert broker.dequeue() == [(1, "message")]
    own.drain(True)
    assert broker.dequeue() is None
    own.drain(False)
    assert broker.dequeue() == [(1, "message")]


def test_deleted_extraction_counts_as_taken(own: liveness.Liveness, shown: Presence) -> None:
    now = timezone.now()
    pk = uuid.uuid4()
    make_extraction(id=pk, state=State.SUCCEEDED, worker=own.name, claimed_at=now, deleted_at=now)

    shown.show()

    assert row().last_extraction == pk
