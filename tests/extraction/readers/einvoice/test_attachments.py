"""Where in a PDF an e-invoice is found, under which name, and in which encoding."""

import codecs
from pathlib import Path

import pytest

from extraction.documents import pdf_child
from extraction.readers.einvoice.reader import einvoices_in, fields_of
from tests.extraction.readers.einvoice.einvoices import cii, pdf, pdf_with, ubl


@pytest.mark.parametrize("place", ["catalog", "page", "annotation", "kids", "alone", "old"])
@pytest.mark.parametrize("name", ["factur-x.xml", "factur-x", "INVOICE.XML", "Rechnung.bin", ""])
def test_an_attachment_is_found_wherever_the_pdf_refers_to_it(
    place: str, name: str, tmp_path: Path
) -> None:
    path = pdf_with(tmp_path, place, cii(), name=name)

    assert [fields.invoice_number for fields in einvoices_in(path)] == ["RE-17"]


def test_any_number_of_blanks_may_stand_before_the_xml(tmp_path: Path) -> None:
    path = pdf_with(tmp_path, "catalog", b"\r\n" * 500 + cii(), name="invoice")

    assert [fields.invoice_number for fields in einvoices_in(path)] == ["RE-17"]


def test_a_broken_attachment_does_not_hide_the_next_one(tmp_path: Path) -> None:
    path = pdf_with(tmp_path, "catalog", b"<broken", ubl())
    content = path.read_bytes()
    assert b"/EF" in content

    assert [fields.invoice_number for fields in einvoices_in(path)] == ["INV/8"]


def test_a_file_that_is_referred_to_twice_is_read_once(tmp_path: Path) -> None:
    path = pdf_with(tmp_path, "catalog", cii(), cii())

    assert len(pdf_child.attachments(str(path))) == 1


def test_an_invoice_in_two_formats_is_one_and_the_fuller_one_is_taken(tmp_path: Path) -> None:
    lines = cii()
    start, end = (
        lines.index(b"  <ram:IncludedSupply"),
        lines.index(b"  <ram:ApplicableHeaderTradeA"),
    )
    short = lines[:start] + lines[end:]

    [fields] = einvoices_in(pdf(tmp_path, attachments={"factur-x.xml": short, "full.xml": lines}))

    assert len(fields.line_items) == 1


def test_a_file_that_is_not_xml_is_left_alone(tmp_path: Path) -> None:
    path = pdf_with(tmp_path, "catalog", b"%PDF-1.7", b"", b"\0\0\0", name="factur-x.xml")

    assert pdf_child.attachments(str(path)) == []


def encoded(declared: str, encoding: str, mark: bytes = b"") -> bytes:
    text = cii().decode().replace('encoding="UTF-8"', f'encoding="{declared}"')
    return mark + text.encode(encoding)


@pytest.mark.parametrize(
    "xml",
    [
        encoded("ISO-8859-1", "iso-8859-1"),
        encoded("ISO-8859-15", "iso-8859-15"),
        encoded("windows-1252", "windows-1252"),
        encoded("UTF-16", "utf-16"),
        encoded("UTF-16", "utf-16-le"),
        encoded("UTF-16", "utf-16-be"),
        encoded("UTF-8", "utf-8", codecs.BOM_UTF8),
        encoded("UTF-8", "utf-8", b" \r\n\t"),
        encoded("UTF-8", "utf-8", b"\n" + codecs.BOM_UTF8 + b" "),
        codecs.BOM_UTF16_LE + ("\n" + cii().decode()).encode("utf-16-le"),
        cii() + b"\0\0\r\n",
        # Declared as what they are not.
        encoded("UTF-16", "utf-8"),
        encoded("ISO-8859-1", "utf-8"),
        encoded("UTF-8", "iso-8859-1"),
        encoded("nothing-known", "utf-8"),
    ],
)
def test_xml_is_read_in_its_encoding_with_anything_before_its_declaration(xml: bytes) -> None:
    fields = fields_of(xml)

    assert fields is not None
    assert fields.supplier.address == "Lieferantenstraße 20, 80333 München, DE"
    assert [line.description for line in fields.line_items] == ["Trennblätter A4"]


def test_a_comment_inside_a_value_is_no_end_of_it() -> None:
    fields = fields_of(cii(total="67<!-- euros -->.83"))

    assert fields is not None
    assert str(fields.total_amount) == "67.83"
