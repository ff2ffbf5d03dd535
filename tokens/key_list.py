"""The list of keys in the admin: whose, in which state, and how much is left of each."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ocrsite.lib.admin import two_lines
from ocrsite.lib.csv_rows import CsvColumns
from ocrsite.lib.moments import moment
from ocrsite.lib.numbers import grouped
from tokens import health, quotas
from tokens.company_fields import CompanyFilter
from tokens.health import Health
from tokens.models import UNREADABLE_KEY, Quota, TokenMaster, TokenQuerySet, TokenStatus
from tokens.quotas import QuotaState

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
# SQL Server takes 2,100 parameters.
MOST_USED_UP = 500
_QUOTAS = "quota_states"
_PILL = '<span class="pill pill-{}">{}</span>'


class LeftFilter(admin.SimpleListFilter):
    """How much is left: what the contract's vw_TokenStatus tells, and what is near the limit."""

    title, parameter_name = _("left"), "left"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Every answer of ``health_of``, with what it means."""
        return [
            (Health.USED_UP, gettext("Nothing")),
            (
                Health.NEARLY_USED_UP,
                gettext("{percent} % or less, or below its threshold").format(
                    percent=health.NEARLY_USED_UP
                ),
            ),
            (Health.LOW, gettext("{percent} % or less").format(percent=health.LOW)),
            (Health.ENOUGH, gettext("More")),
        ]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[TokenMaster]
    ) -> QuerySet[TokenMaster]:
        """Those with the chosen answer."""
        chosen = self.value()
        if chosen in Health.values and isinstance(queryset, TokenQuerySet):
            return health.with_health(queryset, Health(chosen))
        return queryset


class StatusFilter(admin.SimpleListFilter):
    """The status that the list shows: also of keys that expired, or whose quota is used up, now."""

    title, parameter_name = _("status"), "status__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Every status."""
        return [(str(value), str(label)) for value, label in TokenStatus.choices]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[TokenMaster]
    ) -> QuerySet[TokenMaster]:
        """Those with the chosen one."""
        chosen = self.value()
        if chosen not in TokenStatus.values:
            return queryset
        active, expired = Q(status=TokenStatus.ACTIVE), Q(expires_at__lte=timezone.now())
        used_up = active & ~expired & _quota_used_up()
        found = {
            TokenStatus.ACTIVE: active & ~expired & ~used_up,
            TokenStatus.EXPIRED: Q(status=TokenStatus.EXPIRED) | (active & expired),
            TokenStatus.EXCEEDED: Q(status=TokenStatus.EXCEEDED) | used_up,
            TokenStatus.DISABLED: Q(status=TokenStatus.DISABLED),
        }
        return queryset.filter(found[TokenStatus(chosen)])


def _quota_used_up() -> Q:
    """Keys of which a quota, their own or their company's, is used up: MOST_USED_UP of each."""
    used_up = [state.quota for state in quotas.states(Quota.objects.all()) if state.is_used_up]
    tokens = [quota.token_id for quota in used_up if quota.token_id is not None]
    companies = [id_ for quota in used_up if quota.company for id_ in quota.company.ids]
    return Q(pk__in=tokens[:MOST_USED_UP]) | Q(company_id__in=companies[:MOST_USED_UP])


class KeyList(admin.ModelAdmin[TokenMaster]):
    """The list's columns, filters and search."""

    list_display = ["company", "state", "left", "key", "read_by", "expires_at"]
    list_filter = [CompanyFilter, StatusFilter, LeftFilter, "provider", "created_at"]
    list_select_related = ["summary"]
    search_fields = ["company_id", "company_name", "^key_fingerprint"]
    search_help_text = _("Company id or name, or how a key's fingerprint begins.")
    actions = None

    @admin.display(description=_("company"), ordering="company_id")
    def company(self, token: TokenMaster) -> str:
        """Its id and name."""
        return two_lines(token.company_id, token.company_name or "")

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Look up the quotas of all listed keys at once."""
        changelist = super().get_changelist_instance(request)
        tokens = list(changelist.result_list)
        for token, states in zip(tokens, quotas.of_keys(tokens).values(), strict=True):
            token.__dict__[_QUOTAS] = states
        changelist.result_list = tokens
        return changelist

    @admin.display(description=_("status"), ordering="status")
    def state(self, token: TokenMaster) -> str:
        """An active key past its expiry is Expired; one that is nearly used up is told as that.

        One of which a quota is used up is Exceeded until that renews.
        """
        status, left = token.effective_status, health.health_of(token)
        if status != TokenStatus.ACTIVE:
            return format_html(_PILL, status.lower(), TokenStatus(status).label)
        states: list[QuotaState] = token.__dict__.get(_QUOTAS, [])
        used_up = [state for state in states if state.is_used_up]
        if used_up and left != Health.USED_UP:
            exceeded = format_html(_PILL, "exceeded", TokenStatus.EXCEEDED.label)
            return two_lines(exceeded, _renewal(used_up))
        shares = [health.health_of_share(state.remaining, state.limit) for state in states]
        worst = max([left, *shares], key=list(Health).index)
        if worst == Health.ENOUGH:
            return format_html(_PILL, status.lower(), TokenStatus(status).label)
        return format_html(_PILL, worst.value, worst.label)

    @admin.display(description=_("left"), ordering=-health.SHARE_USED)
    def left(self, token: TokenMaster) -> str:
        """As a bar, in per cent and in numbers: of its limit, and of the scarcest quota."""
        left, limit = token.unspent, token.total_token_limit
        told = gettext("{left} of {limit}").format(left=grouped(left), limit=grouped(limit))
        bar = health.left_bar(left, limit, told)
        states: list[QuotaState] = token.__dict__.get(_QUOTAS, [])
        if not states:
            return bar
        scarcest = min(states, key=lambda state: health.percent(state.remaining, state.limit))
        return format_html("{}{}", bar, quota_bar(scarcest, named=True))

    @admin.display(description=_("key"))
    def key(self, token: TokenMaster) -> str:
        """Masked, with the beginning of its fingerprint."""
        if not token.masked_key:
            return gettext("none")
        return two_lines(shown_key(token), (token.key_fingerprint or "")[:_SHOWN_FINGERPRINT])

    @admin.display(description=_("provider"), ordering="provider")
    def read_by(self, token: TokenMaster) -> str:
        """With the model, where the key has one of its own."""
        return two_lines(token.provider, token.model or "")


def shown_key(token: TokenMaster) -> str:
    """Return a key masked, or in the reader's language that it cannot be decrypted."""
    key = token.masked_key
    return gettext(key) if key == UNREADABLE_KEY else key


def quota_bar(state: QuotaState, *, named: bool = False) -> SafeString:
    """Return what is left of a quota in its period; ``named`` with which one it is."""
    quota, left = state.quota, max(state.remaining, 0)
    told = gettext("{left} of {limit}").format(
        left=quota.in_words(state.remaining), limit=quota.in_words(state.limit)
    )
    period = quota.get_period_display()
    if quota.company_id is not None:
        period = gettext("{period} of the company").format(period=period)
    return health.left_bar(left, state.limit, told, name=capfirst(period) if named else "")


def _renewal(used_up: Sequence[QuotaState]) -> str:
    """When the last of the quotas that are used up renews; "" where one never does."""
    ends = [state.resets_at for state in used_up]
    times = [end for end in ends if end is not None]
    if len(times) < len(ends):
        return ""
    return format_html(gettext("until {}"), moment(max(times), zone=True))
