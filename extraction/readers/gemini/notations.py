"""Texts and dates as models write them, instead of in the form asked for. Pure.

Each rule returns a value with its doubts, where it had to guess, or raises Unclear.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar

from extraction.invoices.messages import (
    AMBIGUOUS,
    DIRECTION,
    FORMULA,
    GUESSED_DAY,
    OTHER_ZONE,
    TEXT_CUT,
)
from extraction.readers.text.numbers import days_in

T = TypeVar("T")

# What the schema lets a text have.
LONGEST_TEXT = 2_000
# Characters of a number, date or currency, with everything beside it.
LONGEST_SCALAR = 60


class Unclear(ValueError):
    """A value that cannot be understood as what it should be."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a value may be another: a code for machines, and a sentence without its subject."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Understood(Generic[T]):
    """A value, and the doubts that it leaves."""

    value: T
    doubts: tuple[Doubt, ...] = ()


# What models write for a value that is not there.
_ABSENT = frozenset({
    "", "n/a", "n / a", "n.a", "na", "null", "none", "undefined", "nan", "unknown", "unspecified",
    "no data", "none found", "not available", "not applicable", "not found", "not given",
    "not listed", "not mentioned", "not present", "not provided", "not shown", "not specified",
    "not stated", "not visible",
})  # fmt: skip
# What may stand around such a word, or alone for it: <unknown>, (none), "…", "?"
_AROUND_ABSENT = " .…-_?*<>()[]{}\"'"
_HYPHENS = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d", "-"))

# Embeddings, overrides and isolates of the bidirectional algorithm (unicode.org/reports/tr9): they
# make a text look like another.
_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")
# Nothing of these is seen. The joiners (U+200C, U+200D) stay: Indic scripts need them.
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u2060\ufeff\U000e0000-\U000e007f]")
_CONTROLS = {code: " " for code in (*range(0x20), *range(0x7F, 0xA0)) if code != ord("\n")}
_LINE_END = re.compile("\r\n?|\u2028|\u2029")
# What spreadsheets calculate when a cell begins so (owasp.org/www-community/attacks/CSV_Injection).
# A sign alone begins telephone numbers, too.
_FORMULA = re.compile(r"=|@\w{1,30}\(|[+-][^|\n]{0,100}\|")

_YEAR_FIRST = re.compile(
    r"(?P<year>\d{4})(?P<s>[-/.])(?P<month>\d{1,2})(?P=s)(?P<day>\d{1,2})"
    r"(?:[T ](?P<time>\d\d:[\d:.]{2,13}) ?(?P<zone>Z|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
)
_BASIC_ISO = re.compile(r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)", re.ASCII)
_EAST_ASIAN = re.compile(
    r"(?P<year>\d{4}) ?年 ?(?P<month>\d{1,2}) ?月 ?(?P<day>\d{1,2}) ?日?", re.ASCII
)
# "17th of April 2026", "17 de abril de 2026"; 10:22 after the day
_FILLERS = re.compile(r"(?<= )(?:of|the|de|del|di|den) ", re.IGNORECASE)
_TIME_AFTER = re.compile(r"(?<=\d{4})[ ,]{1,2}\d\d?:\d\d(?::\d\d)?(?: ?[AP]M)?$", re.IGNORECASE)
# 17-Apr-26, 17 APR 26, Apr 17, 26
_SHORT_YEAR = re.compile(
    r"(\d{1,2}\.?[ -][^\W\d_]{3,9}\.?[ -]|[^\W\d_]{3,9}\.? \d{1,2}, ?)(?=['’]?\d\d$)['’]?"
)
_WHOLE_YEAR = re.compile(r"\d{4}", re.ASCII)


def is_absent(value: object) -> bool:
    """Whether a value says that there is none: null, "", "N/A", a dash."""
    if not isinstance(value, str):
        return value is None
    if len(value) >= LONGEST_SCALAR:
        return False
    return plain(value).casefold().strip(_AROUND_ABSENT) in _ABSENT


def _is_simple(value: str) -> bool:
    """Whether a text has no line break and nothing to replace: most have not, which saves time."""
    return value.isascii() and value.isprintable()


def cleaned(value: str) -> str:
    """Return a text without characters that nobody sees; its line breaks stay."""
    if _is_simple(value):
        return value.strip()
    visible = _INVISIBLE.sub("", _DIRECTION.sub("", value))
    return _LINE_END.sub("\n", visible).translate(_CONTROLS).strip()


def plain(value: str) -> str:
    """Return a text cleaned, with single blanks, 0 to 9 for the digits of any script, and "-"."""
    if _is_simple(value):
        return " ".join(value.split())
    ascii_digits = "".join(
        character if (digit := unicodedata.decimal(character, None)) is None else str(digit)
        for character in cleaned(value)
    )
    return " ".join(ascii_digits.translate(_HYPHENS).split())


def text(value: str) -> Understood[str]:
    """Return a text that can be shown and kept: cleaned, of at most LONGEST_TEXT characters.

    A formula stays as it is, and is in doubt.
    """
    kept = cleaned(value)
    doubts = []
    if _DIRECTION.search(value):
        doubts.append(Doubt("direction", DIRECTION))
    if _FORMULA.match(kept):
        doubts.append(Doubt("formula", FORMULA))
    if len(kept) > LONGEST_TEXT:
        doubts.append(Doubt("cut", TEXT_CUT.format(limit=LONGEST_TEXT)))
        kept = kept[:LONGEST_TEXT].strip()
    return Understood(kept, tuple(doubts))


def day(written: str) -> Understood[date]:
    """Return a date written in any usual way, without its time. Raises Unclear for others.

    Of 03/04/2026 the day is taken to be first. That is in doubt (ambiguous_date), and so are a year
    of two digits and a moment in a time zone, which may be another day where the invoice was
    written (guessed_date).
    """
    shown = plain(written)
    if len(shown) > LONGEST_SCALAR:
        raise Unclear
    for whole in (_YEAR_FIRST, _BASIC_ISO, _EAST_ASIAN):
        if iso := whole.fullmatch(shown):
            return _iso_day(iso, shown)
    told = _TIME_AFTER.sub("", _FILLERS.sub("", shown))
    if short := _SHORT_YEAR.match(told):
        told = f"{short[1]}20{told[short.end() :]}"
    found = list(days_in(told))
    # A weekday may stand beside it, but no number that could be another part of a date.
    if len(found) != 1 or any(map(str.isdigit, told[: found[0].start] + told[found[0].end :])):
        raise Unclear
    first, *others = found[0].readings
    if others:
        told = AMBIGUOUS.format(written=shown, meant=first, other=others[0])
        return Understood(first, (Doubt("ambiguous_date", told),))
    if _WHOLE_YEAR.search(shown):
        return Understood(first)
    told = GUESSED_DAY.format(written=shown, meant=first)
    return Understood(first, (Doubt("guessed_date", told),))


def _iso_day(iso: re.Match[str], shown: str) -> Understood[date]:
    try:
        found = date(int(iso["year"]), int(iso["month"]), int(iso["day"]))
    except ValueError:
        raise Unclear from None
    moment = iso.groupdict()
    if moment.get("zone") and moment["time"].strip("0:."):
        told = OTHER_ZONE.format(written=shown, meant=found)
        return Understood(found, (Doubt("guessed_date", told),))
    return Understood(found)
