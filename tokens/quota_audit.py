"""Whether the sums of quotas' periods are what their rows add up to; and their removal."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from ocrsite.lib import clock
from tokens import quota_sums
from tokens.models import Quota, QuotaSum, TokenReservation, TokenUsageLog
from tokens.periods import Window

# Sums of periods that ended longer ago are removed: what is still charged in one needs none.
KEPT_FOR = timedelta(days=100)
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class WrongSum:
    """A sum of a quota's period that its rows do not add up to, in the quota's unit."""

    row: QuotaSum
    field: str
    stored: int
    right: int

    @property
    def identity(self) -> str:
        """Stays the same while calls go on, until somebody repairs it."""
        row = self.row
        return f"quota {row.quota_id} {row.starts_at} {self.field} {self.right - self.stored}"

    @property
    def place(self) -> str:
        """Which sum it is."""
        quota = self.row.quota
        whose = f"company {quota.company_id}" if quota.company_id else f"key {quota.token_id}"
        since = f"{self.row.starts_at:%Y-%m-%d %H:%M} UTC"
        return f"Quota {quota.pk} of {whose} ({quota}), period from {since}: {self.field}"

    def __str__(self) -> str:
        stored, right = self.told
        return f"{self.place} is {stored}, its rows say {right}."

    @property
    def told(self) -> tuple[str, str]:
        """Both in the quota's unit."""
        amount = self.row.quota.amount
        return str(amount(self.stored)), str(amount(self.right))


def wrong_sums() -> list[WrongSum]:
    """Return the sums that are wrong, each with its quota locked against calls under way."""
    found: list[WrongSum] = []
    for row in _suspects():
        with transaction.atomic():
            found += _wrong(row)
    return found


def repair_sums() -> list[str]:
    """Rebuild wrong sums from their rows, and say what was changed."""
    changes = []
    for row in _suspects():
        with transaction.atomic():
            wrong = list(_wrong(row))
            QuotaSum.objects.filter(pk=row.pk).update(**{each.field: each.right for each in wrong})
        for each in wrong:
            stored, right = each.told
            changes.append(f"{each.place} changed from {stored} to {right}.")
    return changes


def remove_old_sums() -> int:
    """Remove the sums of periods that ended long ago, and return how many."""
    return QuotaSum.objects.filter(ends_at__lt=clock.now() - KEPT_FOR).delete()[0]


def _wrong(row: QuotaSum) -> Iterator[WrongSum]:
    """Compare one sum with its rows again, now that it cannot change; it may be gone."""
    quota = Quota.objects.filter(pk=row.quota_id).select_for_update().first()
    current = QuotaSum.objects.select_related("quota__company").filter(pk=row.pk).first()
    if quota is None or current is None:
        return
    right = quota_sums.measure([current.quota], Window(current.starts_at, current.ends_at))
    for field in ("used", "reserved"):
        stored, summed = getattr(current, field), getattr(right[quota.pk], field)
        if stored != summed:
            yield WrongSum(current, field, stored, summed)


def _suspects() -> list[QuotaSum]:
    """The sums that look wrong without a lock; with them those that only ``_wrong`` can compare."""
    quotas = Quota.objects.order_by().values_list(
        "currency", "company_id", "company__other_spellings"
    )
    rows = list(quotas)
    differing = [_differing(currency) for currency in sorted({currency for currency, *_ in rows})]
    # Their keys' rows name them in ways that SQL does not compare.
    several_ways = {company_id for _, company_id, spellings in rows if spellings}
    also = QuotaSum.objects.filter(quota__company__in=several_ways)
    found = {row.pk: row for rows in (*differing, also) for row in rows}
    return sorted(found.values(), key=lambda row: (row.quota_id, row.starts_at))


def _differing(currency: str) -> QuerySet[QuotaSum]:
    """The sums of quotas in a currency, or in LLM tokens (""), that look wrong."""
    counted = {"currency": currency} if currency else {}
    usage = TokenUsageLog.objects.filter(**counted)
    reservations = TokenReservation.objects.filter(**counted)
    in_use = quota_sums.used_sum(currency)
    used = Coalesce(_summed(usage, "began_at", in_use), 0) + Coalesce(
        # Rows that were inserted by SQL do not say when their calls began.
        _summed(usage.filter(began_at=None), "logged_at", in_use),
        0,
    )
    held = quota_sums.reserved_sum(currency)
    reserved = Coalesce(_summed(reservations, "created_at", held), 0)
    return QuotaSum.objects.annotate(right_used=used, right_reserved=reserved).filter(
        ~Q(used=F("right_used"), reserved=F("right_reserved")), quota__currency=currency
    )


def _summed(rows: QuerySet[Any], began: str, amount: Sum) -> Coalesce:
    """What rows of a quota's key, or of its company's keys, add up to in a sum's period."""
    starts, ends = {f"{began}__gte": OuterRef("starts_at")}, Coalesce(OuterRef("ends_at"), _NEVER)
    within = rows.filter(**starts, **{f"{began}__lt": ends}).order_by()

    def of(scope: str, outer: str) -> Subquery:
        mine = within.filter(**{scope: OuterRef(outer)}).values(scope)
        return Subquery(mine.annotate(total=amount).values("total"))

    return Coalesce(of("token_id", "quota__token_id"), of("token__company_id", "quota__company_id"))
