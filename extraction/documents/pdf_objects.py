"""How the objects of a PDF's page are drawn, in the child process that reads its words.

PDFium draws the objects in their order, so a later one may lie on an earlier one.
"""

import ctypes
from dataclasses import dataclass
from typing import Any

from pypdfium2 import raw

from extraction.documents.words import LIGHT

# Objects beyond are not looked at. The busiest of the shared invoices has 5,500.
MAX_OBJECTS = 50_000
MAX_DEPTH = 8  # of forms inside of forms
# Points: what is smaller covers no letter that can be read.
SMALLEST_COVER = 4.0
MAX_COVERS = 1_000
BANDS = 64
_INVISIBLE_MODES = (3, 7)  # neither filled nor stroked; a clipping path only
_STROKED = 1
_OPAQUE = 250  # of 255
_FEW_SEGMENTS = 6  # a rectangle has five
_WHOLE = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
_Matrix = tuple[float, float, float, float, float, float]
_Rectangle = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Style:
    """How a text object is drawn: ``order`` counts the objects of the page."""

    order: int
    invisible: bool
    shade: int
    replaced: bool

    def looks_like(self, other: "Style | None") -> bool:
        """Whether letters of both may belong to one word."""
        return self is other or (
            other is not None
            and self.invisible == other.invisible
            and (self.shade > LIGHT) == (other.shade > LIGHT)
        )


class PageObjects:
    """The objects of a page: the styles of its texts, and what covers them."""

    def __init__(self, page: Any) -> None:
        self.paths = 0
        # Whether text is all that shows letters: lines and boxes show none.
        self.is_plain = True
        self._orders: dict[int, int] = {}
        self._styles: dict[int, Style] = {}
        self._seen = 0
        self._pictures = 0.0
        self._covers: list[tuple[int, _Rectangle]] = []
        bounds = raw.FS_RECTF()
        raw.FPDF_GetPageBoundingBox(page, bounds)
        self._bottom, self._height = bounds.bottom, bounds.top - bounds.bottom or 1.0
        self._area = abs((bounds.right - bounds.left) * self._height) or 1.0
        count = raw.FPDFPage_CountObjects(page)
        self._walk((raw.FPDFPage_GetObject(page, index) for index in range(count)), _WHOLE, 0)
        self._too_many = len(self._covers) > MAX_COVERS
        self._bands: dict[int, list[tuple[int, _Rectangle]]] = {}
        for cover in self._covers[:MAX_COVERS]:
            for band in range(self._band(cover[1][1]), self._band(cover[1][3]) + 1):
                self._bands.setdefault(band, []).append(cover)

    def style(self, address: int | None) -> Style | None:
        """Return how the text object at an address is drawn; None for the letters of none."""
        if address is None:
            return None
        style = self._styles.get(address)
        if style is None:
            text_object = ctypes.cast(address, raw.FPDF_PAGEOBJECT)
            style = _style(text_object, self._orders.get(address, 0))
            self._styles[address] = style
        return style

    def covers(self, x: float, y: float, order: int) -> bool:
        """Whether something opaque is drawn at a place after the object of the order."""
        if self._too_many or not self._bands:
            return self._too_many
        return any(
            after > order and left <= x <= right and bottom <= y <= top
            for after, (left, bottom, right, top) in self._bands.get(self._band(y), ())
        )

    def picture_share(self) -> float:
        """Return the share of the page that pictures cover, at most 1."""
        return min(1.0, round(self._pictures / self._area, 3))

    def _band(self, y: float) -> int:
        return min(BANDS, max(-1, int((y - self._bottom) / self._height * BANDS)))

    def _walk(self, objects: Any, matrix: _Matrix, depth: int) -> None:
        for item in objects:
            if self._seen >= MAX_OBJECTS:
                self.is_plain = False
                return
            self._seen += 1
            kind = raw.FPDFPageObj_GetType(item)
            if kind == raw.FPDF_PAGEOBJ_TEXT:
                self._orders[ctypes.addressof(item.contents)] = self._seen
            elif kind == raw.FPDF_PAGEOBJ_IMAGE:
                rectangle = _bounds(item, matrix)
                self.is_plain = False
                self._pictures += _area(rectangle)
                self._cover(item, rectangle)
            elif kind == raw.FPDF_PAGEOBJ_PATH:
                self.paths += 1
                self.is_plain &= raw.FPDFPath_CountSegments(item) <= _FEW_SEGMENTS
                if _is_opaque_rectangle(item):
                    self._cover(item, _bounds(item, matrix))
            elif kind == raw.FPDF_PAGEOBJ_FORM and depth < MAX_DEPTH:
                inner = range(max(0, raw.FPDFFormObj_CountObjects(item)))
                children = (raw.FPDFFormObj_GetObject(item, index) for index in inner)
                self._walk(children, _combined(_matrix(item), matrix), depth + 1)
            else:  # a shading, and what PDFium has no name for
                self.is_plain = False

    def _cover(self, item: Any, rectangle: _Rectangle) -> None:
        left, bottom, right, top = rectangle
        if (
            min(right - left, top - bottom) >= SMALLEST_COVER
            and len(self._covers) <= MAX_COVERS
            and not raw.FPDFPageObj_HasTransparency(item)
        ):
            self._covers.append((self._seen, rectangle))


