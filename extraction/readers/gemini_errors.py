"""What the errors of Gemini, its SDK and the connection mean, in our words."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import pydantic
from google.genai import errors

from extraction.readers.base import Billing, Failure, ReadingError

logger = logging.getLogger(__name__)

# Not sent, or at least not wholly: there is nothing to bill.
_NOT_SENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
)
_MALFORMED = (
    errors.UnknownApiResponseError,
    httpx2.DecodingError,
    json.JSONDecodeError,
    pydantic.ValidationError,
    UnicodeDecodeError,
)
# google.rpc.ErrorInfo reasons of a 403 that concern the key or its project as a whole
# (googleapis/google/api/error_reason.proto).
_KEY_REASONS = ("API_KEY_", "CONSUMER_", "SERVICE_DISABLED", "BILLING_DISABLED")
# Parts of quota ids that a minute's wait does not help.
_LONG_QUOTAS = ("perday", "permonth", "spend")


def failure(error: Exception) -> ReadingError:
    """Say in our words why there is no answer. Takes whatever a call may raise."""
    match error:
        case errors.APIError():
            return _refusal(error)
        case httpx2.ConnectTimeout():
            return ReadingError(
                Failure.RETRY, "unreachable", "Gemini cannot be reached.", timed_out=True
            )
        case _ if isinstance(error, _NOT_SENT):
            return ReadingError(Failure.RETRY, "unreachable", "Gemini cannot be reached.")
        case TimeoutError() | httpx2.TimeoutException():
            return ReadingError(
                Failure.RETRY,
                "timeout",
                "Gemini did not answer in time.",
                billing=Billing.UNKNOWN,
                timed_out=True,
            )
        case _ if isinstance(error, _MALFORMED):
            return ReadingError(
                Failure.RETRY,
                "malformed_answer",
                "Gemini's answer could not be understood.",
                billing=Billing.UNKNOWN,
            )
        case httpx2.RequestError():
            return ReadingError(
                Failure.RETRY,
                "connection_lost",
                "The connection to Gemini was lost.",
                billing=Billing.UNKNOWN,
            )
    # The type only: the message could hold anything.
    logger.error("Unforeseen %s in a call of Gemini.", type(error).__name__)
    return ReadingError(
        Failure.RETRY, "provider_error", "The call of Gemini failed.", billing=Billing.UNKNOWN
    )


def _refusal(error: errors.APIError) -> ReadingError:
    """Say in our words what an error answer means. Google bills none of them.

    Sources: ai.google.dev/gemini-api/docs/troubleshooting and google.rpc.{ErrorInfo,QuotaFailure}.
    """
    details = list(_details(error))
    reason = "".join(str(entry.get("reason", "")) for entry in details)
    quotas = " ".join(_quota_ids(details)).lower()
    failure = Failure.OTHER_KEY
    match error.code:
        case 401:
            return key_rejected()
        case 400 if reason == "API_KEY_INVALID":
            return key_rejected()
        case 403 if reason.startswith(_KEY_REASONS) or "leaked" in str(error.message):
            return key_rejected()
        case 403:
            # A right that is missing, such as for one model, is no reason to switch the key off.
            code, detail = "permission_denied", "This key may not use the model."
        case 404:
            # The model is set per key, and which ones there are depends on the key's project.
            code = "model_not_found"
            detail = "This key has no such model. Check the model's name."
        case 400 if error.status == "FAILED_PRECONDITION":
            code = "failed_precondition"
            detail = "This key's project may not use Gemini. Check its region and billing."
        case 429 if any(part in quotas for part in _LONG_QUOTAS):
            code, detail = "quota_exhausted", "The key's quota at Gemini is used up."
        case 429:
            failure = Failure.RETRY
            code, detail = "rate_limited", "Gemini's rate limit is reached."
        case 408 | 504:
            failure, code, detail = Failure.RETRY, "timeout", "Gemini did not answer in time."
        case 413:
            failure = Failure.FINAL
            code, detail = "request_too_large", "The document is too large for Gemini. Split it."
        case status if 400 <= status < 500:
            failure = Failure.FINAL
            code, detail = "invalid_request", "Gemini cannot process this document."
        case _:
            failure = Failure.RETRY
            code, detail = "server_error", "Gemini is out of order for now. Try again later."
    return ReadingError(
        failure,
        code,
        detail,
        retry_after=_retry_after(error, details),
        timed_out=code == "timeout",
    )


def key_rejected() -> ReadingError:
    """The key is no key, or no longer one."""
    return ReadingError(
        Failure.OTHER_KEY,
        "key_rejected",
        "Gemini rejects this API key. Replace it.",
        key_rejected=True,
    )


def _details(error: errors.APIError) -> Iterator[dict[str, Any]]:
    """Yield the error's google.rpc details; proxies answer with anything."""
    match error.details:
        case {"error": {"details": [*entries]}}:
            yield from (entry for entry in entries if isinstance(entry, dict))


def _quota_ids(details: list[dict[str, Any]]) -> Iterator[str]:
    for entry in details:
        match entry:
            case {"violations": [*violations]}:
                for violation in violations:
                    match violation:
                        case {"quotaId": str(quota_id)}:
                            yield quota_id


def _retry_after(error: errors.APIError, details: list[dict[str, Any]]) -> float | None:
    """Return the seconds that the server asks us to wait: RetryInfo, else Retry-After."""
    for entry in details:
        match entry:
            case {"retryDelay": str(delay)}:
                return _seconds(delay.removesuffix("s"))
    header = getattr(error.response, "headers", {}).get("retry-after")
    if header is None:
        return None
    if (seconds := _seconds(header)) is not None:
        return seconds
    try:
        at = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None
