"""The shapes of what the API answers, as its schema describes them.

``extraction.api.representations`` makes the answers; tests hold each against these.
"""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from extraction.invoices.schema import Currency, DocumentType, Invoice, Number, Reason
from extraction.models import ReaderChoice, State

Status = Literal["ok", "pending", "error"]
ADDRESS = "Path on this server."


class _Answer(BaseModel):
    # Built at first use: only those who ask for the schema need it.
    model_config = ConfigDict(extra="forbid", defer_build=True, use_attribute_docstrings=True)


class Problem(_Answer):
    """An error."""

    code: str
    """Stable, for programs."""
    message: str
    """Names the case."""
    detail: str
    """What happened and what to do."""
    request_id: str
    """By which support finds the request in the log."""


class ExtractProblem(Problem):
    """An error of ``POST /extract``."""

    status: Literal["error"]
    data: None
    extraction: str | None = Field(default=None, description=f"{ADDRESS} Of one that was recorded.")


class LegacyLine(_Answer):
    """A line of ``products``, under the names of the former service; "" and null are absent."""

    sku: str
    """Description."""
    sku_code: str
    quantity: float | None
    shortage: float | None
    breakage: float | None
    leakage: float | None
    batch: str
    sno: str
    """Serial number or position of the line."""
    rate: float | None
    """Price of a unit."""
    discount: float | None
    mrp: float | None
    """Maximum retail price."""
    vat: float | None
    """Percent."""
    hscode: str
    altQty: float | None  # noqa: N815 (the contract's name)
    """Quantity in a second unit."""
    unit: str


class LegacyInvoice(_Answer):
    """An invoice under the names of the former service; "" and null are absent."""

    order_no: str
    invoice_no: str
    delivery_note: str
    vehicle_no: str
    transporter: str
    date: str
    """ISO 8601 or ""; the same as invoice_date."""
    dealer_name: str
    """The customer."""
    pws_no: str
    company_name: str
    """The supplier."""
    transaction_type: str
    transaction_date: str
    """ISO 8601 or ""."""
    due_date: str
    """ISO 8601 or ""."""
    invoice_miti: str
    """Nepali (Bikram Sambat) date as printed."""
    invoice_date: str
    """ISO 8601 or ""."""
    sub_total: float | None
    discount_total: float | None
    taxable_value: float | None
    vat_total: float | None
    total_amount: float | None
    products: list[LegacyLine]


class Reviewed(_Answer):
    """What a person decided about the invoice."""

    by: str
    at: datetime
    decision: Literal["approved", "rejected"]
    reason: str | None
    """Why it was rejected."""


class Cost(_Answer):
    """What is known of a cost in one currency."""

    currency: Currency
    amount: Number


class Usage(_Answer):
    """LLM tokens and money as charged, and the calls that they were charged for."""

    calls: int
    input_tokens: int
    cached_tokens: int
    """Part of the input, from the provider's cache."""
    output_tokens: int
    thinking_tokens: int
    total_tokens: int
    """What counts against the quota: input + output + thinking."""
    costs: list[Cost]
    """By the prices of the time, one for each currency; empty where no cost is known."""
    unpriced_calls: int
    """Of the calls, those whose cost is not known, since their model had no price."""


class Call(_Answer):
    """One call to a provider."""

    number: int
    """1 is the first call for this extraction."""
    model: str
    outcome: Literal["pending", "succeeded", "failed", "unknown"]
    code: str | None
    """Why it failed."""
    started_at: datetime
    finished_at: datetime | None
    usage: Usage | None
    """Null where nothing was charged."""


class Envelope(_Answer):
    """What ``POST /extract`` answers."""

    status: Status
    message: str
    data: LegacyInvoice | None
    """The invoice as corrected, once it was read."""
    extraction: str | None = Field(description=f"{ADDRESS} Null where nothing could be stored.")
    needs_review: bool = Field(default=False, description="With status ok.")
    reasons: list[Reason] = Field(default=[], description="With status ok.")
    warnings: list[str] = Field(default=[], description="With status ok: what was guessed.")
    reviewed: Reviewed | None = Field(default=None, description="With status ok.")
    code: str = Field(default="", description="With status error: stable, for programs.")
    detail: str = Field(default="", description="With status error: what happened, what to do.")
    request_id: str = Field(default="", description="With status error.")


class ReadUnstored(Envelope):
    """What was read while the database was away: nothing of it is stored."""

    state: Literal["succeeded"]
    http_status: Literal[200]
    invoice: Invoice
    original: None


