"""The currencies that a document names, by code, symbol or word."""

import re
from collections.abc import Iterator

from babel.numbers import list_currencies

from extraction.evidence.lines import Line
from extraction.evidence.printed_texts import Place

# Symbols and words with every currency that they are used for (Unicode CLDR, currency symbols).
_MEANINGS = {
    "€": ("EUR",),
    "euro": ("EUR",),
    "euros": ("EUR",),
    "£": ("GBP",),
    "₹": ("INR",),
    "₨": ("NPR", "INR", "PKR", "LKR"),
    "rs": ("NPR", "INR", "PKR", "LKR", "MUR"),
    "रु": ("NPR", "INR"),
    "रू": ("NPR", "INR"),
    "rupees": ("NPR", "INR", "PKR", "LKR"),
    "$": ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN", "ARS", "CLP", "COP", "TWD", "BRL"),
    "us$": ("USD",),
    "r$": ("BRL",),
    "dollars": ("USD", "CAD", "AUD", "NZD"),
    "¥": ("JPY", "CNY"),
    "￥": ("JPY", "CNY"),
    "円": ("JPY",),
    "元": ("CNY",),
    "kr": ("SEK", "NOK", "DKK", "ISK"),
    "zł": ("PLN",),
    "kč": ("CZK",),
    "ft": ("HUF",),
    "lei": ("RON",),
    "fr": ("CHF",),
    "sfr": ("CHF",),
    "₽": ("RUB",),
    "₴": ("UAH",),
    "₺": ("TRY",),
    "₩": ("KRW",),
    "฿": ("THB",),
    "₪": ("ILS",),
    "₫": ("VND",),
    "₱": ("PHP",),
    "₦": ("NGN",),
    "rm": ("MYR",),
}
_SIGNS = re.compile("|".join(map(re.escape, (sign for sign in _MEANINGS if not sign.isalnum()))))
# Alone, or before or after an amount: EUR, Rs.1,000/-, 12.50kr; not the start of a code.
_WORD = re.compile(r"\W{0,3}([^\W\d_]{2,8})\W{0,3}(?:\d{1,9}[.,'][\d.,']{0,15}\W{0,3})?$")
_WORD_AFTER = re.compile(r"\W{0,3}\d[\d.,']{0,15}([^\W\d_]{2,8})\W{0,3}$")
_CODES = frozenset(list_currencies("en"))


def currencies_in(line: Line) -> Iterator[tuple[str, Place]]:
    """Yield the ISO 4217 codes that each word of a line can stand for, and its place."""
    for word in line.words:
        place = Place(line.page, line.from_ocr, word.box)
        for sign in _SIGNS.findall(word.text.lower()):
            yield from ((code, place) for code in _MEANINGS[sign])
        if found := _WORD.match(word.text) or _WORD_AFTER.match(word.text):
            letters = found[1]
            if letters in _CODES:
                yield letters, place
            yield from ((code, place) for code in _MEANINGS.get(letters.lower(), ()))
