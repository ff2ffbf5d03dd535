"""The daily sums of the usage rows: how they are moved, and corrected by the nightly audit.

Days are those of UTC. Rows that were inserted or changed by SQL, and calls whose key is in no row
where two processes book the first ones at once, are counted by the next audit.
"""

import logging
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from typing import Any

from django.db import transaction
from django.db.models import F, Max, Min, Sum, Value
from django.db.models.functions import Coalesce
from django_q.tasks import async_task

from tokens.costs import sum_of_units, units
from tokens.models import TokenUsageLog, TokenUsageSummary, UsageDay

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
    corrected = 0
    for token_id in sorted({token_id for _, token_id, _, _ in wrong}):
        with transaction.atomic():
            # A call that is settled meanwhile waits: in the order in which the ledger locks.
            TokenUsageSummary.objects.filter(token_id=token_id).update(
                reserved_tokens=F("reserved_tokens")
            )
            corrected += _rewrite(day, token_id)
    return corrected


def _rewrite(day: date, token_id: int) -> int:
    """Replace the sums of a day and key that are wrong, and return how many were."""
    right, stored = _added_up(day, token_id), _stored(day, token_id)
    changed = 0
    for key in right.keys() | stored.keys():
        if right.get(key) == stored.get(key):
            continue
        named: dict[str, Any] = dict(zip(_KEY, key, strict=True))
        if key not in right:
            UsageDay.objects.filter(day=day, **named).delete()
        else:
            sums = dict(zip(_SUMS, right[key], strict=True))
            UsageDay.objects.update_or_create(day=day, **named, defaults=sums)
        changed += 1
    return changed


def _stored(day: date, token_id: int | None = None) -> dict[_Key, tuple[int, ...]]:
    rows = UsageDay.objects.filter(day=day)
    if token_id is not None:
        rows = rows.filter(token_id=token_id)
    found = {row[:4]: row[4:] for row in rows.values_list(*_KEY, *_SUMS)}
    # A charge that was corrected to another company, model or currency leaves zeros.
    return {key: sums for key, sums in found.items() if any(sums)}


def _added_up(day: date, token_id: int | None = None) -> dict[_Key, tuple[int, ...]]:
    rows = TokenUsageLog.objects.filter(
        logged_at__gte=begin_of(day), logged_at__lt=begin_of(day + timedelta(days=1))
    )
    if token_id is not None:
        rows = rows.filter(token=token_id or None)
    key: dict[str, Any] = {
        "by_company": Coalesce("company_id", "token__company_id", Value("")),
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
