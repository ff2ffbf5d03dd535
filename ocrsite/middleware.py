"""Middleware of the whole site."""

import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from logs import context


class RequestIdMiddleware:
    """Gives every request an id: in its log records, its answer and its error bodies."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = str(uuid.uuid4())
        with context.bound(request_id=request_id):
            response = self.get_response(request)
        response["X-Request-ID"] = request_id
        return response
