"""Reading without a provider: e-invoice XML, else the text layer, else OCR.

For companies that have no key. Costs no LLM tokens; everything but a confirmed e-invoice needs
review.
"""

import logging
from typing import cast

from extraction.documents import sandbox
from extraction.documents.document import Document
from extraction.documents.media_types import PDF
from extraction.documents.sandbox import ChildDied, Limits, OutOfCpu, OutOfTime
from extraction.documents.temp_dirs import temp_dir
from extraction.invoices.schema import InvoiceFields
from extraction.readers.base import Failure, Reading, ReadingError, RequestCost
from extraction.readers.einvoice.embedded import read_einvoice
from extraction.readers.offline_child import Answer
from extraction.readers.text.heuristic import EMPTY
from extraction.readers.text.sources import ocr, text_layer
from ocrsite.lib.errors import StorageUnavailable

logger = logging.getLogger(__name__)

MODEL = "offline"
# An invoice takes less than a second; the most text that is looked at, hostile, some seconds.
LIMITS = Limits(cpu=20, wall=30)

BLANK = "The document is blank."
NOT_AN_INVOICE = "This does not look like an invoice."
FROM_TEXT = "Read from the text by simple rules, without a language model: compare every field."
FROM_OCR = "Read from the image by OCR and simple rules: compare every field."


class OfflineReader:
    """The reader of ``Provider.OFFLINE``."""

    longest_output = 0

    def check_key(self, *, api_key: str, model: str) -> None:
        """Accept every key: none is used."""

    def request_cost(
        self, document: Document, *, api_key: str, model: str, correction: str = ""
    ) -> RequestCost:
        """Return nothing: no model is called."""
        return RequestCost(most=0, smallest=0)

    def read(
        self,
        document: Document,
        *,
        api_key: str,
        model: str,
        output_budget: int,
        correction: str = "",
    ) -> Reading:
        """Read the document by rules.

        Raises ReadingError ``needs_gemini_key`` for a scan where tesseract is not installed,
        ``ocr_failed`` where it reads no page in time, ``read_timeout`` for a document that takes
        too much CPU time, and ``read_busy``, to try again, when this machine did not get to it.
        """
        try:
            return _read(document)
        except (OutOfCpu, ChildDied) as error:
            raise ReadingError(
                Failure.FINAL,
                "read_timeout",
                "The text of this document takes more time to read than is allowed. Print it to a "
                "new PDF, or scan it, and send that.",
            ) from error
        except OSError as error:
            logger.exception("The document could not be read from or written to disk.")
            raise ReadingError(
                Failure.RETRY, "storage_unavailable", StorageUnavailable().detail
            ) from error
        except OutOfTime as error:
            raise ReadingError(
                Failure.RETRY,
                "read_busy",
                "The service was too busy to read the document in time. Try again later.",
                timed_out=True,
            ) from error


def _read(document: Document) -> Reading:
    """Read a document. Raises ReadingError, and what the sandbox does."""
    if document.media_type != PDF:
        return _read_scan(document, None)
    if einvoice := read_einvoice(document.path):
        return einvoice
    text = text_layer(document.path, len(document.pages))
    answer = _read_in_child(text)
    fields = _fields_of(answer)
    if answer["is_short"]:
        return _read_scan(document, fields if text.strip() else None)
    return _reading(fields, FROM_TEXT)


def _read_in_child(text: str) -> Answer:
    with temp_dir() as folder:
        file = folder / "text"
        file.write_text(text, "utf-8")
        answer = sandbox.run_child("extraction.readers.offline_child", str(file), limits=LIMITS)
    return cast("Answer", answer)


def _fields_of(answer: Answer) -> InvoiceFields:
    return InvoiceFields.model_validate(answer["fields"])


def _read_scan(document: Document, short: InvoiceFields | None) -> Reading:
    """Read by OCR, else take what a short text layer says."""
    if document.is_blank:
        return Reading(EMPTY, MODEL, needs_review=True, warnings=(BLANK,))
    try:
        scan = ocr(document.pages)
    except FileNotFoundError:
        if short is not None:
            return _reading(short, FROM_TEXT)
        raise ReadingError(
            Failure.FINAL,
            "needs_gemini_key",
            "This is a scan, and a scan cannot be read without a Gemini key. "
            "Add a Gemini key for your company, or upload the PDF that the supplier sent.",
        ) from None
    if scan.unread and not scan.text:
        raise ReadingError(
            Failure.FINAL,
            "ocr_failed",
            "OCR could not read this scan. Upload a clearer or smaller scan, "
            "or add a Gemini key for your company.",
        )
    unread = tuple(f"Page {number} could not be read." for number in scan.unread)
    fields = _fields_of(_read_in_child(scan.text))
    return _reading(fields, FROM_OCR, *unread)


def _reading(fields: InvoiceFields, *warnings: str) -> Reading:
    if fields.document_type == "other":
        warnings = (NOT_AN_INVOICE, *warnings)
    return Reading(fields, MODEL, needs_review=True, warnings=warnings)
