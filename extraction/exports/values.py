"""The values that a column can show, by path: ``invoice_number``, ``line_items.amount``…

Header fields have the names of the canonical invoice. ``extraction.*`` is what is known of the
document, ``labels.*`` the value of one of its labels, ``booking.*`` what accounting programs expect
instead of a signed total.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import TypeAlias
from uuid import UUID

from pydantic import BaseModel

from extraction.invoices.schema import (
    Invoice,
    InvoiceFields,
    LineItem,
    Party,
    PaymentDiscount,
    TaxLine,
)
from extraction.models import Extraction

# A tuple holds the values of several parts, such as the rates of an invoice with two.
Value: TypeAlias = str | Decimal | int | bool | date | datetime | tuple["Value", ...] | None


@dataclass(frozen=True, slots=True)
class Exported:
    """An extraction that has succeeded, and what was read.

    ``zone``: the time zone of its company, in which tables tell times.
    """

    extraction: Extraction
    invoice: Invoice
    labels: Mapping[str, str] = field(default_factory=dict)
    zone: tzinfo = UTC


@dataclass(frozen=True, slots=True)
class Row:
    """What one row of a table shows; a line where there is one row for each."""

    extraction: Extraction
    invoice: Invoice
    line: LineItem | None = None
    number: int | None = None
    """The position of the line, from 1."""
    labels: Mapping[str, str] = field(default_factory=dict)
    zone: tzinfo = UTC


Getter = Callable[[Row], Value]

LINES = "line_items."
LABELS = "labels."
_PARTS: Mapping[str, type[BaseModel]] = {
    "tax_breakdown": TaxLine,
    "payment_discounts": PaymentDiscount,
}
_PARTIES = ("supplier", "customer")
_OF_EXTRACTION = (
    *("id", "file_name", "company_id", "branch", "requested_by"),
    *("state", "needs_review", "model"),
)


def getter(path: str) -> Getter:
    """Return what finds the value of a path.

    "" and a path that the schema does not know, such as one that it no longer has, stay empty.
    """
    if path.startswith(LABELS):
        return _of_label(path.removeprefix(LABELS))
    return _GETTERS.get(path, _nothing)


def known_paths() -> list[str]:
    """Return every path, those of the extraction first and those of lines last."""
    return list(_GETTERS)


def invoice_paths() -> list[str]:
    """Return the paths of the fields that an invoice has once."""
    return [
        *(name for name in InvoiceFields.model_fields if not _is_composed(name)),
        *(f"{party}.{name}" for party in _PARTIES for name in Party.model_fields),
    ]


def line_paths() -> list[str]:
    """Return the paths of the fields of a line."""
    return [f"{LINES}position", *(f"{LINES}{name}" for name in LineItem.model_fields)]


def is_of_line(path: str) -> bool:
    """Whether a path has a value only where there is one row per line."""
    return path.startswith(LINES)


def _is_composed(name: str) -> bool:
    return name in _PARTS or name in (*_PARTIES, "line_items")


def _nothing(_row: Row) -> Value:
    return None


def _of_extraction(name: str) -> Getter:
    def get(row: Row) -> Value:
        value: Value | UUID = getattr(row.extraction, name)
        return str(value) if isinstance(value, UUID) else value

    return get


def _received(row: Row) -> Value:
    return row.extraction.created_at.astimezone(row.zone)


def _time_zone(row: Row) -> Value:
    return str(row.zone)


def _of_label(key: str) -> Getter:
    def get(row: Row) -> Value:
        return row.labels.get(key)

    return get


def _labels(row: Row) -> Value:
    return tuple(f"{key}={value}" for key, value in row.labels.items()) or None


def _of_invoice(name: str) -> Getter:
    def get(row: Row) -> Value:
        value: Value = getattr(row.invoice, name)
        return value

    return get


def _of_party(party: str, name: str) -> Getter:
    def get(row: Row) -> Value:
        value: Value = getattr(getattr(row.invoice, party), name)
        return value

    return get


def _of_parts(parts: str, name: str) -> Getter:
    """The value of the only part, or the values of all."""

    def get(row: Row) -> Value:
        values = tuple(getattr(part, name) for part in getattr(row.invoice, parts))
        return values[0] if len(values) == 1 else values or None

    return get


def _of_line(name: str) -> Getter:
    def get(row: Row) -> Value:
        return None if row.line is None else getattr(row.line, name)

    return get


def _position(row: Row) -> Value:
    return row.number


def _amount_to_book(row: Row) -> Value:
    """The total without its sign, which ``booking.side`` tells."""
    total = row.invoice.total_amount
    return None if total is None else abs(total)


def _side(row: Row) -> Value:
    """S (debit) for what the supplier is owed, H (credit) for what it gives back.

    As seen by the account of the expense: DATEV's Soll/Haben-Kennzeichen of the column Konto.
    """
    total = row.invoice.total_amount
    if total is None:
        return None
    credited = row.invoice.document_type == "credit_note" or total < 0
    return "H" if credited else "S"


_GETTERS: Mapping[str, Getter] = {
    **{f"extraction.{name}": _of_extraction(name) for name in _OF_EXTRACTION},
    "extraction.created_at": _received,
    "extraction.time_zone": _time_zone,
    "extraction.labels": _labels,
    **{name: _of_invoice(name) for name in InvoiceFields.model_fields if not _is_composed(name)},
    **{
        f"{party}.{name}": _of_party(party, name)
        for party in _PARTIES
        for name in Party.model_fields
    },
    **{
        f"{parts}.{name}": _of_parts(parts, name)
        for parts, model in _PARTS.items()
        for name in model.model_fields
    },
    "duplicate_of": _of_invoice("duplicate_of"),
    "booking.amount": _amount_to_book,
    "booking.side": _side,
    f"{LINES}position": _position,
    **{f"{LINES}{name}": _of_line(name) for name in LineItem.model_fields},
}
