"""Reads e-invoices and compares them with the page, in a child process: both may be hostile.

    find DOCUMENT
    compare FIELDS TEXT

``find`` answers the e-invoices attached to a PDF, ``compare`` what the page says about one of them:
FIELDS is a file with its InvoiceFields as JSON, TEXT one with the page's text in UTF-8. Run by
``extraction.documents.sandbox.run_child``.
"""

from pathlib import Path
from typing import Any, TypedDict

from extraction.invoices.schema import InvoiceFields
from extraction.readers.einvoice.reader import einvoices_in, not_on_page


class Comparison(TypedDict):
    """What the page does not confirm, and what it says itself where the XML has no lines."""

    not_on_page: list[str]
    page: dict[str, Any] | None


def answer(arguments: list[str]) -> list[dict[str, Any]] | Comparison:
    """Do what the command says."""
    match arguments:
        case ["find", document]:
            return [_plain(fields) for fields in einvoices_in(Path(document))]
        case ["compare", fields, text]:
            return _compare(Path(fields).read_text("utf-8"), Path(text).read_text("utf-8"))
    raise ValueError(f"unknown command: {arguments}")


def _compare(fields: str, text: str) -> Comparison:
    einvoice = InvoiceFields.model_validate_json(fields)
    page = None
    if not einvoice.line_items:
        # Imported where used: most e-invoices have lines.
        from extraction.readers.text.heuristic import read_text

        page = _plain(read_text(text))
    return Comparison(not_on_page=not_on_page(einvoice, text), page=page)


def _plain(fields: InvoiceFields) -> dict[str, Any]:
    # Without what is absent: thousands of lines still fit into what is read of an answer.
    return fields.model_dump(mode="json", exclude_defaults=True)
