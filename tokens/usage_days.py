"""The daily sums of the usage rows: how they are moved, and corrected by the nightly audit.

Days are those of UTC. Rows that were inserted or changed by SQL, and calls whose key is in no row
where two processes book the first ones at once, are counted by the next audit.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from typing import Any

from django.db import transaction
from django.db.models import F, Max, Min, Sum, Value
from django.db.models.functions import Coalesce
from django_q.tasks import async_task

from ocrsite.lib.database import deadlocks_retried
from tokens.costs import sum_of_units, units
from tokens.models import TokenUsageLog, TokenUsageSummary, UsageDay
from tokens.models.usage import company_of

logger = logging.getLogger(__name__)

# The sums, and the columns of a usage row that they add up.
_COLUMNS = {
    "requests": "request_count",
    "input_tokens": "input_tokens",
    "cached_tokens": "cached_tokens",
    "output_tokens": "output_tokens",
    "thinking_tokens": "thinking_tokens",
    "total_tokens": "total_tokens_used",
}
_KEY = ("company_id", "token_id", "model", "currency")
_SUMS = (*_COLUMNS, "cost_units")
# Well within the time that the queue gives the audit; the newest days come first.
SECONDS = 120.0

# So many keys are corrected in one transaction: SQL Server takes 2,100 parameters.
AT_ONCE = 1_000

_Key = tuple[str, int, str, str]


def book(row: TokenUsageLog, before: TokenUsageLog | None = None) -> None:
    """Count a usage row, ``before`` it was changed no more. Call it in the row's transaction.

    The totals of the row's key are locked.
    """
    if before is not None:
        _add(before, -1)
    _add(row, 1)


def correct(seconds: float = SECONDS) -> int:
    """Have every day's sums be what its usage rows add up to; return how many were wrong.

    The newest days first. What is left after so many seconds is left to the next night.
    """
    give_up_at = time.monotonic() + seconds
    corrected = 0
    for day in _days():
        if time.monotonic() >= give_up_at:
            logger.warning("The daily sums of usage before %s were not looked at.", day)
            break
        corrected += _correct_day(day)
    if corrected:
        logger.warning("Corrected %d daily sums of usage.", corrected)
    return corrected


def ensure_filled() -> None:
    """Have the sums made where there are none yet of the rows: after an upgrade."""
    if not UsageDay.objects.exists() and TokenUsageLog.objects.exists():
        async_task("tokens.usage_days.correct")


def begin_of(day: date) -> datetime:
    """Return the first moment of a day of UTC."""
    return datetime.combine(day, time_of_day(), tzinfo=UTC)


def _add(row: TokenUsageLog, sign: int) -> None:
    key = {
        "day": row.logged_at.astimezone(UTC).date(),
        "company_id": row.company_id or "",
        "token_id": row.token_id or 0,
        "model": row.model or "",
        "currency": row.currency or "",
    }
    amounts = {name: sign * getattr(row, column) for name, column in _COLUMNS.items()}
    amounts["cost_units"] = sign * units(row.cost) if row.cost is not None else 0
    moved = {name: F(name) + amount for name, amount in amounts.items()}
    if not UsageDay.objects.filter(**key).update(**moved):
        _, is_new = UsageDay.objects.get_or_create(**key, defaults=amounts)
        if not is_new:
            UsageDay.objects.filter(**key).update(**moved)


def _days() -> Iterator[date]:
    """Every day that has or may have rows, the newest first."""
    ends = TokenUsageLog.objects.aggregate(first=Min("logged_at"), last=Max("logged_at"))
    stored = UsageDay.objects.aggregate(first=Min("day"), last=Max("day"))
    days = [moment.astimezone(UTC).date() for moment in ends.values() if moment]
    days += filter(None, stored.values())
    if days:
        first, day = min(days), max(days)
        while day >= first:
            yield day
            day -= timedelta(days=1)


def _correct_day(day: date) -> int:
    right, stored = _added_up(day), _stored(day)
    wrong = [key for key in right.keys() | stored.keys() if right.get(key) != stored.get(key)]
    token_ids = sorted({token_id for _, token_id, _, _ in wrong})
    return sum(
        _rewrite(day, token_ids[first : first + AT_ONCE])
        for first in range(0, len(token_ids), AT_ONCE)
    )


@deadlocks_retried
def _rewrite(day: date, token_ids: Sequence[int]) -> int:
    """Replace the sums of a day and of some keys, and return how many were wrong."""
    with transaction.atomic():
        # A call that is settled meanwhile waits, as it does for another call of its key.
        totals = TokenUsageSummary.objects.filter(token_id__in=token_ids)
        totals.update(reserved_tokens=F("reserved_tokens"))
        # Of every key: by an index on keys it would take as long as for all days.
        right, stored = (
            {key: sums for key, sums in found.items() if key[1] in token_ids}
            for found in (_added_up(day), _stored(day))
        )
        wrong = [key for key in right.keys() | stored.keys() if right.get(key) != stored.get(key)]
        if wrong:
            UsageDay.objects.filter(day=day, token_id__in=token_ids).delete()
            UsageDay.objects.bulk_create(
                (
                    UsageDay(day=day, **_named(_KEY, key), **_named(_SUMS, sums))
                    for key, sums in right.items()
                ),
                batch_size=AT_ONCE,
            )
    return len(wrong)


def _named(names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(names, values, strict=True))


def _stored(day: date) -> dict[_Key, tuple[int, ...]]:
    """The sums of a day."""
    rows = UsageDay.objects.filter(day=day)
    found = {row[:4]: row[4:] for row in rows.values_list(*_KEY, *_SUMS)}
    # A charge that was corrected to another company, model or currency leaves zeros.
    return {key: sums for key, sums in found.items() if any(sums)}


def _added_up(day: date) -> dict[_Key, tuple[int, ...]]:
    """What the usage rows of a day add up to."""
    rows = TokenUsageLog.objects.filter(
        logged_at__gte=begin_of(day), logged_at__lt=begin_of(day + timedelta(days=1))
    )
    key: dict[str, Any] = {
        "by_company": Coalesce(company_of(), Value("")),
        "by_token": F("token_id"),
        "by_model": Coalesce("model", Value("")),
        "by_currency": Coalesce("currency", Value("")),
    }
    sums = {f"sum_{name}": Sum(column) for name, column in _COLUMNS.items()}
    sums["sum_cost_units"] = sum_of_units("cost")
    grouped = rows.order_by().values(**key).annotate(**sums)
    found = {}
    for company_id, token, model, currency, *amounts in grouped.values_list(*key, *sums):
        amounts_ = tuple(int(amount or 0) for amount in amounts)
        if any(amounts_):
            found[company_id, token or 0, model, currency] = amounts_
    return found
