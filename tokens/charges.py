"""What reservations hold and usage rows charge, in LLM tokens and in money."""

import logging
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from ocrsite.lib.database import is_unreachable
from tokens.costs import CostFields, amount_of, cost_ceiling, cost_fields, units
from tokens.models import ModelPrice, TokenReservation, TokenUsageLog
from tokens.quota_sums import NOTHING, Charge

logger = logging.getLogger(__name__)

# Above any quota, and with one within 64 bits.
_MOST_UNITS = 2**62


def ceiling(model: str | None, amount: int, output_budget: int, at: datetime) -> Charge:
    """The most that a call can cost, as it is reserved.

    A price that cannot be read, or is absurd, is none: only quotas in money need it.
    """
    if model is None:
        return Charge(amount)
    try:
        most = cost_ceiling(model, reserved=amount, output_budget=output_budget, at=at)
    except Exception as error:
        if is_unreachable(error):
            raise
        logger.exception("The price of %s cannot be read.", model)
        return Charge(amount)
    if most is None or units(most.amount) > _MOST_UNITS:
        return Charge(amount)
    return Charge(amount, units(most.amount), most.currency)


def held(reservation: TokenReservation | None) -> Charge:
    """What a reservation holds; nothing where there is none."""
    if reservation is None:
        return NOTHING
    return Charge(reservation.amount, reservation.cost_units or 0, reservation.currency)


def charged(row: TokenUsageLog | None) -> Charge:
    """What a usage row charges."""
    if row is None:
        return NOTHING
    cost = row.cost if row.cost is not None else Decimal(0)
    return Charge(row.total_tokens_used, units(cost), row.currency)


def cost_of(
    model: str | None,
    began_at: datetime,
    priced: Callable[[ModelPrice], Decimal],
    total: int,
    promised: Charge,
) -> CostFields:
    """The cost of a call by the price of the time at which it began.

    Where that price is gone, or is in another currency since the call was ``promised``: the most
    that it could cost then, so that no quota in money counts too little.
    """
    cost = cost_fields(model, began_at, priced)
    if promised.currency is None or promised.currency == cost["currency"]:
        return cost
    return as_promised(model, total, promised)


def as_promised(model: str | None, total: int, promised: Charge) -> CostFields:
    """The most that a call could cost when it was reserved; unknown where no price applied."""
    if promised.currency is None:
        return CostFields(model=model, cost=None, currency=None)
    most = amount_of(promised.units) if total else Decimal(0)
    return CostFields(model=model, cost=most, currency=promised.currency)
