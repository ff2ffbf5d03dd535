"""How much of each quota is used, reserved and left in its current period."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db.models import Q

from ocrsite.lib import clock
from tokens import quota_sums
from tokens.models import Company, Quota, QuotaQuerySet, QuotaSum, TokenMaster
from tokens.models.company import folded
from tokens.periods import Window
from tokens.quota_sums import Amounts


@dataclass(frozen=True, slots=True)
class QuotaState:
    """A quota in the period that is now.

    ``limit`` holds what it is raised by. Amounts are in its unit: LLM tokens, or units of money.
    """

    quota: Quota
    zone: ZoneInfo
    limit: int
    used: int
    reserved: int
    starts_at: datetime
    resets_at: datetime | None  # None: never

    @property
    def remaining(self) -> int:
        """What is left of the limit; negative after a lowered limit or a raise that ended."""
        return self.limit - self.used

    @property
    def free(self) -> int:
        """What is left that no call under way has reserved."""
        return self.remaining - self.reserved

    @property
    def is_used_up(self) -> bool:
        """Whether no call can be made in this period that costs anything."""
        return self.remaining <= 0


def of_company(company_id: str, now: datetime | None = None) -> list[QuotaState]:
    """Return the quotas of a company, then those of its keys, as they stand.

    The id may be written in any way. The quota of a key for its whole life is not among them: it is
    ``TokenMaster.total_token_limit``.
    """
    company = Company.objects.written(company_id).first()
    ids = company.ids if company else [company_id.strip()]
    own = Q(company=company) if company else Q()
    found = states(Quota.objects.filter(own | Q(token__company_id__in=ids)), now)
    return sorted(found, key=lambda state: (state.quota.company_id is None, state.quota.pk))


def of_keys(tokens: Sequence[TokenMaster]) -> dict[int, list[QuotaState]]:
    """Return by key the quotas that its calls count towards, its company's among them."""
    companies = _companies_by_folded_id(token.company_id for token in tokens)
    found = states(
        Quota.objects.filter(
            Q(token__in=tokens) | Q(company__in=[row.pk for row in companies.values()])
        )
    )
    company_ids = {
        token.pk: companies[folded(token.company_id)].pk
        for token in tokens
        if folded(token.company_id) in companies
    }
    return {
        token.pk: [
            state
            for state in found
            if (state.quota.token_id, state.quota.company_id)
            in ((token.pk, None), (None, company_ids.get(token.pk)))
        ]
        for token in tokens
    }


def states(quotas: QuotaQuerySet, now: datetime | None = None) -> list[QuotaState]:
    """Return these quotas as they stand, in as many queries for many as for few.

    Where the ledger has needed no sum of the period yet, the rows are added up, and nothing is
    written.
    """
    now = now or clock.now()
    rows = list(quotas.select_related("company", "token"))
    if not rows:
        return []
    zones = _zones(rows)
    windows = {quota.pk: quota.window(now, zones[quota.pk]) for quota in rows}
    amounts = _amounts(rows, windows, now)
    return [
        QuotaState(
            quota=quota,
            zone=zones[quota.pk],
            limit=quota.limit_at(now),
            used=amounts[quota.pk].used,
            reserved=amounts[quota.pk].reserved,
            starts_at=windows[quota.pk].starts_at,
            resets_at=windows[quota.pk].ends_at,
        )
        for quota in rows
    ]


def _amounts(
    rows: Collection[Quota], windows: dict[int, Window], now: datetime
) -> dict[int, Amounts]:
    """The sums of these periods; what the rows add up to where there is none."""
    current = QuotaSum.objects.filter(Q(ends_at=None) | Q(ends_at__gt=now), starts_at__lte=now)
    if len(rows) <= quota_sums.NAMED_AT_ONCE:
        current = current.filter(quota__in=rows)
    found = {
        row.quota_id: Amounts(row.used, row.reserved)
        for row in current
        if windows.get(row.quota_id) == Window(row.starts_at, row.ends_at)
    }
    missing = defaultdict(list)
    for quota in rows:
        if quota.pk not in found:
            missing[windows[quota.pk]].append(quota)
    for window, without in missing.items():
        found |= quota_sums.measure(without, window)
    return found


def _zones(rows: Collection[Quota]) -> dict[int, ZoneInfo]:
    """The time zone of each quota: that of its company, or of its key's."""
    companies = _companies_by_folded_id(quota.token.company_id for quota in rows if quota.token)
    return {
        quota.pk: quota_sums.zone_of(
            companies.get(folded(quota.token.company_id)) if quota.token else quota.company
        )
        for quota in rows
    }


def _companies_by_folded_id(ids: Iterable[str]) -> dict[str, Company]:
    wanted = {folded(each) for each in ids}
    return (
        {row.folded_id: row for row in Company.objects.filter(folded_id__in=wanted)}
        if wanted
        else {}
    )
