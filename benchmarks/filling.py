"""How a benchmark's SQLite database is filled with millions of rows within minutes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_CACHE = 1_000_000  # KiB


@contextmanager
def without_indexes(cursor: Any, table: str) -> Iterator[None]:
    """Drop the indexes of a table and make them again at the end: sorted, they take far less time.

    Nothing is flushed to the disk from here on: the database is thrown away.
    """
    cursor.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = %s"
        " AND sql IS NOT NULL",
        [table],
    )
    indexes = cursor.fetchall()
    cursor.execute("PRAGMA synchronous = OFF")
    (before,) = cursor.execute("PRAGMA cache_size").fetchone()
    cursor.execute(f"PRAGMA cache_size = -{_CACHE}")
    for name, _ in indexes:
        cursor.execute(f'DROP INDEX "{name}"')
    yield
    for _, statement in indexes:
        cursor.execute(statement.replace("%", "%%"))
    cursor.execute(f"PRAGMA cache_size = {before}")
