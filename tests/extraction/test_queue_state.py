"""Pausing the queue: what is accepted, what is taken, and what the pause does to deadlines."""

import time
import uuid
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import OrmQ

from extraction import liveness, pipeline, queue_state, tasks
from extraction.models import Extraction, QueuePause, State, Worker
from extraction.worker.reconciler import Reconciler
from logs.models import AuditEntry
from ocrsite.lib.audit import ActorKind, Who
from tests.extraction.factories import make_extraction
from tests.extraction.sample_documents import pdf
from tokens.models import TokenMaster

ASHA = Who(ActorKind.USER, "asha")
BINOD = Who(ActorKind.USER, "binod")
ROOT = Who(ActorKind.USER, "root")
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "_own", None)


def test_queue_is_paused_and_resumed_once() -> None:
    assert not queue_state.is_paused()
    assert queue_state.pause() is None

    assert queue_state.pause_queue(who=ASHA, reason="The provider is down.")
    assert not queue_state.pause_queue(who=BINOD)

    assert queue_state.is_paused()
    paused = queue_state.pause()
    assert paused is not None
    assert (paused.paused_by, paused.reason) == ("asha", "The provider is down.")
    assert str(paused) == "paused by asha"

    assert queue_state.resume_queue(who=BINOD)
    assert not queue_state.resume_queue(who=ASHA)
    assert not queue_state.is_paused()
    told = AuditEntry.objects.order_by("pk").values_list("actor", "before", "after", "why")
    assert list(told) == [
        ("asha", "running", "paused", "The provider is down."),
        ("binod", "paused", "running", ""),
    ]


def test_there_is_one_pause() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        QueuePause.objects.create(pk=2, paused_by="asha")


def test_paused_queue_accepts_uploads_and_says_so(signed_in: Client, token: TokenMaster) -> None:
    queue_state.pause_queue(who=ROOT)

    page = signed_in.get("/").content.decode()
    signed_in.post(
        "/",
        {
            "company_id": token.company_id,
            "branch": "Default",
            "file": SimpleUploadedFile("a.pdf", pdf("one")),
        },
    )

    assert "You can upload: documents are kept and read as soon as reading goes on." in page
    assert Extraction.objects.get().state == State.QUEUED


def test_paused_queue_keeps_a_document_until_it_is_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[uuid.UUID] = []
    monkeypatch.setattr(pipeline, "process", taken.append)
    extraction = make_extraction(due_at=timezone.now() - timedelta(minutes=1))
    queue_state.pause_queue(who=ASHA)

    tasks.run_extraction(str(extraction.pk))
    reconciler = Reconciler(get_broker())
    reconciler.round()
    assert reconciler.is_paused
    assert (taken, OrmQ.objects.count()) == ([], 0)

    queue_state.resume_queue(who=ASHA)
    reconciler._asked_at = -float("inf")  # else it asks again after a second
    reconciler.round()
    assert OrmQ.objects.count() == 1
    tasks.run_extraction(str(extraction.pk))
    assert taken == [extraction.pk]


def test_paused_queue_leaves_those_that_wait_for_a_time(token: TokenMaster) -> None:
    extraction = make_extraction(state=State.WAITING, due_at=timezone.now() - timedelta(minutes=1))
    queue_state.pause_queue(who=ASHA)
    reconciler = Reconciler(get_broker())

    reconciler.round()

    extraction.refresh_from_db()
    assert (extraction.state, OrmQ.objects.count()) == (State.WAITING, 0)


def test_deadline_that_passed_during_the_pause_is_set_anew() -> None:
    now = timezone.now()
    passed = make_extraction(state=State.WAITING, deadline=now + timedelta(minutes=5))
    ended = make_extraction(state=State.FAILED, deadline=now + timedelta(minutes=5))
    queue_state.pause_queue(who=ASHA)

    with time_machine.travel(time.time() + 7200, tick=False):
        queue_state.resume_queue(who=ASHA)

        passed.refresh_from_db()
        assert passed.deadline is not None
        assert passed.deadline > timezone.now()
    ended.refresh_from_db()
    assert ended.deadline == now + timedelta(minutes=5)


def test_worker_that_drains_begins_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[uuid.UUID] = []
    monkeypatch.setattr(pipeline, "process", taken.append)
    own = liveness.begin()
    pk = uuid.uuid4()

    own.drain(True)
    tasks.run_extraction(str(pk))
    assert taken == []
    assert not liveness.is_stopping()

    own.drain(False)
    tasks.run_extraction(str(pk))
    assert taken == [pk]


def make_worker(**fields: Any) -> Worker:
    now = timezone.now()
    given = {"name": f"w:{uuid.uuid4()}", "host": "w", "process_id": 7, "since": now}
    return Worker.objects.create(**{"last_sign": now, "processes": 4, **given, **fields})


def test_worker_is_asked_once_to_drain() -> None:
    worker = make_worker()

    assert queue_state.set_draining(worker, True, who=ASHA)
    assert not queue_state.set_draining(worker, True, who=ASHA)
    worker.refresh_from_db()
    assert worker.to_drain
    assert queue_state.set_draining(worker, False, who=ASHA)
    told = AuditEntry.objects.order_by("pk").values_list("object_name", "after")
    assert list(told) == [("w:7", "is to drain"), ("w:7", "is to take work")]


def test_workers_live_while_they_show_signs() -> None:
    now = timezone.now()
    living = make_worker()
    make_worker(state="stopped")
    silent = make_worker(last_sign=now - timedelta(seconds=liveness.SIGN_LASTS + 1))
    ahead = make_worker(last_sign=now + timedelta(hours=1))  # before the clock was set back

    assert list(Worker.objects.living()) == [living]
    assert [worker.is_missing for worker in (living, silent, ahead)] == [False, True, True]


def test_nothing_is_stuck_before_the_longest_reading_could_have_ended() -> None:
    make_extraction(due_at=timezone.now() - queue_state.stuck_after() + timedelta(seconds=30))

    assert queue_state.queue_state().pace == queue_state.Pace.SLOW


def test_wait_of_the_future_is_none() -> None:
    make_extraction(due_at=timezone.now() + timedelta(hours=1))  # the clock was set back

    assert queue_state.queue_state() == queue_state.QueueState(queue_state.Pace.OK, timedelta(0))
