"""The canonical invoice under the legacy names of ``POST /extract``."""

from datetime import date
from decimal import Decimal

from extraction.invoices.schema import Invoice, LineItem


def legacy_data(invoice: Invoice) -> dict[str, object]:
    """Return ``data`` of the legacy contract: absent text is "", an absent number is null.

    ``company_name`` is the supplier and ``dealer_name`` the customer.
    """
    return {
        "order_no": invoice.order_number or "",
        "invoice_no": invoice.invoice_number or "",
        "delivery_note": invoice.delivery_note_number or "",
        "vehicle_no": invoice.vehicle_number or "",
        "transporter": invoice.transporter or "",
        "date": _day(invoice.invoice_date),
        "dealer_name": invoice.customer.name or "",
        "pws_no": invoice.pws_number or "",
        "company_name": invoice.supplier.name or "",
        "transaction_type": invoice.transaction_type or "",
        "transaction_date": _day(invoice.transaction_date),
        "due_date": _day(invoice.due_date),
        "invoice_miti": invoice.invoice_miti or "",
        "invoice_date": _day(invoice.invoice_date),
        "sub_total": _number(invoice.subtotal),
        "discount_total": _number(invoice.discount_total),
        "taxable_value": _number(invoice.taxable_amount),
        "vat_total": _number(invoice.tax_total),
        "total_amount": _number(invoice.total_amount),
        "products": [_product(line) for line in invoice.line_items],
    }


def _product(line: LineItem) -> dict[str, object]:
    return {
        "sku": line.description or "",
        "sku_code": line.item_code or "",
        "quantity": _number(line.quantity),
        "shortage": _number(line.shortage),
        "breakage": _number(line.breakage),
        "leakage": _number(line.leakage),
        "batch": line.batch or "",
        "sno": line.serial_number or "",
        "rate": _number(line.unit_price),
        "discount": _number(line.discount),
        "mrp": _number(line.mrp),
        "vat": _number(line.tax_rate),
        "hscode": line.hs_code or "",
        "altQty": _number(line.alternate_quantity),
        "unit": line.unit or "",
    }


def _day(day: date | None) -> str:
    return "" if day is None else day.isoformat()


def _number(number: Decimal | None) -> float | None:
    """Return a JSON number; a double keeps every amount of up to 15 digits."""
    return None if number is None else float(number)
