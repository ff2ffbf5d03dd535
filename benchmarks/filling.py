"""How a benchmark's SQLite database is filled with millions of rows within minutes.

``BENCHMARK_DIR``: a folder in which the data folders are kept, each under its name, and used again
the next time; without it they are thrown away.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

_CACHE = 1_000_000  # KiB
_FILLED = "filled"


@contextmanager
def filled(name: str, fill: Callable[[], None]) -> Iterator[None]:
    """Set Django up with the data folder of this name, filled now or an earlier time.

    An old one gets the migrations that have come since; one that was not filled to the end is made
    anew.
    """
    kept = os.environ.get("BENCHMARK_DIR")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(kept or temporary, name)
        if not (folder / _FILLED).exists():
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        os.environ |= {"DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "ocrsite.settings"}
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        if not (folder / _FILLED).exists():
            fill()
            (folder / _FILLED).touch()
        yield


def multiply(
    row: Any,
    count: int,
    columns: Mapping[str, str],
    within: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Put so many rows in the place of a row: equal ones, but for the columns given.

    Each of ``columns`` is SQL of n, which counts from 0, and of the names in ``within``: SQL of n
    as well, for what several columns are made of. A ``%`` stands for itself.
    """
    from django.db import connection

    table, key = row._meta.db_table, row._meta.pk
    names = [field.column for field in row._meta.concrete_fields]
    unknown = columns.keys() - set(names)
    assert not unknown, unknown
    selected = ", ".join(columns.get(name, f'one."{name}"') for name in names)
    numbered = ", ".join(["n", *(f"{text} AS {name}" for name, text in within.items())])
    statement = (
        "WITH RECURSIVE numbers(n) AS"
        f" (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {count})"
        f' INSERT INTO "{table}" ({", ".join(map(connection.ops.quote_name, names))})'
        f' SELECT {selected} FROM (SELECT {numbered} FROM numbers), "{table}" AS one'
    ).replace("%", "%%")
    pk = key.get_db_prep_value(row.pk, connection)
    with (
        connection.constraint_checks_disabled(),  # asking for each row's others takes long
        connection.cursor() as cursor,
        _unindexed(cursor, table),
    ):
        cursor.execute(f'{statement} WHERE one."{key.column}" = %s', [pk])
        cursor.execute(f'DELETE FROM "{table}" WHERE "{key.column}" = %s', [pk])


def moment(seconds_ago: str) -> str:
    """The SQL of a time as Django stores it, that was so many seconds before now: SQL as well."""
    return f"strftime('%Y-%m-%d %H:%M:%f', {time.time()} - ({seconds_ago}), 'unixepoch') || '000'"


@contextmanager
def _unindexed(cursor: Any, table: str) -> Iterator[None]:
    """Drop the indexes of a table and make them again at the end: sorted, they take far less time.

    Nothing is flushed to the disk from here on.
    """
    cursor.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = %s"
        " AND sql IS NOT NULL",
        [table],
    )
    indexes = cursor.fetchall()
    cursor.execute("PRAGMA synchronous = OFF")
    cursor.execute("PRAGMA temp_store = MEMORY")
    (before,) = cursor.execute("PRAGMA cache_size").fetchone()
    cursor.execute(f"PRAGMA cache_size = -{_CACHE}")
    for name, _ in indexes:
        cursor.execute(f'DROP INDEX "{name}"')
    yield
    for _, statement in indexes:
        cursor.execute(statement.replace("%", "%%"))
    cursor.execute(f"PRAGMA cache_size = {before}")
