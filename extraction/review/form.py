"""The form of the review page: every value with what was typed, and what is noted there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext
from django_stubs_ext import StrOrPromise

from extraction.evidence.values import KIND_OF, Kind
from extraction.invoices.annotations import Annotation, Annotations
from extraction.invoices.presentation import EXPECTED, SECTIONS, TABLES, label_of
from extraction.invoices.schema import Invoice
from extraction.review import clicked
from extraction.review.edits import NOTHING, Edit, fields_of, row_number
from extraction.review.values import DOCUMENT_TYPES, texts_of

# Before the path of a value in the name of its input.
PREFIX = "invoice."
# Stands for the number of a row that the page's script adds.
ANY = "__number__"

_MULTILINE = {"address", "payment_terms"}
# Columns of the lines that are there even when empty.
_CORE = {"description", "quantity", "unit_price", "tax_rate", "amount"}


@dataclass(frozen=True, slots=True)
class Input:
    """One value that can be edited; ``place``: where on the page it was clicked."""

    path: str
    label: str
    text: str
    annotation: Annotation
    error: str = ""
    is_confirmed: bool = False
    place: str = ""

    @property
    def name(self) -> str:
        """The name of its field in the form."""
        return PREFIX + self.path

    @property
    def _field(self) -> str:
        return self.path.rpartition(".")[2]

    @property
    def is_number(self) -> bool:
        """Whether it is aligned to the right."""
        return KIND_OF.get(self._field) is Kind.NUMBER

    @property
    def is_multiline(self) -> bool:
        """Whether it may have several lines."""
        return self._field in _MULTILINE or "\n" in self.text

    @property
    def options(self) -> list[tuple[str, str]]:
        """The values to choose from with their labels; none where any text may be typed."""
        is_type = self.path == "document_type"
        return [(name, label_of(name)) for name in DOCUMENT_TYPES] if is_type else []

    @property
    def placeholder(self) -> str:
        """The form of what is to be typed."""
        return gettext("YYYY-MM-DD") if KIND_OF.get(self._field) is Kind.DAY else ""

    @property
    def width(self) -> int:
        """Characters to make room for."""
        return min(max(len(self.text) + 1, 6), 30)


@dataclass(frozen=True, slots=True)
class Group:
    """Values that belong together; ``more`` are those that the document does not have."""

    title: StrOrPromise
    inputs: list[Input]
    more: list[Input]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table; ``label`` is its place as it is shown, from 1.

    ``named``: what all its labels call it, so that the page's script can replace that.
    """

    path: str
    label: str
    named: str
    inputs: list[Input]
    is_removed: bool


@dataclass(frozen=True, slots=True)
class Grid:
    """A table; ``blank`` is the row that the page's script copies."""

    path: str
    title: StrOrPromise
    headings: list[Input]
    rows: list[Row]
    blank: Row
    annotation: Annotation


@dataclass(frozen=True, slots=True)
class ReviewForm:
    """The whole form."""

    groups: list[Group]
    grids: list[Grid]


def edit_of(sent: QueryDict, page_count: int) -> Edit:
    """Return the edit that a sent form says, of a document with so many pages."""
    return Edit(
        {name.removeprefix(PREFIX): str(text) for name, text in sent.items() if _is_value(name)},
        confirmed=frozenset(sent.getlist("confirm")),
        removed=frozenset(sent.getlist("remove")),
        order=_order_of(sent.getlist("order")),
        places=clicked.places_in(((name, str(text)) for name, text in sent.items()), page_count),
    )


def moved(edit: Edit, path: str, step: int) -> Edit:
    """Return an edit in which a row, such as "line_items.2", is moved up (-1) or down (1)."""
    found = row_number(path)
    if found is None:
        return edit
    table, number = found
    rows = list(edit.order.get(table, ()))
    if number not in rows:
        return edit
    at = rows.index(number)
    if 0 <= at + step < len(rows):
        rows[at], rows[at + step] = rows[at + step], rows[at]
    return replace(edit, order={**edit.order, table: rows})


def form_of(
    invoice: Invoice,
    edit: Edit = NOTHING,
    errors: Mapping[str, str] | None = None,
    *,
    add_to: str = "",
) -> ReviewForm:
    """Return the form of an invoice with what was typed; ``add_to`` gets one more row."""
    fields = fields_of(invoice)
    inputs = _Inputs(Annotations(invoice), {**texts_of(fields), **edit.values}, edit, errors or {})
    groups = [_group(inputs, title, paths) for title, paths in SECTIONS]
    grids = [
        _grid(inputs, title, path, list(model.model_fields), len(fields[path]), path == add_to)
        for title, path, model in TABLES
    ]
    return ReviewForm(groups, grids)


@dataclass(frozen=True, slots=True)
class _Inputs:
    """Makes the inputs of one form."""

    annotations: Annotations
    texts: Mapping[str, str]
    edit: Edit
    errors: Mapping[str, str]

    def at(self, path: str, label: str = "") -> Input:
        annotation, place = self.annotations.at(path), self.edit.places.get(path)
        return Input(
            path,
            label or label_of(path.rpartition(".")[2]),
            self.texts.get(path, ""),
            replace(annotation, evidence=place) if place else annotation,
            self.errors.get(path, ""),
            path in self.edit.confirmed,
            clicked.text_of(place) if place else "",
        )

    def is_shown(self, path: str) -> bool:
        return bool(self.texts.get(path) or path in self.errors or self.annotations.is_named(path))


def _order_of(paths: Iterable[str]) -> dict[str, list[int]]:
    """Return the numbers of the rows of each table in the order in which a form has them."""
    order: dict[str, list[int]] = {}
    for table, number in filter(None, map(row_number, paths)):
        order.setdefault(table, []).append(number)
    return order


def _is_value(name: str) -> bool:
    return name.startswith(PREFIX)


def _group(inputs: _Inputs, title: StrOrPromise, paths: Iterable[str]) -> Group:
    group = Group(title, [], [])
    for path in paths:
        is_shown = path.rpartition(".")[2] in EXPECTED or inputs.is_shown(path)
        (group.inputs if is_shown else group.more).append(inputs.at(path))
    return group


def _grid(
    inputs: _Inputs, title: StrOrPromise, table: str, names: list[str], count: int, add: bool
) -> Grid:
    known = sorted({*range(count), *_typed_rows(table, inputs.edit.values)})
    first = [number for number in inputs.edit.order.get(table, ()) if number in known]
    numbers = list(dict.fromkeys([*first, *known]))
    if add:
        numbers.append(max(numbers, default=-1) + 1)
    columns = [
        name
        for name in names
        if (name in _CORE or table != "line_items")
        or any(inputs.is_shown(f"{table}.{number}.{name}") for number in numbers)
    ]

    def row(number: Any, label: str) -> Row:
        path = f"{table}.{number}"
        named = gettext("row {number}").format(number=label)
        cells = [inputs.at(f"{path}.{name}", f"{label_of(name)}, {named}") for name in columns]
        return Row(path, label, named, cells, path in inputs.edit.removed)

    headings = [inputs.at(name) for name in columns]
    rows = [row(number, str(place)) for place, number in enumerate(numbers, 1)]
    return Grid(
        table, title, headings, rows, row(ANY, gettext("new")), inputs.annotations.at(table)
    )


def _typed_rows(table: str, values: Mapping[str, str]) -> set[int]:
    """Return the numbers of the rows that something was typed into."""
    found = set()
    for path, text in values.items():
        name, _, rest = path.partition(".")
        number = rest.partition(".")[0]
        if name == table and text.strip() and number.isascii() and number.isdecimal():
            found.add(int(number[:5]))
    return found
