"""The list of workers in the admin, and what staff do with them and with the queue."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from extraction import queue_state
from extraction.models import QueuePause, State, Worker, WorkerState
from tests.extraction.factories import make_extraction

WORKERS = "/admin/extraction/worker/"


@pytest.fixture
def staff(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def reader(db: None) -> Client:
    """A member of staff who may look at workers and do nothing with them."""
    user = User.objects.create_user("reader", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_worker"))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def worker(db: None) -> Worker:
    now = timezone.now()
    return Worker.objects.create(
        name="eu1:7", host="eu1", process_id=7, since=now, last_sign=now, processes=4, busy=2
    )


def page(client: Client) -> str:
    return client.get(WORKERS).content.decode()


def test_list_tells_what_each_worker_does(staff: Client, worker: Worker) -> None:
    extraction = make_extraction(state=State.PROCESSING)
    Worker.objects.update(last_extraction=extraction.pk, last_taken_at=timezone.now())

    told = page(staff)

    for text in (
        "eu1",
        "2 of 4",
        '<span class="pill pill-ok">Running</span>',
        "Drain<",
        "Pause reading",
    ):
        assert text in told
    assert f"/admin/extraction/extraction/{extraction.pk}/change/" in told
    assert "No document waits for a worker." in told


@pytest.mark.parametrize(
    ("fields", "pill"),
    [
        ({"state": WorkerState.PAUSED}, "Paused"),
        ({"state": WorkerState.DRAINING}, "Draining"),
        ({"state": WorkerState.DRAINING, "busy": 0}, "Drained"),
        ({"state": WorkerState.STOPPED}, "Stopped"),
        ({"last_sign": timezone.now() - timedelta(hours=1)}, "No sign"),
    ],
)
def test_state_is_told_in_words(
    staff: Client, worker: Worker, fields: dict[str, object], pill: str
) -> None:
    Worker.objects.update(**fields)

    assert f">{pill}</span>" in page(staff)


def test_worker_that_is_gone_has_no_button(staff: Client, worker: Worker) -> None:
    Worker.objects.update(state=WorkerState.STOPPED)

    assert 'form="drain"' not in page(staff)


def test_queue_is_paused_and_resumed(staff: Client) -> None:
    make_extraction(due_at=timezone.now() - timedelta(minutes=7))
    assert "has waited for 7 min." in page(staff)

    response = staff.post(f"{WORKERS}pause/", {"reason": "Upgrade"}, follow=True)
    assert "Reading is paused." in response.content.decode()
    assert QueuePause.objects.get().paused_by == "root"
    assert "by root," in page(staff)
    assert "Resume reading" in page(staff)
    assert ": Upgrade." in page(staff)
    response = staff.post(f"{WORKERS}pause/", follow=True)
    assert "Reading was paused already." in response.content.decode()

    response = staff.post(f"{WORKERS}resume/", follow=True)
    assert "Reading goes on." in response.content.decode()
    assert not queue_state.is_paused()


def test_worker_is_drained_and_takes_work_again(staff: Client, worker: Worker) -> None:
    response = staff.post(f"{WORKERS}drain/", {"drain": worker.pk}, follow=True)
    assert "Worker eu1:7 drains within 5 seconds." in response.content.decode()
    worker.refresh_from_db()
    assert worker.to_drain
    assert "Take work again" in page(staff)

    staff.post(f"{WORKERS}drain/", {"again": worker.pk})
    worker.refresh_from_db()
    assert not worker.to_drain


@pytest.mark.parametrize("chosen", ["", "0", "x", "99999"])
def test_unknown_worker_is_not_found(staff: Client, worker: Worker, chosen: str) -> None:
    assert staff.post(f"{WORKERS}drain/", {"drain": chosen}).status_code == 404


@pytest.mark.parametrize("act", ["pause", "resume", "drain"])
def test_acts_are_posted_by_those_who_may(
    staff: Client, reader: Client, worker: Worker, act: str
) -> None:
    assert staff.get(f"{WORKERS}{act}/").status_code == 405
    assert reader.post(f"{WORKERS}{act}/", {"drain": worker.pk}).status_code == 403
    assert not queue_state.is_paused()


def test_who_may_only_look_sees_no_buttons(reader: Client, worker: Worker) -> None:
    told = page(reader)

    assert "eu1" in told
    assert "Drain<" not in told
    assert "Pause reading" not in told


def test_row_of_a_worker_cannot_be_changed(staff: Client, worker: Worker) -> None:
    told = staff.get(f"{WORKERS}{worker.pk}/change/").content.decode()

    assert "eu1:7" in told
    assert '<input type="text"' not in told
    assert staff.get(f"{WORKERS}add/").status_code == 403
    assert staff.get(f"{WORKERS}{worker.pk}/delete/").status_code == 403
