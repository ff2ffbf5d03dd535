import io
import json
import os
import re
import shutil
import string
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pypdf import PdfReader, PdfWriter
from pypdf.generic import FloatObject, NameObject
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from extraction.documents import ocr, page_words, sandbox, text_layer, words_child
from extraction.documents.document import Document, PageImage
from extraction.documents.page_words import DocumentWords, document_words, ocr_pages
from extraction.documents.rendering import render
from extraction.documents.sandbox import Limits, OutOfTime
from extraction.documents.words import PageWords, turned_back
from extraction.documents.words_child import MAX_LETTERS, MAX_WORDS
from tests.extraction.documents.pages import (
    INVOICE,
    Draw,
    document,
    invoice,
    pdf,
    scan_of,
    with_letters,
    write,
)

needs_tesseract = pytest.mark.skipif(
    shutil.which("tesseract") is None, reason="tesseract is not installed"
)
WORDS = " ".join(INVOICE).split()


@pytest.fixture(autouse=True)
def in_process(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read text layers in this process, where coverage sees it; hostile ones in the sandbox."""
    run_child = sandbox.run_child

    def run(module: str, *arguments: str, limits: Limits) -> Any:
        if module == "extraction.documents.words_child":
            return json.loads(json.dumps(words_child.answer(list(arguments))))
        return run_child(module, *arguments, limits=limits)

    if not re.search("hostile|in_time", request.node.name):
        monkeypatch.setattr(sandbox, "run_child", run)


def test_the_example_that_loads_the_fonts_is_read(tmp_path: Path) -> None:
    path = tmp_path / "example.pdf"
    path.write_bytes(words_child.EXAMPLE)
    words_child.prepare()

    [page] = words_child.answer([str(path), "1"])

    assert page is not None
    assert [word[0] for word in page["words"]] == ["Total", "1.00"]


def test_a_file_that_cannot_be_opened_ends_the_child(tmp_path: Path) -> None:
    path = tmp_path / "no.pdf"
    path.write_bytes(b"%PDF-1.7 and no more")

    with pytest.raises(ValueError, match="cannot open"):
        words_child.answer([str(path), "1"])


def test_a_child_process_reads_what_hostile_pages_say_the_same(tmp_path: Path) -> None:
    path = document(tmp_path, pdf(invoice)).path

    said = sandbox.run_child(
        "extraction.documents.words_child", str(path), "1", limits=text_layer.LIMITS
    )

    assert said == json.loads(json.dumps(words_child.answer([str(path), "1"])))


@pytest.fixture
def no_ocr(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Leave only the tools on PATH that are not tesseract."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for tool in ("pdfinfo", "pdftoppm", "prlimit", "setpriv", "sh", "env"):
        if path := shutil.which(tool):
            (folder / tool).symlink_to(path)
    monkeypatch.setenv("PATH", str(folder))


@pytest.fixture
def tesseract(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Put a tesseract of the test's own in front of PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder / "tesseract"


def script(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def texts(page: PageWords) -> list[str]:
    return [word.text for word in page.words]


def read(folder: Path, *draw: Draw) -> DocumentWords:
    return document_words(document(folder, pdf(*draw), len(draw)))


def two_invoices(canvas: Canvas) -> None:
    invoice(canvas)
    write(canvas, "375.00", top=100)


def test_the_words_of_every_page_in_order_with_their_boxes(tmp_path: Path) -> None:
    found = read(tmp_path, invoice, two_invoices)

    assert [(page.number, page.source) for page in found.pages] == [(1, "text"), (2, "text")]
    assert texts(found.pages[0]) == WORDS
    assert texts(found.pages[1]) == [*WORDS, "375.00"]
    assert (found.unread, found.ocr_missing, found.hidden) == ((), False, ())
    left, top, right, bottom = found.pages[1].words[-1].box
    assert (left, right) == pytest.approx((30 / 400, 67 / 400), abs=0.005)
    assert (top, bottom) == pytest.approx((391 / 500, 400 / 500), abs=0.005)


def invisible(canvas: Canvas) -> None:
    text = canvas.beginText(30, 100)
    text.setFont("Helvetica", 12)
    text.setTextRenderMode(3)
    text.textOut("357.00")
    canvas.drawText(text)


def clipping_only(canvas: Canvas) -> None:
    canvas.saveState()
    text = canvas.beginText(30, 100)
    text.setFont("Helvetica", 12)
    text.setTextRenderMode(7)
    text.textOut("357.00")
    canvas.drawText(text)
    canvas.restoreState()


def coloured(colour: Color) -> Draw:
    def draw(canvas: Canvas) -> None:
        canvas.setFillColor(colour)
        write(canvas, "357.00", top=100)

    return draw


def transparent(canvas: Canvas) -> None:
    canvas.setFillAlpha(0)
    write(canvas, "357.00", top=100)


def tiny(canvas: Canvas) -> None:
    canvas.setFont("Helvetica", 0.7)
    canvas.drawString(30, 100, "357.00")


def beside_the_page(canvas: Canvas) -> None:
    canvas.drawString(-200, 100, "357.00")


def under_a_white_box(canvas: Canvas) -> None:
    write(canvas, "357.00", top=100)
    canvas.setFillColor(HexColor("#ffffff"))
    canvas.rect(20, 90, 100, 30, stroke=0, fill=1)


def black_on_black(canvas: Canvas) -> None:
    canvas.rect(20, 90, 100, 30, stroke=0, fill=1)
    write(canvas, "357.00", top=100)


def clipped_away(canvas: Canvas) -> None:
    canvas.saveState()
    path = canvas.beginPath()
    path.rect(300, 300, 10, 10)
    canvas.clipPath(path, stroke=0, fill=0)
    write(canvas, "357.00", top=100)
    canvas.restoreState()


def half_clipped(canvas: Canvas) -> None:
    canvas.saveState()
    path = canvas.beginPath()
    path.rect(30, 90, 8, 30)
    canvas.clipPath(path, stroke=0, fill=0)
    write(canvas, "357.00", top=100)
    canvas.restoreState()


def white_over_a_word(canvas: Canvas) -> None:
    canvas.setFillColor(HexColor("#ffffff"))
    canvas.setFont("Helvetica", 12)
    canvas.drawString(30, 440 - 24 * 7, "357.00")


def invisible_over_a_word(canvas: Canvas) -> None:
    text = canvas.beginText(30, 440 - 24 * 7)
    text.setFont("Helvetica", 12)
    text.setTextRenderMode(3)
    text.textOut("357.00")
    canvas.drawText(text)


def glued_to_a_word(canvas: Canvas) -> None:
    text = canvas.beginText(30 + canvas.stringWidth(INVOICE[-1], "Helvetica", 12), 440 - 24 * 9)
    text.setFont("Helvetica", 12)
    text.setTextRenderMode(3)
    text.textOut("357.00")
    canvas.drawText(text)


HIDDEN = [
    invisible,
    clipping_only,
    coloured(HexColor("#ffffff")),
    coloured(HexColor("#fcfcf8")),
    transparent,
    tiny,
    beside_the_page,
    under_a_white_box,
    black_on_black,
    clipped_away,
    half_clipped,
    glued_to_a_word,
]


@pytest.mark.usefixtures("no_ocr")
@pytest.mark.parametrize("draw", HIDDEN)
def test_what_people_do_not_see_is_no_word(draw: Draw, tmp_path: Path) -> None:
    def page(canvas: Canvas) -> None:
        canvas.saveState()
        draw(canvas)
        canvas.restoreState()
        invoice(canvas)
        canvas.saveState()
        draw(canvas)
        canvas.restoreState()

    found = read(tmp_path, page)

    assert texts(found.pages[0]) == WORDS
    assert found.hidden == (1,)


def white_on_blue(canvas: Canvas) -> None:
    canvas.setFillColor(HexColor("#1f4e9a"))
    canvas.rect(20, 90, 200, 30, stroke=0, fill=1)
    coloured(HexColor("#ffffff"))(canvas)


def white_on_light_blue(canvas: Canvas) -> None:
    canvas.setFillColor(HexColor("#7fb2e5"))
    canvas.rect(20, 90, 200, 30, stroke=0, fill=1)
    coloured(HexColor("#ffffff"))(canvas)


def outlined(canvas: Canvas) -> None:
    text = canvas.beginText(30, 100)
    text.setFont("Helvetica", 12)
    text.setTextRenderMode(1)
    text.textOut("357.00")
    canvas.drawText(text)


def upright(canvas: Canvas) -> None:
    canvas.translate(60, 50)
    canvas.rotate(90)
    canvas.setFont("Helvetica", 12)
    canvas.drawString(0, 0, "357.00")


def in_a_form(canvas: Canvas) -> None:
    canvas.acroForm.textfield(name="total", value="357.00", x=30, y=90, width=100, height=20)


def twice(canvas: Canvas) -> None:
    """Write bold, as printers did: once more with a small offset."""
    write(canvas, "357.00", top=100)
    canvas.drawString(30.4, 100, "357.00")


@pytest.mark.usefixtures("no_ocr")
@pytest.mark.parametrize(
    "draw",
    [
        coloured(HexColor("#000000")),
        coloured(HexColor("#9a9a9a")),
        white_on_blue,
        white_on_light_blue,
        outlined,
        upright,
        in_a_form,
        twice,
    ],
)
def test_what_people_see_is_a_word(draw: Draw, tmp_path: Path) -> None:
    def page(canvas: Canvas) -> None:
        invoice(canvas)
        draw(canvas)

    found = read(tmp_path, page)

    assert texts(found.pages[0]) == [*WORDS, "357.00"]
    assert found.hidden == ()


def changed(content: bytes, **entries: object) -> bytes:
    """Return a PDF with other entries of its page."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(content)))
    page = writer.pages[0]
    if "rotate" in entries:
        page.rotate(int(str(entries["rotate"])))
    if "user_unit" in entries:
        page[NameObject("/UserUnit")] = FloatObject(str(entries["user_unit"]))
    if "crop" in entries:
        page.cropbox.lower_left = (20, 90)
        page.cropbox.upper_right = (220, 290)
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("entries", "box"),
    [
        ({}, (30 / 400, 391 / 500, 67 / 400, 400 / 500)),
        ({"user_unit": 2}, (30 / 400, 391 / 500, 67 / 400, 400 / 500)),
        ({"rotate": 90}, (100 / 500, 30 / 400, 109 / 500, 67 / 400)),
        ({"rotate": 180}, (333 / 400, 100 / 500, 370 / 400, 109 / 500)),
        ({"rotate": 270}, (391 / 500, 333 / 400, 400 / 500, 370 / 400)),
        ({"crop": True}, (10 / 200, 181 / 200, 47 / 200, 190 / 200)),
    ],
)
def test_boxes_are_shares_of_the_page_as_people_see_it(
    entries: dict[str, object], box: tuple[float, ...], tmp_path: Path
) -> None:
    content = changed(pdf(two_invoices), **entries)

    found = document_words(document(tmp_path, content))

    [word] = [word for word in found.pages[0].words if word.text == "375.00"]
    assert word.box == pytest.approx(box, abs=0.006)


