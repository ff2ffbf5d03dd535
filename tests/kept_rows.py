"""Rows that the tests of a module share, as ``setUpTestData`` makes them for a class."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from pytest_django import DjangoDbBlocker


@contextmanager
def kept_rows(blocker: DjangoDbBlocker) -> Iterator[None]:
    """Undo in the end what is written meanwhile; what a test writes is undone with the test.

    For fixtures of a module whose tests are all undone by rolling back. A test asks the database
    for an object that it is to change.
    """
    with blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)
