"""Bodies that are too large are rejected by their header, before anything parses them."""

import contextlib
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from extraction.api.errors import api_view_of, json_response
from extraction.exceptions import DocumentRejected
from ocrsite.lib.errors import UserFacingError

_MEGABYTE = 1024 * 1024
# How much of a rejected body is read all the same. Most clients send everything before they read
# the answer; if the connection were closed on them meanwhile, they would never see it.
_DRAIN_BYTES = 256 * _MEGABYTE
_DRAIN_SECONDS = 20.0


class UploadLimitMiddleware:
    """Rejects bodies above MAX_UPLOAD_MB and 1 MB for the rest of the form."""

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
        """Answer as JSON or as a page, as the view would have done."""
        error = _rejection(request)
        if error is None:
            return None
        _drain(request)
        if api_view := api_view_of(view):
            return json_response(error, api_view)
        return render(request, "413.html", {"problem": error}, status=error.http_status)


def _rejection(request: HttpRequest) -> UserFacingError | None:
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length and request.headers.get("Transfer-Encoding"):
        # Django would see an empty body and miss every field.
        return UserFacingError(
            "length_required",
            HTTPStatus.LENGTH_REQUIRED.phrase,
            "Send the request with a Content-Length instead of in chunks.",
            411,
        )
    limit = settings.MAX_UPLOAD_MB
    if length.isdecimal() and int(length) > (limit + 1) * _MEGABYTE:
        return DocumentRejected(
            "file_too_large",
            f"The upload has {int(length) / _MEGABYTE:.0f} MB and at most {limit} MB are "
            "accepted. Send a smaller file, or several files one by one.",
            413,
        )
    return None


def _drain(request: HttpRequest) -> None:
    """Read the body and drop it, up to the limits of size and time."""
    give_up = time.monotonic() + _DRAIN_SECONDS
    left = _DRAIN_BYTES
    with contextlib.suppress(OSError):  # the caller closed the connection
        while left > 0 and time.monotonic() < give_up and (chunk := request.read(_MEGABYTE)):
            left -= len(chunk)
