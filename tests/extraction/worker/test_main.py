"""The worker's main process: when it ends, how, and what becomes of held extractions."""

import logging
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.db import OperationalError
from django.utils import timezone
from django_q.models import Schedule
from pytest_django import Settings
from redis.exceptions import RedisError

from extraction import liveness
from extraction.documents import sandbox
from extraction.models import AttemptOutcome, Extraction, State
from extraction.worker import housekeeping, main
from extraction.worker.reconciler import Reconciler
from extraction.worker.watchdog import Watchdog
from ocrsite.lib import database_guard
from tests import pyodbc_errors
from tests.extraction.factories import make_extraction
from tests.tokens.rows import make_token
from tokens import installation, services
from tokens.models import DEFAULT_LIMIT, AlertSubscription, TokenUsageLog

pytestmark = pytest.mark.django_db(transaction=True)


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
def cluster(monkeypatch: pytest.MonkeyPatch, restored_signals: None) -> FakeCluster:
    fake = FakeCluster()
    monkeypatch.setattr(main, "WorkerCluster", lambda _liveness: fake)
    monkeypatch.setattr(main, "RECONCILE_SECONDS", 0.0)
    monkeypatch.setattr(main, "STOP_POLL_SECONDS", 0.0)
    monkeypatch.setattr(sandbox, "loaded_once", lambda *_: nullcontext())  # nothing is forked
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


def assert_requeued(extraction: Extraction) -> None:
    """It goes on at the next start, its call is charged, and no death is counted."""
    extraction.refresh_from_db()
    assert (extraction.state, extraction.deaths) == (State.WAITING, 0)
    assert extraction.due_at <= timezone.now()
    attempt = extraction.attempt_set.get()
    assert (attempt.outcome, attempt.code) == (AttemptOutcome.UNKNOWN, "worker_stopped")
    charge = TokenUsageLog.objects.get(attempt_id=attempt.pk)
    assert (charge.total_tokens_used, charge.estimated) == (700, True)


def test_sigterm_ends_the_reconciler_and_then_the_cluster(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = []

    def one_round(_: Reconciler) -> None:
        rounds.append(1)
        if len(rounds) == 3:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(Reconciler, "round", one_round)

    assert main.run_worker() == 0
    assert len(rounds) == 3
    assert (cluster.asked, cluster.killed) == (1, 0)
    assert liveness.is_stopping()
    assert set(Schedule.objects.values_list("name", flat=True)) == {
        "audit_ledger",
        "gather_errors",
        "purge_audit",
        "purge_deleted",
        "purge_files",
        "purge_logs",
        "purge_orphans",
        "purge_retries",
        "purge_rows",
    }


@pytest.fixture
def nothing_refused_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_guard, "_reason", None)
    monkeypatch.setattr(database_guard, "_when_refused", [])
    # Else the test itself could ask SQLite nothing afterwards.
    monkeypatch.setattr("ocrsite.lib.sqlite.base.require_accepted", lambda: None)


@pytest.mark.usefixtures("nothing_refused_yet")
def test_worker_does_not_start_on_a_database_that_is_refused(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation, "problem", lambda: "It is another one.")

    assert main.run_worker() == 1
    assert not Schedule.objects.exists()
    assert (cluster.asked, cluster.killed) == (0, 0)