def _style(text_object: Any, order: int) -> Style:
    mode = raw.FPDFTextObj_GetTextRenderMode(text_object)
    colour = [ctypes.c_uint() for _ in range(4)]
    get = raw.FPDFPageObj_GetStrokeColor if mode == _STROKED else raw.FPDFPageObj_GetFillColor
    known = get(text_object, *colour)
    red, green, blue, alpha = (part.value for part in colour)
    return Style(
        order=order,
        invisible=mode in _INVISIBLE_MODES or bool(known and alpha == 0),
        shade=(red * 299 + green * 587 + blue * 114) // 1000 if known else -1,
        replaced=_has_actual_text(text_object),
    )


def _has_actual_text(text_object: Any) -> bool:
    """Whether a text of its own stands for the letters that are drawn."""
    marks = raw.FPDFPageObj_CountMarks(text_object)
    for index in range(min(max(0, marks), MAX_DEPTH)):
        mark = raw.FPDFPageObj_GetMark(text_object, index)
        if raw.FPDFPageObjMark_GetParamValueType(mark, b"ActualText") != raw.FPDF_OBJECT_UNKNOWN:
            return True
    return False


def _is_opaque_rectangle(path: Any) -> bool:
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    raw.FPDFPath_GetDrawMode(path, fill, stroke)
    if not fill.value or raw.FPDFPath_CountSegments(path) > _FEW_SEGMENTS:
        return False
    colour = [ctypes.c_uint() for _ in range(4)]
    return bool(raw.FPDFPageObj_GetFillColor(path, *colour)) and colour[3].value >= _OPAQUE


def _bounds(item: Any, matrix: _Matrix) -> _Rectangle:
    """Return left, bottom, right and top on the page."""
    sides = [ctypes.c_float() for _ in range(4)]
    if not raw.FPDFPageObj_GetBounds(item, *sides):
        return (0.0, 0.0, 0.0, 0.0)
    left, bottom, right, top = (side.value for side in sides)
    a, b, c, d, e, f = matrix
    corners = [(x, y) for x in (left, right) for y in (bottom, top)]
    across = [a * x + c * y + e for x, y in corners]
    up = [b * x + d * y + f for x, y in corners]
    return min(across), min(up), max(across), max(up)


def _area(rectangle: _Rectangle) -> float:
    left, bottom, right, top = rectangle
    return (right - left) * (top - bottom)


def _matrix(item: Any) -> _Matrix:
    found = raw.FS_MATRIX()
    if not raw.FPDFPageObj_GetMatrix(item, found):
        return _WHOLE
    return found.a, found.b, found.c, found.d, found.e, found.f


def _combined(inner: _Matrix, outer: _Matrix) -> _Matrix:
    """Return the matrix that does what the inner one does, and then the outer one."""
    a, b, c, d, e, f = inner
    p, q, r, s, t, u = outer
    return (
        *(a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s),
        *(e * p + f * r + t, e * q + f * s + u),
    )
