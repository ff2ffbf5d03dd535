"""A canonical invoice for tests, with only what the test is about spelled out."""

from datetime import date
from decimal import Decimal
from typing import Any

from extraction.invoices.schema import Check, Invoice, LineItem, Party, TaxLine, UsageFields

LINE = LineItem.model_validate(
    {
        **dict.fromkeys(LineItem.model_fields),
        "description": "Soap",
        "quantity": "2",
        "unit_price": "50.00",
        "amount": "100.00",
    }
)


def make_invoice(**fields: Any) -> Invoice:
    """One line of soap, 119.00 EUR in all."""
    absent = {name: None for name, field in Invoice.model_fields.items() if field.is_required()}
    defaults = {
        "document_type": "invoice",
        "invoice_number": "4711",
        "invoice_date": date(2026, 11, 3),
        "currency": "EUR",
        "supplier": Party(name="Supplier <Ltd>", tax_id="DE123", address="Street 1\nTown"),
        "customer": Party(name=None, tax_id=None, address=None),
        "line_items": [LINE],
        "tax_breakdown": [
            TaxLine(
                rate=Decimal("19"), taxable_amount=Decimal("100.00"), tax_amount=Decimal("19.00")
            )
        ],
        "total_amount": Decimal("119.00"),
        "checks": [
            Check(code="total_adds_up", passed=False, expected="119.00", actual="120.00"),
        ],
        "needs_review": False,
        "warnings": [],
        "schema_version": "2",
        "model": "gemini-3.8-flash",
        "usage": UsageFields(
            input_tokens=1090,
            output_tokens=150,
            thinking_tokens=100,
            cached_tokens=0,
            total_tokens=1340,
        ),
    }
    return Invoice.model_validate({**absent, **defaults, **fields})
