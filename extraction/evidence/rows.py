"""Whether the pages print the lines of an invoice otherwise: another article or number."""

from collections.abc import Iterable, Iterator, Mapping, Set
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


def other_rows(
    invoice: Mapping[str, Any], page: PageIndex, *, is_einvoice: bool
) -> Iterator[Doubt]:
    """Yield the values of lines that the pages print otherwise.

    That is a number that does not stand beside its description, where one stands that the line does
    not have; and a description of an e-invoice of which no word is printed. What a page leaves out
    is none. OCR misreads too many numbers to tell. Only the first lines of a long invoice are
    compared so.
    """
    for index, line in enumerate(invoice.get("line_items", [])[:_MOST_LINES]):
        described = line.get("description")
        if not described:
            continue
        if is_einvoice and page.texts.words_of(described)[1] is None:
            yield _doubt(index, "description", "not_on_page")
        place = page.texts.row_of(described)
        if place is None or place.from_ocr:
            continue
        for name in _strange(line, page.numbers_beside(place)):
            yield _doubt(index, name, "other_in_row")


def _strange(line: Mapping[str, Any], beside: Set[frozenset[Decimal]]) -> Iterator[str]:
    """Yield the names of a line's numbers that its row does not have, if it has others."""
    own = _own(line)
    if all(any(_is_among(own, value) for value in values) for values in beside):
        return
    every = {value for values in beside for value in values}
    for name in _COMPARED:
        value = Decimal(line.get(name) or 0)
        shown = {*every, *_reduced(every)} if name == "unit_price" else every
        if value not in (0, _ONE) and not _is_among(shown, abs(value)):
            yield name


def _doubt(index: int, name: str, code: str) -> Doubt:
    return Doubt(path=f"line_items.{index}.{name}", code=code, said=None)


def _reduced(beside: Set[Decimal]) -> Iterator[Decimal]:
    """Yield prices less a percentage beside them, since the XML may state them reduced."""
    few = sorted(beside)[:_MOST]
    for price in few:
        yield from (price * (100 - percent) / 100 for percent in few if 0 < percent < 100)


def _own(line: Mapping[str, Any]) -> list[Decimal]:
    """Return the numbers of a line without signs, with its tax and without."""
    factor = 1 + Decimal(line.get("tax_rate") or 0) / 100
    numbers = [abs(Decimal(text)) for text in line.values() if _is_number(text)]
    return [number * times for number in numbers for times in (1, factor)]


def _is_among(numbers: Iterable[Decimal], value: Decimal) -> bool:
    return any(abs(value - number) <= _CENT for number in numbers)


def _is_number(text: object) -> bool:
    return isinstance(text, str) and text.lstrip("-").replace(".", "", 1).isdecimal()
