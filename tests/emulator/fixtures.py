"""The ``emulator`` fixture, loaded for every test with ``-p``."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from tests.emulator.server import Emulator


@pytest.fixture
def emulator(settings: Settings) -> Iterator[Emulator]:
    """A running Gemini emulator that the settings point to."""
    with Emulator() as running:
        settings.GEMINI_BASE_URL = running.url
        yield running
