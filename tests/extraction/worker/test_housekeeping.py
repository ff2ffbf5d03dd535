"""What housekeeping does in one round."""

import logging
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from extraction.worker import housekeeping
from extraction.worker.housekeeping import run_housekeeping
from logs.handler.records import row_of
from logs.handler.spool import Spool
from logs.models import ApplicationLog
from tests import pyodbc_errors
from tests.tokens.rows import KEY, make_token
from tokens import journal
from tokens.models import TokenStatus, TokenUsageLog
from tokens.usage import Usage

pytestmark = pytest.mark.django_db(transaction=True)

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


def test_failure_is_said_once_until_it_is_another_or_over(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
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

    assert [record.levelname for record in caplog.records] == ["ERROR"] * 3
