"""The canonical invoice: what a reader fills in, and what the API answers.

``InvoiceFields`` is also the response schema that a model gets. What an invoice must have is
required, if only as null, so ``{}`` is a wrong answer and not an empty invoice; everything else may
be left out. Unknown fields are forbidden. Absent is null, never 0 or "". Bump ``SCHEMA_VERSION``
with every change of a field, and give a new one a default: stored results are older than it.
"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.types import StringConstraints

SCHEMA_VERSION = "2"

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
    # Built at first use: a child process that reads documents needs half of them.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Party(_Strict):
    """A supplier or customer as the document names it."""

    name: Text | None
    tax_id: Text | None = None
    address: Text | None = None


class LineItem(_Strict):
    """One line of goods or services."""

    description: Text | None
    item_code: Text | None = None
    hs_code: Text | None = None
    batch: Text | None = None
    serial_number: Text | None = Field(
        default=None, description="Serial number or position of the line."
    )
    quantity: Number | None = None
    unit: Text | None = None
    alternate_quantity: Number | None = Field(
        default=None, description="Quantity in a second unit."
    )
    unit_price: Number | None = None
    price_base_quantity: Number | None = Field(
        default=None, description="Quantity that the price is for, when it is not one."
    )
    discount: Number | None = None
    mrp: Number | None = Field(default=None, description="Maximum retail price.")
    tax_rate: Number | None = Field(default=None, description="Percent.")
    amount: Number | None = Field(description="Net amount of the line.")
    shortage: Number | None = None
    breakage: Number | None = None
    leakage: Number | None = None


class TaxLine(_Strict):
    """Tax of one rate."""

    rate: Number | None = Field(description="Percent.")
    taxable_amount: Number | None = None
    tax_amount: Number | None


class PaymentDiscount(_Strict):
    """A discount for early payment (Skonto)."""

    percent: Number | None = None
    amount: Number | None = None
    until: date | None = Field(default=None, description="Last day on which it is granted.")


class InvoiceFields(_Strict):
    """Everything that a reader reads from a document."""

    document_type: DocumentType
    invoice_number: Text | None
    invoice_date: date | None
    invoice_miti: Text | None = Field(
        default=None, description="Nepali (Bikram Sambat) date as printed."
    )
    due_date: date | None = None
    order_number: Text | None = None
    delivery_note_number: Text | None = None
    transaction_type: Text | None = None
    transaction_date: date | None = None
    vehicle_number: Text | None = None
    transporter: Text | None = None
    pws_number: Text | None = None
    currency: Currency | None = Field(description="ISO 4217.")
    supplier: Party
    customer: Party
    line_items: list[LineItem]
    tax_breakdown: list[TaxLine] = []
    subtotal: Number | None = Field(
        default=None, description="Sum of the lines, net, before discounts."
    )
    discount_total: Number | None = Field(
        default=None, description="Document-level discounts, positive."
    )
    charge_total: Number | None = Field(
        default=None, description="Document-level charges, such as freight."
    )
    taxable_amount: Number | None = Field(
        default=None, description="Net total that tax is computed on."
    )
    tax_total: Number | None = None
    total_amount: Number | None = Field(description="Grand total, with tax.")
    withholding_total: Number | None = Field(
        default=None, description="Tax that the customer withholds and pays itself, positive."
    )
    prepaid_amount: Number | None = Field(default=None, description="Paid in advance, positive.")
    rounding_amount: Number | None = Field(
        default=None, description="Added to the total to round what is to be paid; may be negative."
    )
    amount_due: Number | None = Field(default=None, description="Left to pay after prepayments.")
    iban: Text | None = Field(default=None, description="Account that the supplier is paid on.")
    payment_terms: Text | None = Field(default=None, description="Terms of payment as printed.")
    payment_discounts: list[PaymentDiscount] = []


# What is read from a document that is no invoice.
EMPTY = InvoiceFields(
    document_type="other",
    invoice_number=None,
    invoice_date=None,
    currency=None,
    supplier=Party(name=None),
    customer=Party(name=None),
    line_items=[],
    total_amount=None,
)


class Check(_Strict):
    """One plausibility check; ``expected`` and ``actual`` are for people to compare.

    ``paths`` name the values concerned, the one that is compared first: "total_amount",
    "line_items.3.amount", or "line_items" for the sum of all lines.
    """

    code: str
    passed: bool
    expected: str | None
    actual: str | None
    paths: list[str] = []


# Left, top, right and bottom as shares of the page as people see it, each 0 to 1.
Box = tuple[float, float, float, float]
Source = Literal["xml", "text", "ocr", "sums", "model", "person"]


class Evidence(_Strict):
    """Where a value stands on the document, independently of who read it.

    ``source``: the embedded e-invoice XML, the visible text layer, OCR; ``sums`` for a value that
    is not printed and follows from values that are; ``model`` when nothing but the reader says so;
    ``person`` for a value that a person set or confirmed.
    ``page`` counts from 1; it and ``box`` are null where the value has no place on a page.
    """

    source: Source
    page: int | None = None
    box: Box | None = None


class Reason(_Strict):
    """Why an invoice needs review.

    ``path`` names the value, such as "line_items.0.amount", and is "" for the whole document;
    ``code`` is for machines, ``text`` is a sentence for people.
    """

    path: str
    code: str
    text: str


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
    reasons: list[Reason] = []
    warnings: list[str]
    evidence: dict[str, Evidence] = Field(
        default={}, description="By path of the value, such as supplier.name."
    )
    schema_version: str
    model: str
    usage: UsageFields
    duplicate_of: str | None
    further_invoices: list[InvoiceFields] = Field(
        default=[], description="The other e-invoices that are attached to the same PDF."
    )
