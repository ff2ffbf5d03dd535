"""A database as an earlier version left it, beside that of the tests."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import StateApps


@contextmanager
def old_database(folder: Path, *targets: tuple[str, str]) -> Iterator[StateApps]:
    """Lead the connection to a new database that is migrated there; yield the models of that time.

    Taking the database of the tests back, and forward again afterwards, takes four times as long.
    """
    database = connection.settings_dict["NAME"]
    on_sqlite = connection.vendor == "sqlite"
    # mutmut has several sessions in a process, whose folders have the same names: a file must have
    # another, or it is taken for the one before, replaced.
    name = str(folder / f"{uuid.uuid4()}.sqlite3") if on_sqlite else f"{database}_old"
    if not on_sqlite:
        _execute(f"CREATE DATABASE {connection.ops.quote_name(name)}")
    _lead_to(name)
    try:
        yield migrate(*targets)
    finally:
        _lead_to(database)
        if not on_sqlite:
            _execute(f"DROP DATABASE {connection.ops.quote_name(name)}")


def migrate(*targets: tuple[str, str]) -> StateApps:
    """Migrate there and return the models of that time."""
    return MigrationExecutor(connection).migrate(list(targets)).apps


def _lead_to(name: str) -> None:
    connection.close()
    connection.settings_dict["NAME"] = name


def _execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
