"""The journal: on disk before the call, in the ledger once, whatever crashes in between."""

import json
import logging
import stat
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.db import DataError, IntegrityError, OperationalError, connection
from django.utils import timezone
from pytest_django import Settings

from tests.outages import database_away
from tests.tokens.rows import KEY, make_token
from tokens import encryption, journal
from tokens.journal import Record
from tokens.ledger_audit import audit_ledger
from tokens.models import (
    LedgerAlert,
    ModelPrice,
    ThresholdAlert,
    TokenStatus,
    TokenUsageLog,
    TokenUsageSummary,
    UsageSummaryRow,
)
from tokens.usage import Usage

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.vendor]

LEASE = timedelta(minutes=5)
USAGE = Usage(
    input_tokens=1090,
    output_tokens=150,
    thinking_tokens=100,
    cached_tokens=40,
    text_prompt_tokens=58,
    image_prompt_tokens=1032,
    text_candidates_tokens=150,
)


# 1,050 × 1.50 + 40 × 0.15 + 250 × 9.00 for a million
COST = Decimal("0.003831")


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path
    return tmp_path / "journal"


def begin(**fields: Any) -> Record:
    given: dict[str, Any] = {
        "company_id": "NT047",
        "branch": "North",
        "requested_by": "asha",
        "api_key": KEY,
        "ceiling": 12_000,
        "output_budget": 10_000,
        "model": "gemini-3.5-flash",
        "lease": LEASE,
    }
    return journal.begin(**{**given, **fields})


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_call_is_recorded_before_it_is_made_without_its_key_and_readable_by_its_owner_alone(
    folder: Path,
) -> None:
    with database_away():
        record = begin()

    path = folder / f"{record.attempt_id}.json"
    assert files(folder) == [path.name]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert KEY not in path.read_text()
    assert json.loads(path.read_text())["key_fingerprint"] == encryption.fingerprint(KEY)


def test_call_with_a_key_that_the_company_does_not_have_is_charged_once_without_a_key(
    folder: Path,
) -> None:
    make_token(company_id="OTHER")
    record = begin()
    journal.settle(record, USAGE)

    assert journal.ingest() == 1
    assert journal.ingest() == 0

    row = TokenUsageLog.objects.get()
    assert (row.token, row.attempt_id, row.company_id) == (None, record.attempt_id, "NT047")
    assert (row.branch, row.requested_by, row.estimated) == ("North", "asha", False)
    assert (row.input_tokens, row.output_tokens, row.thinking_tokens) == (1090, 150, 100)
    assert (row.text_prompt_tokens, row.image_prompt_tokens) == (58, 1032)
    assert (row.cached_tokens, row.text_candidates_tokens) == (40, 150)
    assert (row.total_tokens_used, row.request_count) == (1340, 1)
    assert (row.key_fingerprint, row.logged_at) == (encryption.fingerprint(KEY), record.called_at)
    assert (row.model, row.cost, row.currency) == ("gemini-3.5-flash", COST, "USD")
    assert files(folder) == []
    assert UsageSummaryRow.objects.get(company_id="NT047").total_tokens_used == 1340
    assert audit_ledger() == []


def test_call_is_charged_to_the_row_of_its_key() -> None:
    make_token(api_key="another-key-of-the-company")
    token = make_token(total_token_limit=4_000)
    record = begin()
    journal.settle(record, USAGE)

    assert journal.ingest() == 1

    row = TokenUsageLog.objects.get()
    assert (row.token, row.total_tokens_used, row.estimated) == (token, 1340, False)
    assert (row.model, row.cost, row.currency) == ("gemini-3.5-flash", COST, "USD")
    assert (row.key_fingerprint, row.logged_at) == (encryption.fingerprint(KEY), record.called_at)
    assert TokenUsageSummary.objects.get(token=token).total_used_tokens == 1340
    assert ThresholdAlert.objects.get().token == token
    assert audit_ledger() == []


@pytest.mark.parametrize("known", [True, False])
def test_call_whose_bill_is_unknown_is_charged_at_its_ceiling_as_estimated(known: bool) -> None:
    token = make_token() if known else None
    journal.settle_unknown(begin())

    assert journal.ingest() == 1

    row = TokenUsageLog.objects.get()
    assert (row.token, row.total_tokens_used, row.estimated) == (token, 12_000, True)
    assert (row.cost, row.currency) == (Decimal("0.093"), "USD")  # 2,000 × 1.50 + 10,000 × 9.00
    assert row.key_fingerprint == encryption.fingerprint(KEY)


