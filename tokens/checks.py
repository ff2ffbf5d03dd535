"""System checks of the settings for keys, so that a wrong one is reported at start."""

from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import Error, Warning

from tokens.app_setting import NAME, AppSettingError, gemini_key


def check_encryption_keys(**_options: Any) -> list[Error]:
    """Every one of TOKEN_ENCRYPTION_KEYS must be a Fernet key, and there must be one."""
    hint = (
        "Make a key with: python -c "
        '"from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
    )
    keys = settings.TOKEN_ENCRYPTION_KEYS
    if not keys:
        return [Error("TOKEN_ENCRYPTION_KEYS is empty.", hint=hint, id="tokens.E001")]
    # By position: a key with a typing error would still give most of the key away.
    return [
        Error(
            f"Number {number} of TOKEN_ENCRYPTION_KEYS is not a Fernet key.",
            hint=hint,
            id="tokens.E002",
        )
        for number, key in enumerate(keys, start=1)
        if not _is_key(key)
    ]


def check_app_setting(**_options: Any) -> list[Warning]:
    """APP_SETTING_FILE must be readable if it is there, and hold a key if DEGRADED_MODE is on."""
    try:
        key = gemini_key()
    except AppSettingError as error:
        return [
            Warning(
                f"{error} No document can be read while the database is unreachable.",
                hint=f"Write it as lines {NAME}=… and # comments, readable by this user alone.",
                id="tokens.W001",
            )
        ]
    if settings.DEGRADED_MODE and key is None:
        return [
            Warning(
                f"DEGRADED_MODE is on, but {settings.APP_SETTING_FILE} holds no key.",
                hint=f"Write a line {NAME}=… into it, or leave DEGRADED_MODE empty.",
                id="tokens.W002",
            )
        ]
    return []


def _is_key(key: str) -> bool:
    try:
        Fernet(key)
    except ValueError:
        return False
    return True
