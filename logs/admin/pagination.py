"""Pages of log records by keyset: neither COUNT nor OFFSET, whose cost grows with the table.

A page begins at the record where its neighbour ended, which an index finds at once. For a condition
without an index at most EXAMINED records are read per page: the page then says how far back they
reach, and the next page goes on from there.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self

from django.db.models import Q, QuerySet

from logs.models import ApplicationLog

# Records examined for one page where a condition has no index.
EXAMINED = 10_000

Logs = QuerySet[ApplicationLog]


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the list, which runs from the newest record to the oldest."""

    timestamp: datetime
    log_id: int

    @classmethod
    def of(cls, log: ApplicationLog) -> Self:
        """The position of a record."""
        return cls(log.timestamp, log.pk)

    @classmethod
    def read(cls, text: str) -> Self | None:
        """What ``str`` wrote; None when it is not that."""
        moment, _, log_id = text.partition("~")
        try:
            return cls(datetime.fromisoformat(moment).astimezone(UTC), int(log_id))
        except (ValueError, OverflowError):
            return None

    def __str__(self) -> str:
        return f"{self.timestamp.isoformat()}~{self.log_id}"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which records: by conditions with an index, by time, and by conditions without an index."""

    logs: Logs
    since: datetime | None = None
    until: datetime | None = None
    unindexed: Q = field(default_factory=Q)

    def between(self, older_than: Position | None, newer_than: Position | None) -> Logs:
        """The records between two positions (None: no bound), ``unindexed`` not applied."""
        logs, since = self.logs, self.since
        if newer_than is not None:
            since = max(since or newer_than.timestamp, newer_than.timestamp)
            logs = logs.exclude(timestamp=newer_than.timestamp, log_id__gte=newer_than.log_id)
        if older_than is not None:
            logs = logs.exclude(timestamp=older_than.timestamp, log_id__lte=older_than.log_id)
        # One bound on each side: of two, SQLite would use the first for its index search, and might
        # read the whole table.
        if since is not None:
            logs = logs.filter(timestamp__gte=since)
        if older_than is not None and not (self.until and self.until <= older_than.timestamp):
            return logs.filter(timestamp__lte=older_than.timestamp)
        return logs if self.until is None else logs.filter(timestamp__lt=self.until)


@dataclass(frozen=True, slots=True)
class Page:
    """Records, newest first, and where the neighbouring pages begin."""

    logs: list[ApplicationLog]
    newer: Position | None = None
    older: Position | None = None
    examined_to: Position | None = None
    """Set when the page is not full because no more records were examined."""


def page(
    selection: Selection,
    *,
    newer_than: Position | None = None,
    older_than: Position | None = None,
    size: int,
) -> Page:
    """Return the page of older or newer records than a position, or the first page."""
    if newer_than is not None:
        logs, edge = _read(selection, newer_than, size, forwards=False)
        if len(logs) > size:
            logs = logs[:size][::-1]
            return Page(logs, newer=Position.of(logs[0]), older=Position.of(logs[-1]))
        if edge is not None:
            older = Position.of(logs[0]) if logs else edge
            return Page(logs[::-1], newer=edge, older=older, examined_to=edge)
        # Everything that is newer fits into the first page.
    start = older_than if newer_than is None else None
    logs, edge = _read(selection, start, size, forwards=True)
    newer = Position.of(logs[0]) if start and logs else None
    if len(logs) > size:
        return Page(logs[:size], newer, Position.of(logs[size - 1]))
    return Page(logs, newer, edge, edge)


def every(selection: Selection, batch: int = 1_000) -> Iterator[ApplicationLog]:
    """Yield the selected records, newest first, by short queries instead of one open cursor."""
    position = None
    while True:
        logs = selection.between(position, None).filter(selection.unindexed)
        rows = list(logs.order_by(*_ORDER)[:batch])
        yield from rows
        if len(rows) < batch:
            return
        position = Position.of(rows[-1])


# As every index on ApplicationLogs runs; see its Meta.
_ORDER = ("-timestamp", "log_id")
_REVERSE = ("timestamp", "-log_id")


def _read(
    selection: Selection, start: Position | None, size: int, *, forwards: bool
) -> tuple[list[ApplicationLog], Position | None]:
    """Read one record more than fits a page, and where examining ended before the end."""
    order = _ORDER if forwards else _REVERSE
    edge = stop = None
    if selection.unindexed:
        logs = selection.between(*((start, None) if forwards else (None, start)))
        places = logs.order_by(*order).values_list("timestamp", "log_id")
        ends = [Position(*place) for place in places[EXAMINED - 1 : EXAMINED + 1]]
        if len(ends) == 2:  # the last that is examined, and the first that is not
            edge, stop = ends
    logs = selection.between(*((start, stop) if forwards else (stop, start)))
    return list(logs.filter(selection.unindexed).order_by(*order)[: size + 1]), edge
