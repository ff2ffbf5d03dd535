"""Long pages, such as till receipts: cut into parts, since one scaled as a whole is unreadable."""

from collections.abc import Iterator
from itertools import pairwise

from PIL import Image

# Of times higher than wide. A receipt of 80 mm is longer than that from 240 mm on; sheets are not.
LONG = 3.0
# Pixels; a till prints up to 48 letters a line.
WIDTH = 960
# Of the height of a whole page: the rest is where a row without ink may be found.
NOMINAL = 0.9
# Shades between the lightest and the darkest pixel of a row of bare paper.
BARE = 40


def part_count(size: tuple[int, int], side: int) -> int:
    """Return into how many parts a page of so many pixels is cut; 1 for any but a long page."""
    width, height = size
    if height <= side or height < LONG * width:
        return 1
    return -int(-height * min(1, WIDTH / width) // (NOMINAL * side))


def size_of_long(size: tuple[int, int], side: int, parts: int) -> tuple[int, int]:
    """Return the size of a long page before it is cut into so many parts of at most ``side`` px."""
    width, height = size
    scale = min(1, WIDTH / width, parts * NOMINAL * side / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def parts_of(page: Image.Image, side: int, parts: int) -> Iterator[Image.Image]:
    """Yield the parts from the top, cut between two lines of text where there is room for it."""
    reach = int((1 - NOMINAL) * side / 2)
    nominal = [page.height * number // parts for number in range(1, parts)]
    cuts = [0, *(_bare_row(page, row - reach, row + reach) for row in nominal), page.height]
    for top, bottom in pairwise(cuts):
        yield page.crop((0, top, page.width, bottom))


def _bare_row(page: Image.Image, first: int, last: int) -> int:
    """Return the middle of the widest gap between lines among the rows, else the barest row."""
    strip = page.crop((0, first, page.width, last)).convert("L")
    shades = [_contrast(strip, row) for row in range(strip.height)]
    widest = start = length = 0
    for row, contrast in enumerate([*shades, BARE + 1]):
        if contrast <= BARE:
            continue
        if row - start > length:
            widest, length = (start + row) // 2, row - start
        start = row + 1
    return first + (widest if length else shades.index(min(shades)))


def _contrast(strip: Image.Image, row: int) -> int:
    darkest, lightest = strip.crop((0, row, strip.width, row + 1)).getextrema()
    return int(lightest) - int(darkest)  # type: ignore[arg-type]  # one band: numbers
