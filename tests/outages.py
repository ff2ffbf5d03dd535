"""A database that cannot be reached, for tests in one process."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from django.db import connection


@contextmanager
def database_away() -> Iterator[None]:
    """Let every new connection of this thread fail inside the block, and none be open.

    For tests that run without a transaction of their own.
    """
    # SQLite cannot make a file there; nobody listens on that port.
    nowhere = {"NAME": "/nowhere/db.sqlite3", "HOST": "127.0.0.1", "PORT": "9"}
    connection.close()
    with mock.patch.dict(connection.settings_dict, nowhere):
        yield
    connection.close()
