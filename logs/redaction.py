"""Removes secrets from text that is about to be logged or printed."""

import re
import threading

REDACTED = "[redacted]"

# Shorter values would blank out ordinary words.
_SHORTEST_SECRET = 8

# Longest first, because one secret may begin with another.
_secrets: tuple[str, ...] = ()
_registering = threading.Lock()

# Between a name and its value: name: value, name=value, "name": "value", ('name', b'value').
_TO_VALUE = r"[\\\"']*\s*(?:[:=]|(?<=[\"'])\s*,)\s*b?"
_QUOTED = r"\\*\"[^\"\r\n]*\"|'[^'\r\n]*'"
_PATTERNS = [
    # The rest of the line: scheme and credentials.
    (rf"(authorization{_TO_VALUE})(?:{_QUOTED}|[^\r\n]+)", rf"\1{REDACTED}"),
    # ODBC allows semicolons within braces.
    (
        rf"((?:api[-_ ]?key|secret[-_]?key|password|passwd|pwd){_TO_VALUE})"
        rf"(?:{_QUOTED}|\{{[^}}]*\}}|[^\s\"';&]+)",
        rf"\1{REDACTED}",
    ),
    # Keys that are known by their form: Google's, and this site's own.
    (r"\b(?:AIza|AQ\.)[\w-]{20,}", REDACTED),
    (r"\b(Api-Key|Bearer)\s+[\w.~+/=-]{16,}", rf"\1 {REDACTED}"),
    (r"\bwhsec_[\w+/=-]{20,}", REDACTED),
    (r"\benc:[^\s\"',;]+", REDACTED),
    # Passwords and keys in addresses.
    (r"\b([a-z][a-z0-9+.-]{1,20}://[^\s/:@]*:)[^\s/@]+@", rf"\1{REDACTED}@"),
    (r"([?&](?:key|token|access_token|sig)=)[^&\s\"'\\]+", rf"\1{REDACTED}"),
]
_COMPILED = [(re.compile(pattern, re.IGNORECASE), shown) for pattern, shown in _PATTERNS]
# No pattern matches without one of these. Looking for them takes a thirtieth of the patterns' time.
_HINTS = (
    *("key", "authorization", "passw", "pwd", "bearer"),
    *("aiza", "aq.", "whsec_", "enc:", "://", "token=", "sig="),
)


def register(*secrets: str) -> None:
    """Redact these exact values from now on, in this process; those under 8 characters are not."""
    global _secrets
    new = {secret for secret in secrets if len(secret) >= _SHORTEST_SECRET}
    with _registering:
        _secrets = tuple(sorted(new.union(_secrets), key=len, reverse=True))


def redact(text: str) -> str:
    """Return the text without registered secrets, keys, authorization values and passwords."""
    for secret in _secrets:
        text = text.replace(secret, REDACTED)
    if _may_match(text):
        for pattern, shown in _COMPILED:
            text = pattern.sub(shown, text)
    return text


def _may_match(text: str) -> bool:
    # When case is ignored, letters beyond ASCII match some of ASCII's (the Kelvin sign is a k).
    if not text.isascii():
        return True
    lower = text.lower()
    for hint in _HINTS:  # noqa: SIM110 - any() takes twice as long
        if hint in lower:
            return True
    return False
