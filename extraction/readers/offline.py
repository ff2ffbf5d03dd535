"""Reading without a provider: e-invoice XML, else the text layer, else OCR.

For companies that have no key. Costs no LLM tokens; everything but a confirmed e-invoice needs
review.
"""

import logging

from extraction.documents.document import Document
from extraction.documents.media_types import PDF
from extraction.documents.page_words import DocumentWords, document_words
from extraction.documents.sandbox import ChildDied, OutOfCpu, OutOfTime
from extraction.invoices.messages import BLANK, FROM_OCR, FROM_TEXT, NOT_AN_INVOICE, PAGE_UNREAD
from extraction.invoices.schema import EMPTY, InvoiceFields
from extraction.readers.base import OFFLINE_MODEL, Failure, Reading, ReadingError, RequestCost
from extraction.readers.einvoice.embedded import read_einvoice
from extraction.readers.text.page_layout import layout_text
from extraction.readers.text.rules import fields_in
from extraction.readers.text.sources import text_layer
from ocrsite.lib.errors import StorageUnavailable

logger = logging.getLogger(__name__)


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
        varied: bool = False,
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
    if document.media_type == PDF and (einvoice := read_einvoice(document.path)):
        return einvoice
    words = document_words(document)
    text = _visible_text(document, words)
    return _read_text(document, words, fields_in(text) if text.strip() else None)


def _visible_text(document: Document, words: DocumentWords) -> str:
    """Return the text that people see, in its layout.

    pdftotext's has finer columns; it also has what is hidden.
    """
    is_plain = all(page.source == "text" for page in words.pages)
    if document.media_type == PDF and is_plain and not words.hidden:
        text = text_layer(document.path, len(document.pages))
        if text.strip():
            return text
    return layout_text(words.pages)


def _read_text(document: Document, words: DocumentWords, fields: InvoiceFields | None) -> Reading:
    """Return the fields with what is to be said of them; None where no text was read."""
    if document.is_blank:
        return Reading(EMPTY, OFFLINE_MODEL, needs_review=True, warnings=(BLANK,))
    if fields is None and words.ocr_missing:
        raise ReadingError(
            Failure.FINAL,
            "needs_gemini_key",
            "This is a scan, and a scan cannot be read without a Gemini key. "
            "Add a Gemini key for your company, or upload the PDF that the supplier sent.",
        )
    if fields is None and words.unread:
        raise ReadingError(
            Failure.FINAL,
            "ocr_failed",
            "OCR could not read this scan. Upload a clearer or smaller scan, "
            "or add a Gemini key for your company.",
        )
    is_scan = any(page.source == "ocr" for page in words.pages)
    unread = () if words.ocr_missing else words.unread
    return _reading(
        fields or EMPTY,
        FROM_OCR if is_scan else FROM_TEXT,
        *(PAGE_UNREAD.format(numbers=number) for number in unread),
    )


def _reading(fields: InvoiceFields, *warnings: str) -> Reading:
    if fields.document_type == "other":
        warnings = (NOT_AN_INVOICE, *warnings)
    return Reading(fields, OFFLINE_MODEL, needs_review=True, warnings=warnings)
