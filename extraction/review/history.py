"""A correction as people read it: which value it was of, and what it was and became. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext

from extraction.invoices.presentation import SECTIONS, TABLES, label_of
from extraction.models import Correction
from extraction.review.values import texts_of

NOTHING = "–"
# A value that stands in a section of a party is named after it as well.
_SECTION_OF = {path: title for title, paths in SECTIONS for path in paths if "." in path}
_TABLE_OF = {path: title for title, path, _model in TABLES}


@dataclass(frozen=True, slots=True)
class Told:
    """One correction; ``is_confirmed``: the value was found right as it is."""

    correction: Correction
    name: str
    before: str
    after: str
    is_confirmed: bool


def told(correction: Correction) -> Told:
    """Return a correction of a value, a row or an order of rows in the reader's language."""
    old, new = correction.old_value, correction.new_value
    return Told(correction, _name(correction.path), _text(old), _text(new), old == new)


def _name(path: str) -> str:
    first, *rest = path.split(".")
    if first not in _TABLE_OF:
        section = _SECTION_OF.get(path)
        label = label_of(path.rpartition(".")[2])
        return f"{section}, {label}" if section else label
    parts = [str(_TABLE_OF[first])]
    if rest:
        parts.append(gettext("row {number}").format(number=int(rest[0]) + 1))
    parts += map(label_of, rest[1:])
    return ", ".join(parts)


def _text(value: object) -> str:
    """Return a value, those of a row, or the numbers of rows as the page shows them, from 1."""
    if isinstance(value, Mapping):
        return ", ".join(filter(None, texts_of(value).values())) or NOTHING
    if isinstance(value, list):
        return ", ".join(str(int(number) + 1) for number in value) or NOTHING
    return NOTHING if value in (None, "") else str(value)