@pytest.mark.parametrize("known", [True, False])
def test_cost_is_that_of_the_moment_of_the_call(known: bool) -> None:
    if known:
        make_token()
    journal.settle(begin(), USAGE)
    ModelPrice.objects.create(
        model="gemini-3.5-flash", valid_from=timezone.now(), input=100, cached_input=1, output=100
    )

    journal.ingest()

    assert TokenUsageLog.objects.get().cost == COST


@pytest.mark.parametrize("known", [True, False])
def test_record_of_an_earlier_version_is_charged_without_a_cost(folder: Path, known: bool) -> None:
    if known:
        make_token()
    journal.settle(begin(), USAGE)
    [path] = folder.glob("*.json")
    record = json.loads(path.read_text())
    del record["model"], record["output_budget"]
    path.write_text(json.dumps(record))

    assert journal.ingest() == 1

    row = TokenUsageLog.objects.get()
    assert (row.total_tokens_used, row.model, row.cost, row.currency) == (1340, None, None, None)
    assert not LedgerAlert.objects.exists()


@pytest.mark.parametrize("known", [True, False])
def test_call_of_a_model_without_a_price_is_charged_and_told(known: bool) -> None:
    if known:
        make_token()
    journal.settle(begin(model="unheard-of"), USAGE)

    assert journal.ingest() == 1

    row = TokenUsageLog.objects.get()
    assert (row.total_tokens_used, row.model, row.cost) == (1340, "unheard-of", None)
    assert "unheard-of has no price" in LedgerAlert.objects.get().findings


def test_charge_above_the_limit_turns_the_key_to_exceeded() -> None:
    token = make_token(total_token_limit=1_000)
    journal.settle(begin(), USAGE)

    journal.ingest()

    token.refresh_from_db()
    assert token.status == TokenStatus.EXCEEDED


def test_call_that_cost_nothing_leaves_no_record(folder: Path) -> None:
    journal.release(begin())

    assert files(folder) == []
    assert journal.ingest() == 0


def test_call_that_may_still_run_is_not_charged_before_its_lease_has_run_out(folder: Path) -> None:
    record = begin()

    with time_machine.travel(record.called_at + LEASE - timedelta(seconds=1), tick=False):
        assert journal.ingest() == 0
        assert files(folder)
    with time_machine.travel(record.called_at + LEASE, tick=False):
        assert journal.ingest() == 1

    row = TokenUsageLog.objects.get()
    assert (row.total_tokens_used, row.estimated) == (12_000, True)


def test_bill_that_comes_after_the_estimate_charges_nothing_more(folder: Path) -> None:
    record = begin(lease=timedelta(0))
    journal.ingest()

    journal.settle(record, USAGE)

    assert journal.ingest() == 0
    assert TokenUsageLog.objects.get().total_tokens_used == 12_000
    assert files(folder) == []


@pytest.mark.parametrize("known", [True, False])
def test_crash_between_the_charge_and_the_removal_charges_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    if known:
        make_token()
    journal.settle(begin(), USAGE)
    with monkeypatch.context() as crash:
        crash.setattr(Path, "unlink", _crash)
        with pytest.raises(KeyboardInterrupt):
            journal.ingest()
    assert len(files(folder)) == 1

    assert journal.ingest() == 0

    assert TokenUsageLog.objects.get().total_tokens_used == 1340
    assert files(folder) == []


