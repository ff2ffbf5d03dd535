"""Reads the words of a PDF's text layer in a child process, since a hostile one can take any time.

    DOCUMENT PAGES

Answers with a list for the first PAGES pages; see ``ChildPage``. Run by
``extraction.documents.sandbox.run_child``.
"""

import ctypes
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypedDict

from pypdfium2 import raw

from extraction.documents.pdf_objects import PageObjects, Style

if TYPE_CHECKING:
    import pypdfium2

MAX_LETTERS = 100  # of a word
MAX_WORDS = 20_000  # of a page
MAX_PAGE_LETTERS = 300_000
# Of the whole answer, about; the sandbox reads no more than 4 MB.
MAX_ANSWER = 3_500_000
_NUMBERS_OF_A_WORD = 60  # bytes that its box and the rest take at most

# No letter is so much narrower than it is high.
FLAT = 0.04

# The mark of a letter of which nobody knows what it is.
UNMAPPED = "\ufffd"
# Marks for the direction of text, and letters without width: nobody sees them.
_UNSEEN = frozenset(map(chr, (0xAD, 0xFEFF, *range(0x200B, 0x2010), *range(0x202A, 0x202F)))) | (
    frozenset(map(chr, range(0x2060, 0x2070)))
)
# PDFium's mark of a hyphen at the end of a line.
_LINE_HYPHENS = "\ufffe\x02"

EXAMPLE = b"""%PDF-1.4
1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj
2 0 obj <</Type/Pages/Kids[3 0 R]/Count 1>> endobj
3 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R
/Resources<</Font<</F 5 0 R>>>>>> endobj
4 0 obj <</Length 36>> stream
BT /F 9 Tf 9 9 Td (Total 1.00) Tj ET
endstream endobj
5 0 obj <</Type/Font/Subtype/Type1/BaseFont/Helvetica>> endobj
trailer <</Root 1 0 R>>
"""

# Left, bottom, right and top in the page's own units.
_Sides = tuple[float, float, float, float]
# Letters that are read as they are: those of ASCII without blanks.
_FIRST_PLAIN, _LAST_PLAIN = 0x21, 0x7E


def _quick(function: Any, result: Any, *arguments: Any) -> Any:
    """Return a function of PDFium that takes addresses as they are.

    It takes half as long as one whose arguments are compared with the types of pypdfium2, which
    counts where it is called for each letter.
    """
    address = ctypes.cast(function, ctypes.c_void_p).value or 0
    return ctypes.PYFUNCTYPE(result, *arguments)(address)


_AT = (ctypes.c_void_p, ctypes.c_int)  # a page's text, and the number of a letter
_unicode_of = _quick(raw.FPDFText_GetUnicode, ctypes.c_uint, *_AT)
_box_of = _quick(raw.FPDFText_GetCharBox, ctypes.c_int, *_AT, *[ctypes.c_void_p] * 4)
_text_object_of = _quick(raw.FPDFText_GetTextObject, ctypes.c_void_p, *_AT)

# Text; left, top, right and bottom as shares of the page as people see it; the shade of its colour,
# 0 black to 255, -1 when unknown; whether it is drawn so that people need not see it: invisible,
# under something else, or with a text of its own for programs (ActualText).
ChildWord = tuple[str, float, float, float, float, int, bool]

# What separates words.
_BLANK: tuple[str, _Sides, Style | None] = (" ", (0.0, 0.0, 0.0, 0.0), None)


class ChildPage(TypedDict):
    """A page: its words in the order of the text layer, and how many paths it has.

    ``side`` is the longer one of the page, in points. ``pictures`` is the share of the page that
    its pictures cover, at most 1. ``plain``: nothing but its words shows letters.
    """

    words: list[ChildWord]
    side: float
    pictures: float
    paths: int
    plain: bool


def answer(arguments: list[str]) -> list[ChildPage | None]:
    """Do what the command says; None for pages after MAX_ANSWER."""
    import pypdfium2

    document, pages = arguments
    left = MAX_ANSWER
    found: list[ChildPage | None] = []
    # Not by its path: what pypdfium2 does with paths takes a tenth of the time of a page.
    handle = raw.FPDF_LoadDocument(document.encode(), None)
    if not handle:
        raise ValueError(f"PDFium cannot open it: {raw.FPDF_GetLastError()}.")
    with pypdfium2.PdfDocument(handle) as pdf:
        pdf.init_forms()  # what is typed into a form is drawn, and so part of the page
        for number in range(min(len(pdf), int(pages))):
            page = _page(pdf, number) if left > 0 else None
            found.append(page)
            left -= sum(_size(word[0]) for word in page["words"]) if page else 0
    return found


def prepare() -> None:
    """Have PDFium load its fonts before the first document, by reading an example."""
    import pypdfium2

    with pypdfium2.PdfDocument(EXAMPLE) as pdf:
        _page(pdf, 0)


def _size(text: str) -> int:
    return _NUMBERS_OF_A_WORD + len(text) * (1 if text.isascii() else 6)


