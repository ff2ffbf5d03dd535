"""The shapes of what the management API answers, as its schema describes them."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from extraction.api.answers import ExtractionLine
from extraction.invoices.schema import Currency, Number


class _Answer(BaseModel):
    model_config = ExtractionLine.model_config


class ManagedKey(_Answer):
    """A provider's key of one company, without the key itself."""

    token_id: int
    company_id: str
    company_name: str | None
    provider: str
    masked_key: str
    """Its first and last four characters; all hidden of a short one. Empty for none (Offline)."""
    status: str
    """Active, Expired, Exceeded or Disabled; an active one past its expiry is Expired."""
    status_reason: str | None
    total_token_limit: int
    """LLM tokens that it may use in all."""
    threshold: int
    """LLM tokens: an alert when less remains."""
    used: int
    """LLM tokens since the key was added."""
    reserved: int
    """LLM tokens of calls under way."""
    remaining: int
    """The limit minus the use; what is reserved is still in it. Negative after it was lowered."""
    model: str | None
    """Null for the site's."""
    project: str | None
    max_concurrent_calls: int | None
    """Null for no limit."""
    requests_per_minute: int | None
    """Null for no limit."""
    expires_at: datetime | None
    """Null for never."""
    created_at: datetime


class ManagedKeys(_Answer):
    """The keys of the caller's companies, the newest first."""

    results: list[ManagedKey]


class ManagedCompany(_Answer):
    """A company, with what it begins with where people choose."""

    company_id: str
    name: str
    time_zone: str
    """IANA name; empty for the site's."""
    branches: list[str]
    default_reader: str
    """einvoice or model; empty: the e-invoice if it is complete, else the pages."""
    default_model: str
    """Of new keys; empty for the site's."""
    export_as: str
    """Columns of exports, as format:id of a profile; empty: every value."""
    created_at: datetime
    closed_at: datetime | None
    """Since then its documents are refused; null for an open one."""


class ManagedCompanies(_Answer):
    """The caller's companies by their ids, closed ones among them."""

    results: list[ManagedCompany]


class ClientKey(_Answer):
    """A key of an API client, by what is no secret of it."""

    prefix: str
    """With what it begins."""
    expires_at: datetime | None
    """When it ends; null for the newest one."""


class ManagedClient(_Answer):
    """An API client."""

    client: str
    """Names it for good, also after a change of its key."""
    name: str
    scopes: list[str]
    company_ids: list[str]
    """The companies that it may act for."""
    allowed_networks: list[str]
    """From where it may call; empty for everywhere."""
    requests_per_minute: int | None
    """Null for no limit."""
    documents_at_a_time: int | None
    """Documents that may wait or be read at one time; null for no limit."""
    expires_at: datetime | None
    """Null for never."""
    revoked: bool
    """For good: none of its keys is accepted."""
    last_used_at: datetime | None
    """To a minute."""
    created_at: datetime
    keys: list[ClientKey]
    """Those that were ever made, the first one first."""


class ManagedClients(_Answer):
    """The clients of the caller's companies, by name; those that manage are not among them."""

    results: list[ManagedClient]


class ClientWithKey(ManagedClient):
    """An API client that was given a key."""

    api_key: str = Field(description="What it proves itself by; in no other answer.")


class ManagedQuota(_Answer):
    """What a company with all its keys, or one key, may spend in each period."""

    quota_id: int
    company_id: str
    token_id: int | None
    """Null for the company's own."""
    period: Literal["total", "daily", "weekly", "monthly"]
    """In the company's time zone; total never renews."""
    unit: Literal["tokens", "money"]
    """What is counted: LLM tokens, as whole numbers, or money, as decimal numbers in strings."""
    currency: Currency | None
    """Of money; null for LLM tokens."""
    limit: int | Number
    """In each period, without a raise."""
    first_day: int
    """Of the month, on which the period of a monthly one begins."""
    raised_by: int | Number
    """So much more, for a while."""
    raised_until: datetime | None
    """When the raise ends by itself."""
    used: int | Number
    """In the current period."""
    reserved: int | Number
    """By calls under way."""
    remaining: int | Number
    """Of the limit as it is now, with a raise; negative after it was lowered."""
    resets_at: datetime | None
    """When the next period begins; null for total."""


class ManagedQuotas(_Answer):
    """The quotas that renew of the caller's companies and of their keys, the oldest first."""

    results: list[ManagedQuota]


class Grant(_Answer):
    """That a user may see, and by their role act for, a company."""

    id: int
    username: str
    company_id: str


class Grants(_Answer):
    """The grants of the caller's companies, by user and company."""

    results: list[Grant]
