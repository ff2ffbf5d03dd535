"""Fixtures for every test."""

import logging
from collections.abc import Iterator
from unittest import mock

import pytest
from django.core.management import call_command

from logs import levels
from logs.handler.handler import DatabaseHandler


@pytest.fixture(scope="session", autouse=True)
def _no_log_rows() -> Iterator[None]:
    """Take the database handler off the root logger, as long as tests run.

    Its thread would wait for every test's open transaction, and write rows that no test expects.
    Tests of the handler make their own. Nor is the database asked for levels beside the tests.
    """
    levels.ended.set()
    root = logging.getLogger()
    handlers = [handler for handler in root.handlers if isinstance(handler, DatabaseHandler)]
    for handler in handlers:
        root.removeHandler(handler)
    yield
    for handler in handlers:
        root.addHandler(handler)


@pytest.fixture(scope="session", autouse=True)
def _no_guard_of_the_database() -> Iterator[None]:
    """Have workers that run in this process refuse no database: every test would meet that."""
    with mock.patch("tokens.installation.guard"):
        yield


@pytest.fixture(scope="session", autouse=True)
def static_files() -> None:
    """Collect the static files once: pages name them by the manifest, as in production."""
    call_command("collectstatic", interactive=False, verbosity=0)
