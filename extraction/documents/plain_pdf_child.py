"""Counts the pages of a PDF that is in order to the letter, and leaves every other to pdfinfo.

    DOCUMENT MOST_PAGES

Answers with the number of pages; with null for whatever pdfinfo might see in another way: damage of
any kind, encryption, forms, scripts, a portfolio, more pages, and what is merely unusual. Only the
objects between the trailer and the pages are read, with Python's own means. Run by
``extraction.documents.kept_children``.
"""

import mmap
from pathlib import Path
from typing import Any

from extraction.documents.plain_pdf_objects import Doubtful, Objects, Reference

MOST_DEPTH = 20
MOST_ANNOTATIONS = 1000
# As stored: deflate makes of it a thousand times as much at most.
MOST_METADATA = 100_000
# pdfinfo follows what these lead to, or a viewer shows something else than the pages.
_NOT_PLAIN = frozenset({b"/Collection", b"/AA"})


def answer(arguments: list[str]) -> int | None:
    """Return the number of pages, or None where that is for others to say. Raises OSError."""
    document, most = arguments
    with (
        Path(document).open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        try:
            return _Pages(Objects(data), int(most)).count()
        except (Doubtful, RecursionError):
            return None


class _Pages:
    """The pages of a document."""

    def __init__(self, objects: Objects, most: int) -> None:
        self._objects, self._most = objects, most
        self._seen: set[Reference] = set()

    def count(self) -> int:
        """Return their number. Raises Doubtful."""
        catalog = self._objects.dictionary(self._objects.root)
        if catalog.get(b"/Type") != b"/Catalog" or not _NOT_PLAIN.isdisjoint(catalog):
            raise Doubtful
        if b"/JavaScript" in self._objects.dictionary(catalog.get(b"/Names", {})):
            raise Doubtful
        self._require_no_field(catalog)
        self._require_plain_action(catalog.get(b"/OpenAction", []))
        self._require_small_metadata(catalog)
        pages = self._below(catalog.get(b"/Pages"), 0)
        # What prepares a document for the web states the number too, and pdfinfo believes that.
        first = self._objects.first_dictionary()
        if pages < 1 or (b"/Linearized" in first and first.get(b"/N") != pages):
            raise Doubtful
        return pages

    def _below(self, reference: Any, depth: int) -> int:
        """How many pages a node of the tree of pages has, which must be the number it states."""
        if not isinstance(reference, Reference) or reference in self._seen or depth > MOST_DEPTH:
            raise Doubtful
        self._seen.add(reference)
        node = self._objects.dictionary(reference)
        if node.get(b"/Type") == b"/Page":
            self._require_plain_page(node)
            return 1
        children = self._objects.resolved(node.get(b"/Kids"))
        if node.get(b"/Type") != b"/Pages" or not isinstance(children, list):
            raise Doubtful
        if len(self._seen) + len(children) > 2 * self._most:
            raise Doubtful
        number = sum(self._below(child, depth + 1) for child in children)
        if type(node.get(b"/Count")) is not int or node[b"/Count"] != number:
            raise Doubtful
        return number

    def _require_plain_page(self, page: dict[bytes, Any]) -> None:
        annotations = self._objects.resolved(page.get(b"/Annots", []))
        if b"/AA" in page or not isinstance(annotations, list):
            raise Doubtful
        if len(annotations) > MOST_ANNOTATIONS:
            raise Doubtful

    def _require_no_field(self, catalog: dict[bytes, Any]) -> None:
        """Raise Doubtful for a form with fields, among which pdfinfo may go in circles."""
        form = self._objects.dictionary(catalog.get(b"/AcroForm", {}))
        if self._objects.resolved(form.get(b"/Fields", [])) != [] or b"/XFA" in form:
            raise Doubtful

    def _require_plain_action(self, action: Any) -> None:
        """Raise Doubtful unless opening the document leads to a place in it, if anywhere."""
        action = self._objects.resolved(action)
        if isinstance(action, dict):
            if action.get(b"/S") != b"/GoTo" or b"/Next" in action:
                raise Doubtful
        elif not isinstance(action, list):
            raise Doubtful

    def _require_small_metadata(self, catalog: dict[bytes, Any]) -> None:
        """Raise Doubtful where pdfinfo might run out of memory when it reads the metadata."""
        if b"/Metadata" not in catalog:
            return
        stream = self._objects.dictionary(catalog[b"/Metadata"])
        length = self._objects.resolved(stream.get(b"/Length"))
        if stream.get(b"/Filter", b"/FlateDecode") != b"/FlateDecode":
            raise Doubtful
        if not isinstance(length, int) or length > MOST_METADATA:
            raise Doubtful
