"""The list of keys in the admin: whose, in which state, and how much is left of each."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from ocrsite.lib.admin import two_lines
from ocrsite.lib.csv_rows import CsvColumns
from tokens import health
from tokens.company_fields import CompanyFilter
from tokens.health import Health
from tokens.models import TokenMaster, TokenQuerySet, TokenStatus

# Characters of a fingerprint by which staff tell keys apart.
_SHOWN_FINGERPRINT = 8
# As CSV. A key goes in and never out; an empty one leaves the stored one.
KEY_COLUMNS = CsvColumns(
    identity={"id": "pk"},
    fields={
        **{name: name for name in ("company_id", "company_name", "provider")},
        "key": "new_key",
        **{name: name for name in ("total_token_limit", "threshold", "model", "project")},
        **{name: name for name in ("max_concurrent_calls", "requests_per_minute")},
        **{name: name for name in ("expires_at", "status", "why")},
    },
    secret=frozenset({"key"}),
    notes=frozenset({"why"}),
    related={"threshold": "summary__threshold"},
)
_PILL = '<span class="pill pill-{}">{}</span>'


class LeftFilter(admin.SimpleListFilter):
    """How much is left: what the contract's vw_TokenStatus tells, and what is near the limit."""

    title = parameter_name = "left"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Every answer of ``health_of``, with what it means."""
        return [
            (Health.USED_UP, "Nothing"),
            (Health.NEARLY_USED_UP, f"{health.NEARLY_USED_UP} % or less, or below its threshold"),
            (Health.LOW, f"{health.LOW} % or less"),
            (Health.ENOUGH, "More"),
        ]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[TokenMaster]
    ) -> QuerySet[TokenMaster]:
        """Those with the chosen answer."""
        chosen = self.value()
        if chosen in Health.values and isinstance(queryset, TokenQuerySet):
            return health.with_health(queryset, Health(chosen))
        return queryset


class KeyList(admin.ModelAdmin[TokenMaster]):
    """The list's columns, filters and search."""

    list_display = ["company", "state", "left", "key", "read_by", "expires_at"]
    list_filter = [CompanyFilter, "status", LeftFilter, "provider", "created_at"]
    list_select_related = ["summary"]
    search_fields = ["company_id", "company_name", "^key_fingerprint"]
    search_help_text = "Company id or name, or how a key's fingerprint begins."
    actions = None

    @admin.display(description="company", ordering="company_id")
    def company(self, token: TokenMaster) -> str:
        """Its id and name."""
        return two_lines(token.company_id, token.company_name or "")

    @admin.display(description="status", ordering="status")
    def state(self, token: TokenMaster) -> str:
        """An active key past its expiry is Expired; one that is nearly used up is told as that."""
        status, left = token.effective_status, health.health_of(token)
        if status != TokenStatus.ACTIVE or left == Health.ENOUGH:
            return format_html(_PILL, status.lower(), status)
        return format_html(_PILL, left.value, left.label)

    @admin.display(description="LLM tokens left", ordering=-health.SHARE_USED)
    def left(self, token: TokenMaster) -> str:
        """As a bar, in per cent and in numbers."""
        words = health.percent_in_words(token)
        return format_html(
            '<div class="left"><meter min="0" max="100" low="{}" high="{}" optimum="100"'
            ' value="{}" aria-label="{} left"></meter><span>{}</span>'
            '<span class="second-line">{} of {}</span></div>',
            health.NEARLY_USED_UP,
            health.LOW,
            health.percent_left(token),
            words,
            words,
            f"{token.unspent:,}",
            f"{token.total_token_limit:,}",
        )

    @admin.display(description="key", empty_value="none")
    def key(self, token: TokenMaster) -> str:
        """Masked, with the beginning of its fingerprint."""
        if not token.masked_key:
            return ""
        return two_lines(token.masked_key, (token.key_fingerprint or "")[:_SHOWN_FINGERPRINT])

    @admin.display(description="provider", ordering="provider")
    def read_by(self, token: TokenMaster) -> str:
        """With the model, where the key has one of its own."""
        return two_lines(token.provider, token.model or "")
