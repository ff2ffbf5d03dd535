"""System checks of the encryption settings, so that a wrong key is told at start."""

from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import Error, register


@register
def check_encryption_keys(**_options: Any) -> list[Error]:
    """Every one of TOKEN_ENCRYPTION_KEYS must be a Fernet key, and there must be one."""
    hint = (
        "Make a key with: python -c "
        '"from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
    )
    keys = settings.TOKEN_ENCRYPTION_KEYS
    if not keys:
        return [Error("TOKEN_ENCRYPTION_KEYS is empty.", hint=hint, id="tokens.E001")]
    # By position: a key with a typing error is still nearly a key.
    return [
        Error(
            f"Number {number} of TOKEN_ENCRYPTION_KEYS is not a Fernet key.",
            hint=hint,
            id="tokens.E002",
        )
        for number, key in enumerate(keys, start=1)
        if not _is_key(key)
    ]


def _is_key(key: str) -> bool:
    try:
        Fernet(key)
    except ValueError:
        return False
    return True
