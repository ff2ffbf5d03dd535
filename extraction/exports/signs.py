"""Credit notes that print their amounts with a minus, which EN 16931 states without one."""

from decimal import Decimal
from typing import TypeVar

from extraction.invoices.schema import InvoiceFields, LineItem, TaxLine

M = TypeVar("M", InvoiceFields, LineItem, TaxLine)

_OF_INVOICE = (
    *("subtotal", "discount_total", "charge_total", "taxable_amount", "tax_total", "total_amount"),
    *("prepaid_amount", "rounding_amount", "amount_due"),
)
_OF_LINE = ("quantity", "discount", "amount")
_OF_TAX = ("taxable_amount", "tax_amount")


def without_minus(fields: InvoiceFields) -> InvoiceFields:
    """Return the credit note with every sign turned, if its total is negative; else as it is."""
    if fields.total_amount is None or fields.total_amount >= 0:
        return fields
    turned = _turned(fields, _OF_INVOICE)
    return turned.model_copy(
        update={
            "line_items": [_turned(line, _OF_LINE) for line in fields.line_items],
            "tax_breakdown": [_turned(tax, _OF_TAX) for tax in fields.tax_breakdown],
        }
    )


def _turned(model: M, names: tuple[str, ...]) -> M:
    values: dict[str, Decimal | None] = {name: getattr(model, name) for name in names}
    return model.model_copy(
        update={name: -value for name, value in values.items() if value is not None}
    )
