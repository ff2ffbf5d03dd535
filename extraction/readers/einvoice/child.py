"""Reads the e-invoices of a PDF in a child process, since they may be hostile.

    DOCUMENT

Run by ``extraction.documents.sandbox.run_child``.
"""

from pathlib import Path
from typing import Any

import pypdf  # noqa: F401  # with this module, once, and not for each document

from extraction.readers.einvoice.reader import einvoices_in

# InvoiceFields as JSON, without what is absent.
Answer = list[dict[str, Any]]


def answer(arguments: list[str]) -> Answer:
    """Return the e-invoices of the document, the likeliest first."""
    [document] = arguments
    # Without what is absent: thousands of lines still fit into what is read of an answer.
    return [
        fields.model_dump(mode="json", exclude_defaults=True)
        for fields in einvoices_in(Path(document))
    ]