class Extraction(Envelope):
    """An extraction in full."""

    state: State
    http_status: int | None
    """What /extract would have answered; null while it has not ended."""
    invoice: Invoice | None
    """The canonical invoice as corrected."""
    original: Invoice | None
    """The invoice as it was read, once a person has changed it."""
    file_name: str
    media_type: str
    size: int
    """Bytes."""
    page_count: int
    company_id: str
    branch: str
    requested_by: str
    licence_id: str | None
    labels: dict[str, str]
    reader: ReaderChoice
    """As asked for."""
    model: str | None
    """Which read it; "e-invoice" for its XML."""
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    duplicate_of: UUID | None
    """The first extraction of these bytes."""
    pages: list[str] = Field(description="Addresses of the page images, once it has ended.")
    attempts: list[Call]
    usage: Usage
    """The sum of all calls."""


class ExtractionLine(_Answer):
    """An extraction as the list shows it."""

    extraction: str = Field(description=ADDRESS)
    status: Status
    state: State
    http_status: int | None
    file_name: str
    page_count: int
    company_id: str
    branch: str
    requested_by: str
    licence_id: str | None
    labels: dict[str, str]
    created_at: datetime
    finished_at: datetime | None
    duplicate_of: UUID | None
    needs_review: bool
    reviewed: Reviewed | None
    document_type: DocumentType | None
    supplier_name: str | None
    supplier_tax_id: str | None
    invoice_number: str | None
    invoice_date: date | None
    due_date: date | None
    total_amount: Number | None
    currency: Currency | None
    code: str | None
    message: str | None
    detail: str | None


class ExtractionsPage(_Answer):
    """One page of the list."""

    next: str | None = Field(description="URL of the next page; null on the last.")
    previous: str | None = Field(description="URL of the page before; null on the first.")
    results: list[ExtractionLine]


class Company(_Answer):
    """A company that the caller may act for."""

    company_id: str
    name: str | None


class Companies(_Answer):
    """The companies that the caller may act for."""

    results: list[Company]


class Webhook(_Answer):
    """A webhook of the client that asks."""

    id: UUID
    company_id: str
    url: str
    events: list[str]
    enabled: bool
    """Nothing is sent while it is not; staff enable it again."""
    disabled_reason: str
    failing_since: datetime | None
    """Since then nothing has arrived."""
    last_success_at: datetime | None
    created_at: datetime


class NewWebhook(Webhook):
    """A webhook that was added."""

    secret: str
    """Signs what is sent (Standard Webhooks); in no other answer."""


class Webhooks(_Answer):
    """The webhooks of the client that asks."""

    results: list[Webhook]


class UsageRow(Usage):
    """The sums of one group; it has the values of the groups that were asked for."""

    day: date | None = Field(default=None, description="In the company's time zone.")
    month: date | None = Field(default=None, description="Its first day.")
    token_id: int | None = None
    company_id: str | None = ""
    branch: str = ""
    requested_by: str = ""
    model: str | None = Field(default=None, description="Null for calls of before costs were kept.")
    label: str | None = Field(
        default=None, description="The value of the label; null for documents without it."
    )


class UsageAnswer(_Answer):
    """What the caller's companies were charged from ``since`` to ``until``, both counted.

    Days are those of each company's time zone.
    """

    since: date
    until: date
    group_by: list[str] = Field(description="As they were asked for.")
    results: list[UsageRow]


class Quota(_Answer):
    """What a company with all its keys, or one key, may spend in a period."""

    company_id: str
    token_id: int | None
    """Null for the company's own."""
    period: Literal["total", "daily", "weekly", "monthly"]
    """Days are those of the company's time zone; total never renews."""
    unit: Literal["tokens", "money"]
    """What is counted: LLM tokens, as whole numbers, or money, as decimal numbers in strings."""
    currency: Currency | None
    """Of money; null for LLM tokens."""
    limit: int | Number
    """With what it is raised by for a while."""
    used: int | Number
    """In the current period."""
    reserved: int | Number
    """By calls under way, at most."""
    remaining: int | Number
    """The limit minus the use; what is reserved is still in it. Negative after it was lowered."""
    starts_at: datetime | None
    """Of the current period; null for total."""
    resets_at: datetime | None
    """When the next period begins; null for total."""


class QuotaAnswer(_Answer):
    """The quotas of the caller's companies, those of companies first; then each key's for life."""

    results: list[Quota]
