"""Names of months in the languages that documents are read in, by Unicode's CLDR.

Kept beside this module as ``months.json``, since loading 28 locales takes 0.1 s; a test compares it
with the CLDR that Babel carries, and ``python -m tests.extraction.readers.text.month_names`` writes
it anew.
"""

import json
import unicodedata
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("months.json")
# Fewer letters are no name of a month in most languages, and many other words.
_FEWEST_LETTERS = 3


def month(name: str) -> int | None:
    """Return the number of the month of a name, whole or abbreviated; None for another word."""
    plain = plain_name(name)
    return _months().get(plain) if len(plain) >= _FEWEST_LETTERS else None


def plain_name(name: str) -> str:
    """Return a name without case, accents and a final point."""
    name = name.rstrip(".")
    if name.isascii():
        return name.lower()
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


@cache
def _months() -> dict[str, int]:
    months: dict[str, int] = json.loads(_FILE.read_text("utf-8"))
    return months
