"""Words with boxes as lines of text, columns kept apart as pdftotext's -layout does."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from statistics import median

from extraction.documents.words import Box, PageWords, Word

# Letters of a line, whatever the size of the page's letters.
NARROWEST_LINE = 60
WIDEST_LINE = 250
# A wider gap than so many letters parts two cells; a blank is about half a letter.
CELL_GAP = 1.4
# Shares of the page: gaps between cells by which the slope of a page is measured, and the most that
# two neighbours differ in height.
LONG_GAP = 0.05
STEEP = 0.01
FEWEST_GAPS = 5
# Words stand in one row when they share so much of the lower one's height.
SAME_ROW = 0.5
# Rows are found by bands of the page. In honest ones a band has one row or two.
BANDS = 200
MOST_BANDS = 20
MOST_ROWS = 20


def layout_text(pages: Iterable[PageWords]) -> str:
    """Return the words in lines from the top, cells two blanks apart, pages by a form feed."""
    return "\f".join(_page_text(page.words) for page in pages)


def _page_text(words: Sequence[Word]) -> str:
    if not words:
        return ""
    letter = median((word.box[2] - word.box[0]) / len(word.text) for word in words)
    letter = 1 / min(max(1 / letter if letter > 0 else 0, NARROWEST_LINE), WIDEST_LINE)
    return "\n".join(_line(row, letter) for row in _rows(_straightened(words)))


def _straightened(words: Sequence[Word]) -> Sequence[Word]:
    """Return the words of a page that lies askew as if it did not.

    The slope is that between neighbours in reading order with a gap between them.
    """
    slopes = [
        (_middle(word) - _middle(before)) / (word.box[0] - before.box[0])
        for before, word in pairwise(words)
        if word.box[0] - before.box[2] >= LONG_GAP and abs(_middle(word) - _middle(before)) < STEEP
    ]
    if len(slopes) < FEWEST_GAPS:
        return words
    slope = median(slopes)
    return [Word(word.text, _lifted(word.box, slope * word.box[0])) for word in words]


def _lifted(box: Box, by: float) -> Box:
    return box[0], box[1] - by, box[2], box[3] - by


def _rows(words: Sequence[Word]) -> list[list[Word]]:
    """Return the words by rows from the top.

    From the left each word goes on with the row whose last word is beside it, so that a scan may be
    a little askew.
    """
    rows: list[list[Word]] = []
    at: dict[int, list[int]] = {}
    for word in sorted(words, key=lambda word: word.box[0]):
        number = _row_of(word, rows, at)
        if number is None:
            number = len(rows)
            rows.append([])
        else:
            at[_band(_middle(rows[number][-1]))].remove(number)
        rows[number].append(word)
        at.setdefault(_band(_middle(word)), []).append(number)
    return sorted(rows, key=lambda row: min(map(_middle, row)))


def _row_of(word: Word, rows: Sequence[Sequence[Word]], at: Mapping[int, list[int]]) -> int | None:
    """Return the number of the row that a word goes on with, of ``rows`` by the band of their ends.

    None where it begins one.
    """
    first, last = _band(word.box[1]) - 1, _band(word.box[3]) + 1
    bands = range(first, min(last, first + MOST_BANDS) + 1)
    near = (number for band in bands for number in at.get(band, ())[:MOST_ROWS])
    shares = [(_beside(word, rows[number][-1]), number) for number in near]
    share, number = max(shares, default=(0.0, 0))
    return number if share >= SAME_ROW else None


def _beside(word: Word, other: Word) -> float:
    """Return how much of the lower one of two words is as high on the page as the other one."""
    top, bottom = max(word.box[1], other.box[1]), min(word.box[3], other.box[3])
    lower = min(word.box[3] - word.box[1], other.box[3] - other.box[1])
    return (bottom - top) / lower if lower > 0 else 0.0


def _band(height: float) -> int:
    return int(height * BANDS)


def _middle(word: Word) -> float:
    return (word.box[1] + word.box[3]) / 2


def _line(row: Sequence[Word], letter: float) -> str:
    line = ""
    end = 0.0
    for word in row:
        column = int(word.box[0] / letter)
        if not line:
            line = " " * column
        elif word.box[0] - end < CELL_GAP * letter:
            line += " "
        else:
            line += " " * max(2, column - len(line))
        line += word.text
        end = word.box[2]
    return line
