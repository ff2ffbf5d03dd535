"""Records that wait to be written: bounded, and generous to the severe when it is full."""

from collections import Counter, deque
from operator import itemgetter

from logs.entries import Entry, own_warning


class Backlog:
    """A queue of entries that gives up its lowest level first. Not locked; its owner locks."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._by_level: dict[int, deque[tuple[int, Entry]]] = {}
        self._size = 0
        self._dropped: Counter[str] = Counter()
        self.last_number = 0
        """Entries are numbered as they come; this is the newest's number, dropped or not."""

    def __len__(self) -> int:
        return self._size

    def put(self, entry: Entry) -> None:
        """Add an entry; when full, drop the oldest of a lower level, or else this one."""
        self.last_number += 1
        if self._size >= self._capacity:
            lowest = min(level for level, entries in self._by_level.items() if entries)
            if lowest >= entry.level:
                self._dropped[entry.level_name] += 1
                return
            _, victim = self._by_level[lowest].popleft()
            self._dropped[victim.level_name] += 1
            self._size -= 1
        self._by_level.setdefault(entry.level, deque()).append((self.last_number, entry))
        self._size += 1

    def take(self, limit: int) -> list[Entry]:
        """Remove up to ``limit`` entries, the most severe first, and return them as they came.

        One more at the end says how many were dropped since the last time, if any were.
        """
        numbered: list[tuple[int, Entry]] = []
        for level in sorted(self._by_level, reverse=True):
            entries = self._by_level[level]
            count = min(len(entries), limit - len(numbered))
            numbered += [entries.popleft() for _ in range(count)]
        numbered.sort(key=itemgetter(0))
        self._size -= len(numbered)
        return [*(entry for _, entry in numbered), *self._notice()]

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
        return any(entries and own >= level for own, entries in self._by_level.items())

    def oldest_number(self) -> int:
        """Return the number of the entry that has waited longest; the next one's when empty."""
        heads = [entries[0][0] for entries in self._by_level.values() if entries]
        return min(heads, default=self.last_number + 1)
