"""Numbers as models write them, instead of in the form asked for. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from unicodedata import category

from extraction.invoices.messages import AMBIGUOUS, DECIMAL_COMMA
from extraction.readers.gemini.currencies import is_money
from extraction.readers.gemini.notations import (
    LONGEST_SCALAR,
    Doubt,
    Unclear,
    Understood,
    cleaned,
    plain,
)

# What the schema lets a number have.
MOST_DIGITS = 24

_AS_ASKED = re.compile(r"-?\d{1,24}(?:\.\d{1,24})?", re.ASCII)
# Arabic, of full width, and what separates thousands.
_SEPARATORS = str.maketrans({
    **{"\u066b": ".", "\u066c": "'", "\uff0e": ".", "\uff0c": ","},
    **dict.fromkeys("’‘`_ ", "'"),
})  # fmt: skip
_WORD_BEFORE = re.compile(r"[^\d\s()+\-.,']{1,6}")
_WORD_AFTER = re.compile(r"([^\d\s()+\-.,']{1,30})\.?$")
# What may separate decimals, by the separator of thousands.
_DECIMAL_SIGN = {".": re.compile(","), ",": re.compile(r"\."), "'": re.compile("[.,]")}
_PERCENT = frozenset("%％٪")
# As shops write amounts without cents: 12,- in German, Dutch and French, 12/- in India and Nepal,
# 12/= in East Africa.
_NO_CENTS = ("/-", "/=", ".-", ",-", ".--", ",--")
# "VAT 20 %", "20.00 % (S)", "20 percent"
_RATE = re.compile(r"((?:(?<!\w)-)?(?<![\d.,])\d{1,3}(?:[.,]\d{1,4})?) ?(?:[%％٪]|percent\b|pct\b)")


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What a number can mean, and the decimal sign it then has; "" when it has no separator."""

    value: Decimal
    sign: str


def decimal_sign(numbers: Iterable[str]) -> str:
    """Return the decimal sign that these numbers prove, or "" if they prove none or both."""
    signs = set()
    for written in numbers:
        try:
            meanings = _meanings(written, unit_allowed=True)
        except Unclear:
            continue
        if len(meanings) == 1:
            signs.add(meanings[0].sign)
    signs.discard("")
    return signs.pop() if len(signs) == 1 else ""


def number(
    written: str | Decimal, sign: str = "", *, unit_allowed: bool = False
) -> Understood[Decimal]:
    """Return a number written in any notation. Raises Unclear for what is none.

    Where a dot or comma may separate thousands as well as decimals ("1.234"), ``sign`` decides, the
    decimal sign that other numbers prove. Without one the dot is taken as the decimal sign, as the
    prompt orders, and the value is in doubt. So is every number whose comma is its decimal sign,
    which the prompt forbids. With ``unit_allowed`` a word may follow the number.
    """
    if isinstance(written, Decimal):
        return Understood(_bounded(written))
    meanings = _meanings(written, unit_allowed=unit_allowed)
    meant = next((meaning for meaning in meanings if meaning.sign == sign), meanings[0])
    shown = {"written": cleaned(written), "meant": f"{meant.value:f}"}
    if meant.sign == ",":
        told = DECIMAL_COMMA.format(**shown)
        return Understood(meant.value, (Doubt("decimal_comma", told),))
    if len(meanings) > 1 and not sign:
        told = AMBIGUOUS.format(**shown, other=f"{meanings[1].value:f}")
        return Understood(meant.value, (Doubt("ambiguous_number", told),))
    return Understood(meant.value)


def rate_in(written: str) -> str:
    """Return the percentage in a text that holds one beside other words; else the whole text."""
    found = _RATE.findall(plain(written[:LONGEST_SCALAR]))
    return str(found[0]) if len(found) == 1 and len(written) <= LONGEST_SCALAR else written


def _bounded(value: Decimal) -> Decimal:
    """Return a number without an exponent. Raises Unclear for one with more digits than allowed."""
    if not value.is_finite() or not -MOST_DIGITS < value.adjusted() < MOST_DIGITS:
        raise Unclear
    written = format(value, "f")
    if sum(map(str.isdigit, written)) > MOST_DIGITS:
        raise Unclear
    return Decimal(written)


