"""Dates as documents print them, in the order and language of each."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from extraction.documents.words import Box, Word
from extraction.evidence.lines import Line, box_around
from extraction.readers.text.months import month as month_number

_TOKEN = re.compile(r"\d{1,8}|[^\W\d_]+")
_FILLERS = frozenset({
    *("de", "del", "of", "den", "the", "di", "le", "st", "nd", "rd", "th", "er", "os", "ter"),
    *("年", "月", "日", "г", "r", "m", "d"),
})  # fmt: skip
_SEPARATORS = ("-", "/", ".")
# Digits of a number that a date can begin with: a day, a month or a year.
_LENGTHS = (1, 2, 4)
# Tokens that can be one date with the words between them.
_REACH = 6


class Order(StrEnum):
    """Which of two numbers is the month, where the form of a date leaves that open."""

    DAY_FIRST = "day_first"
    MONTH_FIRST = "month_first"


@dataclass(frozen=True, slots=True)
class PrintedDay:
    """A date on a page: 03/04/2026 is two, of which each has its ``order`` and is ``ambiguous``.

    ``order`` is None where the form leaves no choice: 2026-04-03, 3.4.2026, 3 April 2026.
    """

    day: date
    order: Order | None
    ambiguous: bool
    page: int
    from_ocr: bool
    box: Box


class _Token(NamedTuple):
    text: str
    word: Word
    before: str  # what separates it from the token before it


def days_in(line: Line) -> Iterator[PrintedDay]:
    """Yield the dates of a line, an ambiguous one in both readings."""
    tokens = _tokens(line.words)
    for index, token in enumerate(tokens):
        text = token.text
        if text.isdigit():
            if len(text) == 8:
                for day in _compact(text):
                    yield PrintedDay(day, None, False, line.page, line.from_ocr, token.word.box)
            if len(text) not in _LENGTHS:
                continue
        elif month_number(text) is None:
            continue
        window = [one for one in tokens[index : index + _REACH] if one.text not in _FILLERS][:3]
        if len(window) == 3 and window[0] is token:
            readings = list(_readings(window))
            if not readings:
                continue
            box = box_around(one.word for one in window)
            ambiguous = len(readings) > 1
            for day, order in readings:
                yield PrintedDay(day, order, ambiguous, line.page, line.from_ocr, box)


def order_of(days: Iterable[PrintedDay]) -> Order | None:
    """Return how a document orders day and month, by its dates that have one reading; else None."""
    orders = {day.order for day in days if day.order is not None and not day.ambiguous}
    return orders.pop() if len(orders) == 1 else None


def _tokens(words: Sequence[Word]) -> list[_Token]:
    found: list[_Token] = []
    between = ""
    for word in words:
        end = 0
        for match in _TOKEN.finditer(word.text):
            between += word.text[end : match.start()]
            found.append(_Token(_folded(match[0]), word, between))
            between, end = "", match.end()
        between = word.text[end:] + " "
    return found


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    if text.isdecimal():
        return "".join(str(int(letter)) for letter in text)
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


_Reading = tuple[date, Order | None]


def _readings(window: list[_Token]) -> Iterator[_Reading]:
    first, second, third = (token.text for token in window)
    numeric = [text.isdigit() for text in (first, second, third)]
    if numeric == [True, True, True] and _are_joined(window):
        yield from _numeric(first, second, third, dotted="." in window[1].before)
    elif numeric == [True, False, True] and len(first) == 4:  # 2026. április 17.
        yield from _named(first, second, third)
    elif numeric == [True, False, True] and _is_year(window[2]):  # 17 April 2026
        yield from _named(third, second, first)
    elif numeric == [False, True, True] and _is_year(window[2]):  # April 17, 2026
        yield from _named(third, first, second)


def _are_joined(window: list[_Token]) -> bool:
    """Whether three numbers are one date: separated alike, and by blanks only after a year."""
    first, second = (token.before.strip() for token in window[1:])
    return first == second and (first in _SEPARATORS or (not first and len(window[0].text) == 4))


def _is_year(token: _Token) -> bool:
    """Whether a number can be the year beside the name of a month: 2026, '26 or 17-Apr-26."""
    return len(token.text) == 4 or token.before in ("-", " '", " ’", "'", "’")


def _numeric(first: str, second: str, third: str, *, dotted: bool) -> Iterator[_Reading]:
    if len(first) == 4:
        yield from _day(first, second, third, None)
    elif dotted or first == second:
        yield from _day(third, second, first, None)
    else:
        yield from _day(third, second, first, Order.DAY_FIRST)
        yield from _day(third, first, second, Order.MONTH_FIRST)


def _named(year: str, month: str, day: str) -> Iterator[_Reading]:
    if number := month_number(month):
        yield from _day(year, str(number), day, None)


def _day(year: str, month: str, day: str, order: Order | None) -> Iterator[_Reading]:
    if len(year) not in (2, 4) or len(month) > 2 or len(day) > 2:
        return
    try:
        yield date(int(year) + (2000 if len(year) == 2 else 0), int(month), int(day)), order
    except ValueError:
        return


def _compact(digits: str) -> Iterator[date]:
    for year, month, day in (
        (digits[:4], digits[4:6], digits[6:]),
        (digits[4:], digits[2:4], digits[:2]),
    ):
        yield from (found for found, _ in _day(year, month, day, None))
