"""Pages as tests write them: one text line for each line, every letter 1/100 of the page wide."""

import re
from typing import Literal

from extraction.documents.words import PageWords, Word
from extraction.evidence.lines import Line, lines_of

_LETTER, _LINE = 0.01, 0.02


def page_of(text: str, number: int = 1, source: Literal["text", "ocr"] = "text") -> PageWords:
    """Return a page whose words stand at their columns and lines."""
    words = []
    for row, line in enumerate(text.splitlines()):
        column = 0
        for part in re.split(r"\s", line):
            if part:
                top = row * _LINE
                left, right = column * _LETTER, (column + len(part)) * _LETTER
                words.append(Word(part, (left, top, right, top + _LINE * 0.8)))
            column += len(part) + 1
    return PageWords(number, source, words)


def line_of(text: str, source: Literal["text", "ocr"] = "text") -> Line:
    """Return the only line of a page."""
    [line] = lines_of(page_of(text, source=source))
    return line
