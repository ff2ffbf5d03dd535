"""The values of an invoice that can be looked for on its document: their paths and kinds."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """How a value is printed, and so how it is looked for."""

    NUMBER = "number"
    DAY = "day"
    CODE = "code"  # copied letter by letter
    NAME = "name"  # words in order
    WORDS = "words"  # words near each other
    CURRENCY = "currency"


_KINDS = {
    Kind.NUMBER: (
        *("quantity", "alternate_quantity", "unit_price", "price_base_quantity", "discount", "mrp"),
        *("tax_rate", "amount", "shortage", "breakage", "leakage", "rate", "taxable_amount"),
        *("tax_amount", "subtotal", "discount_total", "charge_total", "tax_total", "total_amount"),
        *("withholding_total", "prepaid_amount", "rounding_amount", "amount_due", "percent"),
    ),
    Kind.DAY: ("invoice_date", "due_date", "transaction_date", "until"),
    Kind.CODE: (
        *("invoice_number", "order_number", "delivery_note_number", "vehicle_number", "tax_id"),
        *("pws_number", "iban", "item_code", "hs_code", "batch", "serial_number", "invoice_miti"),
    ),
    Kind.NAME: ("name", "transporter", "transaction_type"),
    Kind.WORDS: ("address", "description", "payment_terms"),
    Kind.CURRENCY: ("currency",),
}
KIND_OF = {name: kind for kind, names in _KINDS.items() for name in names}

# What a bookkeeper posts and pays by: each must stand on the document.
_KEY_PATHS = frozenset({
    *("invoice_number", "invoice_date", "due_date", "currency", "iban"),
    *("supplier.name", "supplier.tax_id", "customer.name", "customer.tax_id"),
    *("subtotal", "taxable_amount", "tax_total", "total_amount", "prepaid_amount", "amount_due"),
    "withholding_total",
})  # fmt: skip
_KEYS_OF_ROWS = {
    "line_items": frozenset({"amount"}),
    "tax_breakdown": frozenset({"taxable_amount", "tax_amount"}),
}


def is_key(path: str) -> bool:
    """Whether a value must be proven."""
    parts = path.split(".")
    return path in _KEY_PATHS or parts[-1] in _KEYS_OF_ROWS.get(parts[0], ())


# What the pages of an e-invoice print, too. A due date may stand there as a number of days, and a
# tax id not at all.
_ALWAYS_PRINTED = frozenset({
    *("invoice_number", "invoice_date", "supplier.name", "customer.name"),
    *("taxable_amount", "tax_total", "total_amount", "amount_due"),
})  # fmt: skip


def is_always_printed(path: str) -> bool:
    """Whether a value of an e-invoice that its pages do not print contradicts them."""
    return path in _ALWAYS_PRINTED or path.split(".")[0] in _KEYS_OF_ROWS


def values_of(invoice: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Kind, str]]:
    """Yield path, kind and text of every value of an invoice as JSON that can be looked for."""
    for name, value in invoice.items():
        path = f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from values_of(value, f"{path}.")
        elif isinstance(value, list):
            for index, row in enumerate(value):
                yield from values_of(row, f"{path}.{index}.")
        elif value is not None and (kind := KIND_OF.get(name)):
            yield path, kind, str(value)
