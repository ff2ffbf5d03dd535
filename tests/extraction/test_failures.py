"""Every way for Gemini to fail, from the call to the end: waits, keys, rows and messages."""

import logging
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from extraction import pipeline, submission
from extraction.models import Attempt, Extraction, State
from extraction.readers.gemini.reader import VARIED_TEMPERATURE
from logs.models import RetryAttempt
from tests.emulator.server import Emulator
from tests.extraction.sample_documents import pdf, upload
from tests.tokens.rows import make_token
from tokens.models import (
    CoolDown,
    TokenReservation,
    TokenStatus,
    TokenUsageLog,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("same_input")]

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
FAILED = "Failed to process invoice"
DISABLED = "Your AI token is no longer available or has been disabled. Please contact support."
DONE = ""
# The contract's delays; the tests switch the jitter off.
POLICY = (1.0, 2.0, 4.0)


class Expected(NamedTuple):
    """What becomes of an invoice when every call of its key fails in one way."""

    calls: int
    waits: tuple[float | None, ...]  # asked, in seconds, after each call; None: no other call
    charged: int  # rows of usage
    estimated: int  # of these, calls whose bill is unknown
    status: int
    message: str = FAILED
    key: TokenStatus = TokenStatus.ACTIVE


RETRIED = Expected(4, (*POLICY, None), 0, 0, 502)
RETRIED_AND_PAID = Expected(4, (*POLICY, None), 4, 0, 502)
RETRIED_UNKNOWN = Expected(4, (*POLICY, None), 4, 4, 502)
NOT_NOW = Expected(1, (0.0,), 0, 0, 503)
REJECTED = Expected(1, (None,), 0, 0, 422)
REJECTED_AND_PAID = Expected(1, (None,), 1, 0, 422)
REPAIRED_IN_VAIN = Expected(2, (0.0, None), 2, 0, 502)
NO_KEY = Expected(1, (0.0,), 0, 0, 402, DISABLED, TokenStatus.DISABLED)

WITH_ONE_KEY = {
    "key_invalid": NO_KEY,
    "unauthenticated": NO_KEY,
    "key_blocked": NO_KEY,
    "key_leaked": NO_KEY,
    "permission_denied": NOT_NOW,
    "failed_precondition": NOT_NOW,
    "model_not_found": NOT_NOW,
    "per_day": NOT_NOW,
    "spend_per_month": NOT_NOW,
    "limit_zero": NOT_NOW,
    "no_credits": NOT_NOW,
    "billing_disabled": NOT_NOW,
    # What the server asks for is never undercut.
    "per_minute": Expected(4, (27.5, 27.5, 27.5, None), 0, 0, 502),
    "exhausted": RETRIED,
    "invalid_argument": REJECTED,
    "please_retry": RETRIED,
    "conflict": RETRIED,
    "cancelled": RETRIED,
    "request_too_large": REJECTED,
    "internal": RETRIED,
    "bad_gateway": RETRIED,
    "overloaded": RETRIED,
    "deadline_exceeded": RETRIED._replace(status=504),
    "drop": RETRIED_UNKNOWN,
    "drop_mid_body": RETRIED_UNKNOWN,
    "malformed": RETRIED_UNKNOWN,
    "gzip_bomb": RETRIED_UNKNOWN,
    "empty": RETRIED_UNKNOWN,
    "no_candidates": RETRIED_AND_PAID,
    "blocked_prompt": REJECTED_AND_PAID,
    "safety": REJECTED_AND_PAID,
    "recitation": Expected(2, (1.0, None), 2, 0, 422),
    "max_tokens": REPAIRED_IN_VAIN,
    "wrong_schema": REPAIRED_IN_VAIN,
    "not_json": REPAIRED_IN_VAIN,
}
# The same, with a second key that answers: those that concern the key go on with it at once.
OTHER_KEY_AT_ONCE = {
    kind for kind, expected in WITH_ONE_KEY.items() if expected in (NO_KEY, NOT_NOW)
}


@pytest.fixture(autouse=True)
def no_jitter(settings: Settings) -> None:
    settings.RETRY_JITTER = False


def submit(text: str = "INVOICE 4711") -> Extraction:
    return submission.submit(
        upload(pdf(text)),
        company_id="NT047",
        requested_by="asha",
        branch="North",
        client="user:1",
    ).extraction


def process_to_end(extraction: Extraction) -> list[float]:
    """Run the pipeline whenever the extraction is due; return the seconds between the runs."""
    waits = []
    with time_machine.travel(NOW, tick=False) as clock:
        Extraction.objects.update(due_at=NOW)
        pipeline.process(extraction.pk)
        extraction.refresh_from_db()
        while not extraction.ended:
            waits.append((extraction.due_at - timezone.now()).total_seconds())
            clock.move_to(extraction.due_at)
            pipeline.process(extraction.pk)
            extraction.refresh_from_db()
    return waits


