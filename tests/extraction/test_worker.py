"""The sweep reads the rows, which are the truth: a lost message costs nothing."""

import logging
import signal
import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import OrmQ, Schedule
from pytest_django import Settings

from extraction import lease, tasks, worker
from extraction.models import Extraction, State
from tests.extraction.factories import make_extraction
from tests.tokens.rows import KEY, make_token
from tokens import journal
from tokens.alerts import AlertSubscription
from tokens.models import DEFAULT_LIMIT, TokenMaster, TokenStatus, TokenUsageLog
from tokens.usage import Usage

pytestmark = pytest.mark.django_db(transaction=True)

AN_HOUR_AGO = timezone.now() - timedelta(hours=1)


def messages() -> list[str]:
    """The ids that the queue would wake."""
    return [row.task["args"][0] for row in OrmQ.objects.order_by("pk")]


def sweep() -> None:
    worker.sweep(get_broker())


def test_due_extraction_is_queued_and_woken_once() -> None:
    extraction = make_extraction(state=State.WAITING)

    sweep()
    sweep()

    extraction.refresh_from_db()
    assert extraction.state == State.QUEUED
    assert messages() == [str(extraction.pk)]


def test_extraction_that_is_not_due_sleeps_on() -> None:
    make_extraction(state=State.WAITING, due_at=timezone.now() + timedelta(hours=1))

    sweep()

    assert not messages()


def test_abandoned_extraction_is_taken_up_and_woken() -> None:
    extraction = make_extraction(
        state=State.PROCESSING, lease_id=uuid.uuid4(), leased_until=AN_HOUR_AGO
    )

    sweep()

    extraction.refresh_from_db()
    assert (extraction.state, extraction.deaths) == (State.QUEUED, 1)
    assert messages() == [str(extraction.pk)]


def test_lost_message_is_sent_again() -> None:
    extraction = make_extraction(due_at=AN_HOUR_AGO)

    sweep()
    sweep()

    assert messages() == [str(extraction.pk)]


def test_backlog_is_left_alone() -> None:
    make_extraction(due_at=AN_HOUR_AGO)
    make_extraction(due_at=AN_HOUR_AGO)
    first = make_extraction()
    tasks.wake(first.pk)

    sweep()

    assert messages() == [str(first.pk)]


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


def test_task_that_stops_unexpectedly_is_logged_and_left_to_the_sweep(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def stop(_extraction: Extraction) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("extraction.pipeline.prepare_pages", stop)
    extraction = make_extraction()

    tasks.run_extraction(str(extraction.pk))

    extraction.refresh_from_db()
    assert extraction.state == State.PROCESSING
    assert [record.levelno for record in caplog.records if record.name == "extraction.tasks"] == [
        logging.ERROR
    ]


def test_lease_is_renewed_while_the_work_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "LEASE", timedelta(milliseconds=40))
    renewed = threading.Event()
    renew_lease = Extraction.objects.renew_lease
    outcomes = iter([InterfaceError("gone for a moment")])

    def renew(extraction: Extraction) -> bool:
        for error in outcomes:
            raise error
        renewed.set()
        return renew_lease(extraction)

    monkeypatch.setattr(Extraction.objects, "renew_lease", renew)
    extraction = Extraction.objects.claim(make_extraction().pk)
    assert extraction is not None
    Extraction.objects.update(leased_until=AN_HOUR_AGO)

    with lease.kept(extraction):
        assert renewed.wait(30)

    assert not Extraction.objects.abandoned().exists()


def test_heart_stops_beating_when_the_lease_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "LEASE", timedelta(milliseconds=4))
    lost = make_extraction()

    with lease.kept(lost):
        hearts = [thread for thread in threading.enumerate() if thread.name == "lease"]
        for heart in hearts:
            heart.join(30)

    assert len(hearts) == 1
    assert not hearts[0].is_alive()


class FakeCluster:
    """Stands in for django-q2's processes, which a test process must not fork."""

    def __init__(self) -> None:
        self.sentinel = self
        self.alive = True
        self.stopped = False

    def start(self) -> None: ...

    def is_alive(self) -> bool:
        return self.alive

    def stop(self) -> None:
        self.stopped = True


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCluster]:
    fake = FakeCluster()
    monkeypatch.setattr(worker, "Cluster", lambda: fake)
    monkeypatch.setattr(worker, "SWEEP_SECONDS", 0.0)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield fake
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_sigterm_ends_the_sweep_and_then_the_cluster(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = []

    def sweep(_broker: object) -> None:
        rounds.append(1)
        if len(rounds) == 3:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(worker, "sweep", sweep)

    assert worker.run_worker() == 0
    assert len(rounds) == 3
    assert cluster.stopped
    assert set(Schedule.objects.values_list("name", flat=True)) == {"purge_logs", "audit_ledger"}


def test_dead_cluster_ends_the_worker_with_an_error(cluster: FakeCluster) -> None:
    cluster.alive = False

    assert worker.run_worker() == 1


def test_sweep_goes_on_after_the_database_was_away(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rounds = []
    failures: dict[int, Exception] = {
        1: OperationalError("away"),
        2: InterfaceError("closed"),
        4: OperationalError("away again"),
    }

    def sweep(_broker: object) -> None:
        rounds.append(1)
        if error := failures.get(len(rounds)):
            raise error
        if len(rounds) == 5:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(worker, "sweep", sweep)

    assert worker.run_worker() == 0
    assert len(rounds) == 5
    # One record for each absence.
    assert [r.levelname for r in caplog.records if r.name == worker.__name__] == ["ERROR"] * 2


def test_housekeeping_lets_tokens_expire() -> None:
    token = make_token(expires_at=AN_HOUR_AGO)

    worker.keep_house()

    token.refresh_from_db()
    assert token.status == TokenStatus.EXPIRED


def test_housekeeping_mails_alerts(settings: Settings, mailoutbox: list[EmailMessage]) -> None:
    settings.EMAIL_HOST = "mail.example.com"
    user = User.objects.create_superuser("sita", "sita@example.com")
    AlertSubscription.objects.create(user=user, threshold_alerts=True)
    TokenMaster.objects.mark_spent(make_token().pk, DEFAULT_LIMIT + 1)

    worker.keep_house()

    assert len(mailoutbox) == 1


def test_housekeeping_enters_what_was_called_while_the_database_was_away(data_dir: Path) -> None:
    token = make_token()
    record = journal.begin(
        company_id="NT047",
        branch="Default",
        requested_by="asha",
        api_key=KEY,
        ceiling=1_000,
        lease=timedelta(0),
    )
    journal.settle(record, Usage(input_tokens=40, output_tokens=2))

    worker.keep_house()

    row = TokenUsageLog.objects.get(attempt_id=record.attempt_id)
    assert (row.token, row.total_tokens_used) == (token, 42)
