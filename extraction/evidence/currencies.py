"""The currencies that a document names, by code, symbol or word."""

import re
from collections.abc import Iterator, Mapping, Set

from babel.numbers import list_currencies

from extraction.evidence.lines import Line
from extraction.evidence.printed_texts import Place
from extraction.invoices.currency_signs import SIGNS

_MEANINGS: Mapping[str, Set[str]] = {
    **SIGNS,
    "euro": {"EUR"},
    "euros": {"EUR"},
    "dollars": SIGNS["$"],
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
