import shutil
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from extraction import liveness, queue_state
from extraction.models import Extraction, State
from ocrsite import views
from ocrsite.lib.audit import ActorKind, Who
from tests.extraction.factories import make_extraction

ASHA = Who(ActorKind.USER, "asha")


def test_health_is_ok_while_the_database_answers(db: None) -> None:
    response = Client().get("/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_health_is_503_without_the_database(db: None) -> None:
    def lose_connection(*_: Any) -> None:
        raise OperationalError

    with connection.execute_wrapper(lose_connection):
        response = Client().get("/healthz")

    assert (response.status_code, response.json()) == (503, {"status": "error"})


@pytest.fixture
def worker(settings: Settings, tmp_path: Path) -> None:
    """A DATA_DIR of its own, and a living worker."""
    settings.DATA_DIR = tmp_path
    liveness.show_sign()


def checks() -> tuple[int, list[str]]:
    """The status of /readyz, and the checks that fail."""
    response = Client().get("/readyz")
    assert response.has_header("Retry-After") == (response.status_code == 503)
    body = response.json()
    assert set(body["checks"]) == {"database", "documents", "disk", "worker", "queue"}
    assert body["status"] == ("ok" if response.status_code == 200 else "error")
    failing = [name for name, said in body["checks"].items() if said == "error"]
    assert bool(failing) == (response.status_code == 503)
    return response.status_code, failing


def queue() -> tuple[int, str, int | None]:
    """The status of /readyz, how the queue moves, and for how many seconds its oldest waits."""
    response = Client().get("/readyz")
    body = response.json()
    return response.status_code, body["checks"]["queue"], body.get("oldest_wait_seconds")


@pytest.mark.usefixtures("db", "worker")
def test_the_site_is_ready_when_every_part_of_it_works() -> None:
    assert checks() == (200, [])


@pytest.mark.usefixtures("db", "worker")
def test_readiness_names_the_database() -> None:
    def lose_connection(*_: Any) -> None:
        raise OperationalError

    with connection.execute_wrapper(lose_connection):
        assert checks() == (503, ["database"])
        assert queue() == (503, "unknown", None)


@pytest.mark.usefixtures("db", "worker")
def test_a_fault_of_the_code_is_not_taken_for_the_database() -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    with connection.execute_wrapper(fail), pytest.raises(ZeroDivisionError):
        Client().get("/readyz")


@pytest.mark.usefixtures("db", "worker")
def test_readiness_names_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "LEAST_FREE", 10**18)

    assert checks() == (503, ["disk"])
    assert Client().get("/healthz").status_code == 200


@pytest.mark.usefixtures("db", "worker")
def test_readiness_names_the_documents(tmp_path: Path) -> None:
    assert checks() == (200, [])
    (tmp_path / "files").rename(tmp_path / "elsewhere")

    assert checks() == (503, ["documents"])
    assert Client().get("/healthz").status_code == 200


@pytest.mark.usefixtures("db", "worker")
def test_readiness_names_the_worker(tmp_path: Path) -> None:
    with time_machine.travel(time.time() + liveness.SIGN_LASTS + 1):
        assert checks() == (503, ["worker"])
    (tmp_path / "worker.alive").unlink()

    assert checks() == (503, ["worker"])


@pytest.mark.usefixtures("db", "worker")
def test_readiness_says_how_the_queue_moves() -> None:
    assert queue() == (200, "ok", 0)
    make_extraction(due_at=timezone.now() - timedelta(seconds=200))
    assert queue() == (200, "ok", 200)

    waiting = make_extraction(due_at=timezone.now() - timedelta(hours=1))
    assert queue() == (503, "error", 3600)
    # A long queue that moves must not take the site out of service.
    make_extraction(state=State.SUCCEEDED, claimed_at=timezone.now() - timedelta(minutes=3))
    assert queue() == (200, "slow", 3600)
    queue_state.pause_queue(who=ASHA)
    assert queue() == (200, "paused", 3600)
    queue_state.resume_queue(who=ASHA)
    Extraction.objects.filter(pk=waiting.pk).update(state=State.SUCCEEDED)
    assert queue() == (200, "ok", 200)


@pytest.mark.usefixtures("db", "worker")
def test_a_database_that_goes_away_after_the_first_look_leaves_the_queue_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lose_connection() -> None:
        raise OperationalError

    monkeypatch.setattr(views, "queue_state", lose_connection)

    assert queue() == (200, "unknown", None)


@pytest.mark.usefixtures("db", "worker")
def test_a_fault_of_the_look_at_the_queue_is_not_taken_for_the_database(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(views, "queue_state", fail)

    with pytest.raises(ZeroDivisionError):
        Client().get("/readyz")


@pytest.mark.usefixtures("db", "worker")
def test_readiness_names_everything_on_a_disk_that_is_away(tmp_path: Path) -> None:
    assert checks() == (200, [])
    shutil.rmtree(tmp_path)

    assert checks() == (503, ["documents", "disk", "worker"])
    liveness.show_sign()  # raises nothing
    tmp_path.mkdir()


@pytest.mark.parametrize(("status", "path"), [(400, "/django/bad/"), (404, "/nowhere")])
def test_error_pages_are_friendly(db: None, status: int, path: str) -> None:
    client = Client(headers={"Host": "evil.example"} if status == 400 else {})

    response = client.get(path)

    assert response.status_code == status
    assert "Back to the start" in response.content.decode()


def test_page_of_a_fault_needs_nothing_but_itself(db: None) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    with connection.execute_wrapper(fail):
        response = Client(raise_request_exception=False).get("/healthz")

    assert response.status_code == 500
    assert "Something went wrong" in response.content.decode()


def test_browsers_that_ask_for_favicon_ico_are_sent_to_the_icon() -> None:
    response = Client().get("/favicon.ico")

    assert response.status_code == 302
    assert response["Location"].startswith("/static/ocrsite/icon.")
