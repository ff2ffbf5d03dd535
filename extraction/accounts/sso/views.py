"""The way to the provider and back."""

import logging
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from mozilla_django_oidc.views import (
    OIDCAuthenticationCallbackView,
    OIDCAuthenticationRequestView,
)

from extraction import throttling
from extraction.accounts import steps
from extraction.accounts.sso.provider import ProviderFault, log_out_address, provider
from extraction.throttling import TooManyAttempts

logger = logging.getLogger(__name__)


def _failed(request: HttpRequest, told: str) -> HttpResponse:
    messages.error(request, told)
    return redirect("login")


@method_decorator([login_not_required, never_cache], name="dispatch")
class BeginView(OIDCAuthenticationRequestView):  # type: ignore[misc]  # it has no types
    """Sends the browser to the provider, with a state, a nonce and a challenge (PKCE)."""

    def __init__(self, **_: Any) -> None:
        """Ask nobody yet."""
        super(OIDCAuthenticationRequestView, self).__init__()
        self.OIDC_RP_CLIENT_ID = settings.OIDC_CLIENT_ID

    @staticmethod
    def get_settings(attr: str, *args: Any) -> Any:
        """Return ours, and the library's default for all else."""
        ours = {
            "OIDC_RP_SCOPES": settings.OIDC_SCOPES,
            "OIDC_USE_PKCE": True,
        }
        if attr in ours:
            return ours[attr]
        return OIDCAuthenticationRequestView.get_settings(attr, *args)

    def get(self, request: HttpRequest) -> HttpResponse:
        """Redirect; back to the log-in page when the provider is away.

        Each one makes a session, so that strangers may not begin any number of them.
        """
        try:
            begun = throttling.count_attempt(throttling.begun_log_ins(request))
        except TooManyAttempts as refusal:
            return _failed(request, refusal.detail)
        throttling.log_locks(begun)
        try:
            self.OIDC_OP_AUTH_ENDPOINT = provider().authorization_endpoint
        except ProviderFault as fault:
            logger.error("Single sign-on is not possible: %s", fault)
            return _failed(request, gettext("Single sign-on is not possible at the moment."))
        answer: HttpResponse = super().get(request)
        return answer

    def get_extra_params(self, request: HttpRequest) -> dict[str, str]:
        """Ask for the classes of log-in that attest a second factor."""
        classes = [each for each in settings.OIDC_SECOND_FACTOR if each != "*"]
        return {"acr_values": " ".join(classes)} if classes else {}


@method_decorator([login_not_required, never_cache], name="dispatch")
class CallbackView(OIDCAuthenticationCallbackView):  # type: ignore[misc]  # it has no types
    """Takes what the provider answers by the browser."""

    def login_success(self) -> HttpResponse:
        """Let the beginning not count any more, and go on."""
        throttling.take_back(throttling.begun_log_ins(self.request))
        answer: HttpResponse = super().login_success()
        return answer

    def login_failure(self) -> HttpResponse:
        """Show the log-in page, and why."""
        told = getattr(self.request, "refusal", "")
        return _failed(self.request, told or gettext("You could not be logged in. Try again."))


class LogOutView(auth_views.LogoutView):
    """Logs out here and, who came by single sign-on, at the provider."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """End the session, and go on to the provider."""
        is_external = steps.is_external(request)
        answer = super().post(request, *args, **kwargs)
        back_to = request.build_absolute_uri(reverse("login"))
        elsewhere = log_out_address(back_to) if is_external else ""
        return redirect(elsewhere) if elsewhere else answer
