"""Documents for tests of their words: PDFs drawn here, with their page images."""

import io
from collections.abc import Callable, Mapping
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from pypdf import PdfReader, PdfWriter
from pypdf.generic import DictionaryObject, NameObject, StreamObject
from reportlab.pdfgen.canvas import Canvas

from extraction.documents.document import Document
from extraction.documents.media_types import PDF
from extraction.documents.rendering import render

SIZE = (400.0, 500.0)
INVOICE = (
    "Harbour Lamps Ltd, 4 Quay Street, Bristol",
    "VAT Reg No: GB123456782",
    "Bill to: Greenfield Stores",
    "Invoice No: HL-2041",
    "Invoice Date: 14 March 2026",
    "Desk lamp  4  25.00  100.00",
    "Bulb E27  10  3.00  30.00",
    "Subtotal 130.00",
    "VAT 20% 26.00",
    "Total GBP 156.00",
)
Draw = Callable[[Canvas], None]


def write(canvas: Canvas, *lines: str, top: float = 440) -> None:
    """Write lines in black, from a height down."""
    canvas.setFont("Helvetica", 12)
    for number, line in enumerate(lines):
        canvas.drawString(30, top - 24 * number, line)


def invoice(canvas: Canvas) -> None:
    """Write the invoice."""
    write(canvas, *INVOICE)


def pdf(*draw: Draw, size: tuple[float, float] = SIZE) -> bytes:
    """Return a PDF with a page for each function that draws one."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=size, invariant=1)
    for page in draw:
        page(canvas)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def document(folder: Path, content: bytes, pages: int = 1) -> Document:
    """Return the PDF with its page images."""
    path = folder / "document.pdf"
    path.write_bytes(content)
    return Document(path, PDF, render(path, PDF, pages, folder))


def scan_of(*lines: str) -> Image.Image:
    """Return a scan of an invoice, or of these lines, as large as a page of SIZE at 200 dpi."""
    image = Image.new("L", (1111, 1389), "white")
    font = ImageFont.load_default(size=33)
    for number, line in enumerate(lines or INVOICE):
        ImageDraw.Draw(image).text((83, 130 + 67 * number), line, fill="black", font=font)
    return image


def with_letters(content: bytes, meant: Mapping[str, str]) -> bytes:
    """Return a PDF whose fonts say that their letters mean others."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(content)))
    rows = [f"<{ord(letter):02X}> <{ord(other):04X}>" for letter, other in meant.items()]
    table = StreamObject()
    table.set_data(
        (
            "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
            "/CMapName /X def /CMapType 2 def\n"
            "1 begincodespacerange <00> <FF> endcodespacerange\n"
            f"{len(rows)} beginbfchar\n" + "\n".join(rows) + "\nendbfchar\nendcmap end end\n"
        ).encode()
    )
    reference = writer._add_object(table)
    for page in writer.pages:
        resources = page["/Resources"]
        assert isinstance(resources, DictionaryObject)
        for font in resources["/Font"].get_object().values():  # type: ignore[union-attr]
            font.get_object()[NameObject("/ToUnicode")] = reference
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()
