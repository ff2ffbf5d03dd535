"""Fixtures for tests of the log handler."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from logs.handler.handler import DatabaseHandler


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the test's own, so that no records of other tests are ingested."""
    monkeypatch.setattr(settings, "DATA_DIR", tmp_path)
    return tmp_path


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    """A logger with a database handler of its own."""
    database_handler = DatabaseHandler()
    # Unknown to logging's manager, so that pytest adds no handlers to it.
    logger = logging.Logger("test")
    logger.addHandler(database_handler)
    yield logger
    database_handler.close()
