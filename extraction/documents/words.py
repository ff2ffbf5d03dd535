"""The words of a document's pages and where they stand."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

# Left, top, right and bottom as shares of the page as people see it, each 0 to 1.
Box = tuple[float, float, float, float]

# Shades of grey above, of 0 to 255, are light: words of them are not seen on white paper.
LIGHT = 200
# Two words stand at the same place when they share so much of the smaller one.
SAME_PLACE = 0.5
# Words are found by cells of the page. An honest cell holds a dozen words, a hostile one all.
_ROWS = 128
_COLUMNS = 32
_MOST_AT_A_PLACE = 50
_TALLEST = 8  # rows
# Cells are numbered by row, with room for what stands beside the page.
_ROW = 1 << 20


@dataclass(frozen=True, slots=True)
class Word:
    """Letters without a blank between them."""

    text: str
    box: Box


@dataclass(frozen=True, slots=True)
class PageWords:
    """The visible words of one page, in reading order; ``number`` counts from 1.

    ``turn``: by how many degrees clockwise the page was turned to be read, 0, 90, 180 or 270. The
    words' boxes are those on the turned page.
    """

    number: int
    source: Literal["text", "ocr"]
    words: Sequence[Word]
    turn: int = 0


def turned_back(box: Box, turn: int) -> Box:
    """Return where a box of a page that was turned clockwise stands on the page as it was."""
    left, top, right, bottom = box
    match turn:
        case 90:
            return top, 1 - right, bottom, 1 - left
        case 180:
            return 1 - right, 1 - bottom, 1 - left, 1 - top
        case 270:
            return 1 - bottom, left, 1 - top, right
    return box


def share_of_smaller(one: Box, other: Box) -> float:
    """Return how much of the smaller box lies in the other, 0 to 1."""
    # Most words stand beside each other: comparing takes a third of the time of min and max.
    if one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]:
        return 0.0
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    smaller = min(_area(one), _area(other))
    return across * down / smaller if smaller else 0.0


def is_inside(box: Box, other: Box) -> bool:
    """Whether the middle of a box lies in the other one."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return other[0] <= x <= other[2] and other[1] <= y <= other[3]


def letters_of(text: str) -> str:
    """Return letters and digits alone, without case: what two readings of a word share."""
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


class Places:
    """Finds the words that stand at a place of a page."""

    def __init__(self) -> None:
        self._cells: dict[int, list[Word]] = {}

    def add(self, word: Word) -> bool:
        """Add a word; False where too many stand already, and the word was left out."""
        return self.add_in(cells_of(word.box), word)

    def add_in(self, cells: list[int], word: Word) -> bool:
        """Add a word whose cells are known; the rest is as for ``add``."""
        found = [self._cells.setdefault(cell, []) for cell in cells]
        for words in found:
            if len(words) >= _MOST_AT_A_PLACE:
                return False
        for words in found:
            words.append(word)
        return True

    def at(self, box: Box) -> list[Word]:
        """Return the words of the box's cells, in the order in which they were added."""
        return self.within(cells_of(box))

    def within(self, cells: list[int]) -> list[Word]:
        """Return the words of the cells, in the order in which they were added."""
        found = [words for cell in cells if (words := self._cells.get(cell))]
        if len(found) < 2:  # most words stand in one
            return list(*found)
        return list({id(word): word for words in found for word in words}.values())


def cells_of(box: Box) -> list[int]:
    """Return the numbers of the cells of ``Places`` that a box touches."""
    left, top, right, bottom = box
    row, column = int(top * _ROWS), int(left * _COLUMNS)
    last_row = min(int(bottom * _ROWS), row + _TALLEST)
    last_column = int(right * _COLUMNS)
    if row == last_row and column == last_column:
        return [row * _ROW + column]
    columns = range(column, last_column + 1)
    return [one * _ROW + other for one in range(row, last_row + 1) for other in columns]


def places_of(words: Iterable[Word]) -> Places:
    """Return where words stand."""
    places = Places()
    for word in words:
        places.add(word)
    return places


def is_taken(word: Word, places: Places) -> bool:
    """Whether a word with letters stands at a word's place already."""
    return any(
        share_of_smaller(word.box, other.box) >= SAME_PLACE
        for other in places.at(word.box)
        if letters_of(other.text)
    )


def not_at(places: Places, words: Iterable[Word]) -> list[Word]:
    """Return those of the words at whose places no other stands."""
    return [word for word in words if not is_taken(word, places)]
