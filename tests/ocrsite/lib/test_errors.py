from datetime import timedelta

import pytest

from extraction.degraded import NotServed
from extraction.exceptions import DocumentRejected, ExtractionFailed
from extraction.idempotency import IdempotencyConflict
from ocrsite.lib.errors import DatabaseUnavailable, UserFacingError, whole_seconds
from tokens.selection import NoUsableKey

A_MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("error", "code", "message", "http_status", "headers"),
    [
        (DocumentRejected("no_pages", "Why."), "no_pages", "Failed to convert PDF", 422, {}),
        (
            DocumentRejected("file_too_large", "Why.", 413),
            "file_too_large",
            "Failed to convert PDF",
            413,
            {},
        ),
        (ExtractionFailed("timeout", "Why.", 504), "timeout", "Failed to process invoice", 504, {}),
        (
            ExtractionFailed("no_key_free", "Why.", 503, retry_after=A_MINUTE),
            "no_key_free",
            "Failed to process invoice",
            503,
            {"Retry-After": "60"},
        ),
        (NoUsableKey("token_missing", "No key.", "Why."), "token_missing", "No key.", 402, {}),
        (IdempotencyConflict(), "idempotency_conflict", "Conflict", 409, {}),
        (
            DatabaseUnavailable(),
            "database_unavailable",
            "Service Unavailable",
            503,
            {"Retry-After": "30"},
        ),
        (NotServed(), "database_unavailable", "Service Unavailable", 503, {"Retry-After": "30"}),
    ],
)
def test_error_carries_all_that_an_answer_says(
    error: UserFacingError, code: str, message: str, http_status: int, headers: dict[str, str]
) -> None:
    assert (error.code, error.message, error.http_status) == (code, message, http_status)
    assert error.headers() == headers
    assert error.detail
    assert str(error) == f"{code}: {error.detail}"


@pytest.mark.parametrize(("seconds", "told"), [(7, "7"), (40.25, "41"), (0, "1"), (-5, "1")])
def test_wait_is_told_in_whole_seconds(seconds: float, told: str) -> None:
    assert whole_seconds(timedelta(seconds=seconds)) == told
