"""What calls cost in money, by the prices that applied when they were made.

A cost is a Decimal with at most COST_PLACES places, in the currency of its price, and exact. Where
numbers are summed up in the database they are counted in whole units of its last place: SQLite
keeps decimals as floating-point numbers, whose sums are not exact.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypedDict

from django.db.models import BigIntegerField, F, Sum
from django.db.models.functions import Cast, Round
from django.utils import timezone

from tokens.amounts import COST_PLACES, UNITS_OF_ONE
from tokens.models import ModelPrice


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in a currency (ISO 4217)."""

    amount: Decimal
    currency: str


class CostFields(TypedDict):
    """The columns of a usage row that say what it cost; None where that is not known."""

    model: str | None
    cost: Decimal | None
    currency: str | None


def cost_ceiling(
    model: str, *, reserved: int, output_budget: int, at: datetime | None = None
) -> Money | None:
    """Return the most that a call can cost; None for a model without a price.

    ``reserved`` is what the ledger reserves for it in LLM tokens, ``output_budget`` the part that
    is for its output with thinking. ``at`` is when the call is made: now, unless it is given.
    """
    price = ModelPrice.objects.at(model, at or timezone.now())
    if price is None:
        return None
    return Money(price.ceiling(reserved, output_budget), price.currency)


def cost_fields(
    model: str | None, at: datetime, priced: Callable[[ModelPrice], Decimal]
) -> CostFields:
    """Return what ``priced`` makes of the price that a model has at a moment."""
    price = ModelPrice.objects.at(model, at) if model else None
    if price is None:
        return CostFields(model=model, cost=None, currency=None)
    return CostFields(model=model, cost=priced(price), currency=price.currency)


def units(amount: Decimal) -> int:
    """Return an amount in units of the last place, which add up exactly."""
    return int(amount.scaleb(COST_PLACES).to_integral_value())


def amount_of(units: int) -> Decimal:
    """Return the amount of so many units."""
    return Decimal(units).scaleb(-COST_PLACES)


def sum_of_units(column: str) -> Sum:
    """Return the exact sum of a column of costs, in units; null where every one is unknown."""
    return Sum(Cast(Round(F(column) * UNITS_OF_ONE), BigIntegerField()))
