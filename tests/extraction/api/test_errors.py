from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, UnreadablePostError
from rest_framework.exceptions import Throttled

from extraction.api.errors import handle_exception
from extraction.exceptions import DocumentRejected
from logs import context as log_context
from ocrsite.lib.errors import DatabaseUnavailable


@pytest.mark.parametrize(
    ("error", "status", "code", "headers"),
    [
        (DocumentRejected("no_pages", "It has no pages."), 422, "no_pages", {}),
        (DatabaseUnavailable(), 503, "database_unavailable", {"Retry-After": "30"}),
        (Http404(), 404, "not_found", {}),
        (PermissionDenied(), 403, "permission_denied", {}),
        (Throttled(wait=7), 429, "throttled", {"Retry-After": "7"}),
        (RequestDataTooBig(), 413, "form_too_large", {}),
        (SuspiciousOperation(), 400, "bad_request", {}),
        (UnreadablePostError(), 400, "bad_request", {}),
        (OperationalError(), 503, "database_unavailable", {"Retry-After": "30"}),
        (InterfaceError(), 503, "database_unavailable", {"Retry-After": "30"}),
        (ZeroDivisionError("secret"), 500, "internal_error", {}),
    ],
)
def test_every_error_has_one_form(
    error: Exception, status: int, code: str, headers: dict[str, str]
) -> None:
    with log_context.bound(request_id="r-1"):
        response = handle_exception(error, {"view": None})

    body: dict[str, Any] = response.data
    assert response.status_code == status
    assert set(body) == {"code", "message", "detail", "request_id"}
    assert (body["code"], body["request_id"]) == (code, "r-1")
    assert "secret" not in str(body)
    assert {name: response[name] for name in headers} == headers


def test_unexpected_error_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise ZeroDivisionError
    except ZeroDivisionError as error:
        handle_exception(error, {"view": None})

    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError
