"""The usage report as a table: headings, a row for each group, and the sums at the foot.

In files its words are English; the page looks the headings up in its reader's language.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.utils.translation import gettext_noop

from extraction.exports.layout import Layout
from extraction.exports.values import Value
from tokens.costs import amount_of
from tokens.usage_report import Detail, Group, Grouping, Sums, UsageRow, total

NAMES = {
    Group.DAY: gettext_noop("Day"),
    Group.MONTH: gettext_noop("Month"),
    Group.KEY: gettext_noop("Key"),
    Group.COMPANY: gettext_noop("Company"),
    Group.BRANCH: gettext_noop("Branch"),
    Group.REQUESTER: gettext_noop("Requester"),
    Group.MODEL: gettext_noop("Model"),
}
TOTAL = "Total"
COUNT_NAMES = {
    "calls": gettext_noop("Requests"),
    "input_tokens": gettext_noop("Input"),
    "cached_tokens": gettext_noop("From cache"),
    "output_tokens": gettext_noop("Output"),
    "thinking_tokens": gettext_noop("Thinking"),
    "total_tokens": gettext_noop("LLM tokens"),
    "unpriced_calls": gettext_noop("Requests of unknown cost"),
}


class Format(models.TextChoices):
    """The files in which a report is sent."""

    CSV = "csv", "CSV"
    XLSX = "xlsx", "Excel"


@dataclass(frozen=True, slots=True)
class UsageTable:
    """``rows`` in the order of ``headings``; the first ``groups`` columns tell the rows apart."""

    headings: Sequence[str]
    rows: Sequence[Sequence[Value]]
    foot: Sequence[Value]
    groups: int


def usage_table(
    rows: Sequence[UsageRow], groups: Sequence[Grouping], named: Callable[[Grouping, Any], Value]
) -> UsageTable:
    """Return the table of a report, with one column of cost for each currency.

    ``named`` says how the value of a group is written. A cost is empty where nothing is known of it
    in that currency.
    """
    sums = total(rows)
    currencies = [cost.currency for cost in sums.costs]
    return UsageTable(
        headings=[
            *(group.heading if isinstance(group, Detail) else NAMES[group] for group in groups),
            *COUNT_NAMES.values(),
            *(f"Cost ({currency})" for currency in currencies),
        ],
        rows=[
            [
                *(named(group, row.values[group]) for group in groups),
                *_numbers(row.sums, currencies),
            ]
            for row in rows
        ],
        foot=[TOTAL, *[""] * (len(groups) - 1), *_numbers(sums, currencies)],
        groups=len(groups),
    )


def usage_file(table: UsageTable, format_: Format) -> Iterator[bytes]:
    """Yield the table as a file, the sums last."""
    # Loaded with their first use: web processes hardly ever export.
    rows = [*table.rows, table.foot]
    if format_ == Format.XLSX:
        from extraction.exports.workbook import workbook_table

        return workbook_table("Usage", table.headings, rows)
    from extraction.exports.csv_file import csv_table

    return csv_table(table.headings, rows, Layout(()))


def _numbers(sums: Sums, currencies: Sequence[str]) -> list[Value]:
    counts: list[Value] = [getattr(sums, name) for name in COUNT_NAMES]
    known = sums.cost_units
    return [*counts, *(amount_of(known[each]) if each in known else None for each in currencies)]
