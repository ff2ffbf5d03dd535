"""Reading without a provider: e-invoice XML, else the text layer, else OCR.

For companies that have no key. Costs no LLM tokens; everything but a confirmed e-invoice needs
review.
"""

from extraction.documents.document import Document
from extraction.documents.media_types import PDF
from extraction.invoices.schema import InvoiceFields
from extraction.readers.base import Failure, Reading, ReadingError, RequestCost
from extraction.readers.einvoice.reader import einvoices_in, not_on_page
from extraction.readers.text.heuristic import EMPTY, read_text
from extraction.readers.text.sources import ocr, text_layer

MODEL = "offline"
# Less text than this is a scanner's stamp or a page number, not an invoice.
FEWEST_LETTERS = 100

BLANK = "The document is blank."
NOT_AN_INVOICE = "This does not look like an invoice."
FROM_TEXT = "Read from the text by simple rules, without a language model: compare every field."
FROM_OCR = "Read from the image by OCR and simple rules: compare every field."
SEVERAL = "The PDF carries more than one electronic invoice: only the first was read."


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

        Raises ReadingError ``needs_gemini_key`` for a scan where tesseract is not installed, and
        ``ocr_failed`` where it reads no page in time.
        """
        if document.media_type != PDF:
            return _read_scan(document, "")
        text = text_layer(document.path, len(document.pages))
        einvoices = einvoices_in(document.path)
        if einvoices:
            return _read_einvoice(einvoices, text)
        if len("".join(text.split())) >= FEWEST_LETTERS:
            return _reading(read_text(text), FROM_TEXT)
        return _read_scan(document, text)


def _read_einvoice(einvoices: list[InvoiceFields], text: str) -> Reading:
    fields = einvoices[0]
    warnings = [
        f"The {name} of the electronic invoice is not printed on the page: compare it."
        for name in not_on_page(fields, text)
    ]
    if len(einvoices) > 1:
        warnings.append(SEVERAL)
    return Reading(fields, MODEL, needs_review=bool(warnings), warnings=tuple(warnings))


def _read_scan(document: Document, text: str) -> Reading:
    if document.is_blank:
        return Reading(EMPTY, MODEL, needs_review=True, warnings=(BLANK,))
    try:
        scan = ocr(document.pages)
    except FileNotFoundError:
        if text.strip():
            return _reading(read_text(text), FROM_TEXT)
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
    return _reading(read_text(scan.text), FROM_OCR, *unread)


def _reading(fields: InvoiceFields, *warnings: str) -> Reading:
    if fields.document_type == "other":
        warnings = (NOT_AN_INVOICE, *warnings)
    return Reading(fields, MODEL, needs_review=True, warnings=warnings)
