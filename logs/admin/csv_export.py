"""Log records and audit entries as CSV."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from django.db.models import Model, QuerySet

from ocrsite.lib.csv_text import Echo, inert

_COLUMNS = (
    *("timestamp", "level", "logger", "message", "exception"),
    *("module", "function_name", "line_number"),
    *("request_id", "extraction_id", "company_id", "user", "process_id", "host", "fingerprint"),
)

M = TypeVar("M", bound=Model)


def lines(rows: Iterable[Model], columns: Sequence[str] = _COLUMNS) -> Iterator[str]:
    """Yield the headings and a line for each row, with formulas disarmed by an apostrophe."""
    writer = csv.writer(Echo())
    yield writer.writerow(columns)
    for row in rows:
        yield writer.writerow([_cell(getattr(row, column)) for column in columns])


def by_keyset(rows: QuerySet[M], key: str, batch: int = 1_000) -> Iterator[M]:
    """Yield rows, the newest key first, by short queries instead of one open cursor."""
    rows = rows.order_by(f"-{key}")
    page = list(rows[:batch])
    while page:
        yield from page
        page = list(rows.filter(**{f"{key}__lt": page[-1].pk})[:batch])


def _cell(value: object) -> str:
    return "" if value is None else inert(str(value))
