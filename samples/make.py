"""Draw the sample invoices: ``python -m samples.make [FOLDER]``.

The same bytes every time: no time stamps, and noise from a fixed seed.
"""

import io
import random
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from xml.sax.saxutils import escape

import pypdfium2
from PIL import Image, ImageFilter
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table

from extraction.invoices.schema import InvoiceFields, Party
from samples import invoices

_STYLES = getSampleStyleSheet()
_RULE = ("LINEBELOW", (0, 0), (-1, 0), 0.8, colors.black)
# EXIF: the camera was held upright, its sensor lies on the side.
_ORIENTATION, _ROTATE_TO_THE_RIGHT = 0x0112, 6


def main(folder: Path) -> None:
    """Write every sample into a folder, and beside each ``answers/<its name>.json``."""
    drawn = {
        "acme-invoice.pdf": (invoices.ACME, text_pdf(invoices.ACME)),
        "globex-3-pages.pdf": (invoices.GLOBEX, text_pdf(invoices.GLOBEX)),
        "himal-tax-invoice.pdf": (
            invoices.HIMAL,
            text_pdf(invoices.HIMAL, title="TAX INVOICE", tax="VAT", tax_id="PAN"),
        ),
        "hooli-scan.pdf": (invoices.HOOLI, scanned_pdf(text_pdf(invoices.HOOLI))),
        "stark-photo.jpg": (
            invoices.STARK,
            photo(text_pdf(invoices.STARK, tax="Sales tax", tax_id="Tax ID")),
        ),
    }
    answers = folder / "answers"
    answers.mkdir(parents=True, exist_ok=True)
    for name, (fields, content) in drawn.items():
        (folder / name).write_bytes(content)
        answer = fields.model_dump_json(indent=2) + "\n"
        (answers / f"{name}.json").write_text(answer, encoding="utf-8")


def text_pdf(
    fields: InvoiceFields, *, title: str = "INVOICE", tax: str = "VAT", tax_id: str = "VAT ID"
) -> bytes:
    """Return an invoice as a PDF with a text layer; totals stand on its last page."""
    file = io.BytesIO()
    template = SimpleDocTemplate(
        file,
        pagesize=A4,
        leftMargin=18 * mm,
        rightMargin=18 * mm,
        topMargin=16 * mm,
        bottomMargin=18 * mm,
        title=f"{title} {fields.invoice_number}",
        invariant=1,
    )
    parts: list[Flowable] = [
        _party(fields.supplier, tax_id),
        Spacer(1, 6 * mm),
        Paragraph(title, _STYLES["Title"]),
        _rows(_particulars(fields), widths=(42 * mm, 132 * mm)),
        Spacer(1, 5 * mm),
        Paragraph("<b>Bill to</b>", _STYLES["Normal"]),
        _party(fields.customer, tax_id),
        Spacer(1, 6 * mm),
        _lines(fields),
        Spacer(1, 5 * mm),
        _rows(_totals(fields, tax), widths=(134 * mm, 40 * mm), align="RIGHT"),
    ]
    template.build(parts, onFirstPage=_page_number, onLaterPages=_page_number)
    return file.getvalue()


def scanned_pdf(pdf: bytes) -> bytes:
    """Return the first page as an office scanner would: a skewed grey picture, no text."""
    page = _rasterise(pdf, dpi=130).convert("L")
    page = page.rotate(0.8, Image.Resampling.BICUBIC, fillcolor=250)
    page = _with_noise(page, strength=10)
    picture = io.BytesIO()
    page.save(picture, "JPEG", quality=55)
    picture.seek(0)
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4, invariant=1)
    canvas.drawImage(ImageReader(picture), 0, 0, *A4)
    canvas.save()
    return file.getvalue()


