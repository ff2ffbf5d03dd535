"""Whether the pages of an e-invoice print its lines otherwise: another article or number."""

from collections.abc import Iterator, Mapping, Set
from decimal import Decimal
from typing import Any

from extraction.evidence.findings import Doubt
from extraction.evidence.page_index import PageIndex

_COMPARED = ("quantity", "unit_price", "amount")
# A page may leave out that there is one.
_ONE = Decimal(1)
# Prices are rounded otherwise than in the XML.
_CENT = Decimal("0.01")
# Numbers of a row that are combined; a hostile one has thousands.
_MOST = 20
# Each line is compared with all numbers of the pages.
_MOST_LINES = 100


def other_lines(invoice: Mapping[str, Any], page: PageIndex) -> Iterator[Doubt]:
    """Yield the values of lines that the pages print otherwise.

    That is a description of which no word is printed, and a number that does not stand beside its
    description, where one stands that the line does not have. What a page leaves out is none. Only
    the first lines of a long invoice are compared so.
    """
    for index, line in enumerate(invoice["line_items"][:_MOST_LINES]):
        described = line.get("description")
        if not described:
            continue
        _, place = page.texts.words_of(described)
        if place is None:
            yield _doubt(index, "description", None)
            continue
        beside = page.numbers_beside(place)
        strange = [value for value in beside if not _is_of(line, value)]
        for name in _COMPARED:
            value = Decimal(line.get(name) or 0)
            shown = {*beside, *_reduced(beside)} if name == "unit_price" else beside
            is_beside = any(abs(abs(value) - each) <= _CENT for each in shown)
            if strange and value not in (0, _ONE) and not is_beside:
                yield _doubt(index, name, None)


def _doubt(index: int, name: str, said: str | None) -> Doubt:
    return Doubt(path=f"line_items.{index}.{name}", code="not_on_page", said=said)


def _reduced(beside: Set[Decimal]) -> Iterator[Decimal]:
    """Yield prices less a percentage beside them, since the XML may state them reduced."""
    few = sorted(beside)[:_MOST]
    for price in few:
        yield from (price * (100 - percent) / 100 for percent in few if 0 < percent < 100)


def _is_of(line: Mapping[str, Any], value: Decimal) -> bool:
    """Whether a number is one of a line's, with its tax or without."""
    own = [abs(Decimal(text)) for text in line.values() if _is_number(text)]
    factor = 1 + Decimal(line.get("tax_rate") or 0) / 100
    return any(abs(value - each * times) <= _CENT for each in own for times in (1, factor))


def _is_number(text: object) -> bool:
    return isinstance(text, str) and text.lstrip("-").replace(".", "", 1).isdecimal()
