"""An invoice for display: sections of labelled values, and tables."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from operator import attrgetter

from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise
from pydantic import BaseModel

from extraction.invoices import wording
from extraction.invoices.amounts import as_stated
from extraction.invoices.annotations import (
    MOST,
    Annotation,
    Annotations,
    NumberedReason,
    numbered,
)
from extraction.invoices.schema import Check, Invoice, LineItem, PaymentDiscount, TaxLine

_LABELS: dict[str, StrOrPromise] = {
    "address": _("Address"),
    "alternate_quantity": _("Alternate quantity"),
    "amount": _("Amount"),
    "amount_due": _("Amount due"),
    "batch": _("Batch"),
    "breakage": _("Breakage"),
    "charge_total": _("Charge total"),
    "credit_note": _("Credit note"),
    "currency": _("Currency"),
    "delivery_note_number": _("Delivery note number"),
    "description": _("Description"),
    "discount": _("Discount"),
    "discount_total": _("Discount total"),
    "document_type": _("Document type"),
    "due_date": _("Due date"),
    "hs_code": _("HS code"),
    "iban": "IBAN",
    "invoice": _("Invoice"),
    "invoice_date": _("Invoice date"),
    "invoice_miti": _("Invoice miti"),
    "invoice_number": _("Invoice number"),
    "item_code": _("Item code"),
    "leakage": _("Leakage"),
    "mrp": _("MRP"),
    "name": _("Name"),
    "order_number": _("Order number"),
    "other": _("Other"),
    "payment_terms": _("Payment terms"),
    "percent": _("Discount %"),
    "prepaid_amount": _("Prepaid"),
    "price_base_quantity": _("Price per"),
    "pws_number": _("PWS number"),
    "quantity": _("Quantity"),
    "rate": _("Rate %"),
    "receipt": _("Receipt"),
    "rounding_amount": _("Rounding"),
    "serial_number": _("Serial"),
    "shortage": _("Shortage"),
    "subtotal": _("Subtotal"),
    "tax_amount": _("Tax amount"),
    "tax_id": _("Tax ID"),
    "tax_rate": _("Tax %"),
    "tax_total": _("Tax total"),
    "taxable_amount": _("Taxable amount"),
    "total_amount": _("Total amount"),
    "transaction_date": _("Transaction date"),
    "transaction_type": _("Transaction type"),
    "transporter": _("Transporter"),
    "unit": _("Unit"),
    "unit_price": _("Unit price"),
    "until": _("Until"),
    "vehicle_number": _("Vehicle number"),
    "withholding_total": _("Tax withheld"),
}
# Of checks, by their codes. Stored results have older ones, too.
_CHECKS: dict[str, StrOrPromise] = {
    "amount_due_adds_up": _("Amount due adds up"),
    "breakdown_adds_up": _("Breakdown adds up"),
    "currency_fractions": _("Currency fractions"),
    "discounts_end_in_time": _("Discounts end in time"),
    "due_date_matches_terms": _("Due date matches terms"),
    "due_date_not_before_invoice_date": _("Due date not before invoice date"),
    "due_date_plausible": _("Due date plausible"),
    "iban_check_digits": _("IBAN check digits"),
    "invoice_date_plausible": _("Invoice date plausible"),
    "line_amounts": _("Line amounts"),
    "line_rates": _("Line rates"),
    "lines_add_up": _("Lines add up"),
    "lines_and_tax_match_total": _("Lines and tax match total"),
    "lines_match_breakdown": _("Lines match breakdown"),
    "lines_match_total": _("Lines match total"),
    "lines_not_doubled": _("Lines not doubled"),
    "sign_matches_type": _("Sign matches type"),
    "tax_adds_up": _("Tax adds up"),
    "tax_id_check_digits": _("Tax id check digits"),
    "tax_matches_lines": _("Tax matches lines"),
    "tax_matches_rate": _("Tax matches rate"),
    "taxable_amount_adds_up": _("Taxable amount adds up"),
    "total_adds_up": _("Total adds up"),
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
# Titles, and the paths of what is under them.
SECTIONS: list[tuple[StrOrPromise, list[str]]] = [
    (_("Document"), _DOCUMENT),
    (_("Supplier"), [f"supplier.{name}" for name in _PARTY]),
    (_("Customer"), [f"customer.{name}" for name in _PARTY]),
    (_("Totals"), _TOTALS),
    (_("Payment"), _PAYMENT),
]
TABLES: list[tuple[StrOrPromise, str, type[BaseModel]]] = [
    (_("Lines"), "line_items", LineItem),
    (_("Tax"), "tax_breakdown", TaxLine),
    (_("Discounts for early payment"), "payment_discounts", PaymentDiscount),
]
_TYPES: dict[str, StrOrPromise] = {
    "invoice": _("invoice"),
    "credit_note": _("credit note"),
    "receipt": _("receipt"),
    "other": _("other"),
}
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

    title: StrOrPromise
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

    title: StrOrPromise
    headings: list[Cell]
    rows: list[list[Cell]]
    left_out: int
    annotation: Annotation


def sections(invoice: Invoice) -> list[Section]:
    """Return everything but the tables, in reading order."""
    annotations = Annotations(invoice)
    return [Section(title, _rows(invoice, paths, annotations)) for title, paths in SECTIONS]


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
    """Return the checks with their labels, in the reader's language."""
    return [(_label(_CHECKS, check.code), wording.shown(check)) for check in invoice.checks]


def _rows(invoice: Invoice, paths: Iterable[str], annotations: Annotations) -> list[Row]:
    rows = []
    for path in paths:
        name = path.rpartition(".")[2]
        value = _text(attrgetter(path)(invoice))
        if name == "document_type":
            value = str(_TYPES[value])
        if value or name in EXPECTED or annotations.is_named(path):
            rows.append(Row(label_of(name), value, annotations.at(path)))
    return rows


def _table(
    title: StrOrPromise,
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
    return _label(_LABELS, name)


def _label(labels: Mapping[str, StrOrPromise], name: str) -> str:
    return str(labels.get(name) or name.replace("_", " ").capitalize())


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return as_stated(value)
    if isinstance(value, date):
        return date_format(value, "DATE_FORMAT")
    return str(value)