def test_what_is_outside_of_the_crop_box_is_no_word(tmp_path: Path) -> None:
    found = document_words(document(tmp_path, changed(pdf(two_invoices), crop=True)))

    assert "HL-2041" not in texts(found.pages[0])
    assert found.hidden == (1,)


@needs_tesseract
def test_a_value_that_was_painted_over_is_no_word(tmp_path: Path) -> None:
    def page(canvas: Canvas) -> None:
        invoice(canvas)
        canvas.setFillColor(HexColor("#ffffff"))
        canvas.rect(28, 440 - 24 * 9 - 4, 200, 16, stroke=0, fill=1)
        canvas.setFillColor(HexColor("#000000"))
        canvas.drawString(30, 440 - 24 * 9, "Total GBP 956.00")

    found = read(tmp_path, page)

    assert [text for text in texts(found.pages[0]) if "56.00" in text] == ["956.00"]
    assert found.hidden == (1,)


def two_texts(canvas: Canvas) -> None:
    """Write two texts over each other of which only the later can be read."""
    invoice(canvas)
    canvas.setFont("Helvetica", 12)
    canvas.setFillColor(HexColor("#dedede"))
    canvas.drawString(30, 100, "357.00")
    canvas.setFillColor(HexColor("#000000"))
    canvas.drawString(30, 100, "375.00")