def _crash(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_record_stays_when_the_database_goes_away_again(folder: Path) -> None:
    make_token()
    journal.settle(begin(), USAGE)

    def fail(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("UPDATE") and "LoggedAt" in sql:
            raise OperationalError("the server closed the connection")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fail), pytest.raises(OperationalError):
        journal.ingest()

    assert len(files(folder)) == 1
    assert not TokenUsageLog.objects.exists()
    assert TokenUsageSummary.objects.get().total_used_tokens == 0


def test_crash_while_writing_leaves_the_earlier_record(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = begin(lease=timedelta(0))
    with monkeypatch.context() as crash:
        crash.setattr(Path, "replace", _crash)
        with pytest.raises(KeyboardInterrupt):
            journal.settle(record, USAGE)

    assert journal.ingest() == 1
    assert TokenUsageLog.objects.get().estimated


def valid(**changes: Any) -> str:
    """The text of a record, with changed fields; with a usage that is merged into the real one."""
    record = begin(lease=timedelta(0))
    journal.settle(record, USAGE)
    path = Path(settings.DATA_DIR) / "journal" / f"{record.attempt_id}.json"
    content = json.loads(path.read_text())
    path.unlink()
    content["usage"].update(changes.pop("usage", {}))
    return json.dumps({**content, **changes})


BAD_RECORDS: dict[str, Callable[[], str]] = {
    "cut off": lambda: valid()[:-20],
    "empty": lambda: "",
    "without a company": lambda: valid(company_id=None),
    "with a time in no zone": lambda: valid(leased_until="2026-11-27T10:00:00", ended=False),
    "that would lower what was used": lambda: valid(usage={"input_tokens": -5_000}),
    "beyond 64 bits": lambda: valid(usage={"output_tokens": 2**63}),
    "absurd": lambda: valid(usage={"output_tokens": 2**62}),
    "absurd where the bill is unknown": lambda: valid(usage={}, ceiling=2**62),
}


@pytest.mark.parametrize("kind", BAD_RECORDS)
def test_bad_record_is_set_aside_with_an_alert_and_does_not_hold_up_the_others(
    folder: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    make_token()
    bad = BAD_RECORDS[kind]()
    folder.mkdir(exist_ok=True)
    (folder / "0-bad.json").write_text(bad)
    good = begin()
    journal.settle(good, USAGE)

    assert [journal.ingest(), journal.ingest()] == [1, 0]

    assert TokenUsageLog.objects.get().attempt_id == good.attempt_id
    assert files(folder) == ["rejected"]
    assert (folder / "rejected" / "0-bad.json").read_text() == bad
    assert_staff_are_told_once(caplog)


@pytest.mark.parametrize("error", [DataError, IntegrityError, OverflowError, ValueError])
@pytest.mark.parametrize("known", [True, False])
def test_record_that_the_database_rejects_is_set_aside_and_changes_nothing(
    folder: Path, caplog: pytest.LogCaptureFixture, error: type[Exception], known: bool
) -> None:
    if known:
        make_token()
    bad, good = begin(branch="Bad"), begin(branch="Good")
    for record in (bad, good):
        journal.settle(record, USAGE)
    (folder / f"{bad.attempt_id}.json").rename(folder / "0-bad.json")

    def reject(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("INSERT") and "TokenUsageLogs" in sql and "Bad" in params:
            raise error("rejected")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(reject):
        assert [journal.ingest(), journal.ingest()] == [1, 0]

    assert TokenUsageLog.objects.get().branch == "Good"
    assert files(folder) == ["rejected"]
    assert_staff_are_told_once(caplog)


def assert_staff_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    sentence = (
        "A call is not charged: DATA_DIR/journal/rejected/0-bad.json cannot be ingested. "
        "Mend it and move it back to DATA_DIR/journal, or remove it."
    )
    (error,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert error.getMessage().startswith(sentence)
    assert LedgerAlert.objects.get().findings == sentence
    # As long as it is there the audit finds it, and raises no second alert.
    assert audit_ledger() == [sentence]
    assert LedgerAlert.objects.get().resolved_at is None


def test_record_that_was_mended_is_charged_and_its_alert_is_resolved(folder: Path) -> None:
    text = valid()
    (folder / "0-bad.json").write_text(text[:-1])
    journal.ingest()

    (folder / "rejected" / "0-bad.json").unlink()
    (folder / "0-bad.json").write_text(text)

    assert journal.ingest() == 1
    assert audit_ledger() == []
    assert LedgerAlert.objects.get().resolved_at is not None


def test_folder_among_the_records_is_set_aside(folder: Path) -> None:
    (folder / "1-folder.json").mkdir(parents=True)
    journal.settle(begin(), USAGE)

    assert journal.ingest() == 1
    assert files(folder) == ["rejected"]


@pytest.mark.parametrize("method", ["read_bytes", "replace"])
def test_file_that_cannot_be_read_or_moved_is_logged_once_and_left(
    folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    folder.mkdir()
    (folder / "0-bad.json").write_text("{")
    journal.settle(begin(), USAGE)
    real = getattr(Path, method)

    def fail(path: Path, *arguments: Any) -> Any:
        if path.name == "0-bad.json":
            raise PermissionError
        return real(path, *arguments)

    monkeypatch.setattr(Path, method, fail)

    assert [journal.ingest(), journal.ingest()] == [1, 0]

    assert (folder / "0-bad.json").exists()
    # Not what threads of earlier tests, which end late on a busy machine, say meanwhile.
    said = [record for record in caplog.records if record.name == journal.logger.name]
    assert [record.getMessage().split("/")[-1] for record in said] == [
        "0-bad.json cannot be read or moved (PermissionError)."
    ]


def test_record_that_another_process_has_just_ingested_is_skipped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    journal.settle(begin(), USAGE)
    monkeypatch.setattr(Path, "read_bytes", _gone)

    assert journal.ingest() == 0


def _gone(path: Path) -> bytes:
    raise FileNotFoundError(path)


def test_without_a_journal_nothing_is_ingested() -> None:
    assert journal.ingest() == 0
