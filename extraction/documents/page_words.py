"""The visible words of a document: its text layer where that can be used, else OCR."""

from collections.abc import Collection
from dataclasses import dataclass

from extraction.documents import sandbox
from extraction.documents.document import Document
from extraction.documents.media_types import PDF
from extraction.documents.ocr import Ocr, ocr_words
from extraction.documents.sandbox import ChildDied, Limits, OutOfCpu
from extraction.documents.words import PageWords, Word

TEXT_LIMITS = Limits(cpu=10, wall=20)
_CHILD = "extraction.documents.words_child"


@dataclass(frozen=True, slots=True)
class DocumentWords:
    """The visible words of a document's pages that are not blank, in order.

    ``unread``: the numbers of the pages that have no usable text layer and that OCR did not read,
    all such pages if ``ocr_missing`` (tesseract is not installed). ``hidden``: the numbers of the
    pages whose text layer says what people do not see.
    """

    pages: tuple[PageWords, ...]
    unread: tuple[int, ...] = ()
    ocr_missing: bool = False
    hidden: tuple[int, ...] = ()


def document_words(document: Document) -> DocumentWords:
    """Return the visible words of every page, by the text layer where it can be used, else by OCR.

    May be called from any thread: it uses no database. Raises OutOfTime, when this machine did not
    get to it, and OSError.
    """
    layer = {page.number: page for page in _text_layer(document) if page.words}
    scans = [page for page in document.pages if page.number not in layer]
    ocr = ocr_words(scans)
    pages = sorted([*layer.values(), *ocr.pages], key=lambda page: page.number)
    return DocumentWords(tuple(pages), ocr.unread, ocr.missing)


def ocr_pages(document: Document, numbers: Collection[int]) -> Ocr:
    """Return what OCR reads on the pages of these numbers, whatever the text layer says.

    Raises OSError.
    """
    return ocr_words(page for page in document.pages if page.number in numbers)


def _text_layer(document: Document) -> list[PageWords]:
    if document.media_type != PDF:
        return []
    try:
        said = sandbox.run_child(
            _CHILD, str(document.path), str(len(document.pages)), limits=TEXT_LIMITS
        )
    except (OutOfCpu, ChildDied):
        return []
    return [
        PageWords(number, "text", [Word(text, (x0, y0, x1, y1)) for text, x0, y0, x1, y1 in words])
        for number, words in enumerate(said, start=1)
    ]
