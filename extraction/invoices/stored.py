"""The invoice of an extraction that succeeded, as it is now and as it was read."""

from extraction.invoices.schema import Invoice
from extraction.models import Extraction


def current_invoice(extraction: Extraction) -> Invoice:
    """Return the invoice with what people corrected."""
    return Invoice.model_validate(extraction.result)


def original_invoice(extraction: Extraction) -> Invoice:
    """Return the invoice as it was read."""
    unchanged = extraction.original is None
    return Invoice.model_validate(extraction.result if unchanged else extraction.original)
