"""Image documents: how large they may be, and how one becomes a page.

Used in the sandbox's child only, but for page images that we drew ourselves.
"""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from PIL import Image, ImageOps
from PIL.TiffImagePlugin import TiffImageFile

from extraction.documents.media_types import PILLOW_FORMATS
from extraction.exceptions import DocumentRejected

# Pages are drawn with at most so many px a side.
SIDE = 1920
# An A4 page at 600 dpi has 35 million; decoding takes four bytes for each, and copies.
MAX_PIXELS = 40_000_000
# A decoder goes over the whole picture once for each scan. Encoders of progressive files write
# about ten; the CPU limit ends what stays below this bound and is too much nevertheless.
MAX_JPEG_SCANS = 64
# Parts of a JPEG: headers, tables and scans. Photographs with their metadata have some dozens.
MAX_JPEG_SEGMENTS = 5_000
# A marker, not a stuffed zero, a fill byte or a restart inside a scan.
_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
_START_OF_SCAN = 0xDA
_END = 0xD9
_STANDALONE = {0x01, 0xD8}  # markers without a length: TEM and start of image
# Pillow's own limits are above MAX_PIXELS; whatever it raises or warns of is rejected as well.
_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)


@contextlib.contextmanager
def open_image(path: Path, media_type: str) -> Iterator[Image.Image]:
    """Open an image of a known type without decoding it.

    Raises DocumentRejected: ``image_too_large``, or ``corrupt_file`` for any other exception
    inside the ``with`` block, which may be the decoder's.
    """
    try:
        with Image.open(path, formats=(PILLOW_FORMATS[media_type],)) as image:
            reject_huge(image)
            yield image
    except DocumentRejected:
        raise
    except (*_BOMBS, MemoryError) as error:
        raise _too_large() from error
    except Exception as error:  # decoders raise whatever a broken file provokes
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of the disk: a decoder's own OSError has no number
        raise DocumentRejected(
            "corrupt_file",
            "The image is damaged or incomplete. Open it, save it anew and send it again.",
        ) from error


def examine(path: Path, most: int, media_type: str | None = None) -> tuple[str | None, int]:
    """Return the media type of an image, None for what is none, and its number of pages.

    The pages are counted no further than ``most`` + 1; the first is decoded, because an upload that
    was cut off is the most frequent fault. Raises DocumentRejected.
    """
    found = media_type or _media_type_by_pillow(path)
    if found is None:
        return None, 0
    if found == "image/jpeg":
        reject_endless_jpeg(path.read_bytes())
    with open_image(path, found) as image:
        image.draft(None, (SIDE, SIDE))
        image.load()
        return found, count_frames(image, most)


def reject_endless_jpeg(content: bytes) -> None:
    """Raise DocumentRejected for a JPEG of more scans than any honest one has; decodes nothing."""
    scans = position = 0
    for _ in range(MAX_JPEG_SEGMENTS):
        found = _MARKER.search(content, position)
        marker = found[1][0] if found else _END
        if found is None or marker == _END:
            return
        scans += marker == _START_OF_SCAN
        if scans > MAX_JPEG_SCANS:
            break
        length = int.from_bytes(content[found.end() : found.end() + 2], "big")
        position = found.end() + (0 if marker in _STANDALONE else length)
    raise DocumentRejected(
        "render_timeout",
        "The image is stored in more parts than any camera or scanner writes. "
        "Open it, save it anew and send it again.",
    )


def _media_type_by_pillow(path: Path) -> str | None:
    """Return the media type of an image that Pillow recognises by its header, or None."""
    try:
        with Image.open(path, formats=tuple(PILLOW_FORMATS.values())) as image:
            return next(name for name, format_ in PILLOW_FORMATS.items() if format_ == image.format)
    except _BOMBS as error:
        raise _too_large() from error
    except Exception as error:  # UnidentifiedImageError, or what a broken header provokes
        if isinstance(error, OSError) and error.errno is not None:
            raise
        return None


def reject_huge(image: Image.Image) -> None:
    """Raise DocumentRejected(image_too_large) by the header's size, before anything is decoded."""
    if image.width * image.height > MAX_PIXELS:
        raise _too_large()


def _too_large() -> DocumentRejected:
    return DocumentRejected(
        "image_too_large",
        f"The image has more than {MAX_PIXELS // 1_000_000} million pixels. "
        "Scan it at a lower resolution and send it again.",
    )


def count_frames(image: Image.Image, most: int) -> int:
    """Return the number of pages of an opened image, counting no further than ``most`` + 1.

    Only headers are read. Raises DocumentRejected for a page of too many pixels, and for an
    animation: nothing says which of its pictures is the invoice. Raises ValueError for a list of
    pages that leads back to an earlier page.
    """
    if image.format != "TIFF":
        # A phone's JPEG may hold a preview beside the picture (MPO). It is no animation.
        if image.format not in ("JPEG", "MPO") and getattr(image, "is_animated", False):
            raise DocumentRejected(
                "unsupported_media_type",
                "The image is an animation. Send a still image or a PDF.",
                415,
            )
        return 1
    for number in range(1, most + 1):
        try:
            image.seek(number)
        except EOFError:
            if cast("TiffImageFile", image).tag_v2.next:
                # Pillow ends such a list without an error.
                raise ValueError("the list of pages has no end") from None
            return number
        reject_huge(image)
    return most + 1


def page_of(frame: Image.Image, side: int) -> Image.Image:
    """Return the current frame upright, on white, 8 bits deep, at most ``side`` px a side."""
    if frame.mode == "I" or frame.mode.startswith("I;16"):
        # 16 bits: a plain conversion clips all but the darkest shades to white.
        page = frame.convert("I").point(lambda shade: shade * (1 / 257)).convert("L")
    elif frame.mode == "1":
        page = frame.convert("L")  # two shades cannot be scaled smoothly
    elif frame.mode in ("P", "PA"):
        page = frame.convert("RGBA" if frame.has_transparency_data else "RGB")
    else:
        page = frame.copy()
    page.thumbnail((side, side), reducing_gap=2)
    page = ImageOps.exif_transpose(page)
    if page.has_transparency_data:
        page = page.convert("RGBA")
        page = Image.alpha_composite(Image.new("RGBA", page.size, "white"), page)
    return page if page.mode == "L" else page.convert("RGB")
