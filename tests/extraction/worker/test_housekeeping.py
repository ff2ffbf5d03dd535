"""What housekeeping does in one round."""

import logging
import threading
import uuid
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

import pytest
from django.db import OperationalError
from django.utils import timezone

from extraction import pipeline
from extraction.documents import temp_dirs
from extraction.worker import housekeeping
from extraction.worker.housekeeping import deliver_mail, run_housekeeping
from logs import emails as error_emails
from logs.handler import spool
from logs.handler.records import row_of
from logs.handler.spool import Spool
from logs.models import ApplicationLog
from ocrsite.lib.clock import ClockWatch
from tests import pyodbc_errors
from tests.extraction.clock import standing_clock
from tests.tokens.rows import KEY, make_token
from tokens import emails as alert_emails
from tokens import journal, key_rotation, ledger, services
from tokens.models import TokenReservation, TokenStatus, TokenUsageLog
from tokens.usage import Usage

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def nothing_fails_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "_failing", {})


AN_HOUR_AGO = timezone.now() - timedelta(hours=1)


def test_housekeeping_lets_tokens_expire() -> None:
    token = make_token(expires_at=AN_HOUR_AGO)

    run_housekeeping()

    token.refresh_from_db()
    assert token.status == TokenStatus.EXPIRED


def test_housekeeping_ingests_the_calls_of_degraded_mode(data_dir: Path) -> None:
    token = make_token()
    record = journal.begin(
        company_id="NT047",
        branch="Default",
        requested_by="asha",
        api_key=KEY,
        ceiling=1_000,
        output_budget=900,
        model="gemini-3.5-flash",
        lease=timedelta(0),
    )
    journal.settle(record, Usage(input_tokens=40, output_tokens=2))

    run_housekeeping()

    row = TokenUsageLog.objects.get(attempt_id=record.attempt_id)
    assert (row.token, row.total_tokens_used) == (token, 42)


def test_housekeeping_ingests_log_records_that_were_spooled(data_dir: Path) -> None:
    record = logging.LogRecord("test", logging.ERROR, __file__, 1, "kept on disk", (), None)
    unwritten = Spool()
    unwritten.append([row_of(record)])
    unwritten.finish()

    run_housekeeping()

    assert ApplicationLog.objects.get().message == "kept on disk"


def test_reservation_of_a_living_call_outlives_a_clock_set_forward(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token = make_token()
    ledger.reserve(
        token.pk,
        attempt_id=uuid.uuid4(),
        amount=100,
        output_budget=0,
        lease=timedelta(minutes=5),
    )
    with standing_clock() as clock:
        monkeypatch.setattr(housekeeping, "_clocks", ClockWatch(housekeeping.PAUSE))
        clock.set_wall_clock(timedelta(hours=1))

        run_housekeeping()
        renewed = TokenReservation.objects.get().leased_until
        assert renewed == timezone.now() + pipeline.reservation_lease()

        clock.shift(timedelta(seconds=2))
        run_housekeeping()
        assert TokenReservation.objects.exists()

        TokenReservation.objects.update(leased_until=timezone.now())
        run_housekeeping()
        assert not TokenReservation.objects.exists()


DUTIES = [
    (temp_dirs, "remove_stale_temp_dirs", "removal of stale temporary files"),
    (ledger, "release_dead", "release of dead reservations"),
    (services, "update_statuses", "update of key statuses"),
    (key_rotation, "encrypt_clear_keys", "encryption of clear keys"),
    (journal, "ingest", "ingestion of the journal"),
    (spool, "ingest", "ingestion of spooled log records"),
]


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which duties were done, in place of doing them."""
    names: list[str] = []
    for module, function, name in DUTIES:
        monkeypatch.setattr(module, function, lambda *_, name=name, **__: names.append(name))
    return names


@pytest.mark.parametrize(("module", "function", "name"), DUTIES)
def test_duty_that_fails_is_logged_once_and_holds_up_no_other(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    done: list[str],
    module: object,
    function: str,
    name: str,
) -> None:
    caplog.set_level(logging.INFO, "extraction.worker.housekeeping")
    everything = [name for *_, name in DUTIES]

    def fail(*_: object, **__: object) -> NoReturn:
        raise OverflowError("a number that no column holds")

    with monkeypatch.context() as failing:
        failing.setattr(module, function, fail)
        for _ in range(3):
            run_housekeeping()
    assert sorted(set(done)) == sorted(set(everything) - {name})
    run_housekeeping()
    run_housekeeping()

    assert set(done) == set(everything)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("ERROR", f"The {name} failed; it is tried again."),
        ("INFO", f"The {name} works again."),
    ]


def test_database_that_is_unreachable_is_waited_for_by_one_duty_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, done: list[str]
) -> None:
    """And is logged once, not every two seconds."""
    monkeypatch.setattr(housekeeping, "HOUSEKEEPING_SECONDS", 0.0)
    rounds = threading.Semaphore(0)

    def fail(*_: object) -> NoReturn:
        rounds.release()
        raise OperationalError("the server is gone")

    monkeypatch.setattr(ledger, "release_dead", fail)
    monkeypatch.setattr(housekeeping, "deliver_mail", lambda: None)

    with housekeeping.housekeeping():
        for _ in range(3):
            assert rounds.acquire(timeout=30)

    assert set(done) == {"removal of stale temporary files"}
    assert caplog.messages == ["The housekeeping failed; it is tried again."]


def test_alerts_that_cannot_be_delivered_do_not_hold_up_the_error_digests(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    delivered: list[bool] = []

    def fail() -> NoReturn:
        raise ValueError("no address")

    monkeypatch.setattr(alert_emails, "deliver_alerts", fail)
    monkeypatch.setattr(error_emails, "deliver_digests", lambda: delivered.append(True))

    deliver_mail()

    assert delivered == [True]
    assert caplog.messages == ["The delivery of alerts failed; it is tried again."]


def test_failure_is_said_once_until_it_is_another_or_over(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "extraction.worker.housekeeping")
    monkeypatch.setattr(housekeeping, "HOUSEKEEPING_SECONDS", 0.0)
    done = threading.Event()
    lost, killed = pyodbc_errors.LINK_LOST.raised(), pyodbc_errors.KILLED.wrapped()
    outcomes = iter([lost, lost, killed, killed, None, killed])

    def duty() -> None:
        for outcome in outcomes:
            if outcome is None:
                return
            raise outcome
        done.set()

    housekeeping._repeat_until(done, duty)

    levels = [record.levelname for record in caplog.records]
    assert levels == ["ERROR", "ERROR", "INFO", "ERROR", "INFO"]
