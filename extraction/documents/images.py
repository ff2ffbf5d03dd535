"""Image documents: how large they may be, and how one becomes a page.

Used in the sandbox's child only, but for page images that we drew ourselves.
"""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from PIL import ExifTags, Image, ImageFilter, ImageOps
from PIL.TiffImagePlugin import TiffImageFile

from extraction.documents.long_pages import part_count, parts_of, size_of_long
from extraction.documents.media_types import HEIC, PILLOW_FORMATS
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
# Between these the resolution across is believed to differ from that down the page.
LEAST_STRETCH = 1.1
MOST_STRETCH = 4.0
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
    if media_type == HEIC:
        _register_heif()
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

    The pages are counted no further than ``most`` + 1, the parts of a long page each; the first is
    decoded, because an upload that was cut off is the most frequent fault. Raises DocumentRejected.
    """
    found = media_type or _media_type_by_pillow(path)
    if found is None:
        return None, 0
    if found == "image/jpeg":
        reject_endless_jpeg(path.read_bytes())
    with open_image(path, found) as image:
        size = _swapped(image, _paper_size(image))
        image.draft(None, (SIDE, SIDE))
        image.load()
        frames = count_frames(image, most)
        return found, part_count(size, SIDE) if frames == 1 else frames


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


def _register_heif() -> None:
    """Teach Pillow HEIF. Here, because no other process needs the library."""
    import pillow_heif

    pillow_heif.register_heif_opener(
        decode_threads=1,  # each thread takes address space
        # A document is what its picture shows; a preview may show something else.
        thumbnails=False,
        depth_images=False,
        aux_images=False,
    )


def _media_type_by_pillow(path: Path) -> str | None:
    """Return the media type of an image that Pillow recognises by its header, or None.

    HEIC is known by its mark alone.
    """
    known = {format_: name for name, format_ in PILLOW_FORMATS.items() if name != HEIC}
    try:
        with Image.open(path, formats=tuple(known)) as image:
            return known[image.format or ""]
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
        # A phone's JPEG may hold a preview beside the picture (MPO), and its HEIC other shots, of
        # which one is the primary. They are no animations.
        still = image.format in ("JPEG", "MPO", "HEIF")
        if not still and getattr(image, "is_animated", False):
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


def pages_of(frame: Image.Image, side: int, parts: int = 1) -> Iterator[Image.Image]:
    """Yield the current frame upright, on white, 8 bits deep, at most ``side`` px a side.

    A long one is cut into the parts that ``examine`` counted.
    """
    if frame.mode == "I" or frame.mode.startswith("I;16"):
        # 16 bits: a plain conversion clips all but the darkest shades to white.
        page = frame.convert("I").point(lambda shade: shade * (1 / 257)).convert("L")
    elif frame.mode == "1":
        page = frame.convert("L")  # two shades cannot be scaled smoothly
    elif frame.mode in ("P", "PA"):
        page = frame.convert("RGBA" if frame.has_transparency_data else "RGB")
    else:
        page = frame.copy()
    size = _paper_size(frame)
    if parts > 1:
        size = _swapped(frame, size_of_long(_swapped(frame, size), side, parts))
    else:
        scale = min(1, side / max(size))
        size = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
    if page.size != size:
        across, down = size[0] / page.width, size[1] / page.height
        page = page.resize(size, reducing_gap=2)
        if frame.mode == "1" and max(across, down) > 1:
            # The steps of letters that were stretched one way: OCR reads them worse than blurred.
            page = page.filter(ImageFilter.GaussianBlur(max(across, down) / 2))
    page = ImageOps.exif_transpose(page)
    if page.has_transparency_data:
        page = page.convert("RGBA")
        page = Image.alpha_composite(Image.new("RGBA", page.size, "white"), page)
    yield from parts_of(page if page.mode == "L" else page.convert("RGB"), side, parts)


def _paper_size(image: Image.Image) -> tuple[int, int]:
    """Return the size of an image as if its pixels were square, by its tags of resolution.

    A fax of standard resolution has 204 × 98 dots per inch (ITU-T T.4).
    """
    info = image.info
    named = ("dpi", "resolution", "aspect", "jfif_density")
    found = next((info[name] for name in named if info.get(name)), (1, 1))
    try:
        across, down = map(float, found)
        stretch = across / down
    except (TypeError, ValueError, ArithmeticError):
        return image.size
    if not LEAST_STRETCH <= max(stretch, 1 / (stretch or 1)) <= MOST_STRETCH:
        return image.size
    width, height = image.size
    return (width, round(height * stretch)) if stretch > 1 else (round(width / stretch), height)


def _swapped(image: Image.Image, size: tuple[int, int]) -> tuple[int, int]:
    """Return the size of an image when it is turned upright, or back."""
    is_on_its_side = image.getexif().get(ExifTags.Base.Orientation) in (5, 6, 7, 8)
    return (size[1], size[0]) if is_on_its_side else size
