"""The canonical invoice: what a reader fills in, and what the API answers.

``InvoiceFields`` is also the response schema that a model gets: every field is required but
nullable, unknown fields are forbidden, so ``{}`` is a wrong answer and not an empty invoice.
Absent is null, never 0 or "". Bump ``SCHEMA_VERSION`` with every change of a field.
"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.types import StringConstraints

SCHEMA_VERSION = "1"

# Decimal strings in JSON: a float would lose cents.
Number = Annotated[
    Decimal,
    Field(allow_inf_nan=False, max_digits=24),
    PlainSerializer(lambda value: format(value, "f"), return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^-?\d+(\.\d+)?$"}),
]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]

DocumentType = Literal["invoice", "credit_note", "receipt", "other"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Party(_Strict):
    """A supplier or customer as the document names it."""

    name: Text | None
    tax_id: Text | None
    address: Text | None


class LineItem(_Strict):
    """One line of goods or services."""

    description: Text | None
    item_code: Text | None
    hs_code: Text | None
    batch: Text | None
    serial_number: Text | None = Field(description="Serial number or position of the line.")
    quantity: Number | None
    unit: Text | None
    alternate_quantity: Number | None = Field(description="Quantity in a second unit.")
    unit_price: Number | None
    discount: Number | None
    mrp: Number | None = Field(description="Maximum retail price.")
    tax_rate: Number | None = Field(description="Percent.")
    amount: Number | None = Field(description="Net amount of the line.")
    shortage: Number | None
    breakage: Number | None
    leakage: Number | None


class TaxLine(_Strict):
    """Tax of one rate."""

    rate: Number | None = Field(description="Percent.")
    taxable_amount: Number | None
    tax_amount: Number | None


class InvoiceFields(_Strict):
    """Everything that a reader reads from a document."""

    document_type: DocumentType
    invoice_number: Text | None
    invoice_date: date | None
    invoice_miti: Text | None = Field(description="Nepali (Bikram Sambat) date as printed.")
    due_date: date | None
    order_number: Text | None
    delivery_note_number: Text | None
    transaction_type: Text | None
    transaction_date: date | None
    vehicle_number: Text | None
    transporter: Text | None
    pws_number: Text | None
    currency: Currency | None = Field(description="ISO 4217.")
    supplier: Party
    customer: Party
    line_items: list[LineItem]
    tax_breakdown: list[TaxLine]
    subtotal: Number | None = Field(description="Sum of the lines, net, before discounts.")
    discount_total: Number | None = Field(description="Document-level discounts, positive.")
    charge_total: Number | None = Field(description="Document-level charges, such as freight.")
    taxable_amount: Number | None = Field(description="Net total that tax is computed on.")
    tax_total: Number | None
    total_amount: Number | None = Field(description="Grand total, with tax.")
    amount_due: Number | None = Field(description="Left to pay after prepayments.")


class Check(_Strict):
    """One plausibility check; ``expected`` and ``actual`` are for people to compare."""

    code: str
    passed: bool
    expected: str | None
    actual: str | None


class UsageFields(_Strict):
    """LLM tokens of the successful call, as billed."""

    input_tokens: int
    output_tokens: int
    thinking_tokens: int
    cached_tokens: int
    total_tokens: int


class Invoice(InvoiceFields):
    """The canonical invoice as the API answers it."""

    checks: list[Check]
    needs_review: bool
    warnings: list[str]
    schema_version: str
    model: str
    usage: UsageFields
    duplicate_of: str | None
