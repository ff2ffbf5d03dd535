"""The pages of one's own account."""

import io
import logging
from typing import Any, cast

import segno
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views as auth_views
from django.contrib.auth.models import User
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from extraction.accounts import audited, second_factor, steps
from extraction.accounts.forms import ChangePasswordForm, CodeForm
from extraction.accounts.log_in import with_status
from extraction.accounts.second_factor import Accepted
from extraction.models import Authenticator
from ocrsite.lib.addresses import client_address
from ocrsite.lib.audit import Action

logger = logging.getLogger(__name__)


@never_cache
@require_safe
def account(request: HttpRequest) -> HttpResponse:
    """Show what the account is protected by."""
    user = _user(request)
    hours, minutes = divmod(settings.SESSION_MINUTES, 60)
    context = {
        "authenticator": second_factor.of(user),
        "is_required": second_factor.is_required_of(user),
        "session_hours": 0 if minutes else hours,
        "session_minutes": settings.SESSION_MINUTES,
    }
    return render(request, "account/account.html", context)


class ChangePasswordView(auth_views.PasswordChangeView):
    """Changes one's own password; other sessions of the account end."""

    template_name = "account/password.html"
    form_class = ChangePasswordForm
    success_url = reverse_lazy("account")

    def get_form_kwargs(self) -> dict[str, Any]:
        """The form throttles by address."""
        return {**super().get_form_kwargs(), "request": self.request}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Say whether it has to be changed before anything else."""
        is_forced = steps.outstanding(self.request) == steps.PASSWORD
        return super().get_context_data(is_outstanding=is_forced, **kwargs)

    def form_valid(self, form: ChangePasswordForm) -> HttpResponse:  # type: ignore[override]
        """Store the password, and go on to where the person wanted to go."""
        with transaction.atomic():
            answer = super().form_valid(form)
            steps.password_changed(form.user, self.request)
            audited.by_user(Action.PASSWORD_CHANGED, form.user, self.request)
        _log(self.request, "%s changed the password from %s.")
        messages.success(self.request, _("Your password is changed."))
        target = _next_of(self.request)
        return redirect(target) if target else answer

    def form_invalid(self, form: ChangePasswordForm) -> HttpResponse:  # type: ignore[override]
        """Show the form again, with 429 when nothing was tried."""
        return with_status(super().form_invalid(form), form)


@never_cache
@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
def log_in_code(request: HttpRequest) -> HttpResponse:
    """Ask for a code of the second factor, after the password."""
    user = _user(request)
    target = _next_of(request) or reverse(settings.LOGIN_REDIRECT_URL)
    if steps.is_verified(request) or second_factor.of(user) is None:
        steps.code_not_wanted(request)
        return redirect(target)
    form = _code_form(request, second_factor.accept)
    if form.is_valid():
        steps.code_given(request)
        given = cast("Accepted", form.accepted).value
        audited.by_user(Action.CODE_GIVEN, user, request, after=given)
        _log(request, f"%s gave {given} from %s.")
        return redirect(target)
    context = {"form": form, "next": _next_of(request), "is_outstanding": True}
    return with_status(render(request, "account/code.html", context), form)


@never_cache
@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
def second_factor_page(request: HttpRequest) -> HttpResponse:
    """Set a second factor up, or change what is set up."""
    authenticator = second_factor.of(_user(request))
    if authenticator is None:
        return _set_up(request)
    if not steps.is_verified(request):  # it was set up in another session
        return redirect("log-in-code")
    return _manage(request, authenticator)


@never_cache
@require_safe
def qr_code(request: HttpRequest) -> HttpResponse:
    """Draw the secret of the app that is being set up, and of no other, as SVG."""
    user = _user(request)
    if second_factor.of(user) is not None:
        raise Http404
    drawing = io.BytesIO()
    code = segno.make(second_factor.address_of(second_factor.begin(user)), micro=False)
    code.save(
        drawing, kind="svg", scale=5, dark="#000", light="#fff", svgclass=None, lineclass=None
    )
    return HttpResponse(drawing.getvalue(), content_type="image/svg+xml")


def _set_up(request: HttpRequest) -> HttpResponse:
    user = _user(request)
    form = _code_form(request, second_factor.confirm)
    if form.is_valid():
        codes = second_factor.new_recovery_codes(user)
        steps.code_given(request)
        audited.by_user(Action.FACTOR_ADDED, user, request)
        _log(request, "%s set up a second factor from %s.")
        return _show_codes(request, codes)
    context = {
        "form": form,
        "secret": second_factor.secret_of(second_factor.begin(user)),
        "next": _next_of(request),
        "is_outstanding": steps.outstanding(request) is not None,
    }
    return with_status(render(request, "account/set_up.html", context), form)


def _manage(request: HttpRequest, authenticator: Authenticator) -> HttpResponse:
    user = _user(request)
    is_required = second_factor.is_required_of(user)
    form = _code_form(request, second_factor.accept)
    if form.is_valid():
        if request.POST.get("action") == "new-codes":
            audited.by_user(Action.NEW_CODES, user, request)
            _log(request, "%s made new recovery codes from %s.")
            return _show_codes(request, second_factor.new_recovery_codes(user))
        if request.POST.get("action") == "turn-off" and not is_required:
            with transaction.atomic():
                second_factor.remove(user)
                audited.by_user(Action.FACTOR_REMOVED, user, request)
            steps.second_factor_removed(request)
            _log(request, "%s turned the second factor off from %s.")
            messages.success(request, _("Your password alone lets you in again."))
        return redirect("account")
    context = {
        "form": form,
        "authenticator": authenticator,
        "codes_left": authenticator.recovery_codes.count(),
        "is_required": is_required,
    }
    return with_status(render(request, "account/second_factor.html", context), form)


def _show_codes(request: HttpRequest, codes: list[str]) -> HttpResponse:
    """Show new recovery codes, this once."""
    context = {"codes": codes, "next": _next_of(request)}
    return render(request, "account/recovery_codes.html", context)


def _code_form(request: HttpRequest, accept: Any) -> CodeForm:
    data = request.POST if request.method == "POST" else None
    return CodeForm(data, request=request, accept=accept)


def _user(request: HttpRequest) -> User:
    return cast("User", request.user)


def _next_of(request: HttpRequest) -> str:
    """Return where the person wanted to go: an address of this site, else ""."""
    target = request.POST.get("next") or request.GET.get("next", "")
    is_own = url_has_allowed_host_and_scheme(
        target, {request.get_host()}, require_https=request.is_secure()
    )
    return target if is_own else ""


def _log(request: HttpRequest, told: str) -> None:
    """Say who did something, and from where."""
    logger.info(told, _user(request).get_username(), client_address(request))
