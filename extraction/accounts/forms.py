"""Forms that try something secret: throttled, whichever it is."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, PasswordResetForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from extraction import throttling
from extraction.accounts import audited
from extraction.throttling import Subject, TooManyAttempts
from ocrsite.lib.addresses import client_address
from ocrsite.lib.audit import Action

logger = logging.getLogger(__name__)


class Throttled:
    """Tries nothing while something is locked; ``refusal`` says so."""

    refusal: TooManyAttempts | None = None

    @contextmanager
    def one_attempt(self, subject: Subject, addresses: Sequence[Subject]) -> Iterator[None]:
        """Count what is tried in the block as a failure unless it succeeds.

        Raises ValidationError when nothing may be tried. Success has the subject forgotten.
        """
        locks = self.count([subject, *addresses])
        try:
            yield
        except ValidationError:
            throttling.log_locks(locks)
            raise
        throttling.forget(subject)
        throttling.take_back(addresses)

    def count(self, subjects: Sequence[Subject]) -> list[throttling.Lock]:
        """Count an attempt, and return what it locks. Raises ValidationError."""
        try:
            return throttling.count_attempt(subjects)
        except TooManyAttempts as error:
            self.refusal = error
            raise ValidationError(error.detail, code=error.code) from error


class LogInForm(Throttled, AuthenticationForm):
    """Tries no password while the account or the address is locked."""

    def clean(self) -> dict[str, Any]:
        """Check the password. Raises ValidationError."""
        username = self.cleaned_data.get("username")
        if username is None or not self.cleaned_data.get("password") or self.request is None:
            return super().clean()
        account, addresses = throttling.account(username), throttling.address_of(self.request)
        with self.one_attempt(account, addresses):
            return super().clean()


class AdminLogInForm(LogInForm, AdminAuthenticationForm):
    """The same for the admin, which lets staff in alone."""


class ChangePasswordForm(Throttled, PasswordChangeForm):
    """A new password for who knows the present one, which is throttled as at log-in."""

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean_old_password(self) -> str:
        """Check the present password. Raises ValidationError."""
        account = throttling.account(self.user.get_username())
        with self.one_attempt(account, throttling.address_of(self.request)):
            return super().clean_old_password()

    def clean(self) -> dict[str, Any]:
        """Refuse the present password as the new one. Raises ValidationError."""
        cleaned = super().clean() or {}
        old, new = self.cleaned_data.get("old_password"), self.cleaned_data.get("new_password1")
        if old is not None and old == new:
            self.add_error("new_password1", _("This is your present password. Choose another one."))
        return cleaned


class ResetForm(Throttled, PasswordResetForm):
    """Asks for mail that resets a password. What it says does not tell who has an account."""

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean_email(self) -> str:
        """Count the attempt, whether or not there is such an account. Raises ValidationError."""
        email: str = self.cleaned_data["email"]
        throttling.log_locks(self.count(throttling.resets(email, self.request)))
        return email


class CodeForm(Throttled, forms.Form):
    """One code of a second factor."""

    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autofocus": True}),
    )

    def __init__(
        self, *args: Any, request: HttpRequest, accept: Callable[[User, str], object], **kwargs: Any
    ) -> None:
        """``accept`` returns something false for a code that is wrong, or was used already."""
        super().__init__(*args, **kwargs)
        self.request = request
        self._accept = accept
        self.accepted: object = None

    def clean_code(self) -> str:
        """Try the code. Raises ValidationError."""
        code: str = self.cleaned_data["code"]
        user = self.request.user
        if not user.is_authenticated:
            raise ValidationError(_("Log in first."))
        codes = throttling.codes(user.get_username())
        with self.one_attempt(codes, throttling.address_of(self.request)):
            self.accepted = self._accept(user, code)
            if not self.accepted:
                audited.by_user(Action.CODE_FAILED, user, self.request)
                logger.warning(
                    "A code of %s was wrong, from %s.",
                    *(user.get_username(), client_address(self.request)),
                    extra={"noise": "failed code"},
                )
                raise ValidationError(_("This code is wrong, or was used already."))
        return code
