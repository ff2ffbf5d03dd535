"""Small e-invoices for tests, and the PDFs that carry them."""

import re
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from pypdf import PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    NameObject,
    TextStringObject,
)
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

CII = (Path(__file__).parent / "cii.xml").read_text(encoding="utf-8")
UBL = (Path(__file__).parent / "ubl.xml").read_text(encoding="utf-8")


def cii(code: str = "380", total: str = "67.83") -> bytes:
    """Return a CII invoice over 67.83 EUR."""
    return CII.format(code=code, total=total).encode()


def cii_without_lines() -> bytes:
    """Return the CII invoice in a profile without lines and terms of payment."""
    text = cii().decode()
    for name in ("ram:IncludedSupplyChainTradeLineItem", "ram:SpecifiedTradePaymentTerms"):
        text = re.sub(f"<{name}>.*?</{name}>", "", text, flags=re.DOTALL)
    return text.encode()


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


def pdf_with(folder: Path, place: str, *contents: bytes, name: str = "factur-x.xml") -> Path:
    """Write a PDF that refers to files at one place only.

    ``place``: catalog, page, annotation, kids for the second level of a name tree, alone for the
    first file without an array around it, or old for one under a key of an old system.
    """
    writer = PdfWriter(clone_from=PdfReader(pdf(folder, "a page")))
    files = ArrayObject(_file(writer, content, name) for content in contents)
    page = writer.pages[0]
    match place:
        case "catalog":
            writer.root_object[NameObject("/AF")] = files
        case "alone":
            writer.root_object[NameObject("/AF")] = files[0]
        case "old":
            embedded = files[0].get_object()["/EF"]
            embedded[NameObject("/Unix")] = embedded.raw_get("/F")
            del embedded["/F"]
            writer.root_object[NameObject("/AF")] = files
        case "page":
            page[NameObject("/AF")] = writer._add_object(files)
        case "annotation":
            annotations = [
                _dictionary(Subtype=NameObject("/FileAttachment"), FS=file) for file in files
            ]
            link = _dictionary(Subtype=NameObject("/Link"))
            page[NameObject("/Annots")] = ArrayObject([link, *annotations])
        case "kids":
            names = ArrayObject(
                part for file in files for part in (TextStringObject("a name"), file)
            )
            leaf = writer._add_object(_dictionary(Names=names))
            branch = writer._add_object(_dictionary(Kids=ArrayObject([leaf])))
            tree = _dictionary(Kids=ArrayObject([branch]))
            writer.root_object[NameObject("/Names")] = _dictionary(EmbeddedFiles=tree)
    path = folder / "referring.pdf"
    writer.write(path)
    return path


def _file(writer: PdfWriter, content: bytes, name: str) -> DictionaryObject:
    stream = DecodedStreamObject()
    stream.set_data(content)
    embedded = _dictionary(F=writer._add_object(stream))
    file = _dictionary(Type=NameObject("/Filespec"), F=TextStringObject(name), EF=embedded)
    return writer._add_object(file)  # type: ignore[return-value]  # a reference to it


def _dictionary(**values: object) -> DictionaryObject:
    return DictionaryObject({NameObject(f"/{key}"): value for key, value in values.items()})