@pytest.mark.usefixtures("nothing_refused_yet")
def test_worker_whose_database_is_refused_ends_at_once_and_hands_nothing_back(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[Extraction] = []

    def one_round(_: Reconciler) -> None:
        held.append(hold_one())
        database_guard.refuse("It was replaced.")
        database_guard.require_accepted()

    monkeypatch.setattr(Reconciler, "round", one_round)

    assert main.run_worker() == 1
    assert (cluster.asked, cluster.killed) == (0, 1)
    held[0].refresh_from_db()
    assert held[0].state == State.PROCESSING


@pytest.mark.usefixtures("stop_at_once")
def test_call_that_outlasts_a_stop_is_requeued(cluster: FakeCluster, settings: Settings) -> None:
    settings.STOP_SECONDS = 0
    cluster.ends_when_asked = False
    held: list[Extraction] = []
    cluster.when_asked = lambda: held.append(hold_one())

    assert main.run_worker() == 0
    assert cluster.killed == 1
    assert_requeued(held[0])


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
    assert_requeued(held[0])


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
def test_what_cannot_be_requeued_is_left_to_its_lease(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(_name: str) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(Extraction.objects, "held_by", away)

    assert main.run_worker() == 0
    assert [
        record.levelno for record in caplog.records if record.name == "extraction.worker.main"
    ] == [logging.ERROR]


def test_dead_cluster_ends_the_worker_with_an_error_and_requeues(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[Extraction] = []

    def die(_: Reconciler) -> None:
        held.append(hold_one())
        cluster.alive = False

    monkeypatch.setattr(Reconciler, "round", die)

    assert main.run_worker() == 1
    assert_requeued(held[0])


def test_hanging_cluster_is_killed_and_ends_the_worker_with_an_error(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.ends_when_asked = False
    monkeypatch.setattr(Watchdog, "hangs", lambda _: True)

    assert main.run_worker() == 1
    assert cluster.killed == 1
    assert logging.CRITICAL in [record.levelno for record in caplog.records]


def test_no_process_outlives_a_worker_that_fails(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Reconciler, _broker: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Reconciler, "__init__", fail)

    with pytest.raises(RuntimeError, match="a bug"):
        main.run_worker()
    assert cluster.killed == 1


@pytest.mark.parametrize(
    "problem",
    [
        OperationalError("away"),
        RedisError("away"),
        pyodbc_errors.KILLED.wrapped(),
        pyodbc_errors.LINK_LOST.raised(),
        RuntimeError("a bug"),
    ],
)
def test_reconciler_goes_on_after_any_failure_and_says_so_once(
    problem: Exception,
    cluster: FakeCluster,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    rounds = []

    def one_round(_: Reconciler) -> None:
        rounds.append(1)
        if len(rounds) < 4:
            raise problem
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(Reconciler, "round", one_round)

    assert main.run_worker() == 0
    assert len(rounds) == 4
    # Logged once, however long it is away.
    assert [
        record.levelno for record in caplog.records if record.name == "extraction.worker.main"
    ] == [
        logging.ERROR,
        logging.INFO,
    ]


def test_reconciler_goes_on_while_the_housekeeping_waits_or_fails(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "HOUSEKEEPING_SECONDS", 0.0)
    rounds, done = threading.Semaphore(0), threading.Event()
    outcomes = iter([RuntimeError("the mail server hung up")])

    def run_housekeeping() -> None:
        for error in outcomes:
            raise error
        if not done.is_set():
            for _ in range(3):  # rounds go by meanwhile
                assert rounds.acquire(timeout=30)
            done.set()

    def one_round(_: Reconciler) -> None:
        rounds.release()
        if done.is_set():
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(housekeeping, "run_housekeeping", run_housekeeping)
    monkeypatch.setattr(Reconciler, "round", one_round)

    assert main.run_worker() == 0
    assert not [thread for thread in threading.enumerate() if thread.name == "housekeeping"]


@pytest.mark.usefixtures("cluster")
def test_worker_mails_alerts(
    settings: Settings, mailoutbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EMAIL_HOST = "mail.example.com"
    user = User.objects.create_superuser("sita", "sita@example.com")
    AlertSubscription.objects.create(user=user, threshold_alerts=True)
    services.mark_exceeded(token_id=make_token().pk, smallest_call=DEFAULT_LIMIT + 1)
    done = threading.Event()

    def one_round(_: Reconciler) -> None:
        if mailoutbox and done.is_set():
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(housekeeping, "run_housekeeping", done.set)
    monkeypatch.setattr(Reconciler, "round", one_round)

    assert main.run_worker() == 0
    assert len(mailoutbox) == 1


def test_what_each_process_needs_for_its_first_document_is_loaded_before_the_fork() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _AFTER_LOADING],
        cwd=django_settings.BASE_DIR,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "ocrsite.settings"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == ["True"] * 4


_AFTER_LOADING = """
import sys, django
django.setup()
from extraction.worker.main import _load_readers
_load_readers()
from google.genai import types
from extraction.invoices.schema import Invoice
print("pdf2image" in sys.modules, "PIL.JpegImagePlugin" in sys.modules)
print(types.GenerateContentResponse.__pydantic_complete__, Invoice.__pydantic_complete__)
"""
