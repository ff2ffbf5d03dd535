"""Prices that were entered late: calls of unknown cost get one, when staff ask for that.

Nothing else ever computes a cost again. A call that has a cost keeps it.
"""

import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Q
from django_q.tasks import async_task

from ocrsite.lib import audit
from ocrsite.lib.audit import Action, ActorKind, What, Who
from ocrsite.lib.database import deadlocks_retried
from tokens import quota_sums, usage_days
from tokens.costs import amount_of, units
from tokens.models import ModelPrice, TokenUsageLog, TokenUsageSummary
from tokens.models.price import names_of, price_at
from tokens.quota_sums import NOTHING, Charge
from tokens.usage import Usage

logger = logging.getLogger(__name__)

TASK = "tokens.late_prices.price_calls"
# Calls of one transaction, for which nothing else of their key is charged.
AT_ONCE = 200
# A task of the queue ends then, and leaves the rest to another: documents are read in between.
SECONDS = 30.0
# Where the parts are not told, as in rows inserted by SQL, no price says what they cost.
_IS_TOLD = Q(estimated=True) | Q(
    total_tokens_used=F("input_tokens") + F("output_tokens") + F("thinking_tokens")
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many calls of a model have no cost, and of how many a price is known by now."""

    model: str
    calls: int
    priced: int


def waiting(since: date) -> list[Waiting]:
    """Return the calls without a cost since a day of UTC, by model; those of no model are left out.

    They are counted by rows of TokenUsageLogs.
    """
    counted = _unpriced(since).order_by("model").values_list("model").annotate(calls=Count("pk"))
    return [Waiting(model, calls, _rows(since, model).count()) for model, calls in counted]


def ask(since: date, *, by: Any, why: str) -> None:
    """Have the calls without a cost since a day of UTC priced in the background; audited.

    Each by the price that its model had when it began. ``by`` is the user who asks.
    """
    with transaction.atomic():
        audit.record(
            Action.CHANGED,
            who=audit.user(by),
            what=_what(since),
            after="asked for their prices",
            why=why,
        )
        async_task(TASK, since.isoformat(), by.get_username(), why)


def price_calls(since: str, by: str, why: str, seconds: float = SECONDS) -> None:
    """Give calls without a cost theirs, for so many seconds; then another task goes on.

    What ``ask`` queues. What each task did is in the audit list, too. Safe to repeat.
    """
    give_up_at = time.monotonic() + seconds
    day = date.fromisoformat(since)
    calls, costs = 0, Counter[str]()
    for rows in _batches(day):
        calls += len(rows)
        for row in rows:
            costs[row.currency or ""] += units(row.cost or Decimal(0))
        if time.monotonic() >= give_up_at:
            async_task(TASK, since, by, why)
            break
    if calls:
        told = ", ".join(f"{amount_of(cost).normalize():f} {name}" for name, cost in costs.items())
        audit.record(
            Action.CHANGED,
            who=Who(ActorKind.USER, by),
            what=_what(day),
            after=f"{calls:,} calls were given their cost: {told}",
            why=why,
        )
        logger.info("%d calls without a cost since %s were priced: %s.", calls, since, told)


def _what(since: date) -> What:
    return What("usage", key=since.isoformat(), name=f"calls without a cost since {since}")


def _unpriced(since: date) -> Any:
    begin = datetime(since.year, since.month, since.day, tzinfo=UTC)
    return TokenUsageLog.objects.filter(
        cost=None, logged_at__gte=begin, model__isnull=False
    ).exclude(model="")


def _rows(since: date, model: str) -> Any:
    """The calls of a model that have a price by now."""
    prices = ModelPrice.objects.filter(model__in=names_of(model)).order_by("valid_from")
    first = prices.values_list("valid_from", flat=True).first()
    if first is None:
        return TokenUsageLog.objects.none()
    had_one = Q(began_at__gte=first) | Q(began_at=None, logged_at__gte=first)
    return _unpriced(since).filter(had_one, _IS_TOLD, model=model)


def _batches(since: date) -> Iterator[Sequence[TokenUsageLog]]:
    """Price the calls key by key, and yield those of each transaction."""
    models = _unpriced(since).order_by("model").values_list("model", flat=True).distinct()
    for model in list(models):
        prices = list(ModelPrice.objects.filter(model__in=names_of(model)))
        rows = _rows(since, model)
        keys = rows.order_by("token").values_list("token", flat=True).distinct()
        for token_id in list(keys):
            after = 0
            while priced := _price(rows.filter(token=token_id), token_id, after, prices):
                yield priced
                after = priced[-1].pk


@deadlocks_retried
def _price(
    rows: Any, token_id: int | None, after: int, prices: Sequence[ModelPrice]
) -> Sequence[TokenUsageLog]:
    """Price the next calls of a key, and move the sums that count them."""
    with transaction.atomic():
        quotas = None
        if token_id is not None:
            # Whoever charges this key, or corrects an estimate, waits.
            TokenUsageSummary.objects.lock(token_id)
            quotas = quota_sums.lock(token_id)
        found = list(rows.filter(pk__gt=after).order_by("pk").select_for_update()[:AT_ONCE])
        pairs = [(row, _priced(row, prices)) for row in found]
        changed = [row for _, row in pairs]
        TokenUsageLog.objects.bulk_update(changed, ["cost", "currency"], batch_size=AT_ONCE)
        usage_days.rebook(pairs)
        if quotas and quotas.quotas:
            for before, row in pairs:
                began = row.began_at or row.logged_at
                quotas.settle(began, _charge(row), _charge(before), began, NOTHING)
    return changed


def _charge(row: TokenUsageLog) -> Charge:
    return Charge(row.total_tokens_used, units(row.cost or Decimal(0)), row.currency)


def _priced(row: TokenUsageLog, prices: Sequence[ModelPrice]) -> TokenUsageLog:
    price = price_at(prices, row.model or "", row.began_at or row.logged_at)
    priced = copy(row)
    if price is not None:
        usage = Usage(
            input_tokens=row.input_tokens,
            output_tokens=row.output_tokens,
            thinking_tokens=row.thinking_tokens,
            cached_tokens=row.cached_tokens,
        )
        is_known = not row.estimated
        priced.cost = price.cost(usage) if is_known else price.ceiling(row.total_tokens_used, None)
        priced.currency = price.currency
    return priced
