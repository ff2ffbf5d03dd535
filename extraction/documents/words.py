"""The words of a document's pages and where they stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

# Left, top, right and bottom as shares of the page as people see it, each 0 to 1.
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Word:
    """Letters without a blank between them."""

    text: str
    box: Box


@dataclass(frozen=True, slots=True)
class PageWords:
    """The visible words of one page, in reading order; ``number`` counts from 1."""

    number: int
    source: Literal["text", "ocr"]
    words: Sequence[Word]
