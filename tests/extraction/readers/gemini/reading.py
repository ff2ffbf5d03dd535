"""Reading with Gemini's emulator, for tests."""

from pathlib import Path

import pytest
from PIL import Image

from extraction.documents.document import Document, PageImage
from extraction.readers.base import (
    Reading,
    ReadingError,
)
from extraction.readers.gemini.reader import GeminiReader
from tests.emulator import Emulator
from tokens.usage import Usage

CANARY = "AIzaSy-canary-key-0123456789"
MODEL = "gemini-3.8-flash"
BUDGET = 8192


def make_document(folder: Path, *colours: str, blank: tuple[int, ...] = ()) -> Document:
    pages = []
    for number, colour in enumerate(colours, start=1):
        path = folder / f"{number:03}.jpg"
        Image.new("RGB", (60, 80 + number), colour).save(path)
        pages.append(PageImage(number, path, number in blank))
    return Document(folder / "document.pdf", "application/pdf", tuple(pages))


def read(document: Document, key: str = CANARY, budget: int = BUDGET) -> Reading:
    return GeminiReader().read(document, api_key=key, model=MODEL, output_budget=budget)


def failure(document: Document, key: str = CANARY, budget: int = BUDGET) -> ReadingError:
    with pytest.raises(ReadingError) as caught:
        read(document, key, budget)
    return caught.value


def billed(emulator: Emulator) -> list[Usage]:
    return [
        Usage(
            input_tokens=call.bill.text + call.bill.images,
            output_tokens=call.bill.answer,
            thinking_tokens=call.bill.thinking,
            cached_tokens=call.bill.cached,
            text_prompt_tokens=call.bill.text,
            image_prompt_tokens=call.bill.images,
            text_candidates_tokens=call.bill.answer,
        )
        for call in emulator.calls
        if call.bill is not None
    ]
