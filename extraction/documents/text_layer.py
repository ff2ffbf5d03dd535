"""The words of a PDF's text layer, told apart by whether people see them."""

from dataclasses import dataclass, field
from typing import Any, cast

from extraction.documents import sandbox
from extraction.documents.document import Document, PageImage
from extraction.documents.ink import PageInk
from extraction.documents.media_types import PDF
from extraction.documents.sandbox import ChildDied, Limits, OutOfCpu
from extraction.documents.words import (
    SAME_PLACE,
    Places,
    Word,
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
_WHOLE: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)


@dataclass(slots=True)
class LayerPage:
    """One page's words in the order of the text layer.

    ``sure`` words are seen. ``doubtful`` ones have ink at their place and may say something else
    than it: they are invisible, under another object, or overlap with another word. ``hidden``:
    there are words that are not seen. ``is_picture``: most of the page is no text.
    """

    number: int
    sure: list[Word] = field(default_factory=list)
    doubtful: list[Word] = field(default_factory=list)
    hidden: bool = False
    is_picture: bool = False


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
    ink = _ink(page) if answer["words"] else None
    for text, *sides, shade, doubtful in answer["words"]:
        box = cast("tuple[float, float, float, float]", tuple(sides))
        seen = is_inside(box, _WHOLE) and (ink is None or ink.shows(text, box, shade))
        if not seen:
            found.hidden |= bool(letters_of(text))
        elif doubtful:
            found.doubtful.append(Word(text, box))
        else:
            found.sure.append(Word(text, box))
    _set_apart_overlapping(found)
    letters = sum(len(word.text) for word in (*found.sure, *found.doubtful))
    found.is_picture = letters < FEWEST_LETTERS and (
        not letters or answer["pictures"] > LARGE_PICTURES or answer["paths"] > MANY_PATHS
    )
    return found


def _ink(page: PageImage) -> PageInk | None:
    try:
        return PageInk(page.path)
    except DocumentRejected:
        return None  # not drawn: nothing to compare with


def _set_apart_overlapping(page: LayerPage) -> None:
    """Move sure words at one place with different texts to the doubtful ones.

    Of the doubtful ones those are dropped that stand at the place of a sure one.
    """
    places = Places()
    sure: list[Word] = []
    disputed: set[int] = set()
    for word in page.sure:
        others = [other for other in places.at(word.box) if _hides(word, other)]
        same = [other for other in others if letters_of(other.text) == letters_of(word.text)]
        if len(same) < len(others):
            disputed |= {id(other) for other in others} | {id(word)}
        if not same:
            sure.append(word)
            if not places.add(word):
                disputed.add(id(word))
    page.sure = [word for word in sure if id(word) not in disputed]
    doubtful = []
    for word in page.doubtful:
        others = [other for other in places.at(word.box) if _hides(word, other)]
        if not others:
            doubtful.append(word)
        elif all(letters_of(other.text) != letters_of(word.text) for other in others):
            page.hidden = True
    page.doubtful = doubtful + [word for word in sure if id(word) in disputed]


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
