"""Collecting what a document says, and comparing with it, in real child processes."""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from extraction.documents import sandbox
from extraction.documents.document import Document, PageImage
from extraction.documents.ocr import Ocr
from extraction.documents.page_words import DocumentWords
from extraction.documents.rendering import render
from extraction.evidence import collection
from extraction.evidence.collection import Sources, collect, compare, start_collecting
from extraction.invoices.schema import InvoiceFields
from extraction.readers.base import Reading
from tests.extraction.evidence.pages import page_of
from tests.extraction.evidence.test_proof import INVOICE, PAGE, with_value
from tests.extraction.readers.einvoice.einvoices import cii, pdf


@pytest.fixture
def document(tmp_path: Path) -> Document:
    return drawn(pdf(tmp_path, PAGE))


def drawn(path: Path) -> Document:
    folder = path.parent / "drawn"
    folder.mkdir()
    return Document(path, "application/pdf", render(path, "application/pdf", 1, folder))


def reading(fields: object = INVOICE) -> Reading:
    return Reading(InvoiceFields.model_validate(fields), "gemini-3.8-flash")


def test_a_document_is_collected_in_the_background_and_proves_what_was_read(
    document: Document,
) -> None:
    comparison = compare(reading(), start_collecting(document).result())

    assert comparison.proof is not None
    assert comparison.proof["doubts"] == []
    assert comparison.proof["evidence"]["total_amount"]["source"] == "text"


def test_the_electronic_invoice_of_a_document_is_compared(tmp_path: Path) -> None:
    sources = collect(drawn(pdf(tmp_path, PAGE, {"factur-x.xml": cii()})))

    comparison = compare(reading(), sources)

    assert [fields.invoice_number for fields in sources.einvoices] == ["RE-17"]
    assert comparison.proof is not None
    contradicted = {doubt["path"] for doubt in comparison.proof["doubts"]}
    assert {"invoice_number", "total_amount", "supplier.name"} <= contradicted


def test_a_name_that_is_only_a_picture_is_read_by_ocr(
    document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[set[int]] = []

    def read(document: Document, numbers: set[int]) -> object:
        asked.append(numbers)
        return Ocr((page_of("Nordlicht GmbH", source="ocr"),))

    monkeypatch.setattr(collection, "ocr_pages", read)
    plain = collect(document)
    assert plain.words is not None
    sources = replace(plain, words=replace(plain.words, plain=()))

    logo = compare(reading(with_value("supplier.name", "Nordlicht GmbH")), sources).proof
    wrong = compare(reading(with_value("supplier.name", "Nordwind GmbH")), sources).proof
    right = compare(reading(), sources).proof

    assert logo is not None
    assert wrong is not None
    assert right is not None
    assert (logo["doubts"], right["doubts"]) == ([], [])
    assert logo["evidence"]["supplier.name"]["source"] == "ocr"
    assert [doubt["path"] for doubt in wrong["doubts"]] == ["supplier.name"]
    assert asked == [{1}, {1}]  # not for the right one
    assert compare(reading(with_value("supplier.name", "Nordwind GmbH")), plain).proof == wrong
    assert len(asked) == 2  # nor where there is no picture


@pytest.mark.parametrize(
    ("name", "of"),
    [
        ("document_words", lambda document: collect(document)),
        ("_run", lambda document: Sources(document, DocumentWords((page_of(PAGE),)))),
    ],
)
def test_a_fault_proves_nothing_and_is_logged(
    name: str,
    of: Callable[[Document], Sources],
    document: Document,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise sandbox.OutOfCpu

    monkeypatch.setattr(collection, name, fail)

    assert compare(reading(), of(document)).proof is None
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_a_page_without_words_proves_nothing(tmp_path: Path) -> None:
    page = PageImage(1, tmp_path / "001.jpg", blank=True)
    document = Document(tmp_path / "scan.png", "image/png", (page,))

    assert compare(reading(), collect(document)).proof is None
