"""Amounts and dates as invoices write them, in the languages of the offline reader."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from extraction.readers.text.months import month

# Bikram Sambat runs 56 to 57 years ahead: such a year is a Nepali date, never a Gregorian one.
FIRST_NEPALI_YEAR = 2060
MAX_DIGITS = 20  # more digits are a code, not an amount


def _amount(grouped: str) -> re.Pattern[str]:
    """Match an amount, whose thousands may be grouped by blanks as given."""
    return re.compile(
        rf"""(?<![\w.,])
        (?P<open>\()?
        (?P<sign>[-−–](?=\S)|(?:^|(?<=\s\s))[-−](?=\s\S))?\s?
        [€$£₹]?\s?(?P<inner>[-−–])?
        (?P<digits>
            {grouped}
          | \d{{1,3}}(?:['’]\d{{3}}){{1,6}}(?:\.\d+)?       # 2'399.00
          | \d+(?:[.,]\d+)*
        )
        (?P<trail>[-−](?!\w))?(?P<close>\))?
        (?!\w|[.,]\d|[/:]\d|\s?%)""",
        re.VERBOSE | re.MULTILINE,
    )


# 2 399,00; and 2 399.00 with blanks that do not break, or where the document groups so.
_AMOUNT = _amount(
    r"\d{1,3}(?:[\ \u00a0\u2009\u202f]\d{3}){1,6},\d\d"
    r"|\d{1,3}(?:[\u00a0\u2009\u202f]\d{3}){1,6}\.\d\d"
)
_AMOUNT_OF_GROUPS = _amount(r"\d{1,3}(?:[\ \u00a0\u2009\u202f]\d{3}){1,6}[.,]\d\d")
# With a currency before it the blank cannot part a quantity from a price.
_GROUPED = re.compile(r"(?:\b[A-Z]{3}|[€$£₹])\s?\d{1,3}(?: \d{3}){1,6}\.\d\d(?![\d.,])")
_GROUPED_ALONE = re.compile(r"\d{1,3}(?: \d{3}){1,6}\.\d\d(?![\d.,])")
_UNGROUPED = re.compile(r"(?<![\d.,])\d{1,12}(?:[,'’]\d{3}|\d{3})\.\d\d(?![\d.,])")
_CENTS = re.compile(r"(?<![\d.,])\d{1,3}(?:[.,' \u00a0\u202f]?\d{3}){0,6}([.,])\d\d(?![\d.,%])")

_ENDS_IN_CENTS = re.compile(r"[.,]\d\d$")
_MARK = re.compile(r"[.,]")
_NO_DIGIT = re.compile(r"[^\d.,]")
_MONTH_FIRST = re.compile(r"\d\d?([-/])(1[3-9]|2\d|3[01])\1")
_DAY_FIRST = re.compile(r"(1[3-9]|2\d|3[01])([-/])\d\d?\2")
# City, state and ZIP code; the states of the United States by the Postal Service's letters.
_AMERICAN = re.compile(
    r",\s(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI"
    r"|S[CD]|T[NX]|UT|V[AT]|W[AIVY])\s{1,3}\d{5}(?:-\d{4})?(?!\w)"
)
# Where dollars are paid and the day comes first.
_OTHER_DOLLARS = re.compile(
    r"\b(?:AUD|NZD|SGD|HKD|CAD|ABN|GST|Australia|New Zealand|Singapore|Hong Kong|Canada)\b"
    r"|[AC]\$|NZ\$|HK\$"
)


@dataclass(frozen=True, slots=True)
class Amount:
    """A number and its place in the line."""

    value: Decimal
    start: int
    end: int
    has_cents: bool


def decimal_sign(text: str) -> str:
    """Return the more frequent decimal sign of the amounts with two places; "." without any."""
    signs = Counter(found[1] for found in _CENTS.finditer(text))
    return "," if signs[","] > signs["."] else "."


def groups_by_blanks(text: str, sum_row: re.Pattern[str]) -> bool:
    """Whether 1 949.70 is one number in a document, as in Switzerland, and not a quantity first.

    It is where it follows a currency or stands in a row of a sum, unless thousands are also written
    without blanks.
    """
    if _UNGROUPED.search(text):
        return False
    return _GROUPED.search(text) is not None or any(
        sum_row.search(line) for line in text.split("\n") if _GROUPED_ALONE.search(line)
    )


def amounts_in(line: str, sign: str, *, grouped: bool = False) -> list[Amount]:
    """Return the numbers of a line; the decimal ``sign`` decides whether 1.234 is 1234.

    ``grouped``: blanks part thousands.
    """
    found = []
    for match in (_AMOUNT_OF_GROUPS if grouped else _AMOUNT).finditer(line):
        if len(match["digits"]) > MAX_DIGITS:
            continue
        value = _decimal(match["digits"], sign)
        negative = match["sign"] or match["inner"] or match["trail"]
        if negative or (match["open"] and match["close"]):
            value = -value
        cents = _ENDS_IN_CENTS.search(match["digits"]) is not None
        found.append(Amount(value, match.start(), match.end(), cents))
    return found


def _decimal(digits: str, sign: str) -> Decimal:
    digits = _NO_DIGIT.sub("", digits)
    marks = _MARK.findall(digits)
    if not marks:
        return Decimal(digits)
    last = marks[-1]
    places = len(digits) - digits.rindex(last) - 1
    alone = marks.count(last) == 1
    # 1.234,56 has decimals and 1.234.567 has none; a single mark before three digits is a
    # decimal point only where it is the document's decimal sign.
    is_decimal = alone and (len(marks) > 1 or places != 3 or last == sign)
    whole, fraction = (digits.rsplit(last, 1)) if is_decimal else (digits, "")
    return Decimal(_MARK.sub("", whole) + "." + fraction)


_DAY = re.compile(
    r"""(?<![\w.,/-])(?:
        (?P<iso>\d{4})(?P<s>[-/.])(?P<iso_month>\d\d?)(?P=s)(?P<iso_day>\d\d?)
      | (?P<first>\d\d?)(?P<t>[-/.])(?P<second>\d\d?)(?P=t)(?P<year>\d{4}|\d\d)
      | (?P<day>\d\d?)(?:\.|st|nd|rd|th|er)?[\s-]+(?P<month>[^\W\d_]{3,9})\.?[\s,-]+(?P<y>\d{4})
      | (?P<us_month>[^\W\d_]{3,9})\.?\s+(?P<us_day>\d\d?)(?:st|nd|rd|th)?\s?,?\s+(?P<us_y>\d{4})
    )(?![\w/-]|\.\d)""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Day:
    """A date in a text with every day that it can mean: 03/04/2023 can mean two."""

    readings: tuple[date, ...]
    start: int
    end: int


def days_in(text: str) -> Iterator[Day]:
    """Yield the dates of a text; day before month is the first reading of an ambiguous one."""
    for match in _DAY.finditer(text):
        readings = tuple(
            day for parts in _readings(match) if (day := _valid_day(*parts)) is not None
        )
        if readings:
            yield Day(readings, match.start(), match.end())


def _readings(match: re.Match[str]) -> list[tuple[int, int, int]]:
    if match["iso"]:
        return [(int(match["iso"]), int(match["iso_month"]), int(match["iso_day"]))]
    if match["first"]:
        first, second, year = int(match["first"]), int(match["second"]), int(match["year"])
        year += 2000 if year < 100 else 0
        day_first, month_first = (year, second, first), (year, first, second)
        return [day_first] if match["t"] == "." or first == second else [day_first, month_first]
    named = month(match["month"] or match["us_month"]) or 0
    return [(int(match["y"] or match["us_y"]), named, int(match["day"] or match["us_day"]))]


def _valid_day(year: int, month: int, day: int) -> date | None:
    if year >= FIRST_NEPALI_YEAR:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def month_first(text: str) -> bool:
    """Whether the dates of a document have the month before the day, as in the United States.

    A date that can be read in one way alone decides; else an American address or a dollar sign.
    """
    days = [text[day.start : day.end] for day in days_in(text)]
    if any(map(_MONTH_FIRST.match, days)):
        return True
    if any(map(_DAY_FIRST.match, days)):
        return False
    return _AMERICAN.search(text) is not None or (
        "$" in text and _OTHER_DOLLARS.search(text) is None
    )
