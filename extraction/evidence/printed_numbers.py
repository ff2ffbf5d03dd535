"""Numbers as documents print them, in every notation: 1,234.50, 1.234,50, 1 234,50, 1'234.50."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from extraction.documents.words import Box
from extraction.evidence.lines import Line, box_around, gap_after
from extraction.invoices.currency_signs import CODES, SIGNS

_DIGITS = re.compile(r"\d{1,15}(?:[.,'’]\d{1,15}){0,6}")
_MINUS = "-−–"
_MINUS_SIGNS = frozenset(_MINUS)
_CURRENCY_SIGNS = "€$£¥₹"
_NO_CENTS = ("-", "=", "–")
# Letters before a number that are no part of a code: names of currencies.
_CURRENCY_BEFORE = re.compile(
    r"(?:^|[^\w])(?:[A-Z]{3}|Rs\.?|Fr\.?|kr\.?|R\$|US\$|रु\.?|रू\.?)$", re.IGNORECASE
)
_OPEN = re.compile(r"(?:^|[(\[{€$£¥₹:=+×xX*~|'\"<>@#,;.!\s])$")
# What may follow: a unit or currency of a few letters, a closing sign, "-" and "/-" for no cents.
_CLOSE = re.compile(r"[^\W\d_]{0,5}\.?(?:$|[^\w./,-])|[.,]?(?:-{1,2}|/-|=)?[)\]}%€$£¥₹*|:;,.'\"]*$")
_FEWEST_CENTS = re.compile(r"\d{1,3}(?:[.,' ’]?\d{3}){0,5}([.,])\d\d$")
_GROUP = re.compile(r"\d{3}")
_LAST_GROUP = re.compile(r"\d{3}(?:[.,]\d{1,4})?")
# A blank within a number is narrower than this many of its digits; a gap of a table is wider.
_BLANK = 1.2
_MOST_GROUPS = 5


@dataclass(frozen=True, slots=True)
class PrintedNumber:
    """A number on a page with every value, without its sign, that it can stand for.

    ``bare``: digits alone, without a mark and with no currency beside them, such as the number of a
    house or a position.
    """

    values: frozenset[Decimal]
    negative: bool
    page: int
    from_ocr: bool
    box: Box
    bare: bool = False


def decimal_mark(lines: Iterable[Line]) -> str:
    """Return the decimal mark of a document's amounts with two places; "" where both or none is.

    A mark that is ten times as frequent as the other one is the document's.
    """
    marks: Counter[str] = Counter()
    for line in lines:
        for word in line.words:
            if found := _FEWEST_CENTS.search(word.text):
                marks[found[1]] += 1
    for mark, other in (".,", ",."):
        if marks[mark] > 10 * marks[other]:
            return mark
    return ""


def numbers_in(line: Line, mark: str) -> Iterator[PrintedNumber]:
    """Yield the numbers of a line; ``mark`` is the document's decimal mark, if it has one."""
    texts = [_plain_digits(word.text) for word in line.words]
    for index, text in enumerate(texts):
        for found in _DIGITS.finditer(text):
            before, after = text[: found.start()], text[found.end() :]
            if not _may_precede(before):
                continue
            negative = _is_negative(before, after) or (
                not before and index > 0 and texts[index - 1] in _MINUS_SIGNS
            )
            if _CLOSE.match(after):
                yield PrintedNumber(
                    values_of(found[0], mark),
                    negative,
                    line.page,
                    line.from_ocr,
                    line.words[index].box,
                    found[0].isdecimal() and not _is_money(before, after, texts, index),
                )
            if not after and len(found[0]) <= 3:
                yield from _grouped_by_blanks(line, texts, index, found[0], mark, negative)


def _is_money(before: str, after: str, texts: list[str], index: int) -> bool:
    """Whether a currency, or a sign for no cents, stands beside digits."""
    beside = [
        before,
        after.lstrip(".,"),
        *texts[max(0, index - 1) : index],
        *texts[index + 1 :][:1],
    ]
    return after.endswith(_NO_CENTS) or any(map(_names_currency, beside))


