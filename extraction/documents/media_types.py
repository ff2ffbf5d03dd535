"""The kinds of files that are accepted: one row for each."""

import re
from dataclasses import dataclass

PDF = "application/pdf"
HEIC = "image/heic"


@dataclass(frozen=True, slots=True)
class MediaType:
    """A kind of file: its name, the extension it is stored with, and what recognises it.

    ``magic`` is found in the beginning of the file; without one only Pillow recognises the kind.
    ``pillow_format`` is Pillow's name of the decoder, None for what is no image.
    """

    name: str
    extension: str
    pillow_format: str | None
    magic: re.Pattern[bytes] | None


def _magic(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern, re.DOTALL)


# In the order in which they are looked for: a PDF last, since its mark may follow other bytes.
_KINDS = (
    MediaType("image/jpeg", "jpg", "JPEG", _magic(rb"\A\xff\xd8\xff")),
    MediaType("image/png", "png", "PNG", _magic(rb"\A\x89PNG\r\n\x1a\n")),
    MediaType("image/webp", "webp", "WEBP", _magic(rb"\ARIFF....WEBP")),
    MediaType("image/tiff", "tiff", "TIFF", _magic(rb"\A(?:II[*+]\0|MM\0[*+])")),
    MediaType("image/gif", "gif", "GIF", _magic(rb"\AGIF8[79]a")),
    # Both are HEIF containers (ISO/IEC 23008-12): their brands tell whether AV1 or HEVC is inside.
    MediaType("image/avif", "avif", "AVIF", _magic(rb"\A....ftyp(?:.{4}){0,12}?avi[fs]")),
    MediaType(HEIC, "heic", "HEIF", _magic(rb"\A....ftyp(?:.{4}){0,12}?hei[cxms]")),
    MediaType("image/bmp", "bmp", "BMP", None),
    MediaType(PDF, "pdf", None, _magic(rb"%PDF-")),
)
MEDIA_TYPES = {kind.name: kind for kind in _KINDS}
# Only these decoders are ever started: Pillow would run Ghostscript on an EPS.
PILLOW_FORMATS = {kind.name: kind.pillow_format for kind in _KINDS if kind.pillow_format}


def media_type_by_magic(head: bytes) -> str | None:
    """Return the media type of a file by its first 1,024 bytes, or None."""
    return next((kind.name for kind in _KINDS if kind.magic and kind.magic.search(head)), None)
