"""Every error of the API in one form: a stable code, a message, and what to do about it."""

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, JsonResponse, UnreadablePostError
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import APIView

from logs import context as log_context
from ocrsite.lib.database import is_unreachable
from ocrsite.lib.errors import DatabaseUnavailable, StorageUnavailable, UserFacingError
from ocrsite.lib.files import is_storage_fault

logger = logging.getLogger(__name__)

# Codes of rejected input that callers may want to tell apart.
OWN_CODES = {"url_fetch_disabled", "connection_params_refused"}
WHO_IS_ASKING = (
    "Say who is asking: send the header Authorization with Api-Key, a blank and the API key."
)
# What is wrong beyond this is found out at the next try.
MOST_SENTENCES = 20


def handle_exception(error: Exception, context: dict[str, Any]) -> Response:
    """Answer any exception that leaves an API view (DRF's EXCEPTION_HANDLER)."""
    told = _as_told(error)
    headers = told.headers()
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    enveloped = getattr(context["view"], "enveloped_errors", False)
    return Response(_body(told, enveloped=enveloped), status=told.http_status, headers=headers)


def json_response(error: UserFacingError, api_view: type[APIView] | None) -> JsonResponse:
    """Answer an error outside DRF, in the form that the API view would have used."""
    enveloped = getattr(api_view, "enveloped_errors", False)
    return JsonResponse(
        _body(error, enveloped=enveloped), status=error.http_status, headers=error.headers()
    )


def api_view_of(view: Callable[..., Any] | None) -> type[APIView] | None:
    """Return the class behind the callable of an address; None when it answers pages."""
    api_view = getattr(view, "cls", None)
    return api_view if api_view is not None and issubclass(api_view, APIView) else None


def _body(error: UserFacingError, *, enveloped: bool) -> dict[str, Any]:
    """The JSON of the answer; enveloped in the form of ``POST /extract``."""
    body = {
        "code": error.code,
        "message": error.message,
        "detail": error.detail,
        "request_id": log_context.current().request_id or "",
    }
    if not enveloped:
        return body
    return {"status": "error", "message": error.message, "data": None} | body


def _as_told(error: Exception) -> UserFacingError:
    """What the caller is told about an exception; what nobody expected is logged."""
    match error:
        case UserFacingError():
            return error
        case exceptions.ValidationError():
            return _plain(HTTPStatus.BAD_REQUEST, *_invalid_input(error.detail))
        case exceptions.NotAuthenticated():
            return _plain(HTTPStatus.UNAUTHORIZED, str(error.get_codes()), WHO_IS_ASKING)
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
        case _ if is_storage_fault(error, settings.DATA_DIR):
            logger.exception("Files cannot be stored.")
            return StorageUnavailable()
        case _ if is_unreachable(error):
            logger.exception("The database cannot be reached.")
            return DatabaseUnavailable()
        case _:
            logger.exception("A request failed.")
            return _plain(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                "internal_error",
                "The service failed. Try again; if it goes on, give support the request id.",
            )


def _plain(
    status: HTTPStatus, code: str, detail: str, retry_after: timedelta | None = None
) -> UserFacingError:
    """An error that HTTP has a name for."""
    return UserFacingError(code, status.phrase, detail, status, retry_after=retry_after)


def _of_framework(error: exceptions.APIException) -> UserFacingError:
    """An error that DRF raised, or that a view raised as one of DRF's."""
    wait = getattr(error, "wait", None)
    return _plain(
        HTTPStatus(error.status_code),
        str(error.get_codes()),
        str(error.detail),
        timedelta(seconds=wait) if wait else None,
    )


def _invalid_input(detail: Any) -> tuple[str, str]:
    """Code and detail of a serializer's errors: one sentence or more for each field."""
    told = [(name, error) for name, errors in detail.items() for error in _sentences(errors)]
    first = getattr(told[0][1], "code", "")
    detail = " ".join(f"{name}: {error}" for name, error in told[:MOST_SENTENCES])
    return first if first in OWN_CODES else "invalid_request", detail


def _sentences(errors: Any) -> Iterator[str]:
    """The errors of one field, those of its items among them."""
    if isinstance(errors, str):
        yield errors
        return
    for error in errors.values() if isinstance(errors, dict) else errors:
        yield from _sentences(error)
