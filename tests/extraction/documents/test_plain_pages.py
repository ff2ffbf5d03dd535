"""Pages on which nothing but the words of the text layer shows letters: no OCR need read them."""

from pathlib import Path

import pytest
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from extraction.documents.text_layer import MANY_PATHS, text_layer
from tests.extraction.documents.pages import (
    Draw,
    document,
    invoice,
    pdf,
    scan_of,
    with_letters,
)


def lines_and_boxes(canvas: Canvas) -> None:
    invoice(canvas)
    canvas.line(30, 100, 300, 100)
    canvas.rect(30, 60, 200, 30)
    canvas.setFillGray(0.9)
    canvas.rect(30, 20, 200, 30, fill=1, stroke=0)


def logo(canvas: Canvas) -> None:
    invoice(canvas)
    canvas.drawImage(ImageReader(scan_of("Nordlicht")), 300, 450, 50, 30)


def in_a_form(canvas: Canvas) -> None:
    canvas.beginForm("logo")
    logo(canvas)
    canvas.endForm()
    canvas.doForm("logo")


def outlines(canvas: Canvas) -> None:
    """A letter as a drawing."""
    invoice(canvas)
    path = canvas.beginPath()
    path.moveTo(300, 450)
    for number in range(4):
        path.curveTo(300 + number, 460, 310 + number, 470, 320 + number, 450)
        path.lineTo(301 + number, 451)
    canvas.drawPath(path, fill=1)


def shaded(canvas: Canvas) -> None:
    invoice(canvas)
    canvas.linearGradient(300, 450, 350, 480, ("black", "white"))


def many_lines(canvas: Canvas) -> None:
    """Letters may be made of lines."""
    invoice(canvas)
    for number in range(MANY_PATHS + 1):
        canvas.line(300 + number / 10, 450, 301 + number / 10, 460)


def invisible(canvas: Canvas) -> None:
    """People see something else at its place, perhaps."""
    invoice(canvas)
    canvas.drawString(30, 60, "seen")
    text = canvas.beginText(30, 60)
    text.setTextRenderMode(3)
    text.textOut("else")
    canvas.drawText(text)


def is_plain(folder: Path, content: bytes) -> bool:
    [page] = text_layer(document(folder, content))
    return page.is_plain


@pytest.mark.parametrize("draw", [invoice, lines_and_boxes])
def test_page_of_words_lines_and_boxes_is_plain(draw: Draw, tmp_path: Path) -> None:
    assert is_plain(tmp_path, pdf(draw))


@pytest.mark.parametrize(
    "draw",
    [logo, in_a_form, outlines, shaded, many_lines, invisible],
    ids=lambda draw: draw.__name__,
)
def test_page_on_which_something_else_may_show_letters_is_not_plain(
    draw: Draw, tmp_path: Path
) -> None:
    assert not is_plain(tmp_path, pdf(draw))


def test_page_with_a_letter_that_is_not_known_is_not_plain(tmp_path: Path) -> None:
    assert not is_plain(tmp_path, with_letters(pdf(invoice), {"L": "\ue000"}))
