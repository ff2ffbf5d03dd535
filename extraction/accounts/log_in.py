"""Logging in and out: throttled, and logged with account and address."""

import logging
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.auth import signals, views
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache

from extraction.accounts import audited, steps
from extraction.accounts.forms import LogInForm, Throttled
from logs import context
from ocrsite.lib.addresses import client_address
from ocrsite.lib.audit import Action

logger = logging.getLogger(__name__)


class LogInView(views.LoginView):
    """The log-in page."""

    authentication_form = LogInForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Say whether a password can be reset by mail."""
        return super().get_context_data(
            may_reset=bool(settings.EMAIL_HOST),
            has_sso=bool(settings.OIDC_ISSUER),
            provider=settings.OIDC_NAME,
            **kwargs,
        )

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """Show the form again, with 429 when nothing was tried."""
        return with_status(super().form_invalid(form), form)


@never_cache
@login_not_required
def admin_log_in(request: HttpRequest) -> HttpResponse:
    """Show the log-in page of the admin; with single sign-on that of all, which offers it."""
    if settings.OIDC_ISSUER and request.method == "GET" and not request.user.is_authenticated:
        return redirect(f"{reverse('login')}?{request.GET.urlencode()}")
    response = admin.site.login(request)
    shown = response.context_data if isinstance(response, TemplateResponse) else None
    return with_status(response, shown["form"] if shown else None)


def with_status(response: HttpResponse, form: object) -> HttpResponse:
    """Give the answer of a refused form its status and Retry-After."""
    refusal = form.refusal if isinstance(form, Throttled) else None
    if refusal is not None:
        response.status_code = refusal.http_status
        for name, value in refusal.headers().items():
            response[name] = value
    return response


def log_log_in(request: HttpRequest, user: User, **_: object) -> None:
    """Say who logged in, and find out what is outstanding."""
    context.add(user=user.get_username())
    is_code_wanted = steps.begin(request, user)
    after = "a code is wanted, too" if is_code_wanted else ""
    audited.by_user(Action.LOGGED_IN, user, request, after=after)
    if is_code_wanted:
        told = "%s gave the right password from %s; a code is wanted, too."
    else:
        told = "%s logged in from %s."
    logger.info(told, user.get_username(), client_address(request))


def log_log_out(request: HttpRequest, user: User | None, **_: object) -> None:
    """Say who logged out."""
    if user is not None:
        audited.by_user(Action.LOGGED_OUT, user, request)
        logger.info("%s logged out from %s.", user.get_username(), client_address(request))


def log_failure(
    credentials: dict[str, Any], request: HttpRequest | None = None, **_: object
) -> None:
    """Say whose password was wrong, and never which one it was."""
    audited.by_stranger(Action.LOG_IN_FAILED, str(credentials.get("username")), request)
    logger.warning(
        "Failed log-in as %r from %s.",
        *(credentials.get("username"), client_address(request) if request else "no address"),
        extra={"noise": "failed log-in"},
    )


def connect_signals() -> None:
    """Log what Django says about log-ins from now on."""
    signals.user_logged_in.connect(log_log_in, dispatch_uid=__name__)
    signals.user_logged_out.connect(log_log_out, dispatch_uid=__name__)
    signals.user_login_failed.connect(log_failure, dispatch_uid=__name__)
