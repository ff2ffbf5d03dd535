"""An answer that came is booked as what it is, whatever it says and whatever happens next."""

import json
import logging
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from extraction import outcomes, pipeline, submission
from extraction.models import Attempt, Extraction, State
from extraction.readers.gemini import reader
from logs.models import RetryAttempt
from tests.emulator.server import Emulator
from tests.extraction.sample_documents import pdf, upload
from tests.tokens.rows import make_token
from tokens import circuit_breaker, ledger_audit
from tokens.models import CoolDown, TokenMaster, TokenUsageLog, TokenUsageSummary

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("same_input")]


def run(text: str = "INVOICE 4711") -> Extraction:
    """Submit a document and run the pipeline once."""
    extraction = submission.submit(
        upload(pdf(text)),
        company_id="NT047",
        requested_by="asha",
        branch="North",
        client="user:1",
    ).extraction
    pipeline.process(extraction.pk)
    extraction.refresh_from_db()
    return extraction


def used(token: TokenMaster) -> tuple[int, int]:
    """Used and reserved LLM tokens."""
    row = TokenUsageSummary.objects.get(token=token)
    return row.total_used_tokens, row.reserved_tokens


def billed(emulator: Emulator) -> int:
    return sum(call.bill.total for call in emulator.calls if call.bill)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (503, {"message": {"not": "a string"}, "status": 7}),
        (503, {"message": "\ud800\0", "status": "\udfff"}),
        (429, {"details": [{"retryDelay": "315576000000s"}]}),
        (429, {"details": [{"retryDelay": "1e300s", "reason": ["x"]}]}),
    ],
    ids=["types", "surrogate", "ten thousand years", "seconds"],
)
def test_hostile_error_answer_costs_nothing_and_is_dealt_with_by_the_policy(
    status: int, error: dict[str, Any], emulator: Emulator
) -> None:
    token = make_token()
    emulator.faults.add("status", status=status, body=json.dumps({"error": error}))

    extraction = run()

    assert extraction.state in (State.WAITING, State.FAILED)
    assert extraction.error_code in ("", "no_key_free", "rate_limited")
    assert (len(emulator.calls), RetryAttempt.objects.count()) == (1, 1)
    assert used(token) == (0, 0)
    for cool_down in CoolDown.objects.all():
        assert cool_down.blocked_until <= timezone.now() + circuit_breaker.LONGEST


def test_retry_after_of_any_size_blocks_the_key_for_a_day_at_most(emulator: Emulator) -> None:
    make_token()
    emulator.faults.add("status", status=429, body="{}", headers={"Retry-After": "9" * 300})

    run()

    assert CoolDown.objects.get().blocked_until <= timezone.now() + timedelta(days=1)


@pytest.mark.parametrize("count", [2**62, 10**30, -5, True, "x", 1.5])
def test_absurd_usage_is_charged_at_the_reserve_and_told_to_staff(
    count: object,
    emulator: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    token = make_token()
    monkeypatch.setattr(
        "tests.emulator.billing.Bill.as_usage_metadata",
        lambda _: {"promptTokenCount": count, "candidatesTokenCount": 5},
    )

    extraction = run()

    attempt = Attempt.objects.get()
    assert extraction.state == State.SUCCEEDED
    charge = TokenUsageLog.objects.get()
    assert (charge.total_tokens_used, charge.estimated) == (attempt.reserved, True)
    assert used(token) == (attempt.reserved, 0)
    alerts = [row.getMessage() for row in caplog.records if row.levelno == logging.ERROR]
    assert len(alerts) == 1
    assert str(attempt.pk) in alerts[0]
    assert ledger_audit.audit_ledger() == []


@pytest.mark.parametrize("step", ["judge", "Extraction.objects.end"])
def test_exception_after_the_answer_books_the_bill_and_ends_the_extraction(
    step: str,
    emulator: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object, **fields: object) -> None:
        if fields.get("error_code") is None:
            raise ValueError("a bug")
        original(*_, **fields)

    target = outcomes if step == "judge" else Extraction.objects
    name = step.rsplit(".", 1)[-1]
    original = getattr(target, name)
    monkeypatch.setattr(target, name, fail)
    token = make_token()

    extraction = run()

    assert (extraction.state, extraction.http_status) == (State.FAILED, 502)
    assert (extraction.error_code, extraction.deaths) == ("internal_error", 0)
    charge = TokenUsageLog.objects.get()
    assert (charge.total_tokens_used, charge.estimated) == (billed(emulator), False)
    assert used(token) == (billed(emulator), 0)
    assert RetryAttempt.objects.get().error_code == "internal_error"
    errors = [row for row in caplog.records if row.levelno == logging.ERROR]
    assert [bool(row.exc_info) for row in errors] == [True]


def test_exception_in_what_records_a_failure_books_its_bill(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(text: str) -> str:
        if text:
            raise ValueError("a bug")
        return text

    monkeypatch.setattr(outcomes, "redact", fail)
    token = make_token()
    emulator.faults.add("internal")

    extraction = run()

    assert (extraction.state, extraction.error_code) == (State.FAILED, "internal_error")
    assert used(token) == (0, 0)


def test_exception_while_the_answer_is_read_is_charged_at_the_reserve(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(reader, "_reading", fail)
    token = make_token()

    extraction = run()

    assert (extraction.error_code, extraction.http_status) == ("internal_error", 502)
    assert used(token) == (Attempt.objects.get().reserved, 0)
    assert len(emulator.calls) == 1