def _names_currency(word: str) -> bool:
    """Whether a word is, or ends with, a currency: "€", "EUR", "Total:€", "Rs."."""
    bare = word.strip(".:()")
    sign = bare[-1:] in _CURRENCY_SIGNS or bare[:1] in _CURRENCY_SIGNS
    return bool(bare) and (sign or bare in CODES or bare.lower() in SIGNS)


def _grouped_by_blanks(
    line: Line, texts: list[str], index: int, first: str, mark: str, negative: bool
) -> Iterator[PrintedNumber]:
    """Yield what a group of digits and the groups of three that follow it stand for together."""
    digits = first
    for last in range(index + 1, min(index + 1 + _MOST_GROUPS, len(texts))):
        found = _LAST_GROUP.match(texts[last])
        if found is None or gap_after(line, last - 1) > _BLANK:
            return
        after = texts[last][found.end() :]
        if _CLOSE.match(after):
            yield PrintedNumber(
                values_of(digits + found[0], mark, grouped=True),
                negative or _is_negative("", after),
                line.page,
                line.from_ocr,
                box_around(line.words[index : last + 1]),
            )
        if not _GROUP.fullmatch(texts[last]):
            return
        digits += texts[last]


def _plain_digits(text: str) -> str:
    """Return a text with the digits of every script as 0 to 9."""
    if text.isascii():
        return text
    return "".join(
        str(int(letter)) if letter.isdecimal() and not letter.isascii() else letter
        for letter in text
    )


def _may_precede(before: str) -> bool:
    """Whether a number may begin after these letters of its word: not within a code or a date."""
    unsigned = before.rstrip(_MINUS)
    if unsigned[-1:].isalnum() and unsigned != before:
        return bool(_CURRENCY_BEFORE.search(unsigned))  # EUR-5.00, and not INV-5
    return bool(_OPEN.search(unsigned[-1:]) or _CURRENCY_BEFORE.search(unsigned))


def _is_negative(before: str, after: str) -> bool:
    if before.strip(_CURRENCY_SIGNS)[-1:] in _MINUS_SIGNS:
        return True
    if "(" in before and ")" in after and "%" not in after:
        return True
    return after[:2] == "CR" or (after[:1] in _MINUS_SIGNS and after[1:2] != after[:1])


@lru_cache(maxsize=2_000)  # prices and quantities recur on a page
def values_of(digits: str, mark: str = "", *, grouped: bool = False) -> frozenset[Decimal]:
    """Return every value that digits with marks can stand for.

    Two kinds of marks: the last one is the decimal mark. One mark before three digits is the
    decimal mark or separates thousands, as ``mark`` says where it is known. ``grouped``: blanks
    have separated thousands already.
    """
    plain = digits.replace("'", "").replace("’", "")
    grouped = grouped or plain != digits
    marks = [letter for letter in plain if letter in ".,"]
    if not marks:
        return frozenset({Decimal(plain)})
    last = marks[-1]
    whole, _, fraction = plain.rpartition(last)
    as_decimal = Decimal(whole.replace(".", "").replace(",", "") + "." + fraction)
    as_whole = Decimal(plain.replace(".", "").replace(",", ""))
    if len(set(marks)) == 2 or grouped:
        return frozenset({as_decimal})
    if len(marks) > 1:
        groups = {len(group) for group in whole.split(last)[1:]}
        if len(fraction) == 3 and groups <= {2, 3}:  # 1.234.567, 1,23,456
            return frozenset({as_whole})
        # OCR takes a comma for a point: 1.234.50. Anything else is a date or a code.
        return frozenset({as_decimal} if len(fraction) < 3 and groups == {3} else ())
    if len(fraction) != 3 or len(whole) > 3 or whole.startswith("0"):
        return frozenset({as_decimal})
    if mark:
        return frozenset({as_decimal if last == mark else as_whole})
    return frozenset({as_decimal, as_whole})