def _meanings(written: str, *, unit_allowed: bool) -> list[_Meaning]:
    """Return what a number can mean; of two, first the one with a dot as decimal sign."""
    if len(written) > LONGEST_SCALAR:
        raise Unclear
    if _AS_ASKED.fullmatch(written):
        whole, dot, fraction = written.removeprefix("-").partition(".")
        if not _is_ambiguous(whole, fraction):
            return [_Meaning(_bounded(Decimal(written)), dot)]
    digits, is_negative = _bare(written, unit_allowed=unit_allowed)
    if "'" in digits:
        digits = _ungrouped(digits, "'")
    return [
        _Meaning(-value if is_negative else value, sign)
        for value, sign in ((_bounded(value), sign) for value, sign in _separated(digits))
    ]


def _separated(digits: str) -> list[tuple[Decimal, str]]:
    """Return what digits with dots and commas can mean, each with its decimal sign."""
    separators = [separator for separator in ".," if separator in digits]
    if not separators:
        return [(_joined(digits), "")]
    if len(separators) == 2:
        sign = max(separators, key=digits.rindex)
        whole, _, fraction = digits.rpartition(sign)
        return [(_joined(_ungrouped(whole, _other(sign)), fraction), sign)]
    [separator] = separators
    if digits.count(separator) > 1:
        return [(_joined(_ungrouped(digits, separator)), _other(separator))]
    whole, _, fraction = digits.partition(separator)
    if not _is_ambiguous(whole, fraction):
        return [(_joined(whole, fraction), separator)]
    meanings = [
        (_joined(whole, fraction), separator),
        (_joined(whole + fraction), _other(separator)),
    ]
    return meanings if separator == "." else meanings[::-1]


def _is_ambiguous(whole: str, fraction: str) -> bool:
    """Whether a number's only separator may be that of thousands, as in 1.234, but not 0.123."""
    return len(fraction) == 3 and 0 < len(whole) <= 3 and whole[0] != "0"


def _other(separator: str) -> str:
    return "," if separator == "." else "."


def _ungrouped(digits: str, separator: str) -> str:
    """Return digits without their thousands separators. Raises Unclear where they are none.

    Groups have three digits, in India and Nepal two before the last one: 1,23,456.
    """
    found = _DECIMAL_SIGN[separator].search(digits)
    ends = found.start() if found else len(digits)
    first, *groups = digits[:ends].split(separator)
    sizes = [len(group) for group in groups]
    middle = set(sizes[:-1])
    if not 0 < len(first) <= 3 or sizes[-1:] != [3] or middle not in (set(), {3}, {2}):
        raise Unclear
    return first + "".join(groups) + digits[ends:]


def _joined(whole: str, fraction: str = "") -> Decimal:
    """Return the number of these digits. Raises Unclear for anything that is no digit."""
    digits = whole + fraction
    if not (digits.isascii() and digits.isdecimal()):
        raise Unclear
    return Decimal(f"{whole or 0}.{fraction}" if fraction else whole)


def _bare(written: str, *, unit_allowed: bool) -> tuple[str, bool]:
    """Return a number's digits and separators, and whether it is negative.

    A sign, parentheses and CR (negative in accounting), currency, percent sign and unit are taken
    off.
    """
    # Asterisks are those of a footnote, or of bold print in Markdown.
    rest, before, minuses = plain(written).strip("* "), "", 0
    while rest != before:
        before = rest
        if rest.startswith("(") and rest.endswith(")"):
            rest, minuses = rest[1:-1], minuses + 1
        elif rest.startswith(("-", "+")):
            rest, minuses = rest[1:], minuses + rest.startswith("-")
        elif rest.endswith(_NO_CENTS):
            rest = rest.rstrip("-=")[:-1]
        elif rest.endswith("-"):
            rest, minuses = rest[:-1], minuses + 1
        elif rest.endswith((" CR", " Cr")) and not unit_allowed:
            rest, minuses = rest[:-3], minuses + 1
        else:
            rest = _without_word(rest, unit_allowed=unit_allowed)
        rest = rest.strip()
    if minuses > 1:
        raise Unclear
    return rest.translate(_SEPARATORS), minuses == 1


def _without_word(rest: str, *, unit_allowed: bool) -> str:
    """Return a number without the currency before it, or what may stand after it."""
    if (before := _WORD_BEFORE.match(rest)) and is_money(before[0]):
        rest = rest[before.end() :]
        # Rs.500 is 500, but £.50 is 0.50.
        return rest if category(before[0][-1]) == "Sc" else rest.removeprefix(".")
    if after := _WORD_AFTER.search(rest):
        word = after[1]
        if word in _PERCENT or is_money(word) or unit_allowed:
            return rest[: after.start()]
    return rest
