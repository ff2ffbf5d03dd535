import csv
import os
import shutil
import time
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont

from extraction.documents import ocr, sandbox
from extraction.documents.document import Document, PageImage
from extraction.documents.rendering import render
from extraction.documents.sandbox import ChildDied, Limits, OutOfCpu
from extraction.evidence.collection import collect, compare
from extraction.evidence.verdict import judge
from extraction.invoices.messages import (
    BLANK,
    FROM_OCR,
    FROM_TEXT,
    LINES_FROM_PAGE,
    NO_LINES,
    NOT_AN_INVOICE,
)
from extraction.invoices.schema import EMPTY, Invoice
from extraction.readers.base import Failure, Reading, ReadingError, RequestCost
from extraction.readers.offline import OfflineReader
from extraction.readers.registry import model_of
from extraction.readers.text import sources
from tests.extraction.readers.einvoice.einvoices import cii, cii_without_lines, pdf, ubl
from tests.shared_files import SHARED, needs_shared
from tokens.models import Provider, TokenMaster
from tokens.usage import NO_USAGE

PRINTED = "Lieferant GmbH    Rechnung RE-17 vom 05.03.2026\n\nGesamtbetrag  67,83 EUR"
FULL = f"""{PRINTED}

Trennblätter   57,00

Nettosumme 57,00    Steuerbetrag 10,83
Kunden AG Mitte"""
ENGLISH = """Global Wholesaler, Inc., 4557 De Silva St, Fremont CA 94538, United States

Invoice No: 4711
Invoice Date: 20 March 2026

Total: 144.90
"""
needs_tesseract = pytest.mark.skipif(
    shutil.which("tesseract") is None, reason="tesseract is not installed"
)


def read(document: Document) -> Reading:
    return OfflineReader().read(document, api_key="", model="", output_budget=0)


def judged(document: Document, folder: Path) -> Invoice:
    """Return the invoice as the pipeline would judge it, its pages drawn in a folder."""
    path, count = document.path, len(document.pages)
    drawn = folder / f"{path.stem}-pages"
    drawn.mkdir()
    document = replace(document, pages=render(path, document.media_type, count, drawn))
    reading = read(document)
    return judge(reading, compare(reading, collect(document)), date(2026, 11, 24))


def blank_pages(path: Path, count: int) -> tuple[PageImage, ...]:
    return tuple(PageImage(number, path, blank=False) for number in range(1, count + 1))


def page(folder: Path, words: str = "", number: int = 1, width: int = 1200) -> PageImage:
    path = folder / f"{number:03}.jpg"
    image = Image.new("RGB", (width, 500), "white")
    font = ImageFont.load_default(size=28)
    ImageDraw.Draw(image).multiline_text((40, 40), words, fill="black", font=font)
    image.save(path)
    return PageImage(number, path, blank=not words)


def document(path: Path, *pages: PageImage) -> Document:
    return Document(path, "application/pdf", pages or (PageImage(1, path, blank=False),))