def grey_below_black(canvas: Canvas) -> None:
    canvas.setFont("Helvetica", 12)
    canvas.setFillColor(HexColor("#dedede"))
    canvas.drawString(30, 440 - 24 * 7, "Subtitle")
    canvas.setFillColor(HexColor("#000000"))


OVER_A_WORD = [white_over_a_word, invisible_over_a_word, grey_below_black]


@pytest.mark.usefixtures("no_ocr")
@pytest.mark.parametrize("draw", OVER_A_WORD)
@pytest.mark.parametrize("is_first", [True, False])
def test_of_two_texts_at_one_place_neither_counts_without_ocr(
    draw: Draw, is_first: bool, tmp_path: Path
) -> None:
    def page(canvas: Canvas) -> None:
        for part in (draw, invoice) if is_first else (invoice, draw):
            canvas.saveState()
            part(canvas)
            canvas.restoreState()

    found = read(tmp_path, page)

    assert [text for text in texts(found.pages[0]) if text not in WORDS] == []
    assert len(WORDS) - len(texts(found.pages[0])) in (1, 2)
    assert found.hidden == (1,)


@needs_tesseract
@pytest.mark.parametrize(
    ("draw", "is_first"),
    [
        *((draw, True) for draw in OVER_A_WORD),
        (invisible_over_a_word, False),
    ],
)
def test_of_two_texts_at_one_place_the_one_counts_that_ocr_reads(
    draw: Draw, is_first: bool, tmp_path: Path
) -> None:
    def page(canvas: Canvas) -> None:
        for part in (draw, invoice) if is_first else (invoice, draw):
            canvas.saveState()
            part(canvas)
            canvas.restoreState()

    found = read(tmp_path, page)

    assert sorted(texts(found.pages[0])) == sorted(WORDS)


