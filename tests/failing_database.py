"""The tests' SQLite database, made to fail as SQL Server does at one chosen call.

Calls are statements, commits and log-ins of one thread. What a failure does to connection and
transaction is done, too.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from tests import pyodbc_errors
from tests.pyodbc_errors import DriverError

# By name, for tests that try each.
OUTAGES = {
    name: getattr(pyodbc_errors, name)
    for name in ("LINK_LOST", "KILLED", "FAIL_OVER", "BROKEN", "QUERY_TOO_LONG", "DEADLOCK")
}


class Failure:
    """Fails at the call with this number, from 1; 0 fails never. Counts the calls."""

    def __init__(self, error: DriverError, at: int, *, after_commit: bool = False) -> None:
        self.calls = 0
        self.happened = False
        self._error = error
        self._at = at
        self._after_commit = after_commit
        self._thread = threading.get_ident()
        self._dead: list[Any] = []
        self._closed: list[Any] = []

    def check(self, database: BaseDatabaseWrapper) -> None:
        """Count a call, and fail if it is the one, or if its connection is dead."""
        if threading.get_ident() != self._thread:
            return
        self.calls += 1
        if any(database.connection is dead for dead in self._dead):
            self._close(database)
            raise pyodbc_errors.LINK_LOST.wrapped()
        if self.calls == self._at:
            self.happened = True
            self._break(database)
            database.errors_occurred = True
            raise self._error.wrapped()

    def commits(self, database: BaseDatabaseWrapper, commit: Any) -> Any:
        """Commit, and fail before it or, ``after_commit``, before that can be confirmed."""
        if self._after_commit and self.calls + 1 == self._at:
            commit(database)
            return self.check(database)
        self.check(database)
        return commit(database)

    def _break(self, database: BaseDatabaseWrapper) -> None:
        """What the server and mssql-django do then."""
        if database.connection is None:
            return
        if self._error is pyodbc_errors.QUERY_TOO_LONG:
            return  # the transaction is open
        database.connection.rollback()
        if self._error is pyodbc_errors.LINK_LOST:
            self._close(database)
        elif self._error is not pyodbc_errors.DEADLOCK:
            self._dead.append(database.connection)

    def _close(self, database: BaseDatabaseWrapper) -> None:
        """Forget the connection, as ``close`` does; SQLite's cursors would resent a real one."""
        self._closed.append(database.connection)
        if database.in_atomic_block:
            database.closed_in_transaction = database.needs_rollback = True
        database.connection = None

    def clean_up(self) -> None:
        """Close what was only forgotten."""
        for each in self._closed:
            each.close()


@contextmanager
def failing(error: DriverError, at: int, *, after_commit: bool = False) -> Iterator[Failure]:
    """Let this thread's call with this number fail inside the block, counted from its begin."""
    failure = Failure(error, at, after_commit=after_commit)
    # The stubs do not name them.
    execute: Any = getattr(CursorWrapper, "_execute_with_wrappers")  # noqa: B009
    commit: Any = getattr(BaseDatabaseWrapper, "_commit")  # noqa: B009
    connect = BaseDatabaseWrapper.connect

    def checked_execute(self: Any, sql: str, params: Any, many: bool, executor: Any) -> Any:
        failure.check(self.db)
        return execute(self, sql, params, many, executor)

    def checked_commit(self: Any) -> Any:
        return failure.commits(self, commit)

    def checked_connect(self: Any) -> Any:
        failure.check(self)
        return connect(self)

    with (
        mock.patch.object(CursorWrapper, "_execute_with_wrappers", checked_execute),
        mock.patch.object(BaseDatabaseWrapper, "_commit", checked_commit),
        mock.patch.object(BaseDatabaseWrapper, "connect", checked_connect),
    ):
        yield failure
    failure.clean_up()


def every_call(error: DriverError, *, after_commit: bool = False) -> Iterator[Any]:
    """Yield ``failing`` for the first call, the second and so on, until none is left to fail."""
    at = 1
    while True:
        connection.ensure_connection()
        with failing(error, at, after_commit=after_commit) as failure:
            yield failure
        if failure.calls < at:
            return
        at += 1
