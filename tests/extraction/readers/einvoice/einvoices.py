"""Small e-invoices for tests, and the PDFs that carry them."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from pypdf import PdfReader, PdfWriter
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

CII = (Path(__file__).parent / "cii.xml").read_text(encoding="utf-8")
UBL = (Path(__file__).parent / "ubl.xml").read_text(encoding="utf-8")


def cii(code: str = "380", total: str = "67.83") -> bytes:
    """Return a CII invoice over 67.83 EUR."""
    return CII.format(code=code, total=total).encode()


def ubl(root: str = "Invoice") -> bytes:
    """Return a UBL invoice, or credit note, over 128.80 USD."""
    quantity = {"Invoice": "InvoicedQuantity", "CreditNote": "CreditedQuantity"}[root]
    return UBL.format(root=root, quantity=quantity).encode()


def pdf(folder: Path, text: str = "", attachments: Mapping[str, bytes] | None = None) -> Path:
    """Write a one-page PDF of fixed-width text with attachments; no text is a blank page."""
    drawn = BytesIO()
    canvas = Canvas(drawn, pagesize=A4, invariant=True)
    page = canvas.beginText(40, 800)
    page.setFont("Courier", 8)
    page.textLines(text, trim=0)
    canvas.drawText(page)
    canvas.showPage()
    canvas.save()
    writer = PdfWriter(clone_from=PdfReader(drawn))
    for name, content in (attachments or {}).items():
        writer.add_attachment(name, content)
    path = folder / "document.pdf"
    writer.write(path)
    return path
