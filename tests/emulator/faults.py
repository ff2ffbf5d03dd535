"""How the emulator fails on request: which call, and in what way."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from tests.emulator.ledger import Call

# Kinds that change a whole answer before it is sent (replies.py), or the way it is sent.
REPLIES = frozenset({
    "answer", "no_usage", "blocked_prompt", "safety", "recitation", "max_tokens", "wrong_schema",
    "unknown_field", "not_json", "no_candidates",
})  # fmt: skip
TRANSPORTS = frozenset({
    "drop", "drop_mid_body", "trickle", "malformed", "empty", "gzip", "gzip_bomb", "huge",
    "wrong_encoding", "unknown_encoding",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to fail. Without ``key`` it applies to every key, without ``call`` to every call.

    ``method`` is ``generateContent`` or ``countTokens``; the latter has errors and delays only.
    ``call`` is the key's n-th call, from 1. ``delay`` is in seconds and comes before the first
    byte; kind ``answer`` with a delay is a slow but right answer. ``retry_delay`` fills RetryInfo
    (empty: none). Kind ``status`` sends ``status`` and ``body``, a text or JSON; ``headers`` go
    with any error.
    """

    kind: str
    key: str | None = None
    call: int | None = None
    delay: float = 0.0
    retry_delay: str = "27.5s"
    status: int = 500
    body: object = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "generateContent"

    def __post_init__(self) -> None:
        if self.kind not in REPLIES | TRANSPORTS | ERRORS.keys() | {"status"}:
            raise ValueError(f"No such kind of fault: {self.kind}.")

    @classmethod
    def from_json(cls, values: Any) -> "Fault":
        """Read a fault from ``POST /faults``. Raises ValueError for anything else."""
        if not isinstance(values, dict) or not values.keys() <= {f.name for f in fields(cls)}:
            raise ValueError(f"A fault has the fields {', '.join(f.name for f in fields(cls))}.")
        if "kind" not in values:
            raise ValueError("A fault needs a kind.")
        return cls(**values)

    def applies_to(self, call: Call) -> bool:
        """Whether this call fails so."""
        return (
            self.method == call.method
            and self.key in (None, call.key)
            and self.call in (None, call.key_call)
        )

    def error(self) -> tuple[int, object] | None:
        """Return the HTTP status and body of an error answer, or None for other kinds."""
        if self.kind == "status":
            return self.status, self.body
        if self.kind == "bad_gateway":
            return 502, "<html><head><title>502 Bad Gateway</title></head></html>"
        if self.kind not in ERRORS:
            return None
        code, status, message, quotas, reason = ERRORS[self.kind]
        details: list[dict[str, object]] = []
        if reason:
            details.append(
                {"@type": _TYPE + "ErrorInfo", "reason": reason, "domain": "googleapis.com"}
            )
        if quotas:
            value = "0" if self.kind == "limit_zero" else "10"
            violations = [{"quotaId": quota, "quotaValue": value} for quota in quotas]
            details.append({"@type": _TYPE + "QuotaFailure", "violations": violations})
            if self.retry_delay:
                details.append({"@type": _TYPE + "RetryInfo", "retryDelay": self.retry_delay})
        return code, error_body(code, status, message, details)


_TYPE = "type.googleapis.com/google.rpc."
_PER_MINUTE = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"
_PER_DAY = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
_SPEND = "GenerateContentSpendPerProjectPerTier"
_SPEND_PER_MONTH = "GenerateContentSpendPerProjectPerMonth"