def scanned(canvas: Canvas, *lines: str, says: tuple[str, ...] = INVOICE) -> None:
    """Draw a scan, and over it invisible words, as scanners with OCR do."""
    canvas.drawImage(ImageReader(scan_of(*lines)), 0, 0, 400, 500)
    for number, line in enumerate(says):
        text = canvas.beginText(30, 440 - 24.1 * number)
        text.setFont("Helvetica", 12)
        text.setTextRenderMode(3)
        text.textOut(line)
        canvas.drawText(text)


@pytest.mark.usefixtures("no_ocr")
def test_the_words_of_a_scanner_count_where_there_is_no_ocr(tmp_path: Path) -> None:
    found = read(tmp_path, scanned)

    assert "HL-2041" in texts(found.pages[0])
    assert (found.pages[0].source, found.unread) == ("text", ())


@needs_tesseract
def test_the_words_of_a_scanner_do_not_count_where_ocr_reads_others(tmp_path: Path) -> None:
    says = tuple(line.replace("156.00", "165.00") for line in INVOICE)

    found = read(tmp_path, lambda canvas: scanned(canvas, says=says))

    assert "156.00" in texts(found.pages[0])
    assert "165.00" not in texts(found.pages[0])
    assert found.pages[0].source == "ocr"


@needs_tesseract
def test_a_word_over_a_logo_does_not_count(tmp_path: Path) -> None:
    def page(canvas: Canvas) -> None:
        invoice(canvas)
        canvas.setFillColor(HexColor("#cc2200"))
        canvas.circle(330, 60, 25, stroke=0, fill=1)
        text = canvas.beginText(300, 56)
        text.setFont("Helvetica", 12)
        text.setTextRenderMode(3)
        text.textOut("Total 357.00")
        canvas.drawText(text)

    found = read(tmp_path, page)

    assert "357.00" not in texts(found.pages[0])
    assert found.hidden == (1,)