@pytest.mark.parametrize("kind", WITH_ONE_KEY)
def test_a_failure_of_the_only_key(kind: str, emulator: Emulator) -> None:
    token = make_token()
    emulator.faults.add(kind)
    extraction = submit()

    waits = process_to_end(extraction)

    expected = WITH_ONE_KEY[kind]
    assert (extraction.state, extraction.http_status) == (State.FAILED, expected.status)
    assert extraction.error_message == expected.message
    assert len(emulator.calls) == Attempt.objects.count() == expected.calls
    rows = RetryAttempt.objects.order_by("attempt")
    assert tuple(row.delay_seconds for row in rows) == expected.waits
    assert waits == [wait for wait in expected.waits if wait is not None]
    assert TokenUsageLog.objects.count() == expected.charged
    assert TokenUsageLog.objects.filter(estimated=True).count() == expected.estimated
    assert not TokenReservation.objects.exists()
    token.refresh_from_db()
    assert token.status == expected.key
    for row in rows:
        assert row.error_class == Attempt.objects.get(number=row.attempt).failure
        assert row.provider_code
        assert (row.company_id, row.token, row.extraction_id) == ("NT047", token, extraction.pk)


@pytest.mark.no_cover  # the same ways as those with the only key, eight times each
@pytest.mark.parametrize("kind", sorted(OTHER_KEY_AT_ONCE))
def test_a_key_that_will_not_do_never_stops_a_company_with_a_good_one(
    kind: str, emulator: Emulator
) -> None:
    make_token("AIza-bad-key"), make_token("AIza-good-key")
    emulator.faults.add(kind, key="AIza-bad-key")

    for number in range(8):
        extraction = submit(f"INVOICE {number}")
        assert set(process_to_end(extraction)) <= {0.0}
        assert extraction.state == State.SUCCEEDED

    assert [call.key for call in emulator.calls].count("AIza-bad-key") <= 1


def test_a_retry_goes_to_a_key_that_has_not_failed_yet(emulator: Emulator) -> None:
    make_token("AIza-bad-key"), make_token("AIza-good-key")
    emulator.faults.add("internal", key="AIza-bad-key")

    for number in range(8):
        extraction = submit(f"INVOICE {number}")
        assert len(process_to_end(extraction)) <= 1
        assert extraction.state == State.SUCCEEDED


def test_a_rate_limit_goes_on_with_another_key_as_soon_as_the_policy_allows(
    emulator: Emulator,
) -> None:
    make_token("AIza-bad-key"), make_token("AIza-good-key")
    emulator.faults.add("per_minute", key="AIza-bad-key")

    for number in range(8):
        extraction = submit(f"INVOICE {number}")
        assert set(process_to_end(extraction)) <= {1.0}
        assert extraction.state == State.SUCCEEDED


def test_no_call_reaches_a_sibling_while_its_project_cools_down(emulator: Emulator) -> None:
    make_token(project="erp"), make_token("AIza-sibling-key", project="erp")
    emulator.faults.add("per_minute", retry_delay="40.25s")
    first, second = submit("INVOICE 1"), submit("INVOICE 2")

    with time_machine.travel(NOW, tick=False):
        Extraction.objects.update(due_at=NOW)
        for extraction in (first, second):
            pipeline.process(extraction.pk)  # whichever has its turn

    first.refresh_from_db()
    second.refresh_from_db()
    assert len(emulator.calls) == 1
    assert {extraction.state for extraction in (first, second)} == {State.WAITING}
    assert min(first.due_at, second.due_at) == NOW + timedelta(seconds=40.25)
    assert CoolDown.objects.get().blocked_until == NOW + timedelta(seconds=40.25)


def test_recitation_is_tried_once_more_at_another_temperature(emulator: Emulator) -> None:
    make_token()
    emulator.faults.add("recitation", call=1)
    extraction = submit()

    assert process_to_end(extraction) == [1.0]

    assert extraction.state == State.SUCCEEDED
    assert [call.temperature for call in emulator.calls] == [None, VARIED_TEMPERATURE]


def test_answer_stays_varied_when_another_fault_comes_between(emulator: Emulator) -> None:
    make_token()
    emulator.faults.add("recitation", call=1)
    emulator.faults.add("internal", call=2)
    emulator.faults.add("recitation")
    extraction = submit()

    assert process_to_end(extraction) == [1.0, 2.0]

    assert (extraction.error_code, extraction.http_status) == ("blocked", 422)
    assert [call.temperature for call in emulator.calls][1:] == [VARIED_TEMPERATURE] * 2


