"""Takes secrets out of what is about to be written anywhere a person can read it."""

import re

REDACTED = "[redacted]"

# Shorter values would blank out ordinary words.
_SHORTEST_SECRET = 8

_secrets: set[str] = set()

# Between a name and its value: name: value, name=value, "name": "value", ('name', b'value').
_TO_VALUE = r"[\\\"']*\s*(?:[:=]|(?<=[\"'])\s*,)\s*b?"
_QUOTED = r"\\*\"[^\"\r\n]*\"|'[^'\r\n]*'"
_PATTERNS = [
    # The whole rest of the line: a scheme, a key and whatever follows.
    (rf"(authorization{_TO_VALUE})(?:{_QUOTED}|[^\r\n]+)", rf"\1{REDACTED}"),
    # ODBC's braces hold semicolons.
    (
        rf"((?:api[-_ ]?key|secret[-_]?key|password|passwd|pwd){_TO_VALUE})"
        rf"(?:{_QUOTED}|\{{[^}}]*\}}|[^\s\"';&]+)",
        rf"\1{REDACTED}",
    ),
    # Keys that prove themselves by their form: Google's, and this site's own.
    (r"\b(?:AIza|AQ\.)[\w-]{20,}", REDACTED),
    (r"\b(Api-Key|Bearer)\s+[\w.~+/=-]{16,}", rf"\1 {REDACTED}"),
    (r"\benc:[^\s\"',;]+", REDACTED),
    # Passwords and keys in addresses.
    (r"\b([a-z][a-z0-9+.-]{1,20}://[^\s/:@]*:)[^\s/@]+@", rf"\1{REDACTED}@"),
    (r"([?&](?:key|token|access_token|sig)=)[^&\s\"'\\]+", rf"\1{REDACTED}"),
]
_COMPILED = [(re.compile(pattern, re.IGNORECASE), shown) for pattern, shown in _PATTERNS]


def register(*secrets: str) -> None:
    """Redact these exact values from now on, in this process; those under 8 characters are not."""
    _secrets.update(secret for secret in secrets if len(secret) >= _SHORTEST_SECRET)


def redact(text: str) -> str:
    """Return the text without registered secrets, keys, authorization values and passwords."""
    # A copy, because another thread may register at this moment; longest first, because one
    # secret may begin with another.
    for secret in sorted(_secrets.copy(), key=len, reverse=True):
        text = text.replace(secret, REDACTED)
    for pattern, shown in _COMPILED:
        text = pattern.sub(shown, text)
    return text
