"""What the errors of Gemini, its SDK and the connection mean: one ReadingError for each."""

import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import pydantic
from google.genai import errors

from extraction.readers.base import RECITATION, Billing, Failure, KeyEffect, ReadingError
from extraction.readers.gemini.answers import AnswerTooLarge, clean
from tokens.usage import NO_USAGE, Usage

logger = logging.getLogger(__name__)

# A missing permission or model is a setting at Google, which takes a person minutes to change.
SETTINGS_COOL_DOWN = 900.0
# Google may ask for 10,000 years (google.protobuf.Duration); no key is blocked for longer than this
# without staff.
LONGEST_WAIT = 86_400.0
# Characters kept of a text of Google's.
LONGEST_TEXT = 2_000
# A monthly spending limit ends when it is raised, or with its period: one call an hour finds out.
SPEND_COOL_DOWN = 3600.0
# The other spending limit is that of any ten minutes (ai.google.dev/gemini-api/docs/rate-limits).
ROLLING_SPEND_COOL_DOWN = 600.0
# These calls are not counted as retries, so they must not follow each other closely.
SHORTEST_SPEND_COOL_DOWN = 10.0
# Daily quotas begin anew at midnight Pacific time (ai.google.dev/gemini-api/docs/rate-limits),
# which is 8:00 UTC in winter and an hour earlier in summer: this is never too early.
QUOTA_DAY_BEGINS = time(8, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Condition:
    """One way for a call to fail, with what follows from it."""

    failure: Failure
    detail: str
    billing: Billing = Billing.NONE
    key_effect: KeyEffect = KeyEffect.NONE
    timed_out: bool = False
    # Staff must change something at the provider; until then each call fails alike.
    for_staff: bool = False


# Every way for a call of Gemini to fail, by its code. Sources:
# ai.google.dev/gemini-api/docs/troubleshooting, google.rpc.{ErrorInfo,QuotaFailure,RetryInfo}.
# Google bills no answer of 4xx or 5xx. Answers of 200 state their usage; where they do not, and
# where the answer was lost, the charge is unknown.
CONDITIONS = {
    # Nothing was sent
    "unreachable": Condition(Failure.RETRY, "Gemini cannot be reached."),
    "connect_timeout": Condition(Failure.RETRY, "Gemini cannot be reached.", timed_out=True),
    "pages_missing": Condition(Failure.RETRY, "The page images could not be read. Try again."),
    "blank": Condition(Failure.FINAL, "Every page is blank. Scan the document again."),
    # No answer, or none that can be read
    "timeout": Condition(
        Failure.RETRY, "Gemini did not answer in time.", Billing.UNKNOWN, timed_out=True
    ),
    "connection_lost": Condition(
        Failure.RETRY, "The connection to Gemini was lost.", Billing.UNKNOWN
    ),
    "malformed_answer": Condition(
        Failure.RETRY, "Gemini's answer could not be understood.", Billing.UNKNOWN
    ),
    "answer_too_large": Condition(
        Failure.RETRY, "Gemini's answer was too large to be read.", Billing.UNKNOWN
    ),
    "provider_error": Condition(Failure.RETRY, "The call of Gemini failed.", Billing.UNKNOWN),
    # 5xx, 408, 409, 499, and 400 that asks to try again
    "server_error": Condition(
        Failure.RETRY, "Gemini is out of order for now. Try again later."
    ),
    "server_timeout": Condition(Failure.RETRY, "Gemini did not answer in time.", timed_out=True),
    # 429
    "rate_limited": Condition(
        Failure.RETRY, "Gemini's rate limit is reached.", key_effect=KeyEffect.COOL_PROJECT
    ),
    "quota_exhausted": Condition(
        Failure.OTHER_KEY,
        "The key's quota at Gemini is used up.",
        key_effect=KeyEffect.COOL_PROJECT,
    ),
    "no_quota": Condition(
        Failure.OTHER_KEY,
        "The key's project has no quota for this model at Gemini. Check its plan.",
        key_effect=KeyEffect.COOL_KEY,
        for_staff=True,
    ),
    # Several statuses
    "no_credit": Condition(
        Failure.OTHER_KEY,
        "The key's project has no credit at Gemini, or no billing. Check its billing.",
        key_effect=KeyEffect.COOL_PROJECT,
        for_staff=True,
    ),
    # The key
    "key_rejected": Condition(
        Failure.OTHER_KEY,
        "Gemini rejects this API key. Replace it.",
        key_effect=KeyEffect.REJECTED,
    ),
    "permission_denied": Condition(
        Failure.OTHER_KEY, "This key may not use the model.", key_effect=KeyEffect.COOL_KEY
    ),
    "model_not_found": Condition(
        Failure.OTHER_KEY,
        "This key has no such model. Check the model's name.",
        key_effect=KeyEffect.COOL_KEY,
    ),
    "failed_precondition": Condition(
        Failure.OTHER_KEY,
        "This key's project may not use Gemini. Check its region and billing.",
        key_effect=KeyEffect.COOL_PROJECT,
        for_staff=True,
    ),
    # The document
    "invalid_request": Condition(Failure.FINAL, "Gemini cannot process this document."),
    "request_too_large": Condition(
        Failure.FINAL, "The document is too large for Gemini. Split it."
    ),
    "blocked": Condition(
        Failure.FINAL, "Gemini refuses to read this document for its contents."
    ),
    # The answer, of status 200
    RECITATION: Condition(
        Failure.RETRY, "Gemini broke off its answer, which resembled a published text."
    ),
    "empty_answer": Condition(Failure.RETRY, "Gemini gave an empty answer."),
    "max_tokens": Condition(
        Failure.REPAIR, "The answer was longer than the limit set for it."
    ),
    "wrong_schema": Condition(
        Failure.REPAIR, "Gemini's answer did not have the form asked for."
    ),
}  # fmt: skip

# The request was not sent, or not completely.
_NOT_SENT = (
    httpx2.ConnectError,
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
    RecursionError,
)
# google.rpc.ErrorInfo reasons of a 403 that concern the key or its project, not one model
# (googleapis/google/api/error_reason.proto).
_KEY_REASONS = ("API_KEY_", "CONSUMER_", "SERVICE_DISABLED")
# Parts of the ids of quotas that are not renewed within minutes.
_DAILY_QUOTA = "perday"
_LONG_QUOTAS = (_DAILY_QUOTA, "permonth", "spend")
# A quota that no waiting renews. Google states it in a violation, or in the message alone.
_ZERO = re.compile(r"0(?:\.0+)?")
_NO_QUOTA = re.compile(r"\blimit: 0(?!\.?\d)")
# Without credit or billing Google gives various statuses; what they have in common is the message.
_NO_CREDIT = re.compile(
    r"\bprepa(?:y|id)|\bcredits? balance|\binsufficient (?:credit|balance|funds)"
    r"|\bcredits? (?:(?:is|are|was|were|have|has|been) ){0,2}"
    r"(?:depleted|exhausted|used up|spent|expired|run out)"
    r"|\b(?:no|out of|exhausted|depleted|used up) (?:(?:your|its|all|free|more|remaining) ){0,2}"
    r"credits?\b"
    r"|\benable billing|\bbilling to be enabled"
    r"|\bbilling (?:account )?(?:is|has been|was) (?:disabled|closed|suspended|not )"
)
_TRY_AGAIN = re.compile(
    r"(?<!not )\bretry\b|\bretrying\b|\btry (?:(?:your|this|the|same|request|call|it) ){0,3}again\b"
)


def reading_error(
    code: str,
    *,
    billing: Billing | None = None,
    usage: Usage = NO_USAGE,
    retry_after: float | None = None,
    cools_for: float | None = None,
    correction: str = "",
    provider_code: str = "",
    provider_message: str = "",
) -> ReadingError:
    """Return the error of one of the CONDITIONS; ``billing`` replaces the condition's."""
    condition = CONDITIONS[code]
    return ReadingError(
        condition.failure,
        code,
        condition.detail,
        billing=condition.billing if billing is None else billing,
        usage=usage,
        retry_after=retry_after,
        timed_out=condition.timed_out,
        key_effect=condition.key_effect,
        cools_for=cools_for,
        correction=correction,
        for_staff=condition.for_staff,
        provider_code=provider_code,
        provider_message=provider_message,
    )


def failure(error: Exception) -> ReadingError:
    """Return the ReadingError of any exception that a call may raise."""
    if isinstance(error, errors.APIError):
        return _of_error_answer(error)
    match error:
        case httpx2.ConnectTimeout():
            code = "connect_timeout"
        case _ if isinstance(error, _NOT_SENT):
            code = "unreachable"
        case TimeoutError() | httpx2.TimeoutException():
            code = "timeout"
        case AnswerTooLarge():
            code = "answer_too_large"
        case _ if isinstance(error, _MALFORMED):
            code = "malformed_answer"
        case httpx2.RequestError():
            code = "connection_lost"
        case _:
            logger.error("Unforeseen %s in a call of Gemini.", type(error).__name__)
            code = "provider_error"
    # The type only: the message could hold anything.
    return reading_error(code, provider_code=type(error).__name__)


def _of_error_answer(error: errors.APIError) -> ReadingError:
    details = list(_details(error))
    retry_after = _retry_after(error, details)
    quotas = " ".join(_quota_ids(details)).lower()
    code = _code_of(error, details, quotas)
    cools_for = None
    match code:
        case "permission_denied" | "model_not_found" | "failed_precondition":
            cools_for = SETTINGS_COOL_DOWN
        case "no_quota" | "no_credit":
            # Not retry_after, which is that of a limit per minute: nothing changes without staff.
            cools_for = SETTINGS_COOL_DOWN
        case "quota_exhausted" if _DAILY_QUOTA in quotas:
            cools_for = _until_next_quota_day()  # for the same reason
        case "quota_exhausted" if "month" in quotas + _text(error.message).lower():
            cools_for = SPEND_COOL_DOWN
        case "quota_exhausted":
            cools_for = max(retry_after or ROLLING_SPEND_COOL_DOWN, SHORTEST_SPEND_COOL_DOWN)
    return reading_error(
        code,
        retry_after=retry_after,
        cools_for=cools_for,
        provider_code=f"{error.code} {_text(error.status)}".strip(),
        provider_message=_text(error.message),
    )


def _text(value: Any) -> str:
    """Return what a provider says in a field, of whatever type, as a text that can be stored."""
    if not value:
        return ""
    return clean(value if isinstance(value, str) else repr(value))[:LONGEST_TEXT]


def _code_of(error: errors.APIError, details: list[dict[str, Any]], quotas: str) -> str:
    """Return the condition's code, by the answer's status and its structured details."""
    reason = "".join(str(entry.get("reason", "")) for entry in details)
    message = _text(error.message).lower()
    if error.code == 402 or "BILLING_DISABLED" in reason or _NO_CREDIT.search(message):
        return "no_credit"
    match error.code:
        case 401:
            return "key_rejected"
        case 400 if reason == "API_KEY_INVALID":
            return "key_rejected"
        # Google states in the message alone that a key was reported as leaked.
        case 403 if reason.startswith(_KEY_REASONS) or "leaked" in message:
            return "key_rejected"
        case 403:
            # A missing permission, such as for one model, does not make the key invalid.
            return "permission_denied"
        case 404:
            # The model is set per key, and the models available depend on the key's project.
            return "model_not_found"
        case 400 if error.status == "FAILED_PRECONDITION":
            return "failed_precondition"
        case 429 if any(map(_is_zero, _quota_values(details))) or _NO_QUOTA.search(message):
            return "no_quota"
        case 429 if any(part in quotas for part in _LONG_QUOTAS) or "spend" in message:
            return "quota_exhausted"
        case 429:
            return "rate_limited"
        case 408 | 504:
            return "server_timeout"
        case 413:
            return "request_too_large"
        case 400 if _TRY_AGAIN.search(message):
            return "server_error"
        # ABORTED and CANCELLED: what Google broke off, it may do when asked again.
        case 409 | 499:
            return "server_error"
        case status if 400 <= status < 500:
            return "invalid_request"
    return "server_error"


def _until_next_quota_day() -> float:
    """Return the seconds until the daily quotas begin anew."""
    now = datetime.now(UTC)
    begins = datetime.combine(now.date(), QUOTA_DAY_BEGINS)
    return (begins if begins > now else begins + timedelta(days=1)).timestamp() - now.timestamp()


def _details(error: errors.APIError) -> Iterator[dict[str, Any]]:
    """Yield the error's google.rpc details; a proxy's answer may have any form."""
    match error.details:
        case {"error": {"details": [*entries]}}:
            yield from (entry for entry in entries if isinstance(entry, dict))


def _quota_ids(details: list[dict[str, Any]]) -> Iterator[str]:
    return _of_violations(details, "quotaId")


def _quota_values(details: list[dict[str, Any]]) -> Iterator[str]:
    return _of_violations(details, "quotaValue")


def _is_zero(value: str) -> bool:
    return bool(_ZERO.fullmatch(value))


def _of_violations(details: list[dict[str, Any]], name: str) -> Iterator[str]:
    for entry in details:
        match entry:
            case {"violations": [*violations]}:
                for violation in violations:
                    if isinstance(violation, dict) and name in violation:
                        yield str(violation[name])


def _retry_after(error: errors.APIError, details: list[dict[str, Any]]) -> float | None:
    """Return the wait that the server asks for, in seconds: RetryInfo, else Retry-After."""
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
        wait = at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)
    except (ValueError, OverflowError, TypeError):
        return None
    return min(max(0.0, wait.total_seconds()), LONGEST_WAIT)


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return min(seconds, LONGEST_WAIT) if 0 <= seconds < float("inf") else None
