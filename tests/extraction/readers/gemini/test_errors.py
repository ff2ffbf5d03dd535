"""Every way for a call to fail becomes one ReadingError."""

import logging
import pickle
import traceback
from datetime import UTC, datetime
from typing import NamedTuple

import pytest
import time_machine

from extraction.documents.document import Document
from extraction.readers.base import (
    Billing,
    Failure,
    KeyEffect,
    ReadingError,
)
from extraction.readers.gemini.reader import GeminiReader
from tests.emulator import Emulator
from tests.extraction.readers.gemini.reading import BUDGET, CANARY, MODEL, billed, failure
from tokens.usage import NO_USAGE


class Outcome(NamedTuple):
    failure: Failure
    code: str
    provider_code: str
    billing: Billing = Billing.NONE
    key_effect: KeyEffect = KeyEffect.NONE
    cools_for: float | None = None
    retry_after: float | None = None
    timed_out: bool = False


RETRY, OTHER_KEY, REPAIR, FINAL = Failure.RETRY, Failure.OTHER_KEY, Failure.REPAIR, Failure.FINAL
COOL_KEY, COOL_PROJECT = KeyEffect.COOL_KEY, KeyEffect.COOL_PROJECT
REJECTED = KeyEffect.REJECTED
KNOWN, UNKNOWN = Billing.KNOWN, Billing.UNKNOWN
NONE = Billing.NONE
EXHAUSTED = "429 RESOURCE_EXHAUSTED"
# At 2:00 UTC, six hours before Google's day begins.
NIGHT = datetime(2026, 11, 24, 2, tzinfo=UTC)

OUTCOMES = {
    "key_invalid": Outcome(OTHER_KEY, "key_rejected", "400 INVALID_ARGUMENT", NONE, REJECTED),
    "unauthenticated": Outcome(OTHER_KEY, "key_rejected", "401 UNAUTHENTICATED", NONE, REJECTED),
    "key_blocked": Outcome(OTHER_KEY, "key_rejected", "403 PERMISSION_DENIED", NONE, REJECTED),
    "key_leaked": Outcome(OTHER_KEY, "key_rejected", "403 PERMISSION_DENIED", NONE, REJECTED),
    "permission_denied": Outcome(
        OTHER_KEY, "permission_denied", "403 PERMISSION_DENIED", NONE, COOL_KEY, 900.0
    ),
    "failed_precondition": Outcome(
        OTHER_KEY, "failed_precondition", "400 FAILED_PRECONDITION", NONE, COOL_PROJECT, 900.0
    ),
    "model_not_found": Outcome(
        OTHER_KEY, "model_not_found", "404 NOT_FOUND", NONE, COOL_KEY, 900.0
    ),
    "per_day": Outcome(
        OTHER_KEY, "quota_exhausted", EXHAUSTED, NONE, COOL_PROJECT, 6 * 3600.0, 27.5
    ),
    "spend": Outcome(OTHER_KEY, "quota_exhausted", EXHAUSTED, NONE, COOL_PROJECT, 27.5, 27.5),
    "spend_per_month": Outcome(
        OTHER_KEY, "quota_exhausted", EXHAUSTED, NONE, COOL_PROJECT, 3600.0, 27.5
    ),
    "limit_zero": Outcome(OTHER_KEY, "no_quota", EXHAUSTED, NONE, COOL_KEY, 900.0, 27.5),
    "no_credits": Outcome(OTHER_KEY, "no_credit", EXHAUSTED, NONE, COOL_PROJECT, 900.0),
    "billing_disabled": Outcome(
        OTHER_KEY, "no_credit", "403 PERMISSION_DENIED", NONE, COOL_PROJECT, 900.0
    ),
    "per_minute": Outcome(RETRY, "rate_limited", EXHAUSTED, NONE, COOL_PROJECT, None, 27.5),
    "exhausted": Outcome(RETRY, "rate_limited", EXHAUSTED, NONE, COOL_PROJECT),
    "invalid_argument": Outcome(FINAL, "invalid_request", "400 INVALID_ARGUMENT"),
    "please_retry": Outcome(RETRY, "server_error", "400 INVALID_ARGUMENT"),
    "conflict": Outcome(RETRY, "server_error", "409 ABORTED"),
    "cancelled": Outcome(RETRY, "server_error", "499 CANCELLED"),
    "request_too_large": Outcome(FINAL, "request_too_large", "413 INVALID_ARGUMENT"),
    "internal": Outcome(RETRY, "server_error", "500 INTERNAL"),
    "bad_gateway": Outcome(RETRY, "server_error", "502 Bad Gateway"),
    "overloaded": Outcome(RETRY, "server_error", "503 UNAVAILABLE"),
    "deadline_exceeded": Outcome(
        RETRY, "server_timeout", "504 DEADLINE_EXCEEDED", timed_out=True
    ),
    "drop": Outcome(RETRY, "connection_lost", "RemoteProtocolError", UNKNOWN),
    "drop_mid_body": Outcome(RETRY, "connection_lost", "RemoteProtocolError", UNKNOWN),
    "malformed": Outcome(RETRY, "malformed_answer", "JSONDecodeError", UNKNOWN),
    "gzip_bomb": Outcome(RETRY, "answer_too_large", "AnswerTooLarge", UNKNOWN),
    "huge": Outcome(RETRY, "answer_too_large", "AnswerTooLarge", UNKNOWN),
    "wrong_encoding": Outcome(RETRY, "malformed_answer", "DecodingError", UNKNOWN),
    "unknown_encoding": Outcome(RETRY, "malformed_answer", "DecodingError", UNKNOWN),
    "empty": Outcome(RETRY, "empty_answer", "200", UNKNOWN),
    "no_candidates": Outcome(RETRY, "empty_answer", "200", KNOWN),
    "blocked_prompt": Outcome(FINAL, "blocked", "200 PROHIBITED_CONTENT", KNOWN),
    "safety": Outcome(FINAL, "blocked", "200 SAFETY", KNOWN),
    "recitation": Outcome(RETRY, "recitation", "200 RECITATION", KNOWN),
    "max_tokens": Outcome(REPAIR, "max_tokens", "200 MAX_TOKENS", KNOWN),
    "wrong_schema": Outcome(REPAIR, "wrong_schema", "200 STOP", KNOWN),
    "not_json": Outcome(REPAIR, "wrong_schema", "200 STOP", KNOWN),
}  # fmt: skip


