"""The words of a page in lines, as people read them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from extraction.documents.words import Box, PageWords, Word
from extraction.readers.text.page_layout import rows_of


@dataclass(frozen=True, slots=True)
class Line:
    """Words beside each other, from the left; ``from_ocr``: letters may be misread."""

    page: int
    from_ocr: bool
    words: Sequence[Word]


def lines_of(page: PageWords) -> list[Line]:
    """Return the lines of a page from the top."""
    return [Line(page.number, page.source == "ocr", row) for row in rows_of(page.words)]


def box_around(words: Iterable[Word]) -> Box:
    """Return the smallest box that holds the words."""
    boxes = [word.box for word in words]
    return (
        min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
    )


def gap_after(line: Line, index: int) -> float:
    """Return the space between a word and the next one, in letters of the word."""
    word, following = line.words[index], line.words[index + 1]
    letter = (word.box[2] - word.box[0]) / len(word.text)
    return (following.box[0] - word.box[2]) / letter if letter > 0 else float("inf")
