"""The words of a PDF's text layer, told apart by whether people see them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from extraction.documents import sandbox
from extraction.documents.document import Document, PageImage
from extraction.documents.ink import PageInk
from extraction.documents.media_types import PDF
from extraction.documents.sandbox import ChildDied, Limits, OutOfCpu
from extraction.documents.words import (
    SAME_PLACE,
    Box,
    Places,
    Word,
    cells_of,
    is_inside,
    letters_of,
    share_of_smaller,
)
from extraction.exceptions import DocumentRejected

LIMITS = Limits(cpu=10, wall=20)
# Less text than this is a scanner's stamp or a page number, where most of the page is a picture or
# drawn letter by letter.
FEWEST_LETTERS = 100
LARGE_PICTURES = 0.25
MANY_PATHS = 200
# Words one of which is so many times higher than the other do not hide each other.
OTHER_SIZE = 2.0
_CHILD = "extraction.documents.words_child"
_WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


@dataclass(slots=True)
class LayerPage:
    """One page's words in the order of the text layer.

    ``sure`` words are seen. ``doubtful`` ones are drawn so that people need not see them, and there
    is ink at their place, such as a scan's. ``disputed`` ones stand at one place with another text,
    or are light where the ink is dark. ``hidden``: there are words that are not seen.
    ``is_picture``: most of the page is no text. ``is_plain``: nothing but the words that are seen
    shows letters.
    """

    number: int
    sure: list[Word] = field(default_factory=list)
    doubtful: list[Word] = field(default_factory=list)
    disputed: list[Word] = field(default_factory=list)
    hidden: bool = False
    is_picture: bool = False
    is_plain: bool = False


def text_layer(document: Document) -> list[LayerPage]:
    """Return the text layer of every page of a PDF; nothing of what takes too much time to read.

    Raises OutOfTime and OSError.
    """
    if document.media_type != PDF:
        return []
    try:
        said = sandbox.run_child(
            _CHILD, str(document.path), str(len(document.pages)), limits=LIMITS
        )
    except (OutOfCpu, ChildDied):
        return []
    return [
        _page(page, answer)
        for page, answer in zip(document.pages, said, strict=False)
        if answer is not None
    ]


def _page(page: PageImage, answer: dict[str, Any]) -> LayerPage:
    found = LayerPage(page.number)
    ink = _ink(page, answer["side"]) if answer["words"] else None
    seen = []
    for text, *sides, shade, doubtful in answer["words"]:
        box = cast("Box", tuple(sides))
        if not is_inside(box, _WHOLE) or (ink is not None and not ink.is_at(box, text)):
            found.hidden |= bool(letters_of(text))
        elif ink is not None and not ink.is_of_shade(box, shade):
            seen.append((Word(text, box), found.disputed))
        else:
            seen.append((Word(text, box), found.doubtful if doubtful else found.sure))
    _sort_in(found, seen)
    letters = sum(len(word.text) for word in (*found.sure, *found.doubtful))
    found.is_picture = letters < FEWEST_LETTERS and (
        not letters or answer["pictures"] > LARGE_PICTURES or answer["paths"] > MANY_PATHS
    )
    unsure = found.hidden or found.doubtful or found.disputed
    found.is_plain = answer["plain"] and answer["paths"] <= MANY_PATHS and not unsure
    return found


def _ink(page: PageImage, side: float) -> PageInk | None:
    try:
        return PageInk(page.path, side)
    except DocumentRejected:
        return None  # not drawn: nothing to compare with


def _sort_in(page: LayerPage, seen: Sequence[tuple[Word, list[Word]]]) -> None:
    """Add the words to the lists of the page that they are given with.

    Words with different texts at one place are disputed, and of equal ones the first remains.
    PDFium leaves out letters that stand on equal ones, so the text of either word may be wrong.
    """
    places = Places()
    disputed: set[int] = set()
    remaining = []
    for word, kind in seen:
        cells = cells_of(word.box)
        others = [other for other in places.within(cells) if _hides(word, other)]
        same = [other for other in others if letters_of(other.text) == letters_of(word.text)]
        if len(same) < len(others):
            disputed |= {id(other) for other in others} | {id(word)}
        if not same or kind is page.sure:
            remaining.append((word, kind))
            if not places.add_in(cells, word):
                disputed.add(id(word))
    for word, kind in remaining:
        (page.disputed if id(word) in disputed else kind).append(word)


def _hides(word: Word, other: Word) -> bool:
    """Whether two words cannot both be read."""
    if share_of_smaller(word.box, other.box) < SAME_PLACE:
        return False
    heights = sorted((word.box[3] - word.box[1], other.box[3] - other.box[1]))
    return (
        heights[1] <= OTHER_SIZE * heights[0]
        and letters_of(word.text) != ""
        and letters_of(other.text) != ""
    )
