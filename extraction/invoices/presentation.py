"""An invoice for display: sections of labelled values, and tables."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from operator import attrgetter

from django.utils.formats import date_format
from pydantic import BaseModel

from extraction.invoices.amounts import as_stated
from extraction.invoices.annotations import (
    MOST,
    Annotation,
    Annotations,
    NumberedReason,
    numbered,
)
from extraction.invoices.schema import Check, Invoice, LineItem, PaymentDiscount, TaxLine

_LABELS = {
    "hs_code": "HS code",
    "iban": "IBAN",
    "iban_check_digits": "IBAN check digits",
    "invoice_miti": "Invoice miti",
    "mrp": "MRP",
    "percent": "Discount %",
    "prepaid_amount": "Prepaid",
    "price_base_quantity": "Price per",
    "pws_number": "PWS number",
    "rate": "Rate %",
    "rounding_amount": "Rounding",
    "serial_number": "Serial",
    "tax_id": "Tax ID",
    "tax_rate": "Tax %",
    "withholding_total": "Tax withheld",
}
_DOCUMENT = [
    "document_type",
    "invoice_number",
    "invoice_date",
    "invoice_miti",
    "due_date",
    "order_number",
    "delivery_note_number",
    "transaction_type",
    "transaction_date",
    "vehicle_number",
    "transporter",
    "pws_number",
]
_TOTALS = [
    "currency",
    "subtotal",
    "discount_total",
    "charge_total",
    "taxable_amount",
    "tax_total",
    "total_amount",
    "withholding_total",
    "prepaid_amount",
    "rounding_amount",
    "amount_due",
]
_PAYMENT = ["iban", "payment_terms"]
_PARTY = ["name", "tax_id", "address"]
SECTIONS = {
    "Document": _DOCUMENT,
    "Supplier": [f"supplier.{name}" for name in _PARTY],
    "Customer": [f"customer.{name}" for name in _PARTY],
    "Totals": _TOTALS,
    "Payment": _PAYMENT,
}
TABLES: list[tuple[str, str, type[BaseModel]]] = [
    ("Lines", "line_items", LineItem),
    ("Tax", "tax_breakdown", TaxLine),
    ("Discounts for early payment", "payment_discounts", PaymentDiscount),
]
# Shown even when empty, so that their absence is seen.
EXPECTED = {"invoice_number", "invoice_date", "name", "total_amount"}


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled value; an empty one was not found on the document."""

    label: str
    value: str
    annotation: Annotation


@dataclass(frozen=True, slots=True)
class Section:
    """Values that belong together."""

    title: str
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table; numbers are aligned to the right."""

    value: str
    is_number: bool
    annotation: Annotation = field(default_factory=Annotation)


@dataclass(frozen=True, slots=True)
class Table:
    """The first MOST rows of one kind, with the columns that one of them fills or a reason names.

    ``left_out``: how many more rows the invoice has.
    """

    title: str
    headings: list[Cell]
    rows: list[list[Cell]]
    left_out: int
    annotation: Annotation


def sections(invoice: Invoice) -> list[Section]:
    """Return everything but the tables, in reading order."""
    annotations = Annotations(invoice)
    return [Section(title, _rows(invoice, paths, annotations)) for title, paths in SECTIONS.items()]


def tables(invoice: Invoice) -> list[Table]:
    """Return the tables that have rows, or whose absence is a reason for review."""
    annotations = Annotations(invoice)
    return [
        _table(title, path, model, getattr(invoice, path), annotations)
        for title, path, model in TABLES
        if getattr(invoice, path) or annotations.is_named(path)
    ]


def reasons(
    invoice: Invoice, sections: Iterable[Section], tables: Iterable[Table]
) -> list[NumberedReason]:
    """Return the reasons for review; the path of one whose value is not shown is ""."""
    shown = {row.annotation.path for section in sections for row in section.rows}
    for table in tables:
        shown.add(table.annotation.path)
        shown |= {cell.annotation.path for row in table.rows for cell in row}
    return [
        reason if reason.path in shown else replace(reason, path="") for reason in numbered(invoice)
    ]


def checks(invoice: Invoice) -> list[tuple[str, Check]]:
    """Return the checks with their labels."""
    return [(label_of(check.code), check) for check in invoice.checks]


def _rows(invoice: Invoice, paths: Iterable[str], annotations: Annotations) -> list[Row]:
    rows = []
    for path in paths:
        name = path.rpartition(".")[2]
        value = _text(attrgetter(path)(invoice))
        if value or name in EXPECTED or annotations.is_named(path):
            rows.append(Row(label_of(name), value, annotations.at(path)))
    return rows


def _table(
    title: str,
    path: str,
    model: type[BaseModel],
    items: Sequence[BaseModel],
    annotations: Annotations,
) -> Table:
    shown = items[:MOST]
    columns = [
        name
        for name in model.model_fields
        if any(
            getattr(item, name) is not None or annotations.is_named(f"{path}.{index}.{name}")
            for index, item in enumerate(shown)
        )
    ]
    values = [[getattr(item, name) for name in columns] for item in shown]
    numeric = [any(isinstance(row[at], Decimal) for row in values) for at in range(len(columns))]
    headings = [Cell(label_of(name), number) for name, number in zip(columns, numeric, strict=True)]
    rows = [
        [
            Cell(_text(value), number, annotations.at(f"{path}.{index}.{name}"))
            for name, value, number in zip(columns, row, numeric, strict=True)
        ]
        for index, row in enumerate(values)
    ]
    return Table(title, headings, rows, len(items) - len(shown), annotations.at(path))


def label_of(name: str) -> str:
    """Return what the pages call a field."""
    return _LABELS.get(name, name.replace("_", " ").capitalize())


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return as_stated(value)
    if isinstance(value, date):
        return date_format(value, "DATE_FORMAT")
    return str(value).replace("credit_note", "credit note")