@needs_tesseract
def test_a_scan_with_a_stamp_in_letters_is_read_by_ocr(tmp_path: Path) -> None:
    def page(canvas: Canvas) -> None:
        canvas.drawImage(ImageReader(scan_of()), 0, 0, 400, 500)
        write(canvas, "Received 17 March 2026", top=60)

    found = read(tmp_path, page)

    assert found.pages[0].source == "ocr"
    assert {"HL-2041", "156.00", "Received"} <= set(texts(found.pages[0]))
    assert texts(found.pages[0]).count("Received") == 1


@needs_tesseract
def test_pages_without_text_are_read_by_ocr(tmp_path: Path) -> None:
    def scan(canvas: Canvas) -> None:
        canvas.drawImage(ImageReader(scan_of()), 0, 0, 400, 500)

    found = read(tmp_path, invoice, scan, lambda canvas: None)

    assert [(page.number, page.source) for page in found.pages] == [(1, "text"), (2, "ocr")]
    assert {"HL-2041", "156.00"} <= set(texts(found.pages[1]))
    [text] = [word for word in found.pages[0].words if word.text == "HL-2041"]
    [read_word] = [word for word in found.pages[1].words if word.text == "HL-2041"]
    assert read_word.box == pytest.approx(text.box, abs=0.08)


SHIFTED = {letter: chr(ord(letter) + 1) for letter in map(chr, range(33, 126))}
SHIFTED_BLANKS = {letter: chr(ord(letter) + 1) for letter in map(chr, range(32, 126))}
PRIVATE = {letter: chr(0xF000 + ord(letter)) for letter in string.printable[:94]}
DIGITS = dict(zip("0123456789", "7340982615", strict=True))


@needs_tesseract
@pytest.mark.parametrize("meant", [SHIFTED, SHIFTED_BLANKS, PRIVATE, DIGITS])
def test_a_text_layer_that_says_other_letters_than_the_page_is_read_by_ocr(
    meant: dict[str, str], tmp_path: Path
) -> None:
    def dated(canvas: Canvas) -> None:
        write(canvas, *INVOICE[:4], "Invoice Date: 14.03.2026", *INVOICE[5:])

    content = with_letters(pdf(dated, dated), meant)

    found = document_words(document(tmp_path, content, 2))

    for page in found.pages:
        assert page.source == "ocr"
        assert {"HL-2041", "14.03.2026", "156.00"} <= set(texts(page))


@pytest.mark.usefixtures("no_ocr")
def test_a_text_layer_that_reads_like_nothing_is_unread_without_ocr(tmp_path: Path) -> None:
    found = document_words(document(tmp_path, with_letters(pdf(invoice), SHIFTED)))

    assert (found.unread, found.ocr_missing) == ((1,), True)


@needs_tesseract
def test_given_pages_are_read_by_ocr_whatever_the_text_layer_says(tmp_path: Path) -> None:
    found = ocr_pages(document(tmp_path, pdf(invoice, invoice, invoice), 3), (1, 3))

    assert [(page.number, page.source) for page in found.pages] == [(1, "ocr"), (3, "ocr")]
    assert "HL-2041" in texts(found.pages[1])
    assert (found.unread, found.missing) == ((), False)


@pytest.mark.usefixtures("no_ocr")
def test_scans_without_ocr_are_unread(tmp_path: Path) -> None:
    path = tmp_path / "scan.png"
    scan_of().save(path)
    scan = Document(path, "image/png", render(path, "image/png", 1, tmp_path))

    assert document_words(scan) == DocumentWords((), unread=(1,), ocr_missing=True)