@pytest.fixture
def no_tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide poppler and tesseract."""
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Put a folder in front of PATH, for a tool that fails."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def script(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def test_a_reading_costs_no_tokens(tmp_path: Path) -> None:
    reading = read(document(pdf(tmp_path, PRINTED, {"factur-x.xml": cii()})))

    cost = OfflineReader().request_cost(document(tmp_path), api_key="", model="")

    assert cost == RequestCost(most=0, smallest=0)
    assert (reading.usage, reading.model) == (NO_USAGE, "e-invoice")


def test_an_einvoice_that_the_page_confirms_needs_no_review(tmp_path: Path) -> None:
    reading = read(document(pdf(tmp_path, PRINTED, {"factur-x.xml": cii()})))

    assert (reading.fields.invoice_number, reading.needs_review) == ("RE-17", False)
    assert reading.warnings == ()


def test_an_einvoice_that_the_page_contradicts_needs_review(tmp_path: Path) -> None:
    printed = FULL.replace("67,83", "-67,83")

    invoice = judged(document(pdf(tmp_path, printed, {"factur-x.xml": cii()})), tmp_path)

    assert [(reason.path, reason.code) for reason in invoice.reasons] == [
        ("total_amount", "wrong_sign")
    ]


def test_a_second_einvoice_needs_review(tmp_path: Path) -> None:
    attachments = {"factur-x.xml": cii(), "other.xml": ubl()}

    reading = read(document(pdf(tmp_path, PRINTED, attachments)))

    assert reading.needs_review
    assert reading.warnings == (
        "The PDF carries another electronic invoice, INV/8 of 2026-03-20 over 128.80 USD: see to "
        "both.",
    )
    assert [fields.invoice_number for fields in (reading.fields, *reading.further)] == [
        "RE-17",
        "INV/8",
    ]


def test_an_einvoice_without_lines_gets_those_of_its_page(tmp_path: Path) -> None:
    printed = PRINTED + "\nFällig am 04.04.2026\nTrennblätter   6    9,50    57,00\n"

    reading = read(document(pdf(tmp_path, printed, {"factur-x.xml": cii_without_lines()})))

    [line] = reading.fields.line_items
    assert (line.description, str(line.amount)) == ("Trennblätter", "57.00")
    assert str(reading.fields.due_date) == "2026-04-04"
    assert (reading.needs_review, reading.warnings) == (False, ())


@pytest.mark.parametrize(
    ("row", "lines", "warning"),
    [("Trennblätter   5    9,50    47,50\n", 1, LINES_FROM_PAGE), ("", 0, NO_LINES)],
)
def test_lines_of_a_page_that_do_not_add_up_or_are_not_there_need_review(
    row: str, lines: int, warning: str, tmp_path: Path
) -> None:
    printed = f"{PRINTED}\n{row}"

    invoice = judged(
        document(pdf(tmp_path, printed, {"factur-x.xml": cii_without_lines()})), tmp_path
    )

    assert len(invoice.line_items) == lines
    assert warning in [reason.text for reason in invoice.reasons]


def test_an_einvoice_that_says_nothing_does_not_keep_the_page_from_being_read(
    tmp_path: Path,
) -> None:
    reading = read(document(pdf(tmp_path, ENGLISH, {"factur-x.xml": b"<Invoice/>"})))

    assert (reading.fields.invoice_number, reading.model) == ("4711", "offline")


def test_text_read_by_rules_needs_review(tmp_path: Path) -> None:
    reading = read(document(pdf(tmp_path, ENGLISH)))

    assert (reading.fields.invoice_number, str(reading.fields.total_amount)) == ("4711", "144.90")
    assert (reading.needs_review, reading.warnings) == (True, (FROM_TEXT,))


@pytest.mark.usefixtures("no_tools")
def test_the_text_layer_is_read_where_poppler_is_missing(tmp_path: Path) -> None:
    reading = read(document(pdf(tmp_path, ENGLISH)))

    assert (reading.fields.invoice_number, str(reading.fields.total_amount)) == ("4711", "144.90")


def test_prose_is_no_invoice(tmp_path: Path) -> None:
    reading = read(document(pdf(tmp_path, "The misfits. The rebels.\n" * 9)))

    assert (reading.fields, reading.needs_review) == (EMPTY, True)
    assert reading.warnings == (NOT_AN_INVOICE, FROM_TEXT)


def test_a_blank_document_is_said_to_be_blank(tmp_path: Path) -> None:
    reading = read(document(pdf(tmp_path), page(tmp_path)))

    assert (reading.fields, reading.needs_review) == (EMPTY, True)
    assert reading.warnings == (BLANK,)


@needs_tesseract
def test_a_scan_is_read_by_ocr_and_needs_review(tmp_path: Path) -> None:
    scan = pdf(tmp_path, "scanned by a machine")

    reading = read(document(scan, page(tmp_path, ENGLISH), page(tmp_path, number=2)))

    assert (reading.fields.invoice_number, str(reading.fields.total_amount)) == ("4711", "144.90")
    assert (reading.needs_review, reading.warnings) == (True, (FROM_OCR,))


@needs_tesseract
def test_a_picture_is_read_by_ocr(tmp_path: Path) -> None:
    photo = page(tmp_path, ENGLISH)

    reading = read(Document(photo.path, "image/jpeg", (photo,)))

    assert reading.fields.invoice_number == "4711"


@pytest.mark.usefixtures("no_tools")
def test_a_scan_without_ocr_asks_for_a_gemini_key(tmp_path: Path) -> None:
    photo = page(tmp_path, ENGLISH)

    with pytest.raises(ReadingError) as caught:
        read(Document(photo.path, "image/jpeg", (photo,)))

    assert (caught.value.failure, caught.value.code) == (Failure.FINAL, "needs_gemini_key")
    assert "cannot be read without a Gemini key" in caught.value.detail


@pytest.mark.usefixtures("no_tools")
def test_a_short_text_is_better_than_none_without_ocr(tmp_path: Path) -> None:
    reading = read(document(pdf(tmp_path, "Invoice No: 7")))

    assert (reading.fields.invoice_number, reading.warnings) == ("7", (FROM_TEXT,))


def test_ocr_that_reads_no_page_fails_for_good(tmp_path: Path, tool: Path) -> None:
    script(tool / "tesseract", "exit 1")
    photo = page(tmp_path, ENGLISH)

    with pytest.raises(ReadingError) as caught:
        read(Document(photo.path, "image/jpeg", (photo,)))

    assert (caught.value.failure, caught.value.code) == (Failure.FINAL, "ocr_failed")


def test_the_pages_that_ocr_did_not_end_are_named(
    tmp_path: Path, tool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = r"5\t1\t1\t1\t1\t1\t%s\t40\t90\t30\t96\t%s\n"
    rows = "".join(row % at for at in ((40, "Invoice"), (140, "No:"), (240, "7")))
    script(
        tool / "tesseract",
        f'case "$1" in *002.jpg) tail -f /dev/null;; *) printf "{rows}";; esac',
    )
    monkeypatch.setattr(ocr, "OCR_PAGE_SECONDS", 0.5)
    # So large that OCR reads the image itself, by its name.
    pages = tuple(page(tmp_path, ENGLISH, number, width=1600) for number in (1, 2))

    reading = read(Document(pages[0].path, "image/tiff", pages))

    assert reading.fields.invoice_number == "7"
    assert reading.warnings == (FROM_OCR, "Page 2 could not be read.")


def test_a_tool_that_does_not_get_to_it_in_time_is_asked_again_later(
    tmp_path: Path, tool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tool / "pdftotext", "tail -f /dev/null")
    monkeypatch.setattr(sources, "TEXT_LIMITS", Limits(cpu=1, wall=0.1))

    with pytest.raises(ReadingError) as caught:
        read(document(pdf(tmp_path, ENGLISH)))

    assert (caught.value.failure, caught.value.code) == (Failure.RETRY, "read_busy")


def test_a_tool_that_uses_up_its_cpu_time_gives_no_text(tmp_path: Path, tool: Path) -> None:
    script(tool / "pdftotext", "kill -XCPU $$")

    assert sources.text_layer(pdf(tmp_path, ENGLISH), 1) == ""


@pytest.mark.usefixtures("no_tools")
def test_a_child_that_uses_up_its_time_gives_no_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where nothing limits CPU time.
    monkeypatch.setattr(sources, "TEXT_LIMITS", Limits(cpu=1, wall=0.1))
    endless = tmp_path / "endless.pdf"
    os.mkfifo(endless)  # nobody writes to it

    assert sources.text_layer(endless, 1) == ""


def test_a_hostile_attachment_does_not_keep_the_text_from_being_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_child = sandbox.run_child

    def hang_at_attachments(module: str, *arguments: str, limits: Limits) -> Any:
        if module == "extraction.readers.einvoice.child":
            raise OutOfCpu
        return run_child(module, *arguments, limits=limits)

    monkeypatch.setattr(sandbox, "run_child", hang_at_attachments)
    hostile = pdf(tmp_path, ENGLISH, {"factur-x.xml": cii()})

    assert read(document(hostile)).fields.invoice_number == "4711"


def test_an_einvoice_that_hostile_text_keeps_from_being_compared_needs_review(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_child = sandbox.run_child

    def hang_at_text(module: str, *arguments: str, limits: Limits) -> Any:
        if module == "extraction.evidence.proof":
            raise OutOfCpu
        return run_child(module, *arguments, limits=limits)

    monkeypatch.setattr(sandbox, "run_child", hang_at_text)

    invoice = judged(document(pdf(tmp_path, FULL, {"factur-x.xml": cii()})), tmp_path)

    assert "unproven" in [reason.code for reason in invoice.reasons]


@pytest.mark.parametrize("problem", [OutOfCpu, ChildDied])
def test_text_that_takes_too_much_is_rejected(
    problem: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise problem

    monkeypatch.setattr(sandbox, "run_child", fail)

    with pytest.raises(ReadingError) as caught:
        read(document(pdf(tmp_path, ENGLISH), page(tmp_path, ENGLISH)))

    assert (caught.value.failure, caught.value.code) == (Failure.FINAL, "read_timeout")


@pytest.mark.parametrize("line", ["111 " * 75, "-" * 300, "_" * 300, "total tax 1.00  " * 18])
def test_hostile_text_is_read_outside_of_this_process_and_in_time(
    line: str, tmp_path: Path, tool: Path
) -> None:
    (tmp_path / "text").write_text(f"{line}\n" * 6_000)
    script(tool / "pdftotext", f"cat {tmp_path / 'text'}")
    before = time.process_time()

    reading = read(document(pdf(tmp_path, ENGLISH)))

    assert reading.warnings[-1] == FROM_TEXT
    assert time.process_time() - before < 2  # reading such text here took half a minute


@needs_shared
def test_no_shared_invoice_with_text_is_wrong_and_unflagged(tmp_path: Path) -> None:
    assert SHARED is not None
    folder = SHARED / "invoices"
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as manifest:
        truths = [row for row in csv.DictReader(manifest) if int(row["text_chars"])]

    unflagged = {}
    for truth in truths:
        path = folder / truth["file"]
        invoice = judged(document(path, *blank_pages(path, int(truth["pages"]))), tmp_path)
        if not invoice.needs_review:
            unflagged[truth["file"]] = invoice

    assert len(truths) == 18
    assert len(unflagged) == 12
    for truth in truths:
        if truth["file"] in unflagged:
            fields = unflagged[truth["file"]]
            assert truth["invoice_no"] == fields.invoice_number
            assert truth["invoice_date"] == str(fields.invoice_date)
            assert truth["seller"] == fields.supplier.name
            assert truth["total_amount"] == str(fields.total_amount)


@needs_shared
@pytest.mark.parametrize(
    ("name", "number", "flagged"),
    [("32_prompt_injection", "FA-2017-0010", False), ("23_not_an_invoice", None, True)],
)
def test_a_bad_input_with_text_is_read_and_flagged(
    name: str, number: str | None, flagged: bool
) -> None:
    assert SHARED is not None

    reading = read(document(SHARED / "bad-inputs" / f"{name}.pdf"))

    assert (reading.fields.invoice_number, reading.needs_review) == (number, flagged)


def test_offline_key_has_no_model_of_a_provider() -> None:
    assert model_of(TokenMaster(provider=Provider.OFFLINE)) == "offline"
    assert model_of(TokenMaster(provider=Provider.OFFLINE, model="gemini-x")) == "offline"
    assert model_of(TokenMaster(provider=Provider.GEMINI, model="gemini-x")) == "gemini-x"
