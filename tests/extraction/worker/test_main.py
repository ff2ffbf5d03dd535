"""The worker command around the cluster: when it ends, how, and what it leaves behind."""

import logging
import signal
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone
from django_q import signals
from django_q.models import Schedule
from pytest_django import Settings
from redis.exceptions import RedisError

from extraction import liveness, tasks
from extraction.heartbeat import heartbeat
from extraction.models import AttemptOutcome, Extraction, State
from extraction.worker import main
from extraction.worker.cluster import WorkerCluster
from extraction.worker.reconciler import Reconciler
from extraction.worker.watchdog import Watchdog
from logs.handler.records import row_of
from logs.handler.spool import Spool
from logs.models import ApplicationLog
from tests.extraction.factories import make_extraction
from tests.tokens.rows import KEY, make_token
from tokens import journal
from tokens.models import DEFAULT_LIMIT, TokenMaster, TokenStatus, TokenUsageLog
from tokens.models.alerts import AlertSubscription
from tokens.usage import Usage

pytestmark = pytest.mark.django_db(transaction=True)

AN_HOUR_AGO = timezone.now() - timedelta(hours=1)


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
    monkeypatch.setattr("extraction.heartbeat.LEASE", timedelta(milliseconds=40))
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

    with heartbeat(extraction):
        assert renewed.wait(30)

    assert not Extraction.objects.abandoned().exists()


def test_heart_stops_beating_when_the_lease_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extraction.heartbeat.LEASE", timedelta(milliseconds=4))
    lost = make_extraction()

    with heartbeat(lost):
        hearts = [thread for thread in threading.enumerate() if thread.name == "lease"]
        for heart in hearts:
            heart.join(30)

    assert len(hearts) == 1
    assert not hearts[0].is_alive()


@pytest.fixture(autouse=True)
def no_worker() -> Iterator[None]:
    """This process belongs to no worker, before and after."""
    yield
    liveness._own = None


def test_task_after_a_stop_begins_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    extraction = make_extraction()
    liveness.begin().stop()

    tasks.run_extraction(str(extraction.pk))

    extraction.refresh_from_db()
    assert (extraction.state, extraction.worker) == (State.QUEUED, None)


def test_claim_is_stamped_with_its_worker() -> None:
    own = liveness.begin()

    claimed = Extraction.objects.claim(make_extraction().pk)

    assert claimed is not None
    assert claimed.worker == own.name
    assert Extraction.objects.held_by(own.name).get() == claimed


def test_pulse_is_told_by_the_processes_of_the_cluster(
    restored_signals: None, settings: Settings
) -> None:
    own = liveness.Liveness()
    cluster = WorkerCluster(own)

    signals.pre_execute.send("django_q", func=None, task={"func": tasks.TASK})
    assert (own.taken_at > 0, own.other_taken_at) == (True, 0)
    signals.pre_execute.send("django_q", func=None, task={"func": "logs.retention.purge"})
    signals.post_execute_in_worker.send("django_q", func=None, task={})
    assert own.other_taken_at >= own.done_at - 1 > 0
    assert own.acknowledged_at == 0
    signals.post_execute.send("django_q", task={})
    assert own.acknowledged_at >= own.done_at
    del cluster


class FakeCluster:
    """Stands in for django-q2's processes, which a test process must not fork."""

    def __init__(self) -> None:
        self.alive = True
        self.asked = 0
        self.killed = 0
        self.ends_when_asked = True
        self.when_asked: Callable[[], None] = lambda: None

    def start(self) -> None: ...

    def is_alive(self) -> bool:
        return self.alive

    def ask_to_stop(self) -> None:
        self.asked += 1
        self.alive = not self.ends_when_asked
        self.when_asked()

    def kill(self) -> None:
        self.killed += self.alive
        self.alive = False


