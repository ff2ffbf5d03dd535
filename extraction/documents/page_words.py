"""The visible words of a document: its text layer where that can be used, else OCR."""

import threading
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Literal

from extraction.documents.document import Document
from extraction.documents.garbage import (
    digits,
    has_strange_digits,
    is_alike,
    is_contradicted,
    is_suspect,
    text_at,
)
from extraction.documents.ocr import Ocr, ocr_words
from extraction.documents.text_layer import LayerPage, text_layer
from extraction.documents.words import (
    PageWords,
    Word,
    is_taken,
    places_of,
    turned_back,
)


@dataclass(frozen=True, slots=True)
class DocumentWords:
    """The visible words of a document's pages that are not blank, in order.

    ``unread``: the numbers of the pages that have no usable text layer and that OCR did not read,
    all such pages if ``ocr_missing`` (tesseract is not installed). ``hidden``: the numbers of the
    pages whose text layer says what people do not see. ``plain``: the numbers of the pages of which
    the text layer says all that can be read: no picture and no drawing shows letters.
    """

    pages: tuple[PageWords, ...]
    unread: tuple[int, ...] = ()
    ocr_missing: bool = False
    hidden: tuple[int, ...] = ()
    plain: tuple[int, ...] = ()


def document_words(document: Document) -> DocumentWords:
    """Return the visible words of every page, by the text layer where it can be used, else by OCR.

    May be called from any thread: it uses no database. Who asks for the document that was asked for
    last gets the same answer, or waits for it. Raises OutOfTime, when this machine did not get to
    it, and OSError.
    """
    words, is_first = _latest.of(document)
    if is_first:
        try:
            words.set_result(_read(document))
        except BaseException as error:
            _latest.forget(words)
            words.set_exception(error)
        else:
            if words.result().unread:
                _latest.forget(words)  # the next attempt may have more time
    return words.result()


def ocr_pages(document: Document, numbers: Collection[int]) -> Ocr:
    """Return what OCR reads on the pages of these numbers, whatever the text layer says.

    Raises OSError.
    """
    return ocr_words([page for page in document.pages if page.number in numbers])


class _Latest:
    """The words of the document that this process reads now, or read last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._document: Document | None = None
        self._words: Future[DocumentWords] = Future()

    def of(self, document: Document) -> tuple["Future[DocumentWords]", bool]:
        """Return the words to come of a document, and whether the caller has to read them."""
        with self._lock:
            if document == self._document:
                return self._words, False
            self._document, self._words = document, Future()
            return self._words, True

    def forget(self, words: "Future[DocumentWords]") -> None:
        """Have the words read again when they are asked for next."""
        with self._lock:
            if words is self._words:
                self._document = None


_latest = _Latest()


def _read(document: Document) -> DocumentWords:
    layer = {page.number: page for page in text_layer(document)}
    suspects = _suspects(layer)
    wanted = [page.number for page in document.pages if _needs_ocr(layer.get(page.number))]
    ocr = ocr_pages(document, {*wanted, *suspects})
    read = {page.number: page for page in ocr.pages}
    garbage = {n for n in suspects if is_contradicted(layer[n].sure, _in_place(read.get(n)))}
    if any(has_strange_digits(layer[number].sure) for number in garbage):
        # One font has its digits exchanged, and the other pages are set in it as well.
        rest = ocr_pages(document, set(layer) - set(read))
        read |= {page.number: page for page in rest.pages}
        garbage = set(layer)
    pages = []
    hidden = []
    for number in sorted({*layer, *read}):
        page = layer.get(number) or LayerPage(number, is_picture=True)
        words, is_hidden = _combined(page, read.get(number), is_garbage=number in garbage)
        if words.words or number in read:
            pages.append(words)
        if is_hidden:
            hidden.append(number)
    unread = [n for n in ocr.unread if n not in layer or layer[n].is_picture or n in suspects]
    plain = tuple(n for n, page in layer.items() if page.is_plain and n not in read)
    return DocumentWords(tuple(pages), tuple(unread), ocr.missing, tuple(hidden), plain)


def _needs_ocr(page: LayerPage | None) -> bool:
    return page is None or page.is_picture or bool(page.doubtful or page.disputed)


def _suspects(layer: Mapping[int, LayerPage]) -> set[int]:
    """Return the numbers of the pages whose text layer OCR has to confirm."""
    pages = [page for page in layer.values() if page.sure]
    suspects = {page.number for page in pages if is_suspect(page.sure)}
    if has_strange_digits([word for page in pages for word in page.sure]):
        suspects.add(max(pages, key=lambda page: digits(page.sure)).number)
    return suspects


def _in_place(page: PageWords | None) -> Sequence[Word]:
    """Return the words of a page where they stand on it, whichever way it was turned to be read."""
    if page is None:
        return ()
    return [Word(word.text, turned_back(word.box, page.turn)) for word in page.words]


def _combined(
    page: LayerPage, ocr: PageWords | None, *, is_garbage: bool
) -> tuple[PageWords, bool]:
    """Return the words of a page by text layer and OCR, and whether the layer has hidden ones."""
    unsure = [*page.doubtful, *page.disputed]
    if ocr is None:
        words = PageWords(page.number, "text", [*page.sure, *page.doubtful])
        return words, page.hidden or bool(page.disputed)
    if is_garbage or not page.sure or len(page.sure) < len(unsure):
        return ocr, page.hidden
    read = _in_place(ocr)
    places = places_of(read)
    confirmed = [word for word in unsure if is_alike(word.text, text_at(places, word))]
    kept = [*page.sure, *confirmed]
    taken = places_of(kept)
    wrong = places_of([word for word in unsure if word not in confirmed])
    added = [
        word
        for word in read
        if not is_taken(word, taken) and (page.is_picture or is_taken(word, wrong))
    ]
    source: Literal["text", "ocr"] = "text" if len(added) < len(kept) else "ocr"
    words = PageWords(page.number, source, [*kept, *added])
    return words, page.hidden or len(confirmed) < len(unsure)
