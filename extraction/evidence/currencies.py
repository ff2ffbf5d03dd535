"""The currencies that a document names, by code, symbol or word."""

import re
from collections.abc import Iterable, Iterator, Mapping, Set

from extraction.evidence.lines import Line
from extraction.evidence.printed_texts import Place
from extraction.invoices.currency_signs import CODES, SIGNS

_MEANINGS: Mapping[str, Set[str]] = {
    **SIGNS,
    "euro": {"EUR"},
    "euros": {"EUR"},
    "dollars": SIGNS["$"],
    "￥": SIGNS["¥"],  # of full width
}
_SIGNS = re.compile("|".join(map(re.escape, (sign for sign in _MEANINGS if not sign.isalnum()))))
# Alone, or before or after an amount: EUR, Rs.1,000/-, 12.50kr; not the start of a code.
_WORD = re.compile(r"\W{0,3}([^\W\d_]{2,8})\W{0,3}(?:\d{1,9}[.,'][\d.,']{0,15}\W{0,3})?$")
_WORD_AFTER = re.compile(r"\W{0,3}\d[\d.,']{0,15}([^\W\d_]{2,8})\W{0,3}$")


def currencies_of(lines: Iterable[Line]) -> dict[str, Place]:
    """Return the first place of each currency, by ISO 4217 code, that a document may name.

    A sign of several currencies stands for that of them which the document names by its code, if
    it names one.
    """
    found: dict[str, Place] = {}
    ambiguous: list[tuple[Set[str], Place]] = []
    for meanings, place in (entry for line in lines for entry in _named_in(line)):
        if len(meanings) > 1:
            ambiguous.append((meanings, place))
        for code in meanings if len(meanings) == 1 else ():
            found.setdefault(code, place)
    certain = found.keys()
    for meanings, place in ambiguous:
        for code in meanings & certain or meanings:
            found.setdefault(code, place)
    return found


def _named_in(line: Line) -> Iterator[tuple[Set[str], Place]]:
    """Yield what each name of a currency in a line can stand for, and its place."""
    for word in line.words:
        if word.text.isdecimal():
            continue
        place = Place(line.page, line.from_ocr, word.box)
        for sign in _SIGNS.findall(word.text.lower()):
            yield _MEANINGS[sign], place
        if found := _WORD.match(word.text) or _WORD_AFTER.match(word.text):
            letters = found[1]
            if letters in CODES:
                yield {letters}, place
            elif meanings := _MEANINGS.get(letters.lower()):
                yield meanings, place
