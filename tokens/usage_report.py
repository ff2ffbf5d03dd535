"""Sums of what calls were charged: by day, month, key, company, branch, requester, model or detail.

As booked in TokenUsageLogs: LLM tokens, and money by currency. Days and months are those of the
company's time zone. Whichever way a row writes a company's id, it counts for the company.

Whole days of UTC come from the daily sums (TokenUsageDays) where these tell the groups apart and
are made already, so that millions of rows need not be added up.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db.models import Case, F, Min, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Coalesce, NullIf

from tokens.company_days import between, by_zone, midnight
from tokens.costs import Money, amount_of, sum_of_units, units
from tokens.models import Company, TokenUsageLog, UsageDay
from tokens.models.company import folded
from tokens.models.usage import company_of

_MOMENT = timedelta(microseconds=1)


class Group(StrEnum):
    """What sums are told apart by."""

    DAY = "day"
    MONTH = "month"
    KEY = "token_id"
    COMPANY = "company_id"
    BRANCH = "branch"
    REQUESTER = "requested_by"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Detail:
    """What calls are told apart by that another table says of some of them, such as a label.

    ``rows`` are those calls, once each, with their usage rows behind ``prefix``; ``value`` leads to
    what is said of them. The others have None.
    """

    name: str
    heading: str
    rows: Callable[[], QuerySet[Any]]
    prefix: str
    value: str


Grouping = Group | Detail


@dataclass(frozen=True, slots=True)
class _Source:
    """Rows that are added up, and their expressions.

    ``summed``: by the names under which they are told. ``unpriced`` selects rows of unknown cost:
    their model had no price, or they are of before there were prices. ``prefix`` leads to the rows'
    times.
    """

    rows: Callable[[], QuerySet[Any]]
    company: str
    values: Mapping[Grouping, Any]
    currency: Any
    summed: Mapping[str, str]
    units: Any
    unpriced: Q
    prefix: str = ""


_SUMMED = {
    "calls": "request_count",
    "input_tokens": "input_tokens",
    "cached_tokens": "cached_tokens",
    "output_tokens": "output_tokens",
    "thinking_tokens": "thinking_tokens",
    "total_tokens": "total_tokens_used",
}
_COLUMNS = {
    Group.KEY: "token_id",
    Group.BRANCH: "branch",
    Group.REQUESTER: "requested_by",
    Group.MODEL: "model",
}


def _calls(rows: Callable[[], QuerySet[Any]], prefix: str = "") -> _Source:
    """Return usage rows as a source, to which the prefix leads from ``rows``."""
    return _Source(
        rows=lambda: rows().annotate(company=company_of(prefix)),
        company="company",
        values={
            Group.COMPANY: F("company"),
            **{group: F(f"{prefix}{column}") for group, column in _COLUMNS.items()},
        },
        currency=F(f"{prefix}currency"),
        summed={name: f"{prefix}{column}" for name, column in _SUMMED.items()},
        units=sum_of_units(f"{prefix}cost"),
        unpriced=Q(**{f"{prefix}cost": None}),
        prefix=prefix,
    )


def _of_detail(detail: Detail) -> _Source:
    """Return the calls of which a detail is said."""
    source = _calls(detail.rows, detail.prefix)
    return replace(source, values={**source.values, detail: F(detail.value)})


_CALLS = _calls(TokenUsageLog.objects.all)
_DAYS = _Source(
    # A charge that was corrected to another model or currency leaves a row of zeros.
    rows=lambda: UsageDay.objects.exclude(requests=0),
    company="company_id",
    values={
        Group.KEY: NullIf("token_id", Value(0)),
        Group.COMPANY: NullIf("company_id", Value("")),
        Group.MODEL: NullIf("model", Value("")),
    },
    currency=NullIf("currency", Value("")),
    summed={name: name for name in _SUMMED} | {"calls": "requests"},
    units=Sum(Case(When(~Q(currency=""), then=F("cost_units")))),
    unpriced=Q(currency=""),
)


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

    def __sub__(self, part: "Sums") -> "Sums":
        """Return what is left without a part; a currency of which nothing is left is left out."""
        counts: dict[str, Any] = {
            name: getattr(self, name) - getattr(part, name) for name in COUNTS
        }
        costs = {
            currency: cost - part.cost_units.get(currency, 0)
            for currency, cost in self.cost_units.items()
            if cost != part.cost_units.get(currency)
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

    values: Mapping[Grouping, Any]
    sums: Sums


def total(rows: Iterable[UsageRow]) -> Sums:
    """Return the sums of all rows."""
    return sum((row.sums for row in rows), NOTHING_USED)


def usage_sums(
    company_ids: Sequence[str] | None, since: date, until: date, groups: Sequence[Grouping]
) -> list[UsageRow]:
    """Return the sums of the days from ``since`` to ``until``, both counted, in order of groups.

    ``company_ids``: None means every company. Without groups there is one row, of zeros where
    nothing was used. At most one of the groups is a detail.
    """
    detail = next((group for group in groups if isinstance(group, Detail)), None)
    if detail is None:
        found = _found(company_ids, since, until, groups)
    else:
        found = _detailed(company_ids, since, until, groups, detail)
    return [
        UsageRow(dict(zip(groups, key, strict=True)), found[key])
        for key in sorted(found, key=_order)
    ]


_Found = dict[tuple[Any, ...], Sums]


def _detailed(
    company_ids: Sequence[str] | None,
    since: date,
    until: date,
    groups: Sequence[Grouping],
    detail: Detail,
) -> _Found:
    """Return the sums of the calls of which the detail is said, and of those that are left."""
    told = _found(company_ids, since, until, groups, _of_detail(detail))
    at = groups.index(detail)
    # After the others: a call that is charged meanwhile is among what is left.
    left = _found(company_ids, since, until, [*groups[:at], *groups[at + 1 :]])
    for key, sums in told.items():
        rest = (*key[:at], *key[at + 1 :])
        left[rest] = left.get(rest, NOTHING_USED) - sums
    others = {(*key[:at], None, *key[at:]): sums for key, sums in left.items()}
    return told | {key: sums for key, sums in others.items() if sums != NOTHING_USED}


def _found(
    company_ids: Sequence[str] | None,
    since: date,
    until: date,
    groups: Sequence[Grouping],
    source: _Source | None = None,
) -> _Found:
    """Return the sums of each group: of all calls, or of those of one source."""
    own_names = _own_names()
    found: _Found = {} if groups else {(): NOTHING_USED}
    summed_from = None if source else _summed_from(groups)
    for zone, of_zone in by_zone():
        for first, last in _parts(since, until, groups):
            selected = _selected(*between(first, last, zone), summed_from, source or _CALLS)
            for values, sums in _added_up(selected, of_zone, company_ids, groups):
                company = values.get(Group.COMPANY)
                values |= {
                    Group.DAY: first,
                    Group.MONTH: first.replace(day=1),
                    Group.COMPANY: own_names.get(folded(company or ""), company),
                }
                key = tuple(values[group] for group in groups)
                found[key] = found.get(key, NOTHING_USED) + sums
    return found


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


def _parts(since: date, until: date, groups: Sequence[Grouping]) -> Iterator[tuple[date, date]]:
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


def _summed_from(groups: Sequence[Grouping]) -> date | None:
    """Return the day from which the daily sums serve; None where they tell too little apart.

    They are made from the newest day on, each at once: so all are there but, perhaps, the first.
    """
    if {Group.BRANCH, Group.REQUESTER} & set(groups):
        return None
    first: date | None = UsageDay.objects.aggregate(first=Min("day"))["first"]
    return first and first + timedelta(days=1)


def _selected(
    begin: datetime, end: datetime, summed_from: date | None, calls: _Source
) -> list[tuple[_Source, dict[str, Any]]]:
    """Divide a time into whole days of UTC that the daily sums have, and what lies around them."""
    first, last = (begin - _MOMENT).date() + timedelta(days=1), end.date()
    if summed_from is None or max(first, summed_from) >= last:
        return [(calls, _logged(calls, begin, end))]
    first = max(first, summed_from)
    return [
        (_DAYS, {"day__gte": first, "day__lt": last}),
        *(
            (calls, _logged(calls, after, before))
            for after, before in ((begin, midnight(first, UTC)), (midnight(last, UTC), end))
            if after < before
        ),
    ]


def _logged(calls: _Source, begin: datetime, end: datetime) -> dict[str, Any]:
    return {f"{calls.prefix}logged_at__gte": begin, f"{calls.prefix}logged_at__lt": end}


def _added_up(
    selected: Iterable[tuple[_Source, dict[str, Any]]],
    of_zone: Callable[[str], Q],
    company_ids: Sequence[str] | None,
    groups: Sequence[Grouping],
) -> Iterator[tuple[dict[Grouping, Any], Sums]]:
    for source, lookups in selected:
        rows = source.rows().filter(of_zone(source.company), **lookups)
        if company_ids is not None:
            rows = rows.filter(**{f"{source.company}__in": company_ids})
        yield from _grouped(rows, source, groups)


def _grouped(
    rows: QuerySet[Any], source: _Source, groups: Sequence[Grouping]
) -> Iterator[tuple[dict[Grouping, Any], Sums]]:
    """Yield the sums of each group and currency, without days and months."""
    names = {f"by_{n}": group for n, group in enumerate(groups) if group in source.values}
    sums = {f"sum_{name}": Coalesce(Sum(column), 0) for name, column in source.summed.items()}
    unpriced = Case(When(source.unpriced, then=F(source.summed["calls"])))
    grouped = (
        rows.order_by()
        .values(
            **{name: source.values[group] for name, group in names.items()},
            of_currency=source.currency,
        )
        .annotate(**sums, sum_unpriced_calls=Coalesce(Sum(unpriced), 0), units=source.units)
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
