"""``appSetting.txt``: the Gemini key to use while the database is unreachable."""

import logging
from pathlib import Path

from django.conf import settings

logger = logging.getLogger(__name__)

NAME = "GEMINI_API_KEY"


class AppSettingError(Exception):
    """The file cannot be used; the message says why, and quotes nothing from the file."""


def gemini_key() -> str | None:
    """Return the key that the file holds; None when there is no file, or no key in it.

    A line is ``NAME=value``, empty, or a comment after ``#``; names other than GEMINI_API_KEY are
    ignored. The file is read at every call, so that a change needs no restart. Raises
    AppSettingError.
    """
    path = Path(settings.APP_SETTING_FILE)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AppSettingError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        text = content.decode("utf-8-sig")  # editors on Windows write a byte order mark
    except UnicodeDecodeError:
        raise AppSettingError(f"{path} is not text in UTF-8.") from None
    keys = []
    for number, line in enumerate(map(str.strip, text.splitlines()), start=1):
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals:
            raise AppSettingError(f"{path}, line {number}, is not of the form NAME=value.")
        if name.strip() == NAME:
            keys.append(value.strip().strip("\"'"))
    if len(keys) > 1:
        raise AppSettingError(f"{path} holds {NAME} more than once.")
    key = keys[0] if keys else ""
    if not key.isascii() or not key.isprintable() or " " in key:
        raise AppSettingError(f"{path}: {NAME} has characters that no key has.")
    return key or None


def degraded_key() -> str | None:
    """Return the key to use while the database is unreachable; None when degraded mode is off.

    It is off when DEGRADED_MODE is false, or the file holds no key.
    """
    if settings.DEGRADED_MODE is False:
        return None
    try:
        return gemini_key()
    except AppSettingError as error:
        logger.error("There is no degraded mode. %s", error)
        return None
