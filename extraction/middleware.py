"""Bodies that are too large are refused by their header, before anything parses them."""

import contextlib
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from rest_framework.views import APIView

from extraction.api.errors import Problem
from extraction.exceptions import CANNOT_CONVERT

_MEGABYTE = 1024 * 1024
# What of a refused body is read, so that the caller gets to read the answer. Most clients send
# everything before they listen; a connection closed on them would look like a crash.
_DRAIN_BYTES = 256 * _MEGABYTE
_DRAIN_SECONDS = 20.0


class UploadLimitMiddleware:
    """Refuses bodies above MAX_UPLOAD_MB and 1 MB for the rest of the form."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self,
        request: HttpRequest,
        view: Callable[..., HttpResponseBase],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> HttpResponse | None:
        """Answer in the form of the door that was knocked at."""
        problem = _refusal(request)
        if problem is None:
            return None
        _drain(request)
        api_view = getattr(view, "cls", None)
        if api_view is not None and issubclass(api_view, APIView):
            enveloped = getattr(api_view, "enveloped_errors", False)
            return JsonResponse(problem.body(enveloped=enveloped), status=problem.status)
        return render(request, "413.html", {"problem": problem}, status=problem.status)


def _refusal(request: HttpRequest) -> Problem | None:
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length and request.headers.get("Transfer-Encoding"):
        # Django would see an empty body and miss every field.
        return Problem(
            HTTPStatus.LENGTH_REQUIRED,
            "length_required",
            HTTPStatus.LENGTH_REQUIRED.phrase,
            "Send the request with a Content-Length instead of in chunks.",
        )
    limit = settings.MAX_UPLOAD_MB
    if length.isdecimal() and int(length) > (limit + 1) * _MEGABYTE:
        return Problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "file_too_large",
            CANNOT_CONVERT,
            f"The upload has {int(length) / _MEGABYTE:.0f} MB and at most {limit} MB are "
            "accepted. Send a smaller file, or several files one by one.",
        )
    return None


def _drain(request: HttpRequest) -> None:
    """Read and forget the body, within bounds."""
    give_up = time.monotonic() + _DRAIN_SECONDS
    left = _DRAIN_BYTES
    with contextlib.suppress(OSError):  # the caller hung up
        while left > 0 and time.monotonic() < give_up and (chunk := request.read(_MEGABYTE)):
            left -= len(chunk)
