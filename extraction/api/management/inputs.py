"""What comes in through the management API, with the types of its fields.

What the values may be, the admin's forms say.
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from extraction.models import Scope
from extraction.validators import reject_control_characters
from ocrsite.lib.columns import FitsColumn
from tokens.encryption import MAX_KEY_LENGTH
from tokens.forms import MAX_CALLS, MAX_LIMIT
from tokens.models import DEFAULT_LIMIT, DEFAULT_THRESHOLD, Provider, TokenStatus
from tokens.models.company import MAX_ID_LENGTH
from tokens.periods import Period

_AMOUNT = re.compile(r"^[0-9]{1,15}(\.[0-9]{1,6})?$")
_LIMIT = "LLM tokens in each period; with a currency money, as a decimal number in a string."
_MOST_COMPANIES = 100
_MOST_NETWORKS = 100
_LARGEST_NUMBER = 1_000_000
# What a client that manages may give to others.
_SCOPES = [scope for scope in Scope.values if scope != Scope.MANAGE]


class _Instant(serializers.DateTimeField):
    """A time in ISO 8601. One without an offset is rejected: whose midnight it is, is unknown."""

    def to_internal_value(self, value: Any) -> datetime:
        """Return it. Raises ValidationError."""
        try:
            written = parse_datetime(value) if isinstance(value, str) else None
        except ValueError:
            written = None
        if written is None or timezone.is_naive(written):
            raise ValidationError("Write the time as 2026-11-24T09:30:00Z, or with an offset.")
        return super().to_internal_value(value)


def _text(longest: int, help_text: str, **options: Any) -> serializers.CharField:
    validators: list[Callable[[str], None]] = [reject_control_characters, FitsColumn(longest)]
    return serializers.CharField(
        max_length=longest, validators=validators, help_text=help_text, **options
    )


def _optional(longest: int, help_text: str) -> serializers.CharField:
    return _text(longest, help_text, required=False, allow_blank=True)


def _number(largest: int, help_text: str, *, least: int = 1) -> serializers.IntegerField:
    return serializers.IntegerField(
        min_value=least,
        max_value=largest,
        required=False,
        allow_null=least > 0,
        help_text=help_text,
    )


def _company_id(help_text: str) -> serializers.CharField:
    return _text(MAX_ID_LENGTH, help_text)


def _why(**options: Any) -> serializers.CharField:
    return _text(200, "Recorded with the change.", **options)


def _key(**options: Any) -> serializers.CharField:
    return serializers.CharField(
        max_length=MAX_KEY_LENGTH,
        write_only=True,
        trim_whitespace=False,
        help_text="The provider's key. Stored encrypted; no answer holds it.",
        **options,
    )


class KeyChangeInput(serializers.Serializer[None]):
    """What is to be changed of a key; what is left out stays."""

    company_name = _optional(200, "Shown to people.")
    total_token_limit = serializers.IntegerField(
        min_value=1,
        max_value=MAX_LIMIT,
        required=False,
        help_text=f"LLM tokens that it may use in all; {DEFAULT_LIMIT} without it.",
    )
    threshold = _number(
        MAX_LIMIT,
        "LLM tokens, at most the limit: an alert when less remains; calls go on. "
        f"{DEFAULT_THRESHOLD} without it.",
        least=0,
    )
    model = _optional(100, "Gemini model; empty for the company's, or the site's.")
    project = _optional(100, "Google project: its keys share quota and cool-downs.")
    max_concurrent_calls = _number(MAX_CALLS, "Calls at once; null for no limit.")
    requests_per_minute = _number(MAX_CALLS, "Calls a minute; null for no limit.")
    expires_at = _Instant(
        required=False, allow_null=True, help_text="ISO 8601 with an offset; null for never."
    )
    status = serializers.ChoiceField(
        [str(TokenStatus.ACTIVE), str(TokenStatus.DISABLED)],
        required=False,
        help_text="Active or Disabled. A key is never deleted once it was used.",
    )
    why = _why(required=False, allow_blank=True)


class NewKeyInput(KeyChangeInput):
    """A provider's key to add."""

    company_id = _company_id("Whose key it is: one of your companies.")
    provider = serializers.ChoiceField(
        Provider.values, required=False, help_text="Who reads the documents; Gemini without it."
    )
    key = _key(required=False)


class KeyRotationInput(serializers.Serializer[None]):
    """Another key in the place of the stored one."""

    key = _key()
    why = _why(required=False, allow_blank=True)


