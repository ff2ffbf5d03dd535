import pytest

from extraction.readers.base import (
    Failure,
    ReadingError,
)
from extraction.readers.gemini.reader import GeminiReader
from extraction.readers.registry import reader_for


def test_reader_for_gemini_is_the_gemini_reader() -> None:
    assert isinstance(reader_for("Gemini"), GeminiReader)


def test_reader_for_an_unknown_provider_asks_for_another_key() -> None:
    with pytest.raises(ReadingError) as caught:
        reader_for("Acme")

    assert (caught.value.failure, caught.value.code) == (Failure.OTHER_KEY, "unknown_provider")