def _page(pdf: "pypdfium2.PdfDocument", number: int) -> ChildPage:
    page = pdf[number]
    if raw.FPDFPage_GetAnnotCount(page.raw) > 0:
        # Makes the fields of a form, and stamps, text of the page itself.
        raw.FPDFPage_Flatten(page.raw, raw.FLAT_NORMALDISPLAY)
        page.close()
        page = pdf[number]
    objects = PageObjects(page.raw)
    words = _Words(page, objects)
    found = list(words.read())
    side = max(page.get_size())
    words.close()
    page.close()
    return ChildPage(
        words=found,
        side=side,
        pictures=objects.picture_share(),
        paths=objects.paths,
        plain=objects.is_plain and _are_all_known(found),
    )


def _are_all_known(words: list[ChildWord]) -> bool:
    """Whether the words are all of the page's, and every letter of them is known."""
    letters = "".join(text for text, *_ in words)
    known = len(words) < MAX_WORDS and len(letters) < MAX_PAGE_LETTERS
    return known and UNMAPPED not in letters and all(len(text) < MAX_LETTERS for text, *_ in words)


class _Words:
    """The words of a page."""

    def __init__(self, page: "pypdfium2.PdfPage", objects: PageObjects) -> None:
        self._text = raw.FPDFText_LoadPage(page.raw)
        self._objects = objects
        left, bottom, right, top = page.get_bbox()
        self._origin = (left, bottom)
        self._size = (right - left or 1.0, top - bottom or 1.0)
        self._rotation = page.get_rotation()

    def read(self) -> Iterator[ChildWord]:
        """Yield the words in the order of the text layer."""
        letters: list[str] = []
        boxes: list[_Sides] = []
        style: Style | None = None
        left = MAX_WORDS
        for letter, box, at in self._letters():
            if letters and (
                letter == " " or (at is not style and at is not None and not at.looks_like(style))
            ):
                yield self._word(letters, boxes, style)
                letters, boxes = [], []
                left -= 1
                if not left:
                    return
            if letter != " ":
                if not letters:
                    style = at
                letters.append(letter)
                boxes.append(box)
        if letters:
            yield self._word(letters, boxes, style)

    def close(self) -> None:
        """Free the text; PDFium asks for it before the page is closed."""
        raw.FPDFText_ClosePage(self._text)

    def _letters(self) -> Iterator[tuple[str, _Sides, Style | None]]:
        """Yield each letter with its box and style; a blank for all that separates words."""
        text = ctypes.cast(self._text, ctypes.c_void_p)
        sides = (ctypes.c_double * 4)()
        first, size = ctypes.addressof(sides), ctypes.sizeof(ctypes.c_double)
        # Made once: as arguments, numbers would be turned into pointers for each letter.
        places = [ctypes.c_void_p(first + size * index) for index in range(4)]
        numbers = memoryview(sides).cast("B").cast("d")  # read at a fifth of the time
        style = self._objects.style
        address, at = None, None
        half = ""
        for index in range(min(raw.FPDFText_CountChars(self._text), MAX_PAGE_LETTERS)):
            code = _unicode_of(text, index)
            letter = chr(code)
            if half or not _FIRST_PLAIN <= code <= _LAST_PLAIN:
                if letter.isspace():
                    yield _BLANK
                    continue
                if letter in _UNSEEN:
                    continue
                if "\ud800" <= letter <= "\udbff":
                    half = letter  # PDFium gives the halves of a pair one by one
                    continue
                letter, half = _readable(half + letter), ""
            _box_of(text, index, *places)
            left, right, bottom, top = numbers
            width, height = right - left, top - bottom
            if (width < FLAT * height or height < FLAT * width) and chr(code).isalnum():
                left, bottom, right, top = self._loose_box(index)
            drawn = _text_object_of(text, index)
            if drawn != address:  # most letters are of the same text as the one before
                address, at = drawn, style(drawn)
            yield letter, (left, bottom, right, top), at

    def _loose_box(self, index: int) -> _Sides:
        """Return the box of a letter by its font's height; some fonts tell no letter's own."""
        box = raw.FS_RECTF()
        raw.FPDFText_GetLooseCharBox(self._text, index, box)
        return box.left, box.bottom, box.right, box.top

    def _word(self, letters: list[str], boxes: list[_Sides], style: Style | None) -> ChildWord:
        text = "".join(letters[:MAX_LETTERS])
        lefts, bottoms, rights, tops = zip(*boxes[:MAX_LETTERS], strict=True)
        left, bottom, right, top = min(lefts), min(bottoms), max(rights), max(tops)
        x0, y0 = self._place(left, bottom)
        x1, y1 = self._place(right, top)
        doubtful = style is not None and (
            style.invisible
            or self._objects.covers((left + right) / 2, (bottom + top) / 2, style.order)
            or (style.replaced and any(letter.isdigit() for letter in text))
        )
        shade = -1 if style is None else style.shade
        if x0 > x1:
            x0, x1 = x1, x0
        if y0 > y1:
            y0, y1 = y1, y0
        return text, round(x0, 4), round(y0, 4), round(x1, 4), round(y1, 4), shade, doubtful

    def _place(self, x: float, y: float) -> tuple[float, float]:
        """Return a place in the page's own units as shares of the page as people see it."""
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


def _readable(letter: str) -> str:
    """Return a letter as it is read: UNMAPPED where its code says nothing."""
    if letter in _LINE_HYPHENS:
        return "-"
    if len(letter) == 2:
        return letter.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    code = ord(letter)
    if code < 32 or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xF900 or code > 0xEFFFF:
        return UNMAPPED
    return letter
