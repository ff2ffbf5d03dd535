"""Writes ``extraction/readers/text/months.json``: ``python -m`` this module."""

import json
from pathlib import Path

from babel.dates import get_month_names

from extraction.readers.text.months import plain_name

FILE = Path("extraction/readers/text/months.json")
# A name that two languages give different months (listopad) is the first one's.
LANGUAGES = (
    *("en", "de", "fr", "nl", "es", "it", "pt", "sv", "da", "nb", "fi", "pl", "cs", "sk", "hu"),
    *("ro", "et", "lv", "lt", "sl", "hr", "el", "bg", "tr", "ru", "uk", "hi", "ne"),
)


def month_names() -> dict[str, int]:
    """Return the months by name."""
    names = {"sept": 9}
    for language in LANGUAGES:
        for context in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                for number, name in get_month_names(width, context, language).items():
                    names.setdefault(plain_name(name), number)
    return {name: number for name, number in sorted(names.items()) if len(name) >= 3}


def text() -> str:
    """Return the file's content."""
    return json.dumps(month_names(), ensure_ascii=False, indent=0) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), "utf-8")
