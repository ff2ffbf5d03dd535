"""Amounts as people read and write them. Pure, but for the language that is active."""

import re
import unicodedata
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

from django.utils.formats import number_format

# Decimals of the currencies that do not have two: ISO 4217, list one, column "minor unit".
_DECIMALS = {
    **dict.fromkeys(
        [
            *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX"),
            *("UYI", "VND", "VUV", "XAF", "XOF", "XPF"),
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
}
_MOST_DECIMALS = 6
_DIGITS_KEPT = 17

_DIGITS = re.compile(r"[.,]?\d(?:[\d.,'’\s]*\d)?")
# What may stand around them beside a currency: signs, brackets, and ",-" for no cents.
_SIGNS = " -−–+()./,"
_SHORT_CURRENCIES = frozenset({"", "rs", "fr", "kr"})
_BETWEEN = re.compile(r"['’\s]")
# Groups have three digits, in India and Nepal two before the last one.
_WHOLE = {
    ".": re.compile(r"\d{0,17}|\d{1,3}(?:,\d{2,3}){0,6},\d{3}", re.ASCII),
    ",": re.compile(r"\d{0,17}|\d{1,3}(?:\.\d{2,3}){0,6}\.\d{3}", re.ASCII),
}


def grouped(amount: Decimal, currency: str | None = None) -> str:
    """Return an amount with its thousands grouped, as the active language does it.

    It has as many decimals as its currency, and more where it needs them, up to six.
    """
    fewest = _DECIMALS.get(currency or "", 2)
    rounded = amount.quantize(Decimal(1).scaleb(-_MOST_DECIMALS), ROUND_HALF_UP)
    fraction = format(rounded, "f").partition(".")[2].rstrip("0")
    return number_format(rounded, max(fewest, len(fraction)), use_l10n=True, force_grouping=True)


def as_stated(number: Decimal) -> str:
    """Return a number with its thousands grouped, and the decimals that it has."""
    decimals = len(format(number, "f").partition(".")[2])
    return number_format(number, decimals, use_l10n=True, force_grouping=True)


def rounded_sum(amounts: Iterable[Decimal], currency: str | None) -> Decimal:
    """Return a sum rounded to its currency's decimals, two at least.

    SQLite adds binary fractions, so that what follows them means nothing.
    """
    decimals = max(_DECIMALS.get(currency or "", 2), 2)
    return sum(amounts, Decimal()).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


def amounts_meant(written: str) -> set[Decimal]:
    """Return what an amount in any notation can mean, without its sign; nothing for other text.

    "1.234" is 1234 as well as 1.234: a search looks for both.
    """
    shown = _western(written)
    found = _DIGITS.search(shown)
    if found is None or not all(map(_is_currency, (shown[: found.start()], shown[found.end() :]))):
        return set()
    digits = _BETWEEN.sub("", found[0])
    meant = set()
    for sign, whole_part in _WHOLE.items():
        whole, _, fraction = digits.rpartition(sign) if sign in digits else (digits, "", "")
        if whole_part.fullmatch(whole) and (not fraction or fraction.isdecimal()):
            number = re.sub(r"\D", "", whole)
            if len(number) <= _DIGITS_KEPT and len(fraction) <= _MOST_DECIMALS:
                meant.add(Decimal(f"{number or 0}.{fraction or 0}"))
    return meant


def _is_currency(text: str) -> bool:
    """Whether a text beside a number is a currency, or nothing but signs."""
    word = text.strip(_SIGNS)
    sign = len(word) == 1 and unicodedata.category(word) == "Sc"
    code = len(word) == 3 and word.isascii() and word.isalpha()
    return sign or code or word.casefold() in _SHORT_CURRENCIES


def _western(written: str) -> str:
    """Return a text with 0 to 9 for the digits of any script."""
    return "".join(
        letter if (digit := unicodedata.decimal(letter, None)) is None else str(digit)
        for letter in written
    )
