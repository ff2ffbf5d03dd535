"""Messages of the queue: when they are sent, and what a task does with one."""

import logging
import uuid

import pytest
from django.db import transaction
from pytest_django import Settings
from redis.exceptions import RedisError

from extraction import liveness, tasks
from extraction.models import Extraction, State
from tests.extraction.factories import make_extraction

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> liveness.Liveness:
    """Let this process belong to a worker."""
    monkeypatch.setattr(liveness, "_own", None)
    return liveness.begin()


def test_redis_is_told_after_the_commit(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:6379/0"
    sent: list[tuple[object, ...]] = []
    monkeypatch.setattr(tasks, "async_task", lambda *arguments: sent.append(arguments))
    pk = uuid.uuid4()

    with transaction.atomic():
        tasks.wake(pk)
        assert not sent

    assert sent == [("extraction.tasks.run_extraction", str(pk))]


def test_redis_that_is_away_fails_no_caller(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise RedisError("connection refused")

    settings.REDIS_URL = "redis://127.0.0.1:6379/0"
    monkeypatch.setattr(tasks, "async_task", refuse)

    with transaction.atomic():
        extraction = make_extraction()
        tasks.wake(extraction.pk)

    assert Extraction.objects.get() == extraction
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_task_that_stops_unexpectedly_is_logged_and_left_to_the_reconciler(
    own: liveness.Liveness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def stop(_extraction: Extraction) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("extraction.pipeline.prepare_pages", stop)
    extraction = make_extraction()

    tasks.run_extraction(str(extraction.pk))

    extraction.refresh_from_db()
    assert (extraction.state, extraction.worker) == (State.PROCESSING, own.name)
    assert [record.levelno for record in caplog.records if record.name == "extraction.tasks"] == [
        logging.ERROR
    ]


def test_task_after_a_stop_begins_nothing(own: liveness.Liveness) -> None:
    extraction = make_extraction()
    own.stop()

    tasks.run_extraction(str(extraction.pk))

    extraction.refresh_from_db()
    assert (extraction.state, extraction.worker) == (State.QUEUED, None)
