"""How much a key's limit and its quotas have left for a call, each in its own unit."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ocrsite.lib import clock
from tokens.call_cost import IN_TOKENS, Cost, Rates
from tokens.models import ModelPrice, TokenMaster, Unit
from tokens.quotas import QuotaState
from tokens.unpriced import UnpricedForQuota


@dataclass(frozen=True, slots=True)
class Shortage:
    """A quota with too little left for a call, or in whose currency the model has no price."""

    state: QuotaState
    unpriced: UnpricedForQuota | None = None

    @property
    def ends_at(self) -> datetime | None:
        """When the quota renews; None: staff have to act."""
        return None if self.unpriced else self.state.resets_at


@dataclass(frozen=True, slots=True)
class _Limit:
    """What is left of a quota, or of a key's limit; without rates the call cannot be counted."""

    remaining: int
    free: int
    rates: Rates | None
    state: QuotaState | None = None


@dataclass(frozen=True, slots=True)
class Room:
    """What the limits of a key have left for a call of this cost."""

    cost: Cost
    limits: Sequence[_Limit]

    @property
    def is_left(self) -> bool:
        """Whether the call would fit if no other were under way."""
        return all(
            limit.rates is not None and limit.remaining >= self.cost.floor_at(limit.rates)
            for limit in self.limits
        )

    @property
    def is_free(self) -> bool:
        """Whether the call fits beside those under way."""
        return all(
            limit.rates is not None and limit.free >= self.cost.floor_at(limit.rates)
            for limit in self.limits
        )

    @property
    def output_budget(self) -> int:
        """LLM tokens that its output may have; ask only where the call fits."""
        return min(
            limit.rates.output_within(limit.free, self.cost.fixed, self.cost.output_max)
            for limit in self.limits
            if limit.rates is not None
        )

    @property
    def calls(self) -> float:
        """How many such calls fit beside those under way; the last may have less than the most."""
        return min(_calls_within(limit, self.cost) for limit in self.limits)

    def short(self, *, of_smallest: bool = False) -> list[Shortage]:
        """Return the quotas that have too little left for it, or for the smallest call of all."""
        return [
            Shortage(limit.state, None if limit.rates else self._unpriced(limit.state))
            for limit in self.limits
            if limit.state is not None and not self._suffices(limit, of_smallest=of_smallest)
        ]

    def _suffices(self, limit: _Limit, *, of_smallest: bool) -> bool:
        if limit.rates is None:
            return False
        needed = self.cost.smallest_at if of_smallest else self.cost.floor_at
        return limit.remaining >= max(1, needed(limit.rates))

    def _unpriced(self, state: QuotaState) -> UnpricedForQuota:
        return UnpricedForQuota(self.cost.model or "unknown", state.quota.currency)


def room_for(token: TokenMaster, quotas: Sequence[QuotaState], cost: Cost) -> Room:
    """Return what a key and its quotas have left for a call; a free one counts in LLM tokens alone.

    The price is looked up where a quota is in money.
    """
    limits = [_Limit(token.unspent, token.free, IN_TOKENS)]
    in_money = [state for state in quotas if state.quota.unit == Unit.MONEY]
    price = None
    if in_money and cost.model:
        price = ModelPrice.objects.at(cost.model, clock.now())
    for state in quotas:
        rates: Rates | None = IN_TOKENS
        if state.quota.unit == Unit.MONEY:
            is_priced = price is not None and price.currency == state.quota.currency
            rates = price.rates_for(cost.fixed) if price is not None and is_priced else None
            if cost.is_free or rates == Rates(0, 0):
                continue
        limits.append(_Limit(state.remaining, state.free, rates, state))
    return Room(cost, limits)


def of_company(room: Room) -> float:
    """Return how many such calls the quotas of the key's company hold, over all its keys."""
    return min(
        (
            _calls_within(limit, room.cost)
            for limit in room.limits
            if limit.state is not None and limit.state.quota.company_id is not None
        ),
        default=math.inf,
    )


def _calls_within(limit: _Limit, cost: Cost) -> float:
    if limit.rates is None:
        return 0.0
    most = cost.most_at(limit.rates)
    floor = cost.floor_at(limit.rates)
    return max(0.0, (limit.free - floor) // most + 1.0) if most else math.inf
