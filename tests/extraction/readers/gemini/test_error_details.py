"""What an error answer says beside its status, however little, much or odd that is."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from google.genai import errors

from extraction.documents.document import Document
from extraction.readers.base import ReadingError
from extraction.readers.gemini.errors import failure as failure_of
from extraction.readers.gemini.errors import reading_error
from tests.emulator import Emulator
from tests.extraction.readers.gemini.reading import failure

ERROR_INFO = {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    "reason": "API_KEY_INVALID",
    "domain": "googleapis.com",
}
HELP = {"@type": "type.googleapis.com/google.rpc.Help", "links": []}
NO_HEADERS: Mapping[str, str] = {}


def failed(
    emulator: Emulator,
    document: Document,
    status: int,
    error: Mapping[str, Any],
    headers: Mapping[str, str] = NO_HEADERS,
) -> ReadingError:
    emulator.faults.add("status", status=status, body={"error": error}, headers=headers)
    return failure(document)


def test_error_without_an_answer_has_no_words_of_the_provider() -> None:
    error = reading_error("unreachable")

    assert (error.provider_code, error.provider_message) == ("", "")


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ("Quota exceeded.", "Quota exceeded."),
        ("x" * 3_000, "x" * 2_000),
        ("a\ud800b\0c", "a?b\N{REPLACEMENT CHARACTER}c"),
        (17, "17"),
        (["no", "text"], "['no', 'text']"),
        ("", ""),
        (None, ""),
    ],
)
def test_message_of_any_type_is_kept_as_a_text_that_can_be_stored(
    emulator: Emulator, document: Document, message: Any, kept: str
) -> None:
    error = failed(emulator, document, 429, {"status": "RESOURCE_EXHAUSTED", "message": message})

    assert error.provider_message == kept
    assert error.provider_code == "429 RESOURCE_EXHAUSTED"


def test_message_of_no_answer_at_all_is_empty() -> None:
    error = failure_of(errors.APIError(429, {"error": {"status": None, "message": None}}))

    assert (error.code, error.provider_code, error.provider_message) == ("rate_limited", "429", "")
    assert error.retry_after is None


@pytest.mark.parametrize("details", [[ERROR_INFO], [HELP, ERROR_INFO], [ERROR_INFO, HELP, HELP]])
def test_reason_is_found_among_other_details(
    emulator: Emulator, document: Document, details: list[dict[str, Any]]
) -> None:
    error = failed(
        emulator, document, 400, {"status": "INVALID_ARGUMENT", "message": "", "details": details}
    )

    assert error.code == "key_rejected"


@pytest.mark.parametrize(
    ("value", "code"),
    [("0", "no_quota"), (0, "no_quota"), ("0.0", "no_quota"), ("10", "rate_limited")],
)
def test_quota_of_nothing_is_found_in_a_violation_whatever_the_message(
    emulator: Emulator, document: Document, value: object, code: str
) -> None:
    violations = [{"quotaId": "RequestsPerMinute", "quotaValue": value}]

    error = failed(
        emulator, document, 429, {"message": "Quota.", "details": [{"violations": violations}]}
    )

    assert error.code == code


def test_disabled_billing_is_found_in_the_reason_whatever_the_message(
    emulator: Emulator, document: Document
) -> None:
    details = [{**ERROR_INFO, "reason": "BILLING_DISABLED"}]

    error = failed(emulator, document, 403, {"message": "No.", "details": details})

    assert error.code == "no_credit"


def test_monthly_spending_limit_is_found_in_the_message_alone(
    emulator: Emulator, document: Document
) -> None:
    message = "Your project has exceeded its Monthly spending cap."

    error = failed(emulator, document, 429, {"message": message})

    assert (error.code, error.cools_for) == ("quota_exhausted", 3600.0)


def test_request_timeout_is_the_servers(emulator: Emulator, document: Document) -> None:
    error = failed(emulator, document, 408, {"status": "", "message": "Request Timeout"})

    assert (error.code, error.timed_out) == ("server_timeout", True)


@pytest.mark.parametrize(
    ("hour", "minute", "wait"),
    [
        (0, 0, timedelta(hours=8)),
        (7, 59, timedelta(minutes=1)),
        (8, 0, timedelta(hours=24)),
        (8, 1, timedelta(hours=23, minutes=59)),
        (23, 0, timedelta(hours=9)),
    ],
)
def test_daily_quota_is_waited_for_until_google_begins_its_next_day(
    emulator: Emulator, document: Document, hour: int, minute: int, wait: timedelta
) -> None:
    emulator.faults.add("per_day")

    with time_machine.travel(datetime(2026, 11, 24, hour, minute, tzinfo=UTC), tick=False):
        assert failure(document).cools_for == wait.total_seconds()


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("0", 0.0), ("0.5", 0.5), ("86400", 86_400.0), ("86401", 86_400.0), ("inf", None)],
)
def test_wait_that_the_header_asks_for_is_between_none_and_a_day(
    emulator: Emulator, document: Document, header: str, seconds: float | None
) -> None:
    error = failed(emulator, document, 503, {"message": ""}, {"Retry-After": header})

    assert error.retry_after == seconds
