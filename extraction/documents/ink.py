"""What people see of a word: the ink at its place on the page image."""

from functools import cached_property
from math import ceil
from pathlib import Path

from PIL import Image

from extraction.documents.images import open_image
from extraction.documents.words import LIGHT, Box

# Shades between the darkest and the lightest pixel. Of 4,900 words on the shared invoices the
# faintest has 84; JPEG leaves up to 20 beside letters.
CONTRAST = 28
# Letters that are lower than so many points, those of a font of two, and than so many pixels are
# not seen. The smallest print on invoices has four points. A long page has more of them a pixel.
LOWEST_POINTS = 1.4
LOWEST_PIXELS = 4
# Of words with as many letters each part has some ink.
LETTERS_WITH_PARTS = 4
PARTS = 3
# Boxes of more pixels are looked at in an image that is smaller by so much each way.
LARGE = 40_000
SMALLER = 8
_Pixels = tuple[int, int, int, int]


class PageInk:
    """The shades of a page image of ours, whose longer side has so many points on paper.

    Raises DocumentRejected for what is no image.
    """

    def __init__(self, path: Path, side: float) -> None:
        self._points = side
        with open_image(path, "image/jpeg") as image:
            image.draft("L", image.size)  # twice as fast: the colours are not decoded
            image.load()
            # Converting copies the pixels of what is grey already.
            self._image = image if image.mode == "L" else image.convert("L")
        self._width, self._height = self._image.size

    def is_at(self, box: Box, text: str) -> bool:
        """Whether there is ink at the place of a word, and room for letters that can be read."""
        return not self._is_too_small(text, box) and all(
            map(self._has_contrast, _parts(text, self._pixels(box)))
        )

    def is_of_shade(self, box: Box, shade: int) -> bool:
        """Whether the ink at a place can be that of a word drawn in a shade, -1 if unknown."""
        return shade <= LIGHT or self._has_darker_ground(self._pixels(box), shade)

    @cached_property
    def _reduced(self) -> Image.Image:
        return self._image.reduce(SMALLER)

    def _pixels(self, box: Box) -> _Pixels:
        """Return the box in pixels, at least three each way: a dash is lower than a pixel."""
        left, right = _at_least_three(box[0] * self._width, box[2] * self._width)
        top, bottom = _at_least_three(box[1] * self._height, box[3] * self._height)
        return self._inside((left, top, right, bottom))

    def _inside(self, pixels: _Pixels) -> _Pixels:
        """Return the part of a box on the image; Pillow would add black beside it."""
        left, top, right, bottom = pixels
        if left >= 0 <= top and right <= self._width and bottom <= self._height:
            return pixels
        return max(0, left), max(0, top), min(self._width, right), min(self._height, bottom)

    def _is_too_small(self, text: str, box: Box) -> bool:
        across = (box[2] - box[0]) * self._width
        down = (box[3] - box[1]) * self._height
        if across >= LOWEST_PIXELS <= down:
            return False
        letters = sum(map(str.isalnum, text))
        # A narrow letter is as high as others, and a word that stands upright is wide.
        height = min(across, down) if letters >= PARTS else max(across, down)
        points = height * self._points / max(self._width, self._height)
        return letters > 0 and height < LOWEST_PIXELS and points < LOWEST_POINTS

    def _has_contrast(self, pixels: _Pixels) -> bool:
        left, top, right, bottom = pixels
        if (right - left) * (bottom - top) > LARGE:
            darkest, lightest = self._crop(pixels).getextrema()
        else:
            # Asked for a thousand times a page, of which an Image each would take two thirds.
            darkest, lightest = self._image.im.crop(pixels).getextrema()
        return bool(lightest - darkest >= CONTRAST)  # type: ignore[operator]  # one band: numbers

    def _has_darker_ground(self, pixels: _Pixels, shade: int) -> bool:
        """Whether the pixels around a word of a light shade are darker than it."""
        left, top, right, bottom = pixels
        around = self._crop(self._inside((left - 2, top - 2, right + 2, bottom + 2))).histogram()
        inside = self._crop(pixels).histogram()
        frame = [max(0, most - less) for most, less in zip(around, inside, strict=True)]
        darker = sum(frame[: max(0, shade - CONTRAST)])
        return darker * 2 > sum(frame)

    def _crop(self, pixels: _Pixels) -> Image.Image:
        left, top, right, bottom = pixels
        if (right - left) * (bottom - top) <= LARGE:
            return self._image.crop(pixels)
        few = (left // SMALLER, top // SMALLER, -(-right // SMALLER), -(-bottom // SMALLER))
        return self._reduced.crop(few)


def _at_least_three(low: float, high: float) -> tuple[int, int]:
    first, last = int(low), ceil(high)
    missing = 3 - (last - first)
    if missing <= 0:
        return first, last
    return first - missing // 2, last + missing - missing // 2


def _parts(text: str, pixels: _Pixels) -> list[_Pixels]:
    """Return the thirds of a longer word, so that half of one cannot vouch for the rest."""
    left, top, right, bottom = pixels
    if len(text) < LETTERS_WITH_PARTS:
        return [pixels]
    if right - left >= bottom - top:
        cuts = [left + (right - left) * part // PARTS for part in range(PARTS + 1)]
        return [(cuts[part], top, cuts[part + 1], bottom) for part in range(PARTS)]
    cuts = [top + (bottom - top) * part // PARTS for part in range(PARTS + 1)]
    return [(left, cuts[part], right, cuts[part + 1]) for part in range(PARTS)]
