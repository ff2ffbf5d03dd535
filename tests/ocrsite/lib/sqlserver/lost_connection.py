"""Prints what our code is told when pyodbc fails under mssql-django, as JSON.

    DATABASE_URL=mssql://… python -m tests.ocrsite.lib.sqlserver.lost_connection

A process of its own, because importing mssql-django patches Django for every database. The server
is played by a connection that behaves as pyodbc's: once closed, its cursors cannot be closed.
"""

import json
import sys
from collections.abc import Callable
from unittest import mock

import django
import pyodbc
from django.db import connection, transaction

from tests import pyodbc_errors
from tests.pyodbc_errors import DriverError

ERRORS = {
    name: value for name, value in vars(pyodbc_errors).items() if isinstance(value, DriverError)
}
CLOSED = "The cursor's connection has been closed."


class Cursor:
    """One of pyodbc's cursors. Every answer is one row with a 0."""

    rowcount = 1
    description = None

    def __init__(self, server: "Connection") -> None:
        self._server = server

    def __enter__(self) -> "Cursor":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def execute(self, sql: str, _parameters: object = ()) -> "Cursor":
        self._server.answer(sql)
        return self

    def fetchone(self) -> tuple[int]:
        self._server.answer("fetch")
        return (0,)

    def fetchmany(self, _size: int = 1) -> list[tuple[int]]:
        self._server.answer("fetch")
        return []

    fetchall = fetchmany

    def nextset(self) -> bool:
        return False

    def close(self) -> None:
        if self._server.closed:
            raise pyodbc.ProgrammingError(CLOSED)


class Connection:
    """One of pyodbc's connections, which fails when it is asked what holds the word."""

    autocommit = True
    error: DriverError | None = None
    word = ""

    def __init__(self) -> None:
        self.closed = False

    def answer(self, sql: str) -> None:
        if self.closed:
            raise pyodbc.ProgrammingError(CLOSED)
        if self.error and self.word in sql:
            raise self.error.raised()

    def cursor(self) -> Cursor:
        if self.closed:
            raise pyodbc.ProgrammingError("Attempt to use a closed connection.")
        return Cursor(self)

    def commit(self) -> None:
        self.answer("COMMIT")

    def rollback(self) -> None:
        self.answer("ROLLBACK")

    def close(self) -> None:
        self.closed = True


def ask() -> None:
    from logs.models import LoggerLevel

    list(LoggerLevel.objects.all())


def ask_in_transaction() -> None:
    with transaction.atomic():
        ask()


def ask_in_savepoint() -> None:
    with transaction.atomic(), transaction.atomic():
        ask()


def commit() -> None:
    with transaction.atomic():
        connection.cursor().execute("SELECT 1")


ASKED: dict[str, tuple[str, Callable[[], None]]] = {
    "execute": ("SELECT [logs", ask),
    "fetch": ("fetch", ask),
    "in a transaction": ("SELECT [logs", ask_in_transaction),
    "in a savepoint": ("SELECT [logs", ask_in_savepoint),
    "commit": ("COMMIT", commit),
}


def told(error: DriverError, word: str, act: Callable[[], None]) -> dict[str, object]:
    """What reaches the code, and whether a later query works."""
    from ocrsite.lib.database import drop_connections, is_unreachable
    from ocrsite.lib.database_errors import fault_of

    with mock.patch.multiple(Connection, error=error, word=word):
        try:
            act()
        except Exception as caught:
            raised = caught
        else:
            return {"class": None}
        answer = {
            "class": f"{type(raised).__module__}.{type(raised).__name__}",
            "state": getattr(raised.__cause__, "args", ("",))[0],
            "fault": fault_of(raised).name,
            "unreachable": is_unreachable(raised),
        }
    drop_connections()
    ask()  # raises where the connection is not made anew
    return answer


def main() -> None:
    """Print what is told of every error at every place."""
    django.setup()
    from mssql.base import DatabaseWrapper

    DatabaseWrapper._known_versions["default"] = 2022
    DatabaseWrapper._known_azures["default"] = False
    with (
        mock.patch.object(
            DatabaseWrapper, "get_new_connection", side_effect=lambda _: Connection()
        ),
        mock.patch.object(DatabaseWrapper, "init_connection_state"),
    ):
        answers = {
            f"{name} {place}": told(error, word, act)
            for name, error in ERRORS.items()
            for place, (word, act) in ASKED.items()
        }
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
