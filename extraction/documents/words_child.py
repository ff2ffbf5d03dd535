"""Reads the words of a PDF's text layer in a child process, since a hostile one can take any time.

    DOCUMENT PAGES

Answers with a list for each of the first PAGES pages: for each word its text, its box as shares of
the page as people see it. Run by ``extraction.documents.sandbox.run_child``.
"""

import ctypes
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pypdfium2

MAX_LETTERS = 100
MAX_WORDS = 20_000

# Text, left, top, right, bottom.
ChildWord = tuple[str, float, float, float, float]


def answer(arguments: list[str]) -> list[list[ChildWord]]:
    """Do what the command says."""
    import pypdfium2

    document, pages = arguments
    with pypdfium2.PdfDocument(document) as pdf:
        return [list(_words(pdf[number])) for number in range(min(len(pdf), int(pages)))]


def _words(page: "pypdfium2.PdfPage") -> Iterator[ChildWord]:
    """Yield the words of a page in the order of the text layer."""
    from pypdfium2 import raw

    text = raw.FPDFText_LoadPage(page.raw)
    to_share = _Shares(page)
    sides = tuple(ctypes.c_double() for _ in range(4))
    letters: list[str] = []
    boxes: list[tuple[float, float, float, float]] = []
    for index in range(raw.FPDFText_CountChars(text)):
        letter = chr(raw.FPDFText_GetUnicode(text, index))
        if letter.isspace() or letter == "\0":
            if letters:
                yield to_share.word("".join(letters), boxes)
            letters, boxes = [], []
            continue
        raw.FPDFText_GetCharBox(text, index, *sides)
        left, right, bottom, top = (side.value for side in sides)
        letters.append(letter)
        boxes.append((left, bottom, right, top))
    if letters:
        yield to_share.word("".join(letters), boxes)


class _Shares:
    """Turns places in a page's own units into shares of the page as people see it."""

    def __init__(self, page: "pypdfium2.PdfPage") -> None:
        left, bottom, right, top = page.get_bbox()
        self._origin = (left, bottom)
        self._size = (right - left or 1.0, top - bottom or 1.0)
        self._rotation = page.get_rotation()

    def word(self, letters: str, boxes: list[tuple[float, float, float, float]]) -> ChildWord:
        """Return a word by its letters and their boxes: left, bottom, right, top."""
        lefts, bottoms, rights, tops = zip(*boxes, strict=True)
        x0, y0 = self._place(min(lefts), min(bottoms))
        x1, y1 = self._place(max(rights), max(tops))
        return letters, min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)

    def _place(self, x: float, y: float) -> tuple[float, float]:
        across = (x - self._origin[0]) / self._size[0]
        up = (y - self._origin[1]) / self._size[1]
        match self._rotation:
            case 90:
                return up, across
            case 180:
                return 1 - across, up
            case 270:
                return 1 - up, 1 - across
        return across, 1 - up
