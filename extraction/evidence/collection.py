"""What a document itself says, collected while a model reads it, and what that proves."""

import json
import logging
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import cast

from extraction.documents import sandbox
from extraction.documents.document import Document
from extraction.documents.media_types import PDF
from extraction.documents.page_words import DocumentWords, document_words, ocr_pages
from extraction.documents.sandbox import Limits
from extraction.documents.temp_dirs import temp_file
from extraction.documents.words import PageWords
from extraction.evidence.findings import Proof
from extraction.invoices.schema import InvoiceFields
from extraction.readers.base import Reading
from extraction.readers.einvoice.embedded import MODEL as EINVOICE
from extraction.readers.einvoice.embedded import embedded_einvoices

logger = logging.getLogger(__name__)

# An invoice of a few pages takes 0.1 s; the most words that are looked at, some seconds.
LIMITS = Limits(cpu=20, wall=60)
# Doubts about values that stand nowhere.
_NOWHERE = ("not_printed", "not_on_page")


@dataclass(frozen=True, slots=True)
class Sources:
    """What a document says: its visible words, None if they cannot be had, and its e-invoices."""

    document: Document
    words: DocumentWords | None
    einvoices: Sequence[InvoiceFields] = ()

    @property
    def is_readable(self) -> bool:
        """Whether there is anything that a value could be compared with."""
        return self.words is not None and any(page.words for page in self.words.pages)


def start_collecting(document: Document) -> "Future[Sources]":
    """Collect in a thread of its own: OCR takes its time, and so does a model."""
    executor = ThreadPoolExecutor(1, thread_name_prefix="evidence")
    future = executor.submit(collect, document)
    executor.shutdown(wait=False)
    return future


def collect(document: Document) -> Sources:
    """Return what the document says. Raises nothing: what was read must not be lost for it."""
    try:
        einvoices = embedded_einvoices(document.path) if document.media_type == PDF else []
        return Sources(document, document_words(document), einvoices)
    except Exception:
        logger.exception("The words of a document could not be collected.")
        return Sources(document, None)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a document says, and what that proves of what was read; None where nothing could be."""

    sources: Sources
    proof: Proof | None


def compare(reading: Reading, sources: Sources) -> Comparison:
    """Return where the values stand on the document and what speaks against them.

    What the text layer does not show may be part of a picture, such as a logo: only then OCR reads
    the first and the last page as well, where there are pictures. Raises nothing: without a proof
    nothing is proven.
    """
    try:
        return Comparison(sources, _prove(reading, sources))
    except Exception:
        logger.exception("The values of a document could not be compared with its pages.")
        return Comparison(sources, None)


def _prove(reading: Reading, sources: Sources) -> Proof | None:
    if not sources.is_readable or sources.words is None:
        return None
    einvoice = next(iter(sources.einvoices), None)
    proof = _run(reading, sources.words.pages, einvoice)
    if any(doubt["code"] in _NOWHERE for doubt in proof["doubts"]):
        pages = _pictures(sources.document, sources.words)
        if pages:
            return _with_pictures(proof, _run(reading, pages, None))
    return proof


def _pictures(document: Document, words: DocumentWords) -> Sequence[PageWords]:
    """Return what OCR reads on the first and the last page, where their text layers were used.

    Not on those on which nothing else shows letters: OCR would take most of the time of a page to
    read the same.
    """
    read = {page.number for page in words.pages if page.source == "text"}
    numbers = {document.pages[0].number, document.pages[-1].number} & read
    numbers -= set(words.plain)
    return ocr_pages(document, numbers).pages if numbers else ()


def _with_pictures(proof: Proof, pictures: Proof) -> Proof:
    """Return a proof in which a value that only a picture shows is found."""
    found = pictures["evidence"]
    evidence = {**{path: found[path] for path in found if found[path]["page"]}, **proof["evidence"]}
    doubts = [
        doubt
        for doubt in proof["doubts"]
        if doubt["code"] not in _NOWHERE or doubt["path"] not in evidence
    ]
    return Proof(evidence=evidence, doubts=doubts)


def _run(reading: Reading, pages: Sequence[PageWords], einvoice: InvoiceFields | None) -> Proof:
    """Compare in a child process. Raises what the sandbox does."""
    job = {
        "invoice": reading.fields.model_dump(mode="json"),
        "einvoice": einvoice.model_dump(mode="json") if einvoice else None,
        "is_einvoice": reading.model == EINVOICE,
        "pages": [
            [page.number, page.source, [[word.text, *word.box] for word in page.words], page.turn]
            for page in pages
        ],
    }
    with temp_file() as file:
        file.write_text(json.dumps(job), "utf-8")
        answer = sandbox.run_child("extraction.evidence.proof", str(file), limits=LIMITS)
    return cast("Proof", answer)
