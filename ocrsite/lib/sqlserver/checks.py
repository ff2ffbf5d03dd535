"""What ``manage.py check --database default`` and ``migrate`` say about the database."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Warning
from django.db import connections


def check_read_committed_snapshot(
    databases: Sequence[str] | None = None, **_options: Any
) -> list[CheckMessage]:
    """On SQL Server, readers must not wait for writers: READ_COMMITTED_SNAPSHOT."""
    return [
        Warning(
            "READ_COMMITTED_SNAPSHOT is off: whoever reads waits for every open transaction.",
            hint=f"ALTER DATABASE {name} SET READ_COMMITTED_SNAPSHOT ON WITH ROLLBACK IMMEDIATE",
            id="ocrsite.W001",
        )
        for alias in databases or ()
        if (name := _database_without_snapshots(alias))
    ]


def _database_without_snapshots(alias: str) -> str | None:
    """The quoted name of an SQL Server database that has it off."""
    connection = connections[alias]
    if connection.vendor != "microsoft":
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT QUOTENAME(name), is_read_committed_snapshot_on FROM sys.databases"
            " WHERE database_id = DB_ID()"
        )
        row = cursor.fetchone()
    return str(row[0]) if row and not row[1] else None