class CompanyChangeInput(serializers.Serializer[None]):
    """What a company begins with where people choose; what is left out stays."""

    name = _optional(200, "Shown to people.")
    time_zone = _optional(64, "IANA name, such as Asia/Kathmandu; empty for the site's.")
    branches = serializers.ListField(
        child=_text(50, "A branch."),
        required=False,
        max_length=200,
        help_text="Offered at an upload before those of earlier documents.",
    )
    default_reader = serializers.ChoiceField(
        ["", "einvoice", "model"],
        required=False,
        help_text="What is read of an upload; empty: the e-invoice if complete, else the pages.",
    )
    default_model = _optional(100, "Gemini model of new keys; empty for the site's.")
    export_as = _optional(100, "Columns of exports as format:id of a profile; empty: every value.")


class NewCompanyInput(CompanyChangeInput):
    """A company to add, which the caller then manages."""

    company_id = _company_id("As programs send it, such as NT047. It cannot be changed later.")


class WhyInput(serializers.Serializer[None]):
    """Why it is done."""

    why = _why()


class ClientChangeInput(serializers.Serializer[None]):
    """What is to be changed of an API client; what is left out stays."""

    name = _text(50, "Such as ERP; need not be unique.", required=False)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(_SCOPES),
        required=False,
        allow_empty=False,
        max_length=len(_SCOPES),
        help_text="What it is for. Clients that manage are made by people, in the admin.",
    )
    company_ids = serializers.ListField(
        child=_company_id("One of your companies."),
        required=False,
        allow_empty=False,
        max_length=_MOST_COMPANIES,
        help_text="The companies that it may act for.",
    )
    allowed_networks = serializers.ListField(
        child=_text(50, "An address or a network."),
        required=False,
        max_length=_MOST_NETWORKS,
        help_text="From where it may call, such as 192.0.2.0/24; empty for everywhere.",
    )
    requests_per_minute = _number(_LARGEST_NUMBER, "Null for no limit.")
    documents_at_a_time = _number(
        _LARGEST_NUMBER, "Documents that may wait or be read at one time; null for no limit."
    )
    expires_at = _Instant(
        required=False, allow_null=True, help_text="ISO 8601 with an offset; null for never."
    )


class NewClientInput(ClientChangeInput):
    """An API client to make."""

    name = _text(50, "Such as ERP; need not be unique.")
    company_ids = serializers.ListField(
        child=_company_id("One of your companies."),
        allow_empty=False,
        max_length=_MOST_COMPANIES,
        help_text="The companies that it may act for.",
    )


class ClientKeyInput(serializers.Serializer[None]):
    """How the key so far ends, when there is another one."""

    keep_days = serializers.IntegerField(
        min_value=0,
        max_value=30,
        default=7,
        help_text="For so many days the latest key so far is accepted, too; 0: it ends at once.",
    )


@extend_schema_field(
    {"oneOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": _AMOUNT.pattern}]}
)
class _Amount(serializers.Field[str, Any, str, Any]):
    """A whole number, or a decimal number as text. Its value is the text."""

    def to_internal_value(self, data: Any) -> str:
        """Return it. Raises ValidationError."""
        told = str(data) if type(data) is int else data
        if not isinstance(told, str) or not _AMOUNT.fullmatch(told):
            raise ValidationError('Write a whole number, or money in quotes, such as "250.00".')
        return told


class QuotaChangeInput(serializers.Serializer[None]):
    """What is to be changed of a quota that renews; what is left out stays."""

    period = serializers.ChoiceField(
        Period.values,
        required=False,
        help_text="How often it renews, in the company's time zone; monthly without it.",
    )
    limit = _Amount(required=False, help_text=_LIMIT)
    currency = serializers.RegexField(
        r"^[A-Z]{3}\Z",
        required=False,
        allow_null=True,
        help_text="ISO 4217: amounts are money then; null for LLM tokens.",
    )
    first_day = serializers.IntegerField(
        min_value=1,
        max_value=31,
        required=False,
        help_text="Day on which the period of a monthly one begins; in a shorter month the last.",
    )
    raised_by = _Amount(required=False, help_text="So much more until raised_until.")
    raised_until = _Instant(
        required=False, allow_null=True, help_text="ISO 8601 with an offset, to come."
    )
    why = _why(required=False, allow_blank=True)


class NewQuotaInput(QuotaChangeInput):
    """A quota to make, of a company with all its keys or of one key."""

    company_id = _text(MAX_ID_LENGTH, "One of your companies; or token_id.", required=False)
    token_id = serializers.IntegerField(
        min_value=1, max_value=2**63 - 1, required=False, help_text="Of one key of theirs alone."
    )
    limit = _Amount(help_text=_LIMIT)


class GrantInput(serializers.Serializer[None]):
    """Who is to see which company."""

    username = _text(150, "Of an active user.")
    company_id = _company_id("One of your companies.")
