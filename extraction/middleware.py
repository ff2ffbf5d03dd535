"""Bodies that are too large are rejected by their header; pages have a language and a time zone."""

from collections.abc import Callable
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.shortcuts import render
from django.utils import timezone, translation

from extraction.api.errors import api_view_of, json_response
from extraction.exceptions import DocumentRejected
from ocrsite.lib.errors import UserFacingError

Response = TypeVar("Response", bound=HttpResponseBase)

_MEGABYTE = 1024 * 1024


class UploadLimitMiddleware:
    """Rejects bodies above MAX_BODY_BYTES.

    The web server (ocrsite/web_server.py) has not kept such a body, and drops what still arrives.
    """

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
        if api_view := api_view_of(view):
            return json_response(error, api_view)
        return render(request, "413.html", {"problem": error}, status=error.http_status)


class PageLocaleMiddleware(LocaleMiddleware):
    """Answers on pages in the reader's language, and in DISPLAY_TIME_ZONE.

    The API speaks English and UTC, whoever asks; what streams keeps UTC.
    """

    def process_response(self, request: HttpRequest, response: Response) -> Response:
        """Leave the thread as it was. Called after errors, too."""
        super().process_response(request, response)
        timezone.deactivate()
        translation.deactivate()
        return response

    def process_view(
        self,
        request: HttpRequest,
        view: Callable[..., HttpResponseBase],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        """Tell pages from the rest."""
        if api_view_of(view) is None:
            timezone.activate(ZoneInfo(settings.DISPLAY_TIME_ZONE))
        else:
            translation.activate(settings.LANGUAGE_CODE)
            request.LANGUAGE_CODE = settings.LANGUAGE_CODE


def _rejection(request: HttpRequest) -> UserFacingError | None:
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length.isdecimal() or int(length) <= settings.MAX_BODY_BYTES:
        return None
    return DocumentRejected(
        "file_too_large",
        f"The upload has {int(length) / _MEGABYTE:.0f} MB and at most {settings.MAX_UPLOAD_MB} MB "
        "are accepted. Send a smaller file, or several files one by one.",
        413,
    )
