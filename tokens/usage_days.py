"""The daily sums of the usage rows: how they are moved, and corrected by the nightly audit.

Days are those of UTC. Rows that were inserted or changed by SQL, and calls whose key is in no row
where two processes book the first ones at once, are counted by the next audit. It looks at the
newest days every night, and at the earlier ones as far as its time goes; then it goes on there.
"""

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import F, Max, Sum, Value
from django.db.models.functions import Coalesce
from django_q.tasks import async_task

from ocrsite.lib.database import deadlocks_retried
from tokens.costs import sum_of_units, units
from tokens.models import TokenUsageLog, TokenUsageSummary, UsageDay, UsageDayAudit
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
# Well within the time that the queue gives the audit.
SECONDS = 120.0
# So many of the newest days that have rows are looked at every night: they are those that change.
NEWEST = 3

# So many keys are corrected in one transaction: SQL Server takes 2,100 parameters.
AT_ONCE = 1_000

_Key = tuple[str, int, str, str]
_Day = tuple[date, str, int, str, str]


def book(row: TokenUsageLog, before: TokenUsageLog | None = None) -> None:
    """Count a usage row, ``before`` it was changed no more. Call it in the row's transaction.

    The totals of the row's key are locked.
    """
    if before is not None:
        _add(before, -1)
    _add(row, 1)


def rebook(pairs: Iterable[tuple[TokenUsageLog, TokenUsageLog]]) -> None:
    """Count usage rows of one key as they are now, no more as they were: pairs of before and now.

    Call it in the transaction of the change; the totals of the key are locked. Days of which there
    are no sums yet are left to the audit.
    """
    moved: dict[_Day, Counter[str]] = defaultdict(Counter)
    for before, row in pairs:
        moved[_key_of(before)].subtract(_amounts_of(before))
        moved[_key_of(row)].update(_amounts_of(row))
    days = {day for day, *_ in moved}
    made = set(UsageDay.objects.filter(day__in=days).values_list("day", flat=True))
    for key, amounts in sorted(moved.items()):
        if key[0] in made and any(amounts.values()):
            _move(key, amounts)


def correct(seconds: float = SECONDS) -> int:
    """Have the days' sums be what their usage rows add up to; return how many were wrong.

    The NEWEST days, and then the others from the newest to the oldest, at least one; what is left
    after so many seconds is where the next call goes on.
    """
    give_up_at = time.monotonic() + seconds
    newest = list(islice(_days(), NEWEST))
    corrected = sum(map(_correct_day, newest))
    audit, _ = UsageDayAudit.objects.get_or_create()
    noted = UsageDayAudit.objects.filter(pk=audit.pk)
    has_time = True
    for day in _days(audit.checked_from):
        if not has_time:
            logger.info("The daily sums of usage of %s and before are looked at next time.", day)
            break
        if day not in newest:
            corrected += _correct_day(day)
            has_time = time.monotonic() < give_up_at
        noted.update(checked_from=day)
    else:
        noted.update(checked_from=None, is_filled=True)
    if corrected:
        logger.warning("Corrected %d daily sums of usage.", corrected)
    return corrected


def ensure_filled() -> None:
    """Have the sums made where there are none yet of some days: after an upgrade."""
    is_filled = UsageDayAudit.objects.filter(is_filled=True).exists()
    if not is_filled and TokenUsageLog.objects.exists():
        async_task("tokens.usage_days.fill")


def fill() -> None:
    """Correct until every day was looked at, with other tasks of the queue in between."""
    correct()
    ensure_filled()


def begin_of(day: date) -> datetime:
    """Return the first moment of a day of UTC."""
    return datetime.combine(day, time_of_day(), tzinfo=UTC)


def _add(row: TokenUsageLog, sign: int) -> None:
    _move(_key_of(row), {name: sign * amount for name, amount in _amounts_of(row).items()})


def _key_of(row: TokenUsageLog) -> _Day:
    """What its sum is found by."""
    company_id = row.company_id or (row.token.company_id if row.token else "")
    return (
        row.logged_at.astimezone(UTC).date(),
        company_id,
        row.token_id or 0,
        row.model or "",
        row.currency or "",
    )


def _amounts_of(row: TokenUsageLog) -> dict[str, int]:
    amounts: dict[str, int] = {name: getattr(row, column) for name, column in _COLUMNS.items()}
    return {**amounts, "cost_units": units(row.cost) if row.cost is not None else 0}


def _move(key: _Day, amounts: Mapping[str, int]) -> None:
    """Add amounts to a sum, which is made where there is none."""
    named = _named(("day", *_KEY), key)
    moved = {name: F(name) + amount for name, amount in amounts.items() if amount}
    if not UsageDay.objects.filter(**named).update(**moved):
        _, is_new = UsageDay.objects.get_or_create(**named, defaults=amounts)
        if not is_new:
            UsageDay.objects.filter(**named).update(**moved)


def _days(before: date | None = None) -> Iterator[date]:
    """Yield the days that have usage rows or sums, the newest first; those before one, if given."""
    rows, sums = TokenUsageLog.objects.order_by(), UsageDay.objects.order_by()
    while True:
        if before is not None:
            rows = TokenUsageLog.objects.filter(logged_at__lt=begin_of(before)).order_by()
            sums = UsageDay.objects.filter(day__lt=before).order_by()
        last = rows.aggregate(last=Max("logged_at"))["last"]
        stored = sums.aggregate(last=Max("day"))["last"]
        found = [day for day in (last and last.astimezone(UTC).date(), stored) if day]
        if not found:
            return
        before = max(found)
        yield before


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
