"""Every error of the API in one form: a stable code, a message, and what to do about it."""

import logging
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, UnreadablePostError
from rest_framework import exceptions
from rest_framework.response import Response

from extraction.degraded import CallFailed, NotServed
from extraction.exceptions import CANNOT_CONVERT, CANNOT_PROCESS, DocumentRejected
from extraction.submission import IdempotencyConflict
from logs import context as log_context
from ocrsite.lib.database import is_unreachable
from tokens.selection import NoUsableKey

logger = logging.getLogger(__name__)

# Seconds after which it is worth trying again when the service itself is in trouble.
RETRY_AFTER = 30


@dataclass(frozen=True, slots=True)
class Problem:
    """One error as it is answered; ``detail`` says what happened and what to do."""

    status: int
    code: str
    message: str
    detail: str
    headers: dict[str, str] = field(default_factory=dict)

    def body(self, *, enveloped: bool) -> dict[str, Any]:
        """Return the JSON of the answer; enveloped in the form of ``POST /extract``."""
        body = {
            "code": self.code,
            "message": self.message,
            "detail": self.detail,
            "request_id": log_context.current().request_id or "",
        }
        if not enveloped:
            return body
        return {"status": "error", "message": self.message, "data": None} | body


def handle_exception(error: Exception, context: dict[str, Any]) -> Response:
    """Answer any exception that leaves an API view (DRF's EXCEPTION_HANDLER)."""
    problem = _problem(error)
    enveloped = getattr(context["view"], "enveloped_errors", False)
    return Response(
        problem.body(enveloped=enveloped), status=problem.status, headers=problem.headers
    )


def database_unavailable() -> Problem:
    """Return what every door answers while the database cannot be reached."""
    return _plain(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "database_unavailable",
        "The service cannot reach its database. Try again in a moment.",
        {"Retry-After": str(RETRY_AFTER)},
    )


def _problem(error: Exception) -> Problem:
    match error:
        case DocumentRejected():
            return Problem(error.http_status, error.code, CANNOT_CONVERT, error.detail)
        case NoUsableKey():
            return Problem(error.http_status, error.code, error.message, error.detail)
        case CallFailed():
            return Problem(
                error.http_status,
                error.code,
                CANNOT_PROCESS,
                error.detail,
                {"Retry-After": str(RETRY_AFTER)} if error.http_status == 503 else {},
            )
        case NotServed():
            return database_unavailable()
        case IdempotencyConflict():
            return _plain(
                HTTPStatus.CONFLICT,
                "idempotency_conflict",
                "This Idempotency-Key was already used with another document or company. "
                "Send a new key with every new document.",
            )
        case exceptions.ValidationError():
            return _plain(HTTPStatus.BAD_REQUEST, *_invalid_input(error.detail))
        case exceptions.APIException():
            return _of_framework(error)
        case Http404():
            return _of_framework(exceptions.NotFound())
        case PermissionDenied():
            return _of_framework(exceptions.PermissionDenied())
        case RequestDataTooBig():
            return _plain(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "form_too_large",
                "The text fields of the form are too large. Send the document as a file.",
            )
        case SuspiciousOperation() | UnreadablePostError():
            return _plain(
                HTTPStatus.BAD_REQUEST,
                "bad_request",
                "The request could not be read. Send it again as one multipart/form-data form.",
            )
        case _ if is_unreachable(error):
            logger.exception("The database cannot be reached.")
            return database_unavailable()
        case _:
            logger.exception("A request failed.")
            return _plain(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                "internal_error",
                "The service failed. Try again; if it goes on, give support the request id.",
            )


def _plain(
    status: HTTPStatus, code: str, detail: str, headers: dict[str, str] | None = None
) -> Problem:
    return Problem(status, code, status.phrase, detail, headers or {})


def _of_framework(error: exceptions.APIException) -> Problem:
    """An error that DRF raised, or that a view raised as one of DRF's."""
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait))
    code = error.get_codes()
    return _plain(HTTPStatus(error.status_code), str(code), str(error.detail), headers)


def _invalid_input(detail: Any) -> tuple[str, str]:
    """Code and detail of a serializer's errors: one sentence or more for each field."""
    sentences = []
    codes = []
    for name, errors in detail.items():
        sentences += [f"{name}: {error}" for error in errors]
        codes += [error.code for error in errors]
    return codes[0] if codes[0] in OWN_CODES else "invalid_request", " ".join(sentences)


# Codes of rejected input that callers may want to tell apart.
OWN_CODES = {"url_fetch_disabled", "connection_params_refused"}
