"""Image documents: how large they may be, and how one becomes a page."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from PIL import Image, ImageOps
from PIL.TiffImagePlugin import TiffImageFile

from extraction.documents.media_types import PILLOW_FORMATS
from extraction.exceptions import DocumentRejected

# An A4 page at 600 dpi has 35 million; decoding takes four bytes for each, and copies.
MAX_PIXELS = 40_000_000
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
    except _BOMBS as error:
        raise _too_large() from error
    except Exception as error:  # decoders raise whatever a broken file provokes
        raise DocumentRejected(
            "corrupt_file",
            "The image is damaged or incomplete. Open it, save it anew and send it again.",
        ) from error


def media_type_by_pillow(path: Path) -> str | None:
    """Return the media type of an image that Pillow recognises, or None.

    Raises DocumentRejected(image_too_large) by the header's size.
    """
    try:
        with Image.open(path, formats=tuple(PILLOW_FORMATS.values())) as image:
            return next(name for name, format_ in PILLOW_FORMATS.items() if format_ == image.format)
    except _BOMBS as error:
        raise _too_large() from error
    except Exception:  # UnidentifiedImageError, or what a broken header provokes
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
