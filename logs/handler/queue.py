"""Records that wait to be written: bounded, and generous to the severe when it is full."""

import logging
from collections import Counter, deque

from logs.handler.records import Entry, own_warning


class Backlog:
    """A queue of entries that gives up its lowest level first. Not locked; its owner locks."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._by_level: dict[int, deque[Entry]] = {}
        self._size = 0
        self._dropped: Counter[str] = Counter()
        self.last_number = 0
        """The highest number of an entry so far, dropped or not."""

    def __len__(self) -> int:
        return self._size

    def put(self, entry: Entry) -> None:
        """Add an entry; when full, drop the oldest of a lower level, or else this one."""
        self.last_number = max(self.last_number, entry.number)
        if self._size >= self._capacity:
            lowest = min(level for level, entries in self._by_level.items() if entries)
            if lowest >= entry.level:
                self._dropped[entry.level_name] += 1
                return
            victim = self._by_level[lowest].popleft()
            self._dropped[victim.level_name] += 1
            self._size -= 1
        self._by_level.setdefault(entry.level, deque()).append(entry)
        self._size += 1

    def take(self, limit: int, lowest: int = logging.NOTSET) -> list[Entry]:
        """Remove up to ``limit`` entries, the most severe first, and return them as they came.

        None of a level below ``lowest``.

        One more at the end says how many were dropped since the last time, if any were.
        """
        taken: list[Entry] = []
        for level in sorted(self._by_level, reverse=True):
            if level < lowest:
                break
            entries = self._by_level[level]
            count = min(len(entries), limit - len(taken))
            taken += [entries.popleft() for _ in range(count)]
        taken.sort()
        self._size -= len(taken)
        return taken + self._notice()

    def _notice(self) -> list[Entry]:
        dropped, self._dropped = self._dropped, Counter()
        if not dropped:
            return []
        counts = ", ".join(f"{count} {level}" for level, count in dropped.items())
        return [
            own_warning(
                f"{dropped.total()} log records were dropped because the queue was full: {counts}"
            )
        ]

    def has(self, level: int) -> bool:
        """Whether an entry of this level or above waits."""
        return bool(self.heads(level))

    def heads(self, lowest: int = logging.NOTSET) -> list[int]:
        """Return the lowest number of each level that waits, of those from ``lowest`` on."""
        levels = self._by_level.items()
        return [entries[0].number for level, entries in levels if entries and level >= lowest]

    def oldest_number(self) -> int:
        """Return the lowest number of those that wait; when none does, one above the highest."""
        return min(self.heads(), default=self.last_number + 1)
