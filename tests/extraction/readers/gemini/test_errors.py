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
from tests.extraction.readers.gemini.reading import BUDGET, CANARY, billed, failure
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
    "spend": Outcome(OTHER_KEY, "quota_exhausted", EXHAUSTED, NONE, COOL_PROJECT, 3600.0, 27.5),
    "per_minute": Outcome(RETRY, "rate_limited", EXHAUSTED, NONE, COOL_PROJECT, None, 27.5),
    "exhausted": Outcome(RETRY, "rate_limited", EXHAUSTED, NONE, COOL_PROJECT),
    "invalid_argument": Outcome(FINAL, "invalid_request", "400 INVALID_ARGUMENT"),
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
    assert "Unforeseen ValueError in a call of Gemini." in caplog.text


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
