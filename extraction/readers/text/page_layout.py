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
    return "\f".join(text_of(rows_of(page.words)) for page in pages)


def text_of(rows: Sequence[Sequence[Word]]) -> str:
    """Return the text of a page's rows, a line each."""
    widths = [(word.box[2] - word.box[0]) / len(word.text) for row in rows for word in row]
    if not widths:
        return ""
    letter = median(widths)
    letter = 1 / min(max(1 / letter if letter > 0 else 0, NARROWEST_LINE), WIDEST_LINE)
    return "\n".join(_line(row, letter) for row in rows)


def rows_of(words: Sequence[Word]) -> list[list[Word]]:
    """Return the words of a page, given in reading order, by rows from the top.

    From the left each word goes on with the row whose last word is beside it, so that a scan may be
    a little askew.
    """
    boxes = _straightened(words)
    rows: list[list[int]] = []
    ends: list[Box] = []  # of each row
    at: dict[int, list[int]] = {}
    for index in sorted(range(len(words)), key=lambda index: boxes[index][0]):
        box = boxes[index]
        number = _row_of(box, ends, at)
        if number is None:
            number = len(rows)
            rows.append([])
            ends.append(box)
        else:
            at[_band(_middle(ends[number]))].remove(number)
            ends[number] = box
        rows[number].append(index)
        at.setdefault(_band(_middle(box)), []).append(number)
    rows.sort(key=lambda row: min(_middle(boxes[index]) for index in row))
    return [[words[index] for index in row] for row in rows]


def _straightened(words: Sequence[Word]) -> list[Box]:
    """Return the words' boxes, of a page that lies askew as if it did not.

    The slope is that between neighbours in reading order with a gap between them.
    """
    boxes = [word.box for word in words]
    slopes = [
        (_middle(box) - _middle(before)) / (box[0] - before[0])
        for before, box in pairwise(boxes)
        if box[0] - before[2] >= LONG_GAP and abs(_middle(box) - _middle(before)) < STEEP
    ]
    if len(slopes) < FEWEST_GAPS:
        return boxes
    slope = median(slopes)
    return [_lifted(box, slope * box[0]) for box in boxes]


def _lifted(box: Box, by: float) -> Box:
    return box[0], box[1] - by, box[2], box[3] - by


def _row_of(box: Box, ends: Sequence[Box], at: Mapping[int, list[int]]) -> int | None:
    """Return the number of the row that a word goes on with, of ``ends`` by their bands.

    None where it begins one.
    """
    _, top, _, bottom = box
    first, last = _band(top) - 1, _band(bottom) + 1
    best = (0.0, 0)
    for band in range(first, min(last, first + MOST_BANDS) + 1):
        for number in at[band][:MOST_ROWS] if band in at else ():
            _, high, _, low = ends[number]
            # Of the lower one of the two boxes, how much is as high on the page as the other one.
            lower = min(bottom - top, low - high)
            share = (min(bottom, low) - max(top, high)) / lower if lower > 0 else 0.0
            if (share, number) > best:
                best = (share, number)
    share, number = best
    return number if share >= SAME_ROW else None


def _band(height: float) -> int:
    return int(height * BANDS)


def _middle(box: Box) -> float:
    return (box[1] + box[3]) / 2


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
