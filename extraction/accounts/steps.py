"""What comes between the password and the site: a code, a new password, a second factor to set up.

What is outstanding is kept in the session, so that no page costs a query for it.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils import timezone

from extraction.accounts import second_factor
from extraction.models import AccountRule

_CODE_WANTED = "code_wanted"
_CODE_GIVEN = "code_given"
_PASSWORD_HAS_TO_GO = "password_has_to_go"  # noqa: S105 - the name of a fact
_ACTIVE_AT = "active_at"
_EXTERNAL = "external"

# Names of the addresses that lead further.
CODE = "log-in-code"
PASSWORD = "password-change"  # noqa: S105 - the name of a page
SET_UP = "second-factor"


def begin(request: HttpRequest, user: User) -> bool:
    """Find out at log-in what is outstanding; return whether a code is wanted.

    Who came by single sign-on has no password to change here, and owes no code where the provider
    attests a second factor: ``request.external_log_in`` is then True.
    """
    attested: bool | None = getattr(request, "external_log_in", None)
    request.session[_EXTERNAL] = attested is not None
    if attested:
        request.session[_CODE_GIVEN] = True
    is_code_wanted = not attested and second_factor.of(user) is not None
    if is_code_wanted:
        request.session[_CODE_WANTED] = True
    rules = AccountRule.objects.filter(user=user, must_change_password=True)
    if attested is None and rules.exists():
        request.session[_PASSWORD_HAS_TO_GO] = True
    _stamp(request)
    return is_code_wanted


def outstanding(request: HttpRequest) -> str | None:
    """Return the name of the page that the logged-in user has to finish first."""
    session = request.session
    if session.get(_CODE_WANTED):
        return CODE
    if session.get(_PASSWORD_HAS_TO_GO):
        return PASSWORD
    user = request.user
    if user.is_authenticated and second_factor.is_required_of(user) and not is_verified(request):
        return SET_UP
    return None


def is_external(request: HttpRequest) -> bool:
    """Whether the user came by single sign-on."""
    return bool(request.session.get(_EXTERNAL))


def is_verified(request: HttpRequest) -> bool:
    """Whether a code was given in this session."""
    return bool(request.session.get(_CODE_GIVEN))


def code_given(request: HttpRequest) -> None:
    """The second factor is proved, for this session."""
    request.session.pop(_CODE_WANTED, None)
    request.session[_CODE_GIVEN] = True
    request.session.cycle_key()


def code_not_wanted(request: HttpRequest) -> None:
    """There is nothing to be asked: an administrator removed what was set up."""
    request.session.pop(_CODE_WANTED, None)


def second_factor_removed(request: HttpRequest) -> None:
    """There is nothing to be proved any more."""
    request.session.pop(_CODE_GIVEN, None)


def password_changed(user: User, request: HttpRequest | None = None) -> None:
    """The password is the user's own now."""
    AccountRule.objects.filter(user=user, must_change_password=True).update(
        must_change_password=False
    )
    if request is not None:
        request.session.pop(_PASSWORD_HAS_TO_GO, None)


def keep_alive(request: HttpRequest) -> None:
    """Let the session last for SESSION_MINUTES from now.

    Written once in a tenth of them: a session ends after nine tenths at the earliest.
    """
    stamped = request.session.get(_ACTIVE_AT)
    tenth = timedelta(minutes=settings.SESSION_MINUTES) / 10
    if stamped is None or timezone.now() - datetime.fromisoformat(stamped) >= tenth:
        _stamp(request)


def _stamp(request: HttpRequest) -> None:
    request.session[_ACTIVE_AT] = timezone.now().isoformat()
