"""Middleware that gives log records the request they belong to."""

import re
import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.log import log_response

from logs import context

# Ids of other systems that fit the log's column.
_SANE = re.compile(r"[A-Za-z0-9._-]{1,36}\Z")


class RequestIdMiddleware:
    """Gives every request an id: in its log records, its answer and its error bodies.

    One that the caller sent as X-Request-ID is kept, if it is short and plain.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        sent = request.headers.get("X-Request-ID", "")
        request_id = sent if _SANE.match(sent) else str(uuid.uuid4())
        with context.bound(request_id=request_id):
            response = self.get_response(request)
            if response.status_code >= HTTPStatus.BAD_REQUEST:
                # Django does so later, when the fields are no longer bound.
                log_response(
                    "%s: %s",
                    response.reason_phrase,
                    request.path,
                    response=response,
                    request=request,
                )
        response["X-Request-ID"] = request_id
        return response


class LogContextMiddleware:
    """Names in a request's log records who is signed in and which extraction it is about.

    Below LoginRequiredMiddleware, which has looked the user up: this costs no query.
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
    ) -> None:
        """Add what is known before the view runs."""
        if request.user.is_authenticated:
            context.add(user=request.user.get_username())
        if "extraction_id" in kwargs:
            context.add(extraction_id=str(kwargs["extraction_id"]))
