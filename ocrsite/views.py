"""What the site as a whole answers."""

import sys
from http import HTTPStatus

from django.contrib.auth.decorators import login_not_required
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.template.loader import render_to_string
from django.views import defaults
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from rest_framework.views import APIView

from extraction.api.errors import Problem, database_unavailable
from ocrsite.lib.database import is_unreachable


@login_not_required
@never_cache
@require_safe
def health(_request: HttpRequest) -> JsonResponse:
    """Answer 200 while this process and its database work, else 503."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return JsonResponse(
            {"status": "error"},
            status=HTTPStatus.SERVICE_UNAVAILABLE,
            headers=database_unavailable().headers,
        )
    return JsonResponse({"status": "ok"})


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Answer a fault (Django's handler500): 503 when the database cannot be reached, else 500.

    Here, and not in a middleware, because Django calls it for errors of the middleware, too.
    """
    error = sys.exception()
    if error is None or not is_unreachable(error):
        return defaults.server_error(request)
    return _unavailable(request, database_unavailable())


def _unavailable(request: HttpRequest, problem: Problem) -> HttpResponse:
    """The problem in the form of the door that was knocked at, without session or database."""
    view = getattr(request.resolver_match and request.resolver_match.func, "cls", None)
    is_api = view is not None and issubclass(view, APIView)
    preferred = request.get_preferred_type(["text/html", "application/json"])
    if is_api or preferred == "application/json":  # the script of the upload page
        body = problem.body(enveloped=getattr(view, "enveloped_errors", False))
        return JsonResponse(body, status=problem.status, headers=problem.headers)
    page = render_to_string("503.html", {"problem": problem})
    return HttpResponse(page, status=problem.status, headers=problem.headers)
