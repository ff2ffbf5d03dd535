from pathlib import Path

import pytest
from pytest_django import Settings

from extraction.documents.document import Document, PageImage
from extraction.readers.base import (
    Failure,
    ReadingError,
)
from extraction.readers.gemini.reader import GeminiReader
from extraction.readers.registry import output_max, reader_for


def test_reader_for_gemini_is_the_gemini_reader() -> None:
    assert isinstance(reader_for("Gemini"), GeminiReader)


@pytest.mark.parametrize(
    ("pages", "fixed", "most"),
    [
        (1, None, 14_336),
        (5, None, 22_528),
        (18, None, 49_152),
        (50, None, 65_536),
        (50, 9000, 9000),
    ],
)
def test_output_follows_the_pages_unless_it_is_set(
    pages: int, fixed: int | None, most: int, settings: Settings
) -> None:
    settings.MAX_OUTPUT_TOKENS = fixed
    document = Document(
        Path(), "application/pdf", tuple(PageImage(n, Path(), blank=False) for n in range(pages))
    )

    assert output_max(document, GeminiReader()) == most


def test_output_that_is_set_above_what_the_model_can_is_what_it_can(settings: Settings) -> None:
    settings.MAX_OUTPUT_TOKENS = 1_000_000
    document = Document(Path(), "application/pdf", (PageImage(1, Path(), blank=False),))

    assert output_max(document, GeminiReader()) == GeminiReader.longest_output


def test_reader_for_an_unknown_provider_asks_for_another_key() -> None:
    with pytest.raises(ReadingError) as caught:
        reader_for("Acme")

    assert (caught.value.failure, caught.value.code) == (Failure.OTHER_KEY, "unknown_provider")
