"""What a request is answered whose view, or whose middleware, failed."""

import sys

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.loader import render_to_string
from django.views import defaults

from extraction.api.errors import api_view_of, json_response
from ocrsite.lib.database import is_unreachable
from ocrsite.lib.errors import DatabaseUnavailable, UserFacingError


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Answer a fault (Django's handler500): 503 when the database cannot be reached, else 500.

    Here, and not in a middleware, because Django calls it for errors of the middleware, too.
    """
    error = sys.exception()
    if error is None or not is_unreachable(error):
        return defaults.server_error(request)
    return _unavailable(request, DatabaseUnavailable())


def _unavailable(request: HttpRequest, error: UserFacingError) -> HttpResponse:
    """Answer as JSON or as a page, whichever the caller expects, without session or database."""
    match = request.resolver_match
    api_view = api_view_of(match.func if match else None)
    preferred = request.get_preferred_type(["text/html", "application/json"])
    if api_view or preferred == "application/json":  # the script of the upload page
        return json_response(error, api_view)
    page = render_to_string("503.html", {"problem": error})
    return HttpResponse(page, status=error.http_status, headers=error.headers())
