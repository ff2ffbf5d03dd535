"""Invoices that EN 16931 has no objection to."""

from datetime import date
from decimal import Decimal
from typing import Any

from extraction.invoices.schema import Invoice, LineItem, Party, TaxLine
from tests.extraction.sample_invoices import make_invoice

SUPPLIER = Party(
    name="Muster & Söhne GmbH", tax_id="DE123456789", address="Weg 1, 10115 Berlin, DE"
)
CUSTOMER = Party(name="Käufer AG", tax_id="ATU12345678", address="Gasse 2, 1010 Wien, AT")


def make_line(**fields: Any) -> LineItem:
    """Two pieces of soap at 50.00, taxed at 19 %."""
    given = {
        "serial_number": "1",
        "description": "Soap",
        "quantity": Decimal(2),
        "unit": "C62",
        "unit_price": Decimal("50.00"),
        "tax_rate": Decimal(19),
        "amount": Decimal("100.00"),
    }
    return LineItem.model_validate({**given, **fields})


def make_tax(rate: str, taxable: str, amount: str) -> TaxLine:
    return TaxLine(rate=Decimal(rate), taxable_amount=Decimal(taxable), tax_amount=Decimal(amount))


def make_trade(**fields: Any) -> Invoice:
    """An invoice over 119.00 EUR, from Berlin to Vienna."""
    given = {
        "due_date": date(2026, 12, 3),
        "supplier": SUPPLIER,
        "customer": CUSTOMER,
        "line_items": [make_line()],
        "tax_breakdown": [make_tax("19", "100.00", "19.00")],
        "subtotal": Decimal("100.00"),
        "taxable_amount": Decimal("100.00"),
        "tax_total": Decimal("19.00"),
        "total_amount": Decimal("119.00"),
        "amount_due": Decimal("119.00"),
    }
    return make_invoice(**{**given, **fields})
