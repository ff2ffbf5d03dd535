"""Codes as an authenticator app shows them."""

from base64 import b32decode

from django.contrib.auth.models import User
from django.utils import timezone
from django_otp.oath import hotp

from extraction.accounts import second_factor
from extraction.models import Authenticator


def code_of(user: User, *, steps_ahead: int = 0) -> str:
    """What the app of the user shows: now, or so many steps of 30 seconds later."""
    secret = b32decode(second_factor.secret_of(second_factor.begin(user)).replace(" ", ""))
    step = int(timezone.now().timestamp()) // 30 + steps_ahead
    return f"{hotp(secret, step):06}"


def set_up(user: User) -> list[str]:
    """Give the user a second factor that no code was used of yet; return its recovery codes."""
    second_factor.begin(user)
    Authenticator.objects.filter(user=user).update(confirmed_at=timezone.now())
    return second_factor.new_recovery_codes(user)
