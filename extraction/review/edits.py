"""A person's changes, applied to the values of an invoice. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from extraction.invoices import presentation
from extraction.invoices.schema import Evidence, Invoice, InvoiceFields
from extraction.review import values

TABLES = {path: model for _, path, model in presentation.TABLES}
UNKNOWN = gettext_noop("An invoice has no such value.")
REQUIRED = gettext_noop("Choose a type.")
# Digits of a row's number in a path.
_LONGEST_NUMBER = 5

Json = dict[str, Any]
# By table and number; those of the rows that the invoice does not have yet.
NewRows = dict[str, dict[int, Json]]


@dataclass(frozen=True, slots=True)
class Edit:
    """What a person changed, by path in the invoice as it is; all else is left as it is.

    ``values``: texts as typed, of rows that do not exist yet, too; the same text is no change, and
    an empty one clears a value. ``confirmed``: values that the person found right. ``removed``:
    rows, such as "line_items.2". ``order``: for a table its rows' numbers from 0 in the new order,
    those of rows that do not exist yet, too; those it does not name follow. ``places``: where on
    the page the person clicked a value.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    confirmed: Collection[str] = ()
    removed: Collection[str] = ()
    order: Mapping[str, Sequence[int]] = field(default_factory=dict)
    places: Mapping[str, Evidence] = field(default_factory=dict)


NOTHING = Edit()


class InvalidEdit(Exception):
    """Some values cannot be what was typed; ``errors`` says by path what to enter."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{path}: {text}" for path, text in errors.items()))
        self.errors = dict(errors)


@dataclass(frozen=True, slots=True)
class Change:
    """A change to be recorded: ``path`` and values as ``Correction`` describes them."""

    path: str
    old: object
    new: object


@dataclass(frozen=True, slots=True)
class Edited:
    """An invoice's values after an edit.

    ``settled``: new paths of what the person set, cleared or confirmed. ``rows``: of each table
    the number that each row had in the edit.
    """

    fields: InvoiceFields
    changes: list[Change]
    settled: frozenset[str]
    rows: Mapping[str, Sequence[int]]

    def moved(self, path: str) -> str | None:
        """Return where a value of the former invoice stands now; None when its row is gone."""
        return _moved(path, self.rows)

    def typed(self, path: str) -> str:
        """Return the path that a value had in the edit."""
        table, *rest = path.split(".")
        if table not in self.rows or not rest:
            return path
        number, *name = rest
        return ".".join([table, str(self.rows[table][int(number)]), *name])


def applied(invoice: Invoice, edit: Edit) -> Edited:
    """Return the invoice's values with the changes. Raises InvalidEdit, with every wrong value."""
    after = fields_of(invoice)
    errors: dict[str, str] = {}
    changes: list[Change] = []
    touched: set[str] = set()
    new_rows: NewRows = {table: {} for table in TABLES}
    for path, text in edit.values.items():
        if _row_of(path) in edit.removed:
            continue
        try:
            place = _place(after, path, new_rows)
            if place is None:
                raise ValueError(_(UNKNOWN))
            holder, name = place
            if values.same(name, text, holder.get(name)):
                continue
            value = values.parse(name, text)
            if value is None and name == "document_type":
                raise ValueError(_(REQUIRED))
        except ValueError as error:
            errors[path] = str(error)
            continue
        touched.add(path)
        if not _is_new(path, after):
            changes.append(Change(path, holder.get(name), value))
        holder[name] = value
    if errors:
        raise InvalidEdit(errors)
    confirmed = _confirmed(edit, after, touched)
    changes += [Change(path, value, value) for path, value in confirmed.items()]
    rows, moves = _arrange(after, edit, new_rows)
    settled = {_moved(path, rows) for path in touched | confirmed.keys()}
    return Edited(
        InvoiceFields.model_validate(after),
        changes + moves,
        frozenset(path for path in settled if path),
        rows,
    )


def fields_of(invoice: Invoice) -> Json:
    """Return what is read of an invoice, without its verdict, as JSON."""
    return invoice.model_dump(mode="json", include=set(InvoiceFields.model_fields))


def _row_of(path: str) -> str:
    return ".".join(path.split(".")[:2])


def _is_new(path: str, fields: Json) -> bool:
    table, *rest = path.split(".")
    return table in TABLES and int(rest[0]) >= len(fields[table])


def row_number(path: str) -> tuple[str, int] | None:
    """Return table and number of a row's path, such as "line_items.2"; None for another text."""
    table, _, number = path.partition(".")
    return (table, int(number)) if table in TABLES and _is_number(number) else None


def _place(
    fields: Json, path: str, new_rows: dict[str, dict[int, Json]]
) -> tuple[Json, str] | None:
    """Return the object that has a value, and the value's name in it; None if there is none."""
    match path.split("."):
        case [name] if name in fields and not isinstance(fields[name], (dict, list)):
            return fields, name
        case [("supplier" | "customer") as party, name] if name in fields[party]:
            return fields[party], name
        case [table, number, name] if (
            table in TABLES and _is_number(number) and name in TABLES[table].model_fields
        ):
            index, rows = int(number), fields[table]
            if index < len(rows):
                return rows[index], name
            empty = dict.fromkeys(TABLES[table].model_fields)
            return new_rows[table].setdefault(index, empty), name
    return None


def _moved(path: str, rows: Mapping[str, Sequence[int]]) -> str | None:
    """Return a value's path after the rows moved; None when its row is gone."""
    table, *rest = path.split(".")
    if table not in rows or not rest:
        return path
    number, *name = rest
    if int(number) not in rows[table]:
        return None
    return ".".join([table, str(rows[table].index(int(number))), *name])


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER


def _confirmed(edit: Edit, fields: Json, touched: set[str]) -> dict[str, object]:
    """Return the values that the person left as they are and found right, absent ones too."""
    found: dict[str, object] = {}
    for path in edit.confirmed:
        if path in touched or _row_of(path) in edit.removed:
            continue
        place = _place(fields, path, {table: {} for table in TABLES})
        if place is not None and not _is_new(path, fields):
            holder, name = place
            found[path] = holder[name]
    return found


def _arrange(
    fields: Json, edit: Edit, new_rows: NewRows
) -> tuple[dict[str, list[int]], list[Change]]:
    """Remove, order and add the rows of each table; return their former numbers and the changes."""
    numbers: dict[str, list[int]] = {}
    changes: list[Change] = []
    for table in TABLES:
        former: list[Json] = fields[table]
        left = [at for at in range(len(former)) if f"{table}.{at}" not in edit.removed]
        added = {
            at: row
            for at, row in sorted(new_rows[table].items())
            if any(value is not None for value in row.values())
        }
        first = [at for at in dict.fromkeys(edit.order.get(table, ())) if at in left or at in added]
        order = first + [at for at in [*left, *added] if at not in first]
        # New rows are recorded under the numbers that follow those of the former ones.
        numbered = {at: number for number, at in enumerate(added, len(former))}
        moved = [at for at in order if at not in added]
        gone = [at for at in range(len(former)) if at not in left]
        changes += [Change(f"{table}.{at}", former[at], None) for at in gone]
        if moved != left:
            changes.append(Change(table, left, moved))
        changes += [Change(f"{table}.{numbered[at]}", None, row) for at, row in added.items()]
        if order != [*moved, *added]:
            changes.append(
                Change(
                    table,
                    [*moved, *numbered.values()],
                    [numbered.get(at, at) for at in order],
                )
            )
        fields[table] = [added[at] if at in added else former[at] for at in order]
        numbers[table] = order
    return numbers, changes
