"""Reads text and attachments by rules in a child process: hostile ones can take any time.

    pdf DOCUMENT TEXT
    text TEXT

TEXT is a file with the document's text in UTF-8. Run by ``extraction.documents.sandbox.run_child``.
"""

from pathlib import Path
from typing import TypedDict

from extraction.invoices.schema import InvoiceFields
from extraction.readers.einvoice.reader import einvoices_in, not_on_page
from extraction.readers.text.heuristic import read_text


class Answer(TypedDict):
    """What was read; ``fields`` are those of InvoiceFields as JSON.

    ``not_on_page`` and ``several`` concern electronic invoices.
    """

    fields: dict[str, object]
    is_einvoice: bool
    not_on_page: list[str]
    several: bool


def answer(arguments: list[str]) -> Answer:
    """Do what the command says."""
    command, *paths = arguments
    text = Path(paths[-1]).read_text("utf-8")
    if command == "pdf" and (einvoices := einvoices_in(Path(paths[0]))):
        return _answer(
            einvoices[0],
            is_einvoice=True,
            not_on_page=not_on_page(einvoices[0], text),
            several=len(einvoices) > 1,
        )
    return _answer(read_text(text))


def _answer(
    fields: InvoiceFields,
    *,
    is_einvoice: bool = False,
    not_on_page: list[str] | None = None,
    several: bool = False,
) -> Answer:
    return Answer(
        fields=fields.model_dump(mode="json"),
        is_einvoice=is_einvoice,
        not_on_page=not_on_page or [],
        several=several,
    )
