"""What people call the values of an invoice, in English; marked for the pages' translations."""

from django.utils.translation import gettext_noop

_NAMES = {
    "invoice_number": gettext_noop("invoice number"),
    "invoice_date": gettext_noop("invoice date"),
    "due_date": gettext_noop("due date"),
    "supplier.name": gettext_noop("supplier"),
    "supplier.tax_id": gettext_noop("supplier's tax id"),
    "customer.name": gettext_noop("customer"),
    "customer.tax_id": gettext_noop("customer's tax id"),
    "total_amount": gettext_noop("total"),
    "subtotal": gettext_noop("sum of the lines"),
    "taxable_amount": gettext_noop("net amount"),
    "tax_total": gettext_noop("tax"),
    "amount_due": gettext_noop("amount due"),
    "prepaid_amount": gettext_noop("prepaid amount"),
    "withholding_total": gettext_noop("withheld tax"),
    "iban": gettext_noop("IBAN"),
}
ROWS = {
    "line_items": gettext_noop("{name} of line {number}"),
    "tax_breakdown": gettext_noop("{name} of tax row {number}"),
    "payment_discounts": gettext_noop("{name} of discount {number}"),
}
# Those of all other values are the words of their paths.
_SPELLED = (
    gettext_noop("alternate quantity"),
    gettext_noop("amount"),
    gettext_noop("batch"),
    gettext_noop("breakage"),
    gettext_noop("charge total"),
    gettext_noop("currency"),
    gettext_noop("customer address"),
    gettext_noop("delivery note number"),
    gettext_noop("description"),
    gettext_noop("discount"),
    gettext_noop("discount total"),
    gettext_noop("document type"),
    gettext_noop("hs code"),
    gettext_noop("invoice miti"),
    gettext_noop("item code"),
    gettext_noop("leakage"),
    gettext_noop("line items"),
    gettext_noop("mrp"),
    gettext_noop("order number"),
    gettext_noop("payment discounts"),
    gettext_noop("payment terms"),
    gettext_noop("percent"),
    gettext_noop("price base quantity"),
    gettext_noop("pws number"),
    gettext_noop("quantity"),
    gettext_noop("rate"),
    gettext_noop("rounding amount"),
    gettext_noop("serial number"),
    gettext_noop("shortage"),
    gettext_noop("supplier address"),
    gettext_noop("tax amount"),
    gettext_noop("tax breakdown"),
    gettext_noop("tax rate"),
    gettext_noop("taxable amount"),
    gettext_noop("transaction date"),
    gettext_noop("transaction type"),
    gettext_noop("transporter"),
    gettext_noop("unit"),
    gettext_noop("unit price"),
    gettext_noop("until"),
    gettext_noop("vehicle number"),
)
NAMES = frozenset({*_NAMES.values(), *_SPELLED})


def name_of(path: str) -> str:
    """Return a value's name within a sentence: "total", "amount of line 3"."""
    if path in _NAMES:
        return _NAMES[path]
    first, *rest = path.split(".")
    if first in ROWS and len(rest) == 2:
        return ROWS[first].format(name=rest[1].replace("_", " "), number=int(rest[0]) + 1)
    return path.replace("_", " ").replace(".", " ")


def titled(path: str) -> str:
    """Return a value's name as a sentence begins: "Total", "Amount of line 3"."""
    return capitalised(name_of(path))


def capitalised(name: str) -> str:
    """Return a name with a capital letter; the others stay as they are."""
    return name[:1].upper() + name[1:]