@pytest.mark.parametrize("kind", OUTCOMES)
def test_each_fault_becomes_one_reading_error_after_one_call(
    kind: str, document: Document, emulator: Emulator
) -> None:
    emulator.faults.add(kind)

    with time_machine.travel(NIGHT, tick=False):
        error = failure(document)

    assert Outcome(*(getattr(error, name) for name in Outcome._fields)) == OUTCOMES[kind]
    # The model gets a correction only where its answer was at fault.
    assert bool(error.correction) == (error.code == "wrong_schema")
    assert [call.outcome for call in emulator.calls] == [kind]
    known = billed(emulator) if error.billing is Billing.KNOWN else [NO_USAGE]
    assert [error.usage] == known


@pytest.mark.parametrize("kind", OUTCOMES)
def test_no_error_holds_the_key_or_an_exception_of_the_sdk(
    kind: str, document: Document, emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    emulator.faults.add(kind)

    error = failure(document)

    shown = "".join(traceback.format_exception(error)) + str(error) + repr(error) + error.detail
    assert CANARY not in shown + repr(vars(error)) + caplog.text
    assert (error.__cause__, error.__context__) == (None, None)
    assert CANARY.encode() not in pickle.dumps(vars(error))


NEED_STAFF = {"failed_precondition", "limit_zero", "no_credits", "billing_disabled"}


@pytest.mark.parametrize("kind", OUTCOMES)
def test_staff_are_told_of_what_nobody_else_can_end(
    kind: str, document: Document, emulator: Emulator
) -> None:
    emulator.faults.add(kind)

    assert failure(document).for_staff == (kind in NEED_STAFF)


@pytest.mark.parametrize(
    ("status", "message", "code"),
    [
        (429, "Quota exceeded for metric: m, limit: 0", "no_quota"),
        (429, "Quota exceeded, limit: 0.", "no_quota"),
        (429, "Quota exceeded, limit: 0.5", "rate_limited"),
        (429, "Quota exceeded, limit: 0500", "rate_limited"),
        (429, "Quota exceeded, limit: 10", "rate_limited"),
        (429, "You exceeded your current quota, please check your plan and billing details.",
         "rate_limited"),
        (429, "Your project has exceeded its spending cap.", "quota_exhausted"),
        (429, "Your prepaid balance is used up.", "no_credit"),
        (403, "The billing account is disabled for this project.", "no_credit"),
        (400, "Your credit balance is too low.", "no_credit"),
        (402, "Payment required.", "no_credit"),
        (429, "Your credits have been exhausted.", "no_credit"),
        (429, "You have run out of credits.", "no_credit"),
        (429, "Your account has no remaining credits.", "no_credit"),
        (429, "Your free trial credits have expired.", "no_credit"),
        (429, "Calls in this minute: 60, credits remaining: 120.", "rate_limited"),
        (400, "Please try your request again.", "server_error"),
        (400, "Something went wrong, retrying may help.", "server_error"),
        (400, "Do not retry this request.", "invalid_request"),
        (403, "The caller has no permission.", "permission_denied"),
        (400, "Please try again later.", "server_error"),
        (400, "Request contains an invalid argument.", "invalid_request"),
        (422, "Please retry.", "invalid_request"),
    ],
)  # fmt: skip
def test_condition_that_google_states_in_its_message_alone_is_understood(
    status: int, message: str, code: str, document: Document, emulator: Emulator
) -> None:
    emulator.faults.add("status", status=status, body={"error": {"message": message}})

    assert failure(document).code == code


@pytest.mark.parametrize(
    ("retry_delay", "cools_for"), [("", 600.0), ("0s", 600.0), ("1s", 10.0), ("90.5s", 90.5)]
)
def test_rolling_spending_limit_cools_as_long_as_google_says_or_ten_minutes(
    retry_delay: str, cools_for: float, document: Document, emulator: Emulator
) -> None:
    emulator.faults.add("spend", retry_delay=retry_delay)

    assert failure(document).cools_for == cools_for


def test_recitation_is_final_when_the_answer_was_varied(
    document: Document, emulator: Emulator
) -> None:
    emulator.faults.add("recitation")

    with pytest.raises(ReadingError) as raised:
        GeminiReader().read(
            document, api_key=CANARY, model=MODEL, output_budget=BUDGET, varied=True
        )

    assert (raised.value.failure, raised.value.code) == (Failure.FINAL, "blocked")


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_that_gemini_never_sends_is_retried(
    status: int, document: Document, emulator: Emulator
) -> None:
    emulator.faults.add("status", status=status)

    error = failure(document)

    assert (error.failure, error.code) == (Failure.RETRY, "server_error")


@pytest.mark.parametrize(
    "body",
    ["[]", "{}", '{"error": {"details": ["x", {"violations": ["x", {}]}, {"retryDelay": 1}]}}'],
)
def test_an_error_of_any_shape_is_understood_by_its_status(
    body: str, document: Document, emulator: Emulator
) -> None:
    emulator.faults.add("status", status=429, body=body)

    error = failure(document)

    assert (error.failure, error.code, error.retry_after) == (Failure.RETRY, "rate_limited", None)


def test_an_answer_that_is_no_answer_is_malformed(document: Document, emulator: Emulator) -> None:
    emulator.faults.add("status", status=200, body='{"usageMetadata": "a lot"}')

    error = failure(document)

    assert (error.code, error.billing) == ("malformed_answer", Billing.UNKNOWN)


def test_an_unforeseen_exception_is_named_by_its_type_only(
    document: Document, emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ReadingError) as caught:
        GeminiReader().read(document, api_key=CANARY, model="../x?", output_budget=BUDGET)

    error = caught.value
    assert (error.failure, error.code) == (Failure.RETRY, "provider_error")
    assert error.billing is Billing.UNKNOWN
    assert caplog.messages == ["Unforeseen ValueError in a call of Gemini."]


@pytest.mark.parametrize(("retry_delay", "seconds"), [("27.5s", 27.5), ("60s", 60.0), ("?", None)])
def test_retry_info_sets_retry_after(
    retry_delay: str, seconds: float | None, document: Document, emulator: Emulator
) -> None:
    emulator.faults.add("per_minute", retry_delay=retry_delay, headers={"Retry-After": "5"})

    assert failure(document).retry_after == seconds


@pytest.mark.parametrize("kind", ["per_minute", "per_day", "overloaded", "deadline_exceeded"])
def test_the_retry_after_header_is_honoured(
    kind: str, document: Document, emulator: Emulator
) -> None:
    emulator.faults.add(kind, retry_delay="", headers={"Retry-After": "12"})

    assert failure(document).retry_after == 12.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("Sun, 01 Feb 2026 12:00:30 GMT", 30.0),
        ("Sun, 01 Feb 2026 12:00:30 -0000", 30.0),
        ("Sun, 01 Feb 2026 11:00:00 GMT", 0.0),
        ("-3", None),
        ("soon", None),
        ("nan", None),
    ],
)
def test_the_retry_after_header_may_be_a_date(
    header: str, seconds: float | None, document: Document, emulator: Emulator
) -> None:
    emulator.faults.add("overloaded", headers={"Retry-After": header})

    with time_machine.travel(datetime(2026, 2, 1, 12, tzinfo=UTC), tick=False):
        assert failure(document).retry_after == seconds
