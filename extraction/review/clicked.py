"""Where on the page a person clicked a value: a field of the form, kept as its evidence. Pure."""

from collections.abc import Iterable
from math import isfinite

from extraction.invoices.schema import Evidence

# Before the path of a value in the name of the field that says where it was clicked.
PREFIX = "place."
_MOST_PLACES = 1_000
_LONGEST = 200  # letters
_DIGITS = 4  # of a share of the page: a tenth of a pixel


def places_in(sent: Iterable[tuple[str, str]], page_count: int) -> dict[str, Evidence]:
    """Return the clicked places by the value's path; without those that are no place of a page."""
    named = [(name, text) for name, text in sent if name.startswith(PREFIX)][:_MOST_PLACES]
    found = {name.removeprefix(PREFIX): _place(text, page_count) for name, text in named}
    return {path: place for path, place in found.items() if place is not None}


def text_of(place: Evidence) -> str:
    """Return a place as a form's field has it: "1 0.1 0.2 0.3 0.4", page and box."""
    return " ".join(map(str, (place.page, *(place.box or ()))))


def _place(text: str, page_count: int) -> Evidence | None:
    try:
        number, *sides = text[:_LONGEST].split()
        page, box = int(number), tuple(round(float(side), _DIGITS) for side in sides)
    except (ValueError, OverflowError):
        return None
    if not 1 <= page <= page_count or len(box) != 4 or not all(map(isfinite, box)):
        return None
    left, top, right, bottom = box
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        return None
    return Evidence(source="person", page=page, box=box)
