"""Counts the pages of a PDF with the library of poppler's tools, in a child process.

    DOCUMENT

Answers with the number of pages; with null where poppler does not open the document, or where its
library is not installed. pdfinfo counts the same, and takes 10 ms of CPU to load libraries for each
document: here they are loaded once for many. Run by ``extraction.documents.sandbox.run_child``.
"""

import contextlib
import ctypes
import functools
import os
from typing import Any

# The interface for C, of 2021 (21.12) or newer: https://poppler.freedesktop.org/api/glib/
_LIBRARY = "libpoppler-glib.so.8"
_OBJECTS = "libgobject-2.0.so.0"
# What poppler loads with its first document goes with the last that is open: this one stays open.
_EMPTY = (
    b"%PDF-1.1\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n"
)


class _Poppler:
    """Poppler's library, ready to open documents.

    Raises OSError where it is not installed, AttributeError where it is older.
    """

    def __init__(self) -> None:
        self._library = library = ctypes.CDLL(_LIBRARY)
        self._objects = ctypes.CDLL(_OBJECTS)
        pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
        functions: list[tuple[Any, list[Any], Any]] = [
            (library.poppler_document_new_from_data, [text, number, text, pointer], pointer),
            (library.poppler_document_new_from_fd, [number, text, pointer], pointer),
            (library.poppler_document_get_n_pages, [pointer], number),
            (library.poppler_document_has_javascript, [pointer], number),
            (library.poppler_document_get_page, [pointer, number], pointer),
            (library.poppler_page_get_form_field_mapping, [pointer], pointer),
            (library.poppler_page_free_form_field_mapping, [pointer], None),
            (self._objects.g_object_unref, [pointer], None),
        ]
        for function, arguments, result in functions:
            function.argtypes, function.restype = arguments, result
        library.poppler_document_new_from_data(_EMPTY, len(_EMPTY), None, None)

    def count(self, path: str) -> int | None:
        """Return the number of pages; None for a document that cannot be opened. Raises OSError."""
        library = self._library
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)  # poppler closes it
        document = library.poppler_document_new_from_fd(file, None, None)
        if document is None:
            return None
        try:
            count = int(library.poppler_document_get_n_pages(document))
            # pdfinfo looks at scripts and form too. What never ends there does not end when the
            # pages are drawn: it is known now.
            library.poppler_document_has_javascript(document)
            if page := library.poppler_document_get_page(document, 0):
                fields = library.poppler_page_get_form_field_mapping(page)
                library.poppler_page_free_form_field_mapping(fields)
                self._objects.g_object_unref(page)
        finally:
            self._objects.g_object_unref(document)
        return count


@functools.cache
def _poppler() -> _Poppler | None:
    with contextlib.suppress(OSError, AttributeError):
        return _Poppler()
    return None


def prepare() -> None:
    """Load the library, for all documents to come."""
    _poppler()


def answer(arguments: list[str]) -> int | None:
    """Do what the command line says. Raises OSError."""
    (document,) = arguments
    poppler = _poppler()
    return None if poppler is None else poppler.count(document)
