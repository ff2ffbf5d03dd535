"""Whether a document's e-invoice is read instead of its pages: it costs no LLM tokens."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from extraction.documents.media_types import PDF
from extraction.documents.sandbox import OutOfTime
from extraction.documents.storage import storage_faults
from extraction.exceptions import ExtractionFailed, RenderBusy
from extraction.models import ReaderChoice
from extraction.readers.base import Reading
from extraction.readers.einvoice.embedded import embedded_einvoices, is_complete, read_einvoice

NO_EINVOICE = (
    "There is no readable e-invoice in this document. Send a PDF with an XML invoice attached, or "
    "ask for another reader."
)


def has_einvoice_to_read(path: Path, media_type: str, choice: str) -> bool:
    """Whether ``read_first`` would read the document. Raises ServiceFault."""
    with _faults():
        return _is_to_be_read(path, media_type, choice)


def read_first(path: Path, media_type: str, choice: str) -> Reading | None:
    """Return what a document's e-invoice says; None where its pages are to be read.

    They are where an e-invoice is incomplete, unless the choice is ``einvoice``. Raises
    ExtractionFailed ``no_einvoice`` where that finds none, and ServiceFault.
    """
    with _faults():
        if _is_to_be_read(path, media_type, choice):
            return read_einvoice(path)
    if choice == ReaderChoice.EINVOICE:
        raise ExtractionFailed("no_einvoice", NO_EINVOICE, 422)
    return None


def _is_to_be_read(path: Path, media_type: str, choice: str) -> bool:
    if media_type != PDF or choice == ReaderChoice.MODEL:
        return False
    if choice == ReaderChoice.EINVOICE:
        return bool(embedded_einvoices(path))
    # Whoever draws the pages tells what is wrong with a document that is not there.
    if not settings.EINVOICE_FIRST or not path.exists():
        return False
    return any(map(is_complete, embedded_einvoices(path)[:1]))


@contextlib.contextmanager
def _faults() -> Iterator[None]:
    """Turn what this machine could not do into ServiceFault."""
    try:
        with storage_faults():
            yield
    except OutOfTime as error:
        raise RenderBusy from error