# https://ai.google.dev/gemini-api/docs/troubleshooting; quota ids as seen in public reports.
# kind: (HTTP status, status, message, violated quotas, reason)
ERRORS: dict[str, tuple[int, str, str, tuple[str, ...], str]] = {
    "key_invalid": (
        400,
        "INVALID_ARGUMENT",
        "API key not valid. Please pass a valid API key.",
        (),
        "API_KEY_INVALID",
    ),
    "invalid_argument": (400, "INVALID_ARGUMENT", "Unable to process input image.", (), ""),
    "failed_precondition": (
        400,
        "FAILED_PRECONDITION",
        "User location is not supported for the API use.",
        (),
        "",
    ),
    "unauthenticated": (401, "UNAUTHENTICATED", "Request had invalid credentials.", (), ""),
    "permission_denied": (403, "PERMISSION_DENIED", "The caller has no permission.", (), ""),
    "key_blocked": (
        403,
        "PERMISSION_DENIED",
        "Requests to this API are blocked.",
        (),
        "API_KEY_SERVICE_BLOCKED",
    ),
    "key_leaked": (
        403,
        "PERMISSION_DENIED",
        "Your API key was reported as leaked. Please use another API key.",
        (),
        "",
    ),
    "model_not_found": (404, "NOT_FOUND", "The model is not found for this version.", (), ""),
    "request_too_large": (413, "INVALID_ARGUMENT", "Request payload size is too large.", (), ""),
    "per_minute": (429, "RESOURCE_EXHAUSTED", "Quota exceeded.", (_PER_MINUTE,), ""),
    "per_day": (429, "RESOURCE_EXHAUSTED", "Quota exceeded.", (_PER_MINUTE, _PER_DAY), ""),
    "spend": (429, "RESOURCE_EXHAUSTED", "Spend limit exceeded.", (_SPEND,), ""),
    "spend_per_month": (
        429,
        "RESOURCE_EXHAUSTED",
        "Your project has exceeded its monthly spending cap.",
        (_SPEND_PER_MONTH,),
        "",
    ),
    "limit_zero": (
        429,
        "RESOURCE_EXHAUSTED",
        "You exceeded your current quota, please check your plan and billing details. * Quota "
        "exceeded for metric: generate_content_free_tier_requests, limit: 0, model: gemini-3-pro",
        (_PER_MINUTE,),
        "",
    ),
    "no_credits": (
        429,
        "RESOURCE_EXHAUSTED",
        "Your prepayment credits are depleted. Please go to AI Studio to manage your billing.",
        (),
        "",
    ),
    "billing_disabled": (
        403,
        "PERMISSION_DENIED",
        "This API method requires billing to be enabled. Please enable billing on project 7.",
        (),
        "BILLING_DISABLED",
    ),
    "conflict": (409, "ABORTED", "The operation was aborted.", (), ""),
    "cancelled": (499, "CANCELLED", "The operation was cancelled.", (), ""),
    "please_retry": (
        400,
        "INVALID_ARGUMENT",
        "Unable to process input image. Please retry or report it.",
        (),
        "",
    ),
    "exhausted": (429, "RESOURCE_EXHAUSTED", "Resource has been exhausted.", (), ""),
    "internal": (500, "INTERNAL", "An internal error has occurred.", (), ""),
    "overloaded": (503, "UNAVAILABLE", "The model is overloaded.", (), ""),
    "deadline_exceeded": (504, "DEADLINE_EXCEEDED", "The deadline was exceeded.", (), ""),
    "bad_gateway": (502, "", "", (), ""),
}


def error_body(
    code: int, status: str, message: str, details: list[dict[str, object]] | None = None
) -> dict[str, object]:
    """Render an error as Google's APIs do."""
    error: dict[str, object] = {"code": code, "message": message, "status": status}
    if details:
        error["details"] = details
    return {"error": error}


class Faults:
    """The faults in force. The first one that applies to a call is taken."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, kind: str, **options: Any) -> None:
        """Put a fault in force; options are the fields of Fault."""
        self.put(Fault(kind, **options))

    def put(self, fault: Fault) -> None:
        """Put a fault in force."""
        with self._lock:
            self._faults.append(fault)

    def replay(self, responses: Sequence[Mapping[str, Any]]) -> None:
        """Give each key's n-th call the n-th response as it is: body, status and headers.

        The last one repeats. Nothing is billed: a response states its own usage.
        """
        for number, response in enumerate(responses, start=1):
            self.add(
                "status",
                call=number if number < len(responses) else None,
                body=response["body"],
                status=response.get("status", 200),
                headers=response.get("headers", {}),
            )

    def clear(self) -> None:
        """End every fault."""
        with self._lock:
            self._faults.clear()

    def for_call(self, call: Call) -> Fault:
        """Return the fault of this call, or the one that changes nothing."""
        with self._lock:
            return next((fault for fault in self._faults if fault.applies_to(call)), _NO_FAULT)


_NO_FAULT = Fault("answer")