def test_pages_that_ocr_does_not_end_are_unread_and_tried_again(
    tmp_path: Path, tesseract: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "scan.png"
    scan_of().save(path)
    scan = Document(path, "image/png", render(path, "image/png", 1, tmp_path))
    monkeypatch.setattr(ocr, "OCR_PAGE_SECONDS", 0.3)
    script(tesseract, "tail -f /dev/null")
    assert document_words(scan).unread == (1,)

    script(tesseract, r"printf '5\t1\t1\t1\t1\t1\t96\t100\t96\t50\t96\tread\n'")

    [page] = document_words(scan).pages
    assert texts(page) == ["read"]
    assert page.words[0].box == pytest.approx(
        (96 / 1111, 100 / 1389, 192 / 1111, 150 / 1389), abs=0.001
    )


WORD = r"printf '5\t1\t1\t1\t1\t1\t%s\t%s\t96\t50\t%s\t%s\n'"


def test_a_small_image_is_read_twice_as_large_and_as_one_block_for_what_is_left_out(
    tmp_path: Path, tesseract: Path
) -> None:
    path = tmp_path / "receipt.png"
    Image.new("L", (400, 500), "white").save(path)
    page = PageImage(1, path, False)
    column = WORD % (80, 100, 90, "4.99")
    script(
        tesseract,
        f'case "$*" in *"--psm 4"*) {column};; *) {WORD % (84, 100, 90, "4.39")};'
        f" {WORD % (80, 300, 90, 'Total')};; esac",
    )

    [found] = ocr.ocr_words([page]).pages

    # In pixels of the larger image.
    assert [(word.text, word.box) for word in found.words] == [
        ("4.99", (80 / 800, 100 / 1000, 176 / 800, 150 / 1000)),
        ("Total", (80 / 800, 300 / 1000, 176 / 800, 350 / 1000)),
    ]


@pytest.mark.parametrize(
    ("turn", "confidence", "expected"),
    [("180", 90, ("upright", 180)), ("180", 20, ("garbage", 0)), ("0", 90, ("garbage", 0))],
)
def test_a_page_whose_words_are_doubtful_is_turned_where_that_makes_them_likelier(
    turn: str, confidence: int, expected: tuple[str, int], tmp_path: Path, tesseract: Path
) -> None:
    path = tmp_path / "scan.png"
    Image.new("L", (1400, 1800), "white").save(path)
    script(
        tesseract,
        f'case "$*" in *"--psm 0"*) echo "Rotate: {turn}";;'
        f" *turned*) {WORD % (1, 2, confidence, 'upright')};;"
        f" *) {WORD % (1, 2, 30, 'garbage')};; esac",
    )

    [found] = ocr.ocr_words([PageImage(1, path, False)]).pages

    assert (found.words[0].text, found.turn) == expected


def test_a_page_with_too_few_letters_to_tell_which_way_is_up_is_read_as_it_is(
    tmp_path: Path, tesseract: Path
) -> None:
    path = tmp_path / "scan.png"
    Image.new("L", (1400, 1800), "white").save(path)
    script(tesseract, 'case "$*" in *"--psm 0"*) exit 1;; esac')

    assert ocr.ocr_words([PageImage(1, path, False)]) == ocr.Ocr((PageWords(1, "ocr", []),))


@needs_tesseract
@pytest.mark.parametrize("turn", [90, 180, 270])
def test_ocr_turns_a_page_and_tells_where_its_words_stand(turn: int, tmp_path: Path) -> None:
    upright, turned = tmp_path / "upright.png", tmp_path / "turned.png"
    scan_of().save(upright)
    scan_of().rotate(turn, expand=True).save(turned)

    read = ocr.ocr_words([PageImage(1, upright, False), PageImage(2, turned, False)])

    first, second = read.pages
    assert second.turn == turn
    assert "156.00" in texts(second)
    total = next(word for word in second.words if word.text == "156.00")
    place = next(word for word in first.words if word.text == "156.00").box
    assert total.box == pytest.approx(place, abs=0.02)
    left, top, right, bottom = place
    assert turned_back(total.box, turn) == pytest.approx(
        {
            90: (top, 1 - right, bottom, 1 - left),
            180: (1 - right, 1 - bottom, 1 - left, 1 - top),
            270: (1 - bottom, left, 1 - top, right),
        }[turn],
        abs=0.02,
    )


def test_no_page_is_begun_after_the_time_for_all(
    tmp_path: Path, tesseract: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tesseract, "echo read")
    monkeypatch.setattr(ocr, "OCR_SECONDS", 0.0)

    assert ocr_pages(document(tmp_path, pdf(invoice)), (1,)) == ocr.Ocr((), (1,))


def test_a_failing_tesseract_leaves_the_page_unread(tmp_path: Path, tesseract: Path) -> None:
    script(tesseract, "exit 1")

    assert ocr_pages(document(tmp_path, pdf(invoice)), (1,)) == ocr.Ocr((), (1,))


def test_who_asks_meanwhile_waits_for_the_same_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_now = page_words._read
    calls: list[Document] = []
    may_go_on = threading.Event()

    def read_slowly(asked: Document) -> DocumentWords:
        calls.append(asked)
        may_go_on.wait(20)
        return read_now(asked)

    monkeypatch.setattr(page_words, "_read", read_slowly)
    asked = document(tmp_path, pdf(invoice))
    found: list[DocumentWords] = []
    threads = [
        threading.Thread(target=lambda: found.append(document_words(asked))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    may_go_on.set()
    for thread in threads:
        thread.join()

    assert calls == [asked]
    assert [texts(words.pages[0]) for words in found] == [WORDS] * 3


def test_what_did_not_get_to_it_in_time_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = document(tmp_path, pdf(invoice))

    def fail(*_: object, **__: object) -> None:
        raise OutOfTime

    with monkeypatch.context() as patch:
        patch.setattr(sandbox, "run_child", fail)
        with pytest.raises(OutOfTime):
            document_words(asked)

    assert texts(document_words(asked).pages[0]) == WORDS


def many_words(canvas: Canvas) -> None:
    canvas.setFont("Helvetica", 4)
    for row in range(310):
        canvas.drawString(2, 1 + 1.6 * row, " ".join(["a1"] * 100))


def long_words(canvas: Canvas) -> None:
    canvas.setFont("Helvetica", 6)
    for row in range(20):
        canvas.drawString(2, 20 * row + 10, "total1" * 333)


def all_at_one_place(canvas: Canvas) -> None:
    canvas.setFont("Helvetica", 12)
    for number in range(5_000):
        canvas.drawString(30, 100, f"{number}.00")


def covered_often(canvas: Canvas) -> None:
    invoice(canvas)
    for _ in range(5_000):
        canvas.rect(20, 20, 50, 50, stroke=0, fill=1)
    canvas.drawString(30, 100, "357.00")


def yardstick() -> float:
    """The CPU seconds that this machine takes now for a piece of Python, 0.1 s on a quick one."""
    before = time.process_time()
    cells = {(number % 997, number): str(number) for number in range(200_000)}
    sorted(cells, key=cells.__getitem__)
    return time.process_time() - before


@pytest.mark.usefixtures("no_ocr")
@pytest.mark.parametrize("draw", [many_words, long_words, all_at_one_place, covered_often])
def test_hostile_pages_are_read_in_time_and_within_bounds(draw: Draw, tmp_path: Path) -> None:
    hostile = document(tmp_path, pdf(draw))
    unit = yardstick()
    before = time.process_time()

    found = document_words(hostile)

    assert time.process_time() - before < 70 * unit
    for page in found.pages:
        assert len(page.words) <= MAX_WORDS
        assert all(len(word.text) <= MAX_LETTERS for word in page.words)


def test_marks_of_direction_are_no_part_of_a_word(tmp_path: Path) -> None:
    meant = {"X": "\u202e", "Y": "\u200b"}

    content = with_letters(
        pdf(lambda canvas: write(canvas, *INVOICE[:-1], "Total GBP X1Y56.00")), meant
    )

    assert texts(document_words(document(tmp_path, content)).pages[0])[-1] == "156.00"


@pytest.mark.usefixtures("no_ocr")
def test_the_small_letters_of_a_long_page_are_seen(tmp_path: Path) -> None:
    def receipt(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 7)
        for number in range(400):
            canvas.drawString(20, 4000 - 9 * number, f"Item {number:03} 4.00")

    found = document_words(document(tmp_path, pdf(receipt, size=(227, 4100))))

    assert len(found.pages[0].words) == 1200
    assert found.hidden == ()
