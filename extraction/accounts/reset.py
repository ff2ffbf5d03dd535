"""Pages that reset a password by mail. They exist where there is a mail server."""

import logging
from typing import Any

from django.conf import settings
from django.contrib.auth import views
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.models import User
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator

from extraction import throttling
from extraction.accounts import audited, reset_mail, steps
from extraction.accounts.forms import ResetForm
from extraction.accounts.log_in import with_status
from ocrsite.lib.addresses import client_address
from ocrsite.lib.audit import Action

logger = logging.getLogger(__name__)


class _NeedsMail:
    """Answers 404 without a mail server. For views that strangers see."""

    @method_decorator(login_not_required)
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Raise Http404 without a mail server."""
        if not settings.EMAIL_HOST:
            raise Http404
        answer: HttpResponseBase = super().dispatch(  # type: ignore[misc]  # the view's
            request, *args, **kwargs
        )
        return answer


class ResetView(_NeedsMail, views.PasswordResetView):
    """Asks for an address of mail, and never says whether an account has it."""

    template_name = "account/reset.html"
    form_class = ResetForm
    success_url = reverse_lazy("password-reset-sent")

    def get_form_kwargs(self) -> dict[str, Any]:
        """The form throttles by address."""
        return {**super().get_form_kwargs(), "request": self.request}

    def form_valid(self, form: ResetForm) -> HttpResponse:  # type: ignore[override]  # our form
        """Have the mail sent by a worker."""
        reset_mail.ask_for(
            form.cleaned_data["email"],
            host=self.request.get_host(),
            is_secure=self.request.is_secure(),
        )
        # Not Django's, which sends it at once.
        return super(views.PasswordResetView, self).form_valid(form)

    def form_invalid(self, form: ResetForm) -> HttpResponse:  # type: ignore[override]
        """Show the form again, with 429 when too often asked."""
        return with_status(super().form_invalid(form), form)


class ResetSentView(_NeedsMail, views.PasswordResetDoneView):
    """Says that mail is on its way, if there is such an account."""

    template_name = "account/reset_sent.html"


class ResetConfirmView(_NeedsMail, views.PasswordResetConfirmView):
    """Takes the new password of who came by the mailed link."""

    template_name = "account/reset_confirm.html"
    success_url = reverse_lazy("login")

    def form_valid(self, form: "SetPasswordForm[User]") -> HttpResponse:
        """Store it, and let the account begin anew: its failures are forgotten."""
        user = form.user
        with transaction.atomic():
            answer = super().form_valid(form)
            steps.password_changed(user)
            audited.by_user(Action.PASSWORD_RESET, user, self.request)
        throttling.forget(throttling.account(user.get_username()))
        logger.info(
            "%s reset the password by mail from %s.",
            *(user.get_username(), client_address(self.request)),
        )
        return answer
