"""The words of a page in lines, as people read them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from extraction.documents.words import Box, PageWords, Word

# Words of one line overlap in height by at least this share of the smaller one.
_OVERLAP = 0.5


@dataclass(frozen=True, slots=True)
class Line:
    """Words beside each other, from the left; ``from_ocr``: letters may be misread."""

    page: int
    from_ocr: bool
    words: Sequence[Word]


def lines_of(page: PageWords) -> list[Line]:
    """Return the lines of a page from the top."""
    rows: list[list[Word]] = []
    for word in sorted(page.words, key=lambda word: word.box[1] + word.box[3]):
        if rows and _is_beside(word, rows[-1][-1]):
            rows[-1].append(word)
        else:
            rows.append([word])
    return [
        Line(page.number, page.source == "ocr", sorted(row, key=lambda word: word.box[0]))
        for row in rows
    ]


def _is_beside(word: Word, other: Word) -> bool:
    top, bottom = max(word.box[1], other.box[1]), min(word.box[3], other.box[3])
    smaller = min(word.box[3] - word.box[1], other.box[3] - other.box[1])
    return bottom - top >= _OVERLAP * smaller


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
