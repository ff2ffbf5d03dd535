"""A ZIP file that is sent while it is written: documents as they were uploaded, or e-invoices."""

import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from django.conf import settings

from extraction.documents.intake import documents_folder
from extraction.documents.media_types import MEDIA_TYPES
from extraction.exports.refusal import NOT_APPROVED, ExportRefused
from extraction.exports.ubl import ubl
from extraction.exports.values import Exported
from extraction.models import Extraction, ReviewState
from ocrsite.lib.downloads import CHUNK_BYTES, in_chunks

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

MISSING = "MISSING.txt"
REFUSED = "REFUSED.txt"
_STEM_LENGTH = 80
_UNSAFE = re.compile(r"[^\w.-]+")
# The documents are compressed already. Yet not merely stored: then a program that reads the file
# as it arrives could not tell where one ends.
_LEVEL = 1


def documents(exported: Iterable[Exported]) -> Iterator[bytes]:
    """Yield a ZIP file of the documents as they were uploaded.

    MISSING.txt names those that are not there any more. Raises OSError for a fault of the disk.
    """
    return in_chunks(_documents(exported))


def einvoices(exported: Iterable[Exported]) -> Iterator[bytes]:
    """Yield a ZIP file with each approved invoice as UBL; REFUSED.txt says what others lack."""
    return in_chunks(_einvoices(exported))


def name_of(extraction: Extraction, extension: str) -> str:
    """Return a name of the extraction's own, with its id and without folders."""
    stem = _UNSAFE.sub("-", Path(extraction.file_name).stem)[:_STEM_LENGTH].strip(".-_")
    return f"{stem or 'document'}-{extraction.pk}.{extension}"


def _documents(exported: Iterable[Exported]) -> Iterator[bytes]:
    archive = _Archive()
    missing: list[str] = []
    for each in exported:
        extraction = each.extraction
        try:
            file = (Path(settings.DATA_DIR) / "files" / extraction.file).open("rb")
        except FileNotFoundError:
            documents_folder()  # raises where its disk is away: none of them is missing
            missing.append(
                f"{extraction.pk}\t{_one_line(extraction.file_name)}\t{_why(extraction)}"
            )
            continue
        with file:
            name = name_of(extraction, MEDIA_TYPES[extraction.media_type].extension)
            yield from archive.add(name, _chunks_of(file))
    yield from archive.end(MISSING, missing)


def _chunks_of(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(CHUNK_BYTES):
        yield chunk


def _why(extraction: Extraction) -> str:
    if extraction.files_removed_at:
        return f"removed on {extraction.files_removed_at:%Y-%m-%d}, when its time was over"
    return "not found"


def _einvoices(exported: Iterable[Exported]) -> Iterator[bytes]:
    archive = _Archive()
    refused: list[str] = []
    for each in exported:
        extraction = each.extraction
        named = f"{extraction.pk}\t{_one_line(extraction.file_name)}"
        if extraction.review_state is not ReviewState.APPROVED:
            refused.append(f"{named}\t{NOT_APPROVED}")
            continue
        try:
            xml = ubl(each.invoice)
        except ExportRefused as refusal:
            refused += [f"{named}\t{problem}" for problem in refusal.problems]
            continue
        yield from archive.add(name_of(extraction, "xml"), [xml])
    yield from archive.end(REFUSED, refused)


def _one_line(text: str) -> str:
    return " ".join(text.split())


class _Sink(io.RawIOBase):
    """A file to write to that cannot be read or sought; what was written is taken from it."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def write(self, data: "ReadableBuffer") -> int:
        """Keep it until it is taken."""
        self._waiting += data
        return memoryview(data).nbytes

    def take(self) -> bytes:
        """Return what was written since the last time."""
        taken = bytes(self._waiting)
        self._waiting.clear()
        return taken


class _Archive:
    """A ZIP file, of which each step yields what it has written."""

    def __init__(self) -> None:
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL)

    def add(self, name: str, content: Iterable[bytes]) -> Iterator[bytes]:
        """Add a file."""
        with self._zip.open(name, "w") as entry:
            for chunk in content:
                entry.write(chunk)
                yield self._sink.take()
        yield self._sink.take()

    def end(self, name: str, remarks: list[str]) -> Iterator[bytes]:
        """Add the remarks, if there are any, as a text file, and end the archive."""
        if remarks:
            self._zip.writestr(name, "".join(f"{remark}\n" for remark in remarks))
        self._zip.close()
        yield self._sink.take()
