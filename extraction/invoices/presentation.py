"""An invoice for display: sections of labelled values, and tables."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pydantic import BaseModel

from extraction.invoices.schema import Check, Invoice

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
# Shown even when empty, so that their absence is seen.
_EXPECTED = {"invoice_number", "invoice_date", "name", "total_amount"}


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled value; an empty one was not found on the document."""

    label: str
    value: str


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


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of one kind, with the columns that at least one of them fills."""

    title: str
    headings: list[Cell]
    rows: list[list[Cell]]


def sections(invoice: Invoice) -> list[Section]:
    """Return everything but the tables, in reading order."""
    return [
        Section("Document", _rows(invoice, _DOCUMENT)),
        Section("Supplier", _rows(invoice.supplier, ["name", "tax_id", "address"])),
        Section("Customer", _rows(invoice.customer, ["name", "tax_id", "address"])),
        Section("Totals", _rows(invoice, _TOTALS)),
        Section("Payment", _rows(invoice, _PAYMENT)),
    ]


def tables(invoice: Invoice) -> list[Table]:
    """Return the tables that have rows."""
    candidates: list[tuple[str, Sequence[BaseModel]]] = [
        ("Lines", invoice.line_items),
        ("Tax", invoice.tax_breakdown),
        ("Discounts for early payment", invoice.payment_discounts),
    ]
    return [_table(title, items) for title, items in candidates if items]


def checks(invoice: Invoice) -> list[tuple[str, Check]]:
    """Return the checks with their labels."""
    return [(_label(check.code), check) for check in invoice.checks]


def _rows(model: BaseModel, names: Iterable[str]) -> list[Row]:
    rows = [(name, _text(getattr(model, name))) for name in names]
    return [Row(_label(name), value) for name, value in rows if value or name in _EXPECTED]


def _table(title: str, items: Sequence[BaseModel]) -> Table:
    columns = [
        name
        for name in type(items[0]).model_fields
        if any(getattr(item, name) is not None for item in items)
    ]
    values = [[getattr(item, name) for name in columns] for item in items]
    numeric = [any(isinstance(row[at], Decimal) for row in values) for at in range(len(columns))]
    headings = [Cell(_label(name), number) for name, number in zip(columns, numeric, strict=True)]
    rows = [
        [Cell(_text(value), number) for value, number in zip(row, numeric, strict=True)]
        for row in values
    ]
    return Table(title, headings, rows)


def _label(name: str) -> str:
    return _LABELS.get(name, name.replace("_", " ").capitalize())


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value).replace("credit_note", "credit note")
