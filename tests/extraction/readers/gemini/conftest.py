"""What the tests of Gemini's reader share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from extraction.documents.document import Document
from extraction.readers.gemini import client
from tests.extraction.readers.gemini.reading import make_document


@pytest.fixture(autouse=True)
def fresh_clients() -> Iterator[None]:
    yield
    client._client.cache_clear()


@pytest.fixture
def document(tmp_path: Path) -> Document:
    return make_document(tmp_path, "red", "green")
