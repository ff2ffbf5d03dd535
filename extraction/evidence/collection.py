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
from extraction.documents.page_words import DocumentWords, document_words
from extraction.documents.sandbox import Limits
from extraction.documents.temp_dirs import temp_dir
from extraction.evidence.findings import Proof
from extraction.invoices.schema import InvoiceFields
from extraction.readers.base import Reading
from extraction.readers.einvoice.embedded import MODEL as EINVOICE
from extraction.readers.einvoice.embedded import embedded_einvoices

logger = logging.getLogger(__name__)

# An invoice of a few pages takes 0.1 s; the most words that are looked at, some seconds.
LIMITS = Limits(cpu=20, wall=60)


@dataclass(frozen=True, slots=True)
class Sources:
    """The visible words of a document, None where they could not be had, and its e-invoices."""

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
        return Sources(document_words(document), einvoices)
    except Exception:
        logger.exception("The words of a document could not be collected.")
        return Sources(None)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a document says, and what that proves of what was read; None where nothing could be."""

    sources: Sources
    proof: Proof | None


def compare(reading: Reading, sources: Sources) -> Comparison:
    """Return where the values stand on the document and what speaks against them.

    Raises nothing: without a proof nothing is proven.
    """
    return Comparison(sources, _prove(reading, sources))


def _prove(reading: Reading, sources: Sources) -> Proof | None:
    if not sources.is_readable or sources.words is None:
        return None
    einvoice = next(iter(sources.einvoices), None)
    job = {
        "invoice": reading.fields.model_dump(mode="json"),
        "einvoice": einvoice.model_dump(mode="json") if einvoice else None,
        "is_einvoice": reading.model == EINVOICE,
        "pages": [
            [page.number, page.source, [[word.text, *word.box] for word in page.words]]
            for page in sources.words.pages
        ],
    }
    try:
        with temp_dir() as folder:
            file = folder / "job.json"
            file.write_text(json.dumps(job), "utf-8")
            answer = sandbox.run_child("extraction.evidence.proof", str(file), limits=LIMITS)
    except Exception:
        logger.exception("The values of a document could not be compared with its pages.")
        return None
    return cast("Proof", answer)
