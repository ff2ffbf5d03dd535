"""Documents as they were uploaded, or e-invoices, in a ZIP file."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from django.conf import settings

from extraction.documents.intake import documents_folder
from extraction.documents.media_types import MEDIA_TYPES
from extraction.exports.refusal import NOT_APPROVED, ExportRefused
from extraction.exports.ubl import ubl
from extraction.exports.values import Exported
from extraction.exports.zip_stream import ZipStream, chunks_of
from extraction.models import Extraction, ReviewState
from ocrsite.lib.downloads import in_chunks

MISSING = "MISSING.txt"
REFUSED = "REFUSED.txt"
_STEM_LENGTH = 80
_UNSAFE = re.compile(r"[^\w.-]+")


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
    archive = ZipStream()
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
            yield from archive.add(name, chunks_of(file))
    yield from _ended(archive, MISSING, missing)


def _why(extraction: Extraction) -> str:
    if extraction.files_removed_at:
        return f"removed on {extraction.files_removed_at:%Y-%m-%d}, when its time was over"
    return "not found"


def _einvoices(exported: Iterable[Exported]) -> Iterator[bytes]:
    archive = ZipStream()
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
    yield from _ended(archive, REFUSED, refused)


def _ended(archive: ZipStream, name: str, remarks: list[str]) -> Iterator[bytes]:
    """Add the remarks, if there are any, as a text file, and end the archive."""
    if remarks:
        archive.writestr(name, "".join(f"{remark}\n" for remark in remarks))
    yield archive.end()


def _one_line(text: str) -> str:
    return " ".join(text.split())
