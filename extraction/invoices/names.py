"""What people call the values of an invoice."""

_NAMES = {
    "invoice_number": "invoice number",
    "invoice_date": "invoice date",
    "due_date": "due date",
    "supplier.name": "supplier",
    "supplier.tax_id": "supplier's tax id",
    "customer.name": "customer",
    "customer.tax_id": "customer's tax id",
    "total_amount": "total",
    "subtotal": "sum of the lines",
    "taxable_amount": "net amount",
    "tax_total": "tax",
    "amount_due": "amount due",
    "prepaid_amount": "prepaid amount",
    "withholding_total": "withheld tax",
    "iban": "IBAN",
}
_ROWS = {"line_items": "line", "tax_breakdown": "tax row", "payment_discounts": "discount"}


def name_of(path: str) -> str:
    """Return a value's name within a sentence: "total", "amount of line 3"."""
    if path in _NAMES:
        return _NAMES[path]
    first, *rest = path.split(".")
    if first in _ROWS and len(rest) == 2:
        return f"{rest[1].replace('_', ' ')} of {_ROWS[first]} {int(rest[0]) + 1}"
    return path.replace("_", " ").replace(".", " ")


def titled(path: str) -> str:
    """Return a value's name as a sentence begins: "Total", "Amount of line 3"."""
    name = name_of(path)
    return name[:1].upper() + name[1:]
