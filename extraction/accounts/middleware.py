"""Keeps who has not finished logging in from the site, and who works there logged in."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from extraction.accounts import steps
from extraction.api.errors import api_view_of, json_response
from ocrsite.lib.errors import UserFacingError

# What is open before everything is done, besides the step itself.
_OPEN = {"logout", "admin:logout", "log-in-code", "second-factor-qr", "set_language"}
_ASKED_BY_SCRIPTS = {"waiting"}


class LogInUnfinished(UserFacingError):
    """The session's user has to do something on the pages first (403)."""

    def __init__(self) -> None:
        super().__init__(
            "log_in_unfinished",
            HTTPStatus.FORBIDDEN.phrase,
            "You have not finished logging in. Open the site in a browser and do what it asks for.",
            HTTPStatus.FORBIDDEN,
        )


class LogInStepsMiddleware:
    """Sends people to what is outstanding (extraction/accounts/steps.py).

    Below AuthenticationMiddleware and LoginRequiredMiddleware. API clients have no session.
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
        """Answer in the view's place, or not."""
        api_view = api_view_of(view)
        is_public = api_view is None and not getattr(view, "login_required", True)
        if is_public or not request.user.is_authenticated:
            return None
        step = steps.outstanding(request)
        if step is None:
            match = request.resolver_match
            # What scripts ask on their own is nobody at work.
            if api_view is None and match and match.view_name not in _ASKED_BY_SCRIPTS:
                steps.keep_alive(request)
            return None
        if api_view:
            return json_response(LogInUnfinished(), api_view)
        match = request.resolver_match
        if match and match.view_name in {step, *_OPEN}:
            return None
        query = urlencode({"next": request.get_full_path()}) if request.method == "GET" else ""
        return redirect(f"{reverse(step)}?{query}" if query else reverse(step))
