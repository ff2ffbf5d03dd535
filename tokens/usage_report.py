"""Sums of what calls were charged: by day, month, key, company, branch or requester.

All amounts are LLM tokens, as booked in TokenUsageLogs; days and months are those of UTC.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db.models import F, Sum
from django.db.models.functions import Coalesce, TruncDate, TruncMonth

from tokens.models import TokenUsageLog

# The columns that are summed up, by the names under which they are told.
_SUMS = {
    "calls": "request_count",
    "input_tokens": "input_tokens",
    "cached_tokens": "cached_tokens",
    "output_tokens": "output_tokens",
    "thinking_tokens": "thinking_tokens",
    "total_tokens": "total_tokens_used",
}
NOTHING_USED = dict.fromkeys(_SUMS, 0)


class Group(StrEnum):
    """What sums are told apart by."""

    DAY = "day"
    MONTH = "month"
    KEY = "token_id"
    COMPANY = "company_id"
    BRANCH = "branch"
    REQUESTER = "requested_by"


_VALUES: dict[Group, Any] = {
    Group.DAY: TruncDate("logged_at", tzinfo=UTC),
    Group.MONTH: TruncMonth("logged_at", tzinfo=UTC),
    Group.KEY: F("token_id"),
    # A row that was inserted by SQL may name its key alone.
    Group.COMPANY: Coalesce("company_id", "token__company_id"),
    Group.BRANCH: F("branch"),
    Group.REQUESTER: F("requested_by"),
}


def usage_sums(
    company_ids: Sequence[str] | None, since: date, until: date, groups: Sequence[Group]
) -> list[dict[str, Any]]:
    """Return the sums of the days from ``since`` to ``until``, both counted, in order of groups.

    ``company_ids``: None means every company. A row has a value for each group, a month as its
    first day, and the sums; without groups there is one row, of zeros where nothing was used.
    """
    rows = TokenUsageLog.objects.annotate(company=_VALUES[Group.COMPANY]).filter(
        logged_at__gte=_midnight(since), logged_at__lt=_midnight(until + timedelta(days=1))
    )
    if company_ids is not None:
        rows = rows.filter(company__in=company_ids)
    sums = {f"sum_{name}": Coalesce(Sum(column), 0) for name, column in _SUMS.items()}
    if not groups:
        return [_told(rows.aggregate(**sums), groups)]
    values = {f"by_{group.name}": _VALUES[group] for group in groups}
    grouped = rows.order_by().values(**values).annotate(**sums).order_by(*values)
    return [_told(row, groups) for row in grouped]


def usage_of_attempts(attempt_ids: Collection[UUID]) -> dict[UUID, dict[str, int]]:
    """Return what each call was charged, by its id; calls that cost nothing are left out."""
    if not attempt_ids:
        return {}
    rows = TokenUsageLog.objects.filter(attempt_id__in=attempt_ids)
    charged = rows.values_list("attempt_id", *_SUMS.values())
    return {id_: dict(zip(_SUMS, amounts, strict=True)) for id_, *amounts in charged if id_}


def _told(row: Mapping[str, Any], groups: Sequence[Group]) -> dict[str, Any]:
    named = {str(group): _plain(row[f"by_{group.name}"]) for group in groups}
    return named | {name: row[f"sum_{name}"] for name in _SUMS}


def _plain(value: Any) -> Any:
    """A month is told by its first day, without a time."""
    return value.date() if isinstance(value, datetime) else value


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
