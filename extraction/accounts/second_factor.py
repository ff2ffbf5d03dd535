"""The second factor of an account: codes of an app (RFC 6238), and recovery codes.

The code itself is django-otp's. Its tables are not: there secrets and recovery codes stand in
clear, and a wrong code locks the account for up to a century. Here secrets are encrypted as
provider keys are, of recovery codes a digest is kept, and extraction/throttling.py counts failures.
"""

import base64
import hashlib
import logging
import secrets
from collections import Counter
from enum import Enum
from urllib.parse import quote, urlencode

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django_otp.oath import TOTP

from extraction.models import Authenticator, RecoveryCode
from tokens import encryption

logger = logging.getLogger(__name__)

ISSUER = "ocrsite"
RECOVERY_CODES = 10
# Bytes: as long as the digest of HMAC-SHA1, as RFC 4226 recommends.
_SECRET_BYTES = 20
# Bytes of a recovery code: nobody finds 80 random bits from their digest.
_RECOVERY_BYTES = 10
_DIGITS = 6
# Steps of 30 seconds that the clocks of app and server may differ by.
_TOLERANCE = 1


class Accepted(Enum):
    """What a code was."""

    APP = "a code of the app"
    RECOVERY = "a recovery code"


def is_required_of(user: User) -> bool:
    """Whether REQUIRE_TOTP demands a second factor of this user."""
    return settings.REQUIRE_TOTP == "all" or (settings.REQUIRE_TOTP == "staff" and user.is_staff)


def of(user: User) -> Authenticator | None:
    """Return what the user has set up."""
    return Authenticator.objects.filter(user=user, confirmed_at__isnull=False).first()


def begin(user: User) -> Authenticator:
    """Return the app that the user is setting up. Its secret stays until it is confirmed."""
    fresh = encryption.encrypt(secrets.token_hex(_SECRET_BYTES), _owner(user.pk))
    authenticator, _ = Authenticator.objects.get_or_create(user=user, defaults={"secret": fresh})
    return authenticator


def confirm(user: User, code: str) -> bool:
    """Set the app up with a first code of it; False for a wrong one."""
    authenticator = begin(user)
    if not _accept_app(authenticator, _typed(code)):
        return False
    now = timezone.now()
    Authenticator.objects.filter(pk=authenticator.pk, confirmed_at=None).update(confirmed_at=now)
    return True


def accept(user: User, code: str) -> Accepted | None:
    """Accept a code of the app or a recovery code, each once; None for a wrong one."""
    authenticator = of(user)
    if authenticator is None:
        return None
    typed = _typed(code)
    if _accept_app(authenticator, typed):
        return Accepted.APP
    # One DELETE: of two requests with the same code it finds the row for one.
    used, _ = authenticator.recovery_codes.filter(digest=_digest(typed)).delete()
    return Accepted.RECOVERY if used else None


def new_recovery_codes(user: User) -> list[str]:
    """Replace the recovery codes of the user, and return the new ones: nothing else shows them."""
    codes = [
        base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode().lower()
        for _ in range(RECOVERY_CODES)
    ]
    with transaction.atomic():
        authenticator = Authenticator.objects.select_for_update().get(user=user)
        authenticator.recovery_codes.all().delete()
        for code in codes:
            RecoveryCode.objects.create(authenticator=authenticator, digest=_digest(code))
    return ["-".join(code[at : at + 4] for at in range(0, len(code), 4)) for code in codes]


def remove(user: User) -> None:
    """Let the password alone suffice again."""
    Authenticator.objects.filter(user=user).delete()


def secret_of(authenticator: Authenticator) -> str:
    """Return the secret as people type it into an app: base32, in groups of four."""
    encoded = base64.b32encode(_secret(authenticator)).decode()
    return " ".join(encoded[at : at + 4] for at in range(0, len(encoded), 4))


def address_of(authenticator: Authenticator) -> str:
    """Return what the QR code says to an app: its "Key Uri Format"."""
    label = quote(f"{ISSUER}:{authenticator.user.get_username()}", safe=":@")
    secret = secret_of(authenticator).replace(" ", "")
    return f"otpauth://totp/{label}?{urlencode({'secret': secret, 'issuer': ISSUER})}"


def rotate_secrets() -> Counter[str]:
    """Encrypt the secrets with the first encryption key; return rows per id of their key.

    What cannot be decrypted stays, and is logged: its user needs a recovery code, or an
    administrator who removes the second factor.
    """
    for authenticator in Authenticator.objects.all():
        stored = authenticator.secret
        if encryption.key_id_of(stored) == encryption.writing_key_id():
            continue
        try:
            clear = _secret(authenticator).hex()
        except encryption.UndecryptableKey:
            logger.exception("The second factor of user %s is of no use.", authenticator.user_id)
            continue
        replacement = encryption.encrypt(clear, _owner(authenticator.user_id))
        Authenticator.objects.filter(pk=authenticator.pk, secret=stored).update(secret=replacement)
    stored_secrets = Authenticator.objects.values_list("secret", flat=True)
    return Counter(map(encryption.key_id_of, stored_secrets))


def _accept_app(authenticator: Authenticator, typed: str) -> bool:
    if not (len(typed) == _DIGITS and typed.isascii() and typed.isdecimal()):
        return False
    try:
        generator = TOTP(_secret(authenticator))
    except encryption.UndecryptableKey:
        logger.exception("The second factor of user %s is of no use.", authenticator.user_id)
        return False
    generator.time = timezone.now().timestamp()
    if not generator.verify(int(typed), _TOLERANCE, authenticator.last_step + 1):
        return False
    # One conditional UPDATE: of two requests with the same code one goes on.
    unused = Authenticator.objects.filter(pk=authenticator.pk, last_step__lt=generator.t())
    return bool(unused.update(last_step=generator.t(), last_used_at=timezone.now()))


def _secret(authenticator: Authenticator) -> bytes:
    return bytes.fromhex(encryption.decrypt(authenticator.secret, _owner(authenticator.user_id)))


def _owner(user_id: int) -> str:
    return f"second factor {user_id}"


def _typed(code: str) -> str:
    """A code without what people put between its groups."""
    return code.replace(" ", "").replace("-", "").lower()


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