def photo(pdf: bytes) -> bytes:
    """Return the first page as a phone takes it: on a table, sideways with an EXIF orientation."""
    page = _rasterise(pdf, dpi=120)
    width, height = page.size
    table = Image.new("RGB", (width + 160, height + 200), (112, 84, 60))
    sheet = Image.new("L", page.size, 255).rotate(-1.6, Image.Resampling.BICUBIC, expand=True)
    page = page.rotate(-1.6, Image.Resampling.BICUBIC, expand=True)
    table.paste(page, (60, 70), sheet)
    shade = Image.linear_gradient("L").resize(table.size).point(lambda value: 255 - value // 5)
    table = Image.composite(table, Image.new("RGB", table.size, (60, 55, 50)), shade)
    table = _with_noise(table.filter(ImageFilter.GaussianBlur(0.5)), strength=6)
    exif = Image.Exif()
    exif[_ORIENTATION] = _ROTATE_TO_THE_RIGHT
    file = io.BytesIO()
    table.transpose(Image.Transpose.ROTATE_90).save(file, "JPEG", quality=70, exif=exif)
    return file.getvalue()


def _rasterise(pdf: bytes, dpi: int) -> Image.Image:
    with pypdfium2.PdfDocument(pdf) as document:
        picture: Image.Image = document[0].render(scale=dpi / 72).to_pil().convert("RGB")
    return picture


def _with_noise(image: Image.Image, strength: int) -> Image.Image:
    seeded = random.Random(1)  # noqa: S311  # grain, not a secret
    grain = Image.frombytes("L", image.size, seeded.randbytes(image.width * image.height))
    return Image.blend(image, grain.convert(image.mode), strength / 255)


def _party(party: Party, tax_id: str) -> Paragraph:
    rows = [f"<b>{escape(party.name or '')}</b>", escape(party.address or "")]
    if party.tax_id:
        rows.append(f"{tax_id}: {party.tax_id}")
    return Paragraph("<br/>".join(rows), _STYLES["Normal"])


def _particulars(fields: InvoiceFields) -> list[tuple[str, str]]:
    known = {
        "Invoice number:": fields.invoice_number,
        "Invoice date:": _day(fields.invoice_date),
        "Miti:": fields.invoice_miti,
        "Due date:": _day(fields.due_date),
        "Order number:": fields.order_number,
        "Payment mode:": fields.transaction_type,
        "Vehicle no.:": fields.vehicle_number,
        "Transporter:": fields.transporter,
        "Currency:": fields.currency,
    }
    return [(label, value) for label, value in known.items() if value]


def _lines(fields: InvoiceFields) -> Table:
    goods = any(line.batch for line in fields.line_items)
    headings = ["No.", "Description", "Code", *(["HS code", "Batch"] if goods else [])]
    rows = [[*headings, "Qty", "Unit", "Price", "Amount"]]
    rows += [
        [
            line.serial_number or "",
            line.description or "",
            line.item_code or "",
            *([line.hs_code or "", line.batch or ""] if goods else []),
            str(line.quantity),
            line.unit or "",
            _money(line.unit_price),
            _money(line.amount),
        ]
        for line in fields.line_items
    ]
    middle = [20, 15] if goods else []
    description = 63 - sum(middle) + 8
    widths = [11, description, 25, *middle, 16, 13, 22, 24]
    return Table(
        rows,
        colWidths=[width * mm for width in widths],
        repeatRows=1,
        style=[
            _RULE,
            ("FONTNAME", (0, 0), (-1, 0), "Helvetica-Bold"),
            ("FONTSIZE", (0, 0), (-1, -1), 9),
            ("ALIGN", (-4, 0), (-4, -1), "RIGHT"),
            ("ALIGN", (-2, 0), (-1, -1), "RIGHT"),
        ],
    )


def _totals(fields: InvoiceFields, tax: str) -> list[tuple[str, str]]:
    rate = fields.tax_breakdown[0].rate
    known = {
        "Subtotal": fields.subtotal,
        "Discount": fields.discount_total,
        "Taxable amount": fields.taxable_amount,
        f"{tax} {rate}%": fields.tax_total,
        f"Total amount {fields.currency}": fields.total_amount,
    }
    return [(label, _money(value)) for label, value in known.items() if value is not None]


def _rows(
    rows: list[tuple[str, str]], *, widths: tuple[float, float], align: str = "LEFT"
) -> Table:
    return Table(
        rows,
        colWidths=widths,
        hAlign="LEFT",
        style=[
            ("ALIGN", (0, 0), (-1, -1), align),
            ("LEFTPADDING", (0, 0), (0, -1), 0),
            ("TOPPADDING", (0, 0), (-1, -1), 1),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 1),
            ("FONTNAME", (0, -1), (-1, -1), "Helvetica-Bold" if align == "RIGHT" else "Helvetica"),
        ],
    )


def _page_number(canvas: Canvas, template: SimpleDocTemplate) -> None:
    canvas.setFont("Helvetica", 8)
    canvas.drawRightString(A4[0] - 18 * mm, 10 * mm, f"Page {template.page}")


def _day(day: date | None) -> str | None:
    return f"{day.day} {day:%B %Y}" if day else None


def _money(amount: Decimal | None) -> str:
    return f"{amount:,.2f}"


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
