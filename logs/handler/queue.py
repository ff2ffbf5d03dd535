"""Rows in memory that wait for the writer."""

from collections import Counter, deque
from operator import attrgetter

from logs.handler.records import Row, own_record


class RecordQueue:
    """A bounded queue: when full, rows of the lowest level are dropped. Its owner locks it."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._by_level: dict[int, deque[Row]] = {}
        self._size = 0
        self._dropped: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._size

    def put(self, level: int, row: Row) -> None:
        """Add a row; when full, drop the oldest of a lower level, or else this one."""
        if self._size >= self._capacity:
            lowest = min(each for each, rows in self._by_level.items() if rows)
            if lowest >= level:
                self._dropped[row.level] += 1
                return
            self._dropped[self._by_level[lowest].popleft().level] += 1
            self._size -= 1
        self._by_level.setdefault(level, deque()).append(row)
        self._size += 1

    def take(self) -> list[Row]:
        """Remove all rows and return them in the order of their times.

        One more at the end says how many were dropped since the last time, if any were.
        """
        rows = [row for of_level in self._by_level.values() for row in of_level]
        rows.sort(key=attrgetter("timestamp"))
        self._by_level.clear()
        self._size = 0
        return rows + self._notice()

    def _notice(self) -> list[Row]:
        dropped, self._dropped = self._dropped, Counter()
        if not dropped:
            return []
        counts = ", ".join(f"{count} {level}" for level, count in dropped.items())
        return [
            own_record(
                f"{dropped.total()} log records were dropped because the queue was full: {counts}"
            )
        ]
