"""What the list of extractions shows, sorts and searches: columns copied from the invoice. Pure."""

from decimal import ROUND_HALF_UP, Decimal
from typing import cast
from uuid import UUID

from django.db.models import Field

from extraction.invoices.schema import Invoice
from extraction.models import Extraction

# The column has 18 digits before the point. SQLite keeps 15 digits of a number and rounds the rest,
# up to a nineteenth digit at worst.
LIMIT = Decimal(10) ** 17
_SMALLEST = Decimal("0.000001")


def listed_fields(invoice: Invoice) -> dict[str, object]:
    """Return the columns of ``Extraction`` by which an invoice is found, from what was read.

    Texts have single blanks and are cut to their columns. A total of 10^17 and more is left out:
    no column keeps it.
    """
    return {
        "document_type": invoice.document_type,
        "supplier_name": _text("supplier_name", invoice.supplier.name),
        "supplier_tax_id": _text("supplier_tax_id", invoice.supplier.tax_id),
        "invoice_number": _text("invoice_number", invoice.invoice_number),
        "invoice_date": invoice.invoice_date,
        "due_date": invoice.due_date,
        "currency": invoice.currency,
        "total_amount": _amount(invoice.total_amount),
        "duplicate_of": None if invoice.duplicate_of is None else UUID(invoice.duplicate_of),
    }


def _text(column: str, text: str | None) -> str | None:
    """Return a text of one line that fits a column.

    SQL Server counts UTF-16 units. Half a character is dropped.
    """
    if text is None:
        return None
    width = cast("Field[str, str]", Extraction._meta.get_field(column)).max_length or 0
    units = " ".join(text.split()).encode("utf-16-le", "replace")
    return units[: 2 * width].decode("utf-16-le", "ignore").rstrip() or None


def _amount(amount: Decimal | None) -> Decimal | None:
    if amount is None or abs(amount) >= LIMIT:
        return None
    return amount.quantize(_SMALLEST, ROUND_HALF_UP)
