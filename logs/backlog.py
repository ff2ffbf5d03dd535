"""Records that wait to be written: bounded, and generous to the severe when it is full."""

from collections import Counter, deque
from operator import itemgetter

from logs.entries import Entry


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

    def take_all(self) -> tuple[list[Entry], Counter[str]]:
        """Return the entries in the order they came, and what was dropped by level name."""
        numbered = [item for entries in self._by_level.values() for item in entries]
        numbered.sort(key=itemgetter(0))
        dropped = self._dropped
        self._by_level, self._size, self._dropped = {}, 0, Counter()
        return [entry for _, entry in numbered], dropped