@pytest.fixture
def restored_signals() -> Iterator[None]:
    """Put the test runner's own handlers back."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, restored_signals: None) -> FakeCluster:
    fake = FakeCluster()
    monkeypatch.setattr(main, "WorkerCluster", lambda _pulse: fake)
    monkeypatch.setattr(main, "RECONCILE_SECONDS", 0.0)
    monkeypatch.setattr(main, "STOP_POLL_SECONDS", 0.0)
    return fake


@pytest.fixture
def stop_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reconciler, "round", lambda _: signal.raise_signal(signal.SIGTERM))


def hold_one(**fields: object) -> Extraction:
    """Have the worker of this process work on an extraction, in the middle of a call."""
    extraction = make_extraction(
        state=State.PROCESSING,
        worker=liveness.worker_name(),
        lease_id=uuid.uuid4(),
        leased_until=timezone.now() + timedelta(seconds=20),
        **fields,
    )
    extraction.attempt_set.create(number=1, token=make_token(), model="m", reserved=700)
    return extraction


def assert_handed_back(extraction: Extraction) -> None:
    """It goes on at the next start, its call is charged, and nothing is held against it."""
    extraction.refresh_from_db()
    assert (extraction.state, extraction.deaths) == (State.WAITING, 0)
    assert extraction.due_at <= timezone.now()
    attempt = extraction.attempt_set.get()
    assert (attempt.outcome, attempt.code) == (AttemptOutcome.UNKNOWN, "worker_stopped")
    charge = TokenUsageLog.objects.get(attempt_id=attempt.pk)
    assert (charge.total_tokens_used, charge.estimated) == (700, True)


def test_sigterm_ends_the_sweep_and_then_the_cluster(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = []

    def sweep(_: Reconciler) -> None:
        rounds.append(1)
        if len(rounds) == 3:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(Reconciler, "round", sweep)

    assert main.run_worker() == 0
    assert len(rounds) == 3
    assert (cluster.asked, cluster.killed) == (1, 0)
    assert liveness.is_stopping()
    assert set(Schedule.objects.values_list("name", flat=True)) == {
        "audit_ledger",
        "gather_errors",
        "purge_files",
        "purge_logs",
        "purge_retries",
    }


@pytest.mark.usefixtures("stop_at_once")
def test_call_that_outlasts_a_stop_is_handed_back(cluster: FakeCluster, settings: Settings) -> None:
    settings.STOP_SECONDS = 0
    cluster.ends_when_asked = False
    held: list[Extraction] = []
    cluster.when_asked = lambda: held.append(hold_one())

    assert main.run_worker() == 0
    assert cluster.killed == 1
    assert_handed_back(held[0])


@pytest.mark.usefixtures("stop_at_once")
def test_second_signal_hurries_a_stop(cluster: FakeCluster, settings: Settings) -> None:
    settings.STOP_SECONDS = 3600
    cluster.ends_when_asked = False
    held: list[Extraction] = []

    def begin_and_interrupt() -> None:
        held.append(hold_one())
        signal.raise_signal(signal.SIGINT)

    cluster.when_asked = begin_and_interrupt

    assert main.run_worker() == 0
    assert cluster.killed == 1
    assert_handed_back(held[0])


@pytest.mark.usefixtures("stop_at_once")
def test_idle_cluster_that_does_not_end_is_killed_before_the_deadline(
    cluster: FakeCluster, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.STOP_SECONDS = 3600
    monkeypatch.setattr(main, "IDLE_END_SECONDS", 0.0)
    cluster.ends_when_asked = False

    assert main.run_worker() == 0
    assert cluster.killed == 1


@pytest.mark.usefixtures("stop_at_once")
def test_stop_waits_for_a_running_call(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main, "IDLE_END_SECONDS", 0.0)
    cluster.ends_when_asked = False
    looks = 0
    held_by = Extraction.objects.held_by
    held: list[Extraction] = []
    cluster.when_asked = lambda: held.append(hold_one())

    def look(name: str) -> object:
        nonlocal looks
        looks += 1
        if looks == 2:
            raise OperationalError("away, so perhaps it runs on")
        if looks == 4:
            Extraction.objects.end(held[0], State.SUCCEEDED)
        return held_by(name)

    monkeypatch.setattr(Extraction.objects, "held_by", look)

    assert main.run_worker() == 0
    held[0].refresh_from_db()
    assert held[0].state == State.SUCCEEDED


@pytest.mark.usefixtures("stop_at_once")
def test_what_cannot_be_handed_back_is_left_to_its_lease(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(_name: str) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(Extraction.objects, "held_by", away)

    assert main.run_worker() == 0
    assert [
        record.levelno for record in caplog.records if record.name == "extraction.worker.main"
    ] == [logging.ERROR]


def test_dead_cluster_ends_the_worker_with_an_error_and_hands_back(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[Extraction] = []

    def die(_: Reconciler) -> None:
        held.append(hold_one())
        cluster.alive = False

    monkeypatch.setattr(Reconciler, "round", die)

    assert main.run_worker() == 1
    assert_handed_back(held[0])


def test_hanging_cluster_is_killed_and_ends_the_worker_with_an_error(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.ends_when_asked = False
    monkeypatch.setattr(Watchdog, "hangs", lambda _: True)

    assert main.run_worker() == 1
    assert cluster.killed == 1
    assert logging.CRITICAL in [record.levelno for record in caplog.records]


def test_nothing_outlives_a_worker_that_breaks(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(_: Reconciler) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Reconciler, "round", stumble)

    with pytest.raises(RuntimeError, match="a bug"):
        main.run_worker()
    assert cluster.killed == 1


@pytest.mark.parametrize("problem", [OperationalError("away"), RedisError("away")])
def test_sweep_goes_on_after_database_or_queue_was_away(
    problem: Exception,
    cluster: FakeCluster,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    rounds = []

    def sweep(_: Reconciler) -> None:
        rounds.append(1)
        if len(rounds) < 4:
            raise problem
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(Reconciler, "round", sweep)

    assert main.run_worker() == 0
    assert len(rounds) == 4
    # Told once, however long it is away.
    assert [
        record.levelno for record in caplog.records if record.name == "extraction.worker.main"
    ] == [
        logging.ERROR,
        logging.INFO,
    ]


def test_sweep_goes_on_while_the_housekeeping_waits_or_fails(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main, "HOUSEKEEPING_SECONDS", 0.0)
    swept, house_kept = threading.Semaphore(0), threading.Event()
    outcomes = iter([RuntimeError("the mail server hung up")])

    def run_housekeeping() -> None:
        for error in outcomes:
            raise error
        if not house_kept.is_set():
            for _ in range(3):  # rounds go by meanwhile
                assert swept.acquire(timeout=30)
            house_kept.set()

    def sweep(_: Reconciler) -> None:
        swept.release()
        if house_kept.is_set():
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(main, "run_housekeeping", run_housekeeping)
    monkeypatch.setattr(Reconciler, "round", sweep)

    assert main.run_worker() == 0
    assert not [thread for thread in threading.enumerate() if thread.name == "housekeeping"]


def test_housekeeping_lets_tokens_expire() -> None:
    token = make_token(expires_at=AN_HOUR_AGO)

    main.run_housekeeping()

    token.refresh_from_db()
    assert token.status == TokenStatus.EXPIRED


@pytest.mark.usefixtures("cluster")
def test_worker_mails_alerts(
    settings: Settings, mailoutbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EMAIL_HOST = "mail.example.com"
    user = User.objects.create_superuser("sita", "sita@example.com")
    AlertSubscription.objects.create(user=user, threshold_alerts=True)
    TokenMaster.objects.mark_spent(make_token().pk, DEFAULT_LIMIT + 1)
    house_kept = threading.Event()

    def sweep(_: Reconciler) -> None:
        if mailoutbox and house_kept.is_set():
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(main, "run_housekeeping", house_kept.set)
    monkeypatch.setattr(Reconciler, "round", sweep)

    assert main.run_worker() == 0
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

    main.run_housekeeping()

    row = TokenUsageLog.objects.get(attempt_id=record.attempt_id)
    assert (row.token, row.total_tokens_used) == (token, 42)


def test_housekeeping_ingests_log_records_that_the_database_did_not_take(data_dir: Path) -> None:
    record = logging.LogRecord("test", logging.ERROR, __file__, 1, "kept on disk", (), None)
    unwritten = Spool()
    unwritten.append([row_of(record)])
    unwritten.finish()

    main.run_housekeeping()

    assert ApplicationLog.objects.get().message == "kept on disk"
