"""Reads e-invoices and compares them with the page, in a child process: both may be hostile.

    DOCUMENT [TEXT]

TEXT is a file with the text of the PDF's pages in UTF-8. Run by
``extraction.documents.sandbox.run_child``.
"""

from pathlib import Path
from typing import Any, TypedDict

from extraction.invoices.schema import InvoiceFields
from extraction.readers.einvoice.reader import einvoices_in, not_on_page


class Answer(TypedDict):
    """What the XML and the page say; invoices are InvoiceFields as JSON.

    ``not_on_page`` names what the page does not confirm of the first e-invoice, and is None without
    its text; ``page`` is what rules read from that text, where the first e-invoice has no lines.
    """

    einvoices: list[dict[str, Any]]
    not_on_page: list[str] | None
    page: dict[str, Any] | None


def answer(arguments: list[str]) -> Answer:
    """Read the e-invoices of the document, and compare the first with the text if it is given."""
    document, *texts = arguments
    einvoices = einvoices_in(Path(document))
    text = Path(texts[0]).read_text("utf-8") if texts else None
    missing, page = None, None
    if einvoices and text is not None:
        missing = not_on_page(einvoices[0], text)
        if not einvoices[0].line_items:
            # Imported where used: most e-invoices have lines.
            from extraction.readers.text.heuristic import read_text

            page = _plain(read_text(text))
    return Answer(
        einvoices=[_plain(fields) for fields in einvoices], not_on_page=missing, page=page
    )


def _plain(fields: InvoiceFields) -> dict[str, Any]:
    # Without what is absent: thousands of lines still fit into what is read of an answer.
    return fields.model_dump(mode="json", exclude_defaults=True)
