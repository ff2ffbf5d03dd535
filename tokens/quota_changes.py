"""What staff change of quotas, recorded with who did it and why."""

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import override

from tokens import quota_sums
from tokens.models import (
    BY_SYSTEM,
    Company,
    Quota,
    QuotaAspect,
    QuotaChange,
    TokenUsageSummary,
)
from tokens.periods import Period

# What makes other calls count than before.
_DEFINES_PERIODS = ("period", "unit", "currency", "first_day")


def save_quota(*, quota: Quota, by: str = BY_SYSTEM, reason: str = "") -> None:
    """Make a quota, or save what was changed of it, and record it.

    It counts at once, and with it what was used in its current period before. Key and company of a
    quota never change.
    """
    with transaction.atomic():
        if quota._state.adding:
            _insert(quota)
            before = None
        else:
            before = Quota.objects.select_for_update().get(pk=quota.pk)
            quota.save()
            if any(getattr(before, name) != getattr(quota, name) for name in _DEFINES_PERIODS):
                quota_sums.forget_sums(Quota.objects.filter(pk=quota.pk))
        _record(quota, before, quota, by=by, reason=reason)


def remove_quota(*, quota: Quota, by: str = BY_SYSTEM, reason: str = "") -> None:
    """Remove a quota with its sums, and record it."""
    with transaction.atomic():
        record_removal(quota=quota, by=by, reason=reason)
        quota.delete()


def record_removal(*, quota: Quota, by: str, reason: str = "") -> None:
    """Record that a quota is removed, in the transaction in which the caller deletes it."""
    before = Quota.objects.select_for_update().get(pk=quota.pk)
    _record(before, before, None, by=by, reason=reason)


def _insert(quota: Quota) -> None:
    """Insert a quota once no call is under way that knows nothing of it.

    Until this transaction ends, calls with these keys wait; then they look for quotas again.
    """
    totals = _totals_of(quota)
    if quota.token_id is not None:
        TokenUsageSummary.objects.lock(quota.token_id)
    totals.update(quota_free=None)
    if quota.company_id is not None:
        # Nobody can note now that a key of the company has none; one that is new may have noted it.
        Company.objects.select_for_update().get(pk=quota.company_id)
        totals.filter(quota_free=True).update(quota_free=None)
    quota.save()


def _totals_of(quota: Quota) -> QuerySet[TokenUsageSummary]:
    if quota.company is None:
        return TokenUsageSummary.objects.filter(token_id=quota.token_id)
    return TokenUsageSummary.objects.filter(token__company_id__in=quota.company.ids)


def _record(of: Quota, before: Quota | None, after: Quota | None, *, by: str, reason: str) -> None:
    with override(None):
        old, new, name = _described(before), _described(after), str(of)
    for what in QuotaAspect:
        if old.get(what, "") != new.get(what, ""):
            QuotaChange.objects.create(
                token_id=of.token_id,
                company_id=of.company_id,
                quota=name,
                what=what,
                from_value=old.get(what, ""),
                to_value=new.get(what, ""),
                actor=by,
                reason=reason[:200],
            )


def _described(quota: Quota | None) -> dict[QuotaAspect, str]:
    """What is recorded of a quota's state; nothing of one that is not there."""
    if quota is None:
        return {}
    described = {
        QuotaAspect.LIMIT: str(quota.amount(quota.limit)),
        QuotaAspect.PERIOD: str(quota),
    }
    if quota.raised_by and quota.raised_until:
        until = f"{quota.raised_until:%Y-%m-%d %H:%M} UTC"
        described[QuotaAspect.RAISE] = f"{quota.amount(quota.raised_by)} until {until}"
    if quota.period == Period.MONTHLY:
        described[QuotaAspect.FIRST_DAY] = str(quota.first_day)
    return described