@pytest.mark.parametrize("kind", ["limit_zero", "no_credits", "billing_disabled"])
def test_staff_are_told_of_a_key_without_quota_or_credit_after_one_call_for_all_invoices(
    kind: str, emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    token = make_token()
    emulator.faults.add(kind)
    extractions = [submit(f"INVOICE {number}") for number in range(3)]

    with time_machine.travel(NOW, tick=False):
        Extraction.objects.update(due_at=NOW)
        for extraction in extractions * 2:
            pipeline.process(extraction.pk)  # whichever has its turn

    for extraction in extractions:
        extraction.refresh_from_db()
        assert (extraction.error_code, extraction.http_status) == ("no_key_free", 503)
    assert len(emulator.calls) == 1
    [told] = [row for row in caplog.records if row.levelno == logging.ERROR]
    assert str(token) in told.getMessage()
    assert CoolDown.objects.get().blocked_until == NOW + timedelta(minutes=15)


def test_a_rolling_spending_limit_waits_as_long_as_google_says(emulator: Emulator) -> None:
    make_token()
    emulator.faults.add("spend", call=1, retry_delay="90.5s")
    extraction = submit()

    assert process_to_end(extraction) == [0.0, 90.5]
    assert extraction.state == State.SUCCEEDED


def test_a_rolling_spending_limit_goes_on_with_another_key_at_once(emulator: Emulator) -> None:
    make_token("AIza-bad-key"), make_token("AIza-good-key")
    emulator.faults.add("spend", key="AIza-bad-key")

    for number in range(8):
        extraction = submit(f"INVOICE {number}")
        assert set(process_to_end(extraction)) <= {0.0}
        assert extraction.state == State.SUCCEEDED


@pytest.mark.parametrize(
    "retry_after", ["25", "Tue, 24 Nov 2026 12:00:25 GMT"], ids=["seconds", "date"]
)
def test_retry_after_is_obeyed(retry_after: str, emulator: Emulator) -> None:
    make_token()
    emulator.faults.add("overloaded", call=1, headers={"Retry-After": retry_after})
    extraction = submit()

    assert process_to_end(extraction) == [25.0]
    assert extraction.state == State.SUCCEEDED


def test_a_wait_beyond_the_deadline_ends_it_with_the_time_to_come_back(
    emulator: Emulator,
) -> None:
    make_token()
    emulator.faults.add("per_minute", retry_delay="700s")
    extraction = submit()

    assert process_to_end(extraction) == []

    assert (extraction.http_status, extraction.error_code) == (503, "no_key_free")
    assert extraction.retry_after_at == NOW + timedelta(seconds=700)
    assert submission.retry(extraction)
    extraction.refresh_from_db()
    assert extraction.retry_after_at is None


def test_a_server_that_asks_to_wait_beyond_the_deadline_ends_it(emulator: Emulator) -> None:
    make_token()
    emulator.faults.add("overloaded", headers={"Retry-After": "700"})
    extraction = submit()

    assert process_to_end(extraction) == []
    assert (extraction.http_status, extraction.error_code) == (502, "server_error")


def test_an_answer_that_was_too_long_is_repaired_with_twice_the_output(
    emulator: Emulator,
) -> None:
    make_token()
    emulator.faults.add("max_tokens", call=1)
    extraction = submit()

    assert process_to_end(extraction) == [0.0]

    assert extraction.state == State.SUCCEEDED
    first, second = Attempt.objects.order_by("number")
    assert (first.output_budget, second.output_budget) == (14_336, 28_672)
    assert second.repairs == first
    assert second.reserved > second.output_budget
    assert TokenUsageLog.objects.count() == 2


def test_an_answer_as_long_as_the_model_can_make_is_not_repaired(
    emulator: Emulator, settings: Settings
) -> None:
    settings.MAX_OUTPUT_TOKENS = 65_536
    make_token()
    emulator.faults.add("max_tokens")
    extraction = submit()

    assert process_to_end(extraction) == []
    assert (extraction.http_status, extraction.error_code) == (502, "max_tokens")


def test_a_repair_that_the_key_cannot_pay_answers_402_and_leaves_the_key(
    emulator: Emulator,
) -> None:
    token = make_token(total_token_limit=32_000)
    emulator.faults.add("max_tokens", call=1)
    extraction = submit()

    process_to_end(extraction)

    assert (extraction.http_status, extraction.error_code) == (402, "token_exceeded")
    token.refresh_from_db()
    assert token.status == TokenStatus.ACTIVE


@pytest.mark.parametrize("kind", ["wrong_schema", "not_json"])
def test_an_answer_of_the_wrong_form_is_repaired_by_telling_the_model(
    kind: str, emulator: Emulator
) -> None:
    make_token()
    emulator.faults.add(kind, call=1)
    extraction = submit()

    assert process_to_end(extraction) == [0.0]

    assert extraction.state == State.SUCCEEDED
    first, second = Attempt.objects.order_by("number")
    assert "schema" in first.correction
    assert second.reserved == first.reserved + len(first.correction.encode())
    without, told = emulator.calls
    assert told.bill is not None
    assert without.bill is not None
    assert told.bill.text > without.bill.text
    assert TokenUsageLog.objects.count() == 2


def test_the_words_of_the_provider_are_kept_without_the_key(emulator: Emulator) -> None:
    make_token("AIza-secret-of-the-company")
    body = '{"error": {"code": 403, "message": "AIza-secret-of-the-company may not."}}'
    emulator.faults.add("status", status=403, body=body)

    process_to_end(submit())

    row = RetryAttempt.objects.get()
    assert row.error_message == "AIza…pany may not."
    assert row.error_code == "permission_denied"
