"""Sums of what calls were charged: by day, month, key, company, branch, requester or model.

As booked in TokenUsageLogs: LLM tokens, and money by currency. Days and months are those of the
company's time zone. Whichever way a row writes a company's id, it counts for the company.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db.models import Case, F, Q, QuerySet, Sum, When
from django.db.models.functions import Coalesce

from tokens.company_days import between, by_zone
from tokens.costs import Money, amount_of, sum_of_units, units
from tokens.models import Company, TokenUsageLog
from tokens.models.company import folded

# The columns that are summed up, by the names under which they are told.
_SUMMED = {
    "calls": "request_count",
    "input_tokens": "input_tokens",
    "cached_tokens": "cached_tokens",
    "output_tokens": "output_tokens",
    "thinking_tokens": "thinking_tokens",
    "total_tokens": "total_tokens_used",
}
# A row of unknown cost: its model had no price, or it is of before there were prices.
_UNPRICED = Q(cost=None)


class Group(StrEnum):
    """What sums are told apart by."""

    DAY = "day"
    MONTH = "month"
    KEY = "token_id"
    COMPANY = "company_id"
    BRANCH = "branch"
    REQUESTER = "requested_by"
    MODEL = "model"


_COMPANY: Any = Coalesce("company_id", "token__company_id")  # SQL may name the key alone
_VALUES: dict[Group, Any] = {
    Group.KEY: F("token_id"),
    Group.COMPANY: _COMPANY,
    Group.BRANCH: F("branch"),
    Group.REQUESTER: F("requested_by"),
    Group.MODEL: F("model"),
}


@dataclass(frozen=True, slots=True)
class Sums:
    """LLM tokens and money of some calls. What ``unpriced_calls`` cost is not known."""

    calls: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    thinking_tokens: int = 0
    total_tokens: int = 0
    unpriced_calls: int = 0
    cost_units: Mapping[str, int] = field(default_factory=dict)
    """Of the last place of a cost, by currency: they add up exactly."""

    def __add__(self, other: "Sums") -> "Sums":
        counts: dict[str, Any] = {
            name: getattr(self, name) + getattr(other, name) for name in COUNTS
        }
        costs = {
            currency: self.cost_units.get(currency, 0) + other.cost_units.get(currency, 0)
            for currency in sorted({*self.cost_units, *other.cost_units})
        }
        return Sums(**counts, cost_units=costs)

    @property
    def costs(self) -> list[Money]:
        """What is known of the cost, by currency."""
        return [Money(amount_of(cost), currency) for currency, cost in self.cost_units.items()]


COUNTS = tuple(each.name for each in fields(Sums))[:-1]
NOTHING_USED = Sums()


@dataclass(frozen=True, slots=True)
class UsageRow:
    """The sums of one group: ``values`` has one for each group that was asked for.

    A day is a date, a month its first day.
    """

    values: Mapping[Group, Any]
    sums: Sums


def total(rows: Iterable[UsageRow]) -> Sums:
    """Return the sums of all rows."""
    return sum((row.sums for row in rows), NOTHING_USED)


def usage_sums(
    company_ids: Sequence[str] | None, since: date, until: date, groups: Sequence[Group]
) -> list[UsageRow]:
    """Return the sums of the days from ``since`` to ``until``, both counted, in order of groups.

    ``company_ids``: None means every company. Without groups there is one row, of zeros where
    nothing was used.
    """
    own_names = _own_names()
    found: dict[tuple[Any, ...], Sums] = {} if groups else {(): NOTHING_USED}
    rows = TokenUsageLog.objects.order_by().annotate(company=_COMPANY)
    if company_ids is not None:
        rows = rows.filter(company__in=company_ids)
    for zone, of_zone in by_zone("company"):
        for first, last in _parts(since, until, groups):
            within = rows.filter(of_zone, **between(first, last, zone))
            for values, sums in _grouped(within, groups):
                days = {Group.DAY: first, Group.MONTH: first.replace(day=1)}
                company = values.get(Group.COMPANY)
                named = {Group.COMPANY: own_names.get(folded(company or ""), company)}
                key = tuple({**values, **days, **named}[group] for group in groups)
                found[key] = found.get(key, NOTHING_USED) + sums
    return [
        UsageRow(dict(zip(groups, key, strict=True)), found[key])
        for key in sorted(found, key=_order)
    ]


def usage_of_attempts(attempt_ids: Collection[UUID]) -> dict[UUID, Sums]:
    """Return what each call was charged, by its id; calls that cost nothing are left out."""
    if not attempt_ids:
        return {}
    rows = TokenUsageLog.objects.filter(attempt_id__in=attempt_ids)
    return {row.attempt_id: _sums_of(row) for row in rows if row.attempt_id}


def _own_names() -> dict[str, str]:
    """The id of each company whose rows may write it in several ways, by its folded id."""
    companies = Company.objects.values_list("folded_id", "company_id", "other_spellings")
    return {folded_id: company_id for folded_id, company_id, others in companies if others}


def _parts(since: date, until: date, groups: Sequence[Group]) -> Iterator[tuple[date, date]]:
    """Yield the first and last day of each part of a period that is told by itself.

    One query for each part: no database then has to know the time zones.
    """
    first = since
    while first <= until:
        last = until
        if Group.DAY in groups:
            last = first
        elif Group.MONTH in groups:
            last = min(until, _month_after(first) - timedelta(days=1))
        yield first, last
        first = last + timedelta(days=1)


def _month_after(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)


def _grouped(
    rows: QuerySet[TokenUsageLog], groups: Sequence[Group]
) -> Iterator[tuple[dict[Group, Any], Sums]]:
    """Yield the sums of each group and currency, without days and months."""
    names = {f"by_{group.name}": group for group in groups if group in _VALUES}
    sums = {f"sum_{name}": Coalesce(Sum(column), 0) for name, column in _SUMMED.items()}
    grouped = rows.values(
        **{name: _VALUES[group] for name, group in names.items()}, of_currency=F("currency")
    ).annotate(
        **sums,
        sum_unpriced_calls=Coalesce(Sum(Case(When(_UNPRICED, then=F("request_count")))), 0),
        units=sum_of_units("cost"),
    )
    found: Iterable[Mapping[str, Any]] = grouped.iterator()
    for row in found:
        counts: dict[str, Any] = {name: int(row[f"sum_{name}"]) for name in COUNTS}
        cost = {} if row["units"] is None else {row["of_currency"]: int(row["units"])}
        yield {group: row[name] for name, group in names.items()}, Sums(**counts, cost_units=cost)


def _sums_of(row: TokenUsageLog) -> Sums:
    counts: dict[str, Any] = {name: getattr(row, column) for name, column in _SUMMED.items()}
    return Sums(
        **counts,
        unpriced_calls=row.request_count if row.cost is None else 0,
        cost_units={} if row.cost is None else {row.currency or "": units(row.cost)},
    )


def _order(key: tuple[Any, ...]) -> list[tuple[bool, Any]]:
    """What is not known comes first, as in a database's order."""
    return [(value is not None, value) for value in key]
