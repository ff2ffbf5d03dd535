"""What a request is answered whose view, or whose middleware, failed."""

import sys

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.loader import render_to_string
from django.views import defaults

from extraction import error_texts
from extraction.api.errors import api_view_of, json_response
from ocrsite.lib.database import is_unreachable
from ocrsite.lib.errors import (
    DatabaseUnavailable,
    ServiceFault,
    StorageUnavailable,
    UserFacingError,
)
from ocrsite.lib.files import is_storage_fault


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Answer a fault (Django's handler500): 503 without database or storage, else 500.

    Here, and not in a middleware, because Django calls it for errors of the middleware, too.
    """
    error = sys.exception()
    if isinstance(error, ServiceFault):
        return _unavailable(request, error)
    if error is not None and is_storage_fault(error, settings.DATA_DIR):
        return _unavailable(request, StorageUnavailable())
    if error is not None and is_unreachable(error):
        return _unavailable(request, DatabaseUnavailable())
    return defaults.server_error(request)


def _unavailable(request: HttpRequest, error: UserFacingError) -> HttpResponse:
    """Answer as JSON or as a page, whichever the caller expects, without session or database."""
    match = request.resolver_match
    api_view = api_view_of(match.func if match else None)
    preferred = request.get_preferred_type(["text/html", "application/json"])
    if api_view:
        return json_response(error, api_view)
    if preferred == "application/json":  # the script of the upload page, which shows the detail
        detail = error_texts.told(error.detail)
        return json_response(
            UserFacingError(
                error.code, error.message, detail, error.http_status, retry_after=error.retry_after
            ),
            None,
        )
    page = render_to_string("503.html", {"problem": error})
    return HttpResponse(page, status=error.http_status, headers=error.headers())
