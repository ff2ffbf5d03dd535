import csv
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from extraction.invoices.schema import InvoiceFields, LineItem, Party, TaxLine
from extraction.readers.einvoice.reader import einvoices_in, fields_of
from tests.extraction.readers.einvoice.einvoices import cii, pdf, ubl
from tests.shared_files import SHARED, needs_shared

E_INVOICES = {
    *("01_EN16931_Einfach.pdf", "04_EN16931_Reisekostenabrechnung.pdf"),
    *("05_EN16931_Rechnungskorrektur.pdf", "07_EN16931_Miete.pdf"),
    *("09_EN16931_Einfach_negativePaymentDue.pdf", "12_EN16931_Rabatte.pdf"),
    *("16_ZUGFeRD_1p0_EXTENDED_Kostenrechnung.pdf", "17_Avoir_FR_type381_BASIC.pdf"),
    *("18_Facture_UE_BASICWL.pdf", "19_Facture_FR_EN16931.pdf", "21_zugferd_invoice.pdf"),
    *("22_MustangBeispiel20221026.pdf", "24_invoice_EN16931.pdf", "25_AzureInterior.pdf"),
}
NOTHING = dict.fromkeys(LineItem.model_fields)


def read(xml: bytes) -> InvoiceFields:
    fields = fields_of(xml)
    assert fields is not None
    return fields


def test_cii_gives_every_field_that_it_states() -> None:
    assert read(cii()) == InvoiceFields(
        document_type="invoice",
        invoice_number="RE-17",
        invoice_date=date(2026, 3, 5),
        invoice_miti=None,
        due_date=date(2026, 4, 4),
        order_number="PO-9",
        delivery_note_number="LS-3",
        transaction_type=None,
        transaction_date=None,
        vehicle_number=None,
        transporter=None,
        pws_number=None,
        currency="EUR",
        supplier=Party(
            name="Lieferant GmbH",
            tax_id="DE123456789",
            address="Lieferantenstraße 20, 80333 München, DE",
        ),
        customer=Party(name="Kunden AG Mitte", tax_id=None, address=None),
        line_items=[
            LineItem.model_validate(
                NOTHING
                | {
                    "description": "Trennblätter A4",
                    "item_code": "TB100",
                    "hs_code": "4820.10",
                    "batch": "LOT7",
                    "serial_number": "1",
                    "quantity": "6",
                    "unit": "C62",
                    "unit_price": "30.00",
                    "price_base_quantity": "3",
                    "discount": "3.00",
                    "tax_rate": "19.00",
                    "amount": "57.00",
                }
            )
        ],
        tax_breakdown=[
            TaxLine(rate=Decimal("19"), taxable_amount=Decimal("57"), tax_amount=Decimal("10.83"))
        ],
        subtotal=Decimal("57.00"),
        discount_total=Decimal("0.00"),
        charge_total=Decimal("0.00"),
        taxable_amount=Decimal("57.00"),
        tax_total=Decimal("10.83"),
        total_amount=Decimal("67.83"),
        amount_due=Decimal("67.83"),
    )


def test_ubl_gives_every_field_that_it_states() -> None:
    assert read(ubl()) == InvoiceFields(
        document_type="invoice",
        invoice_number="INV/8",
        invoice_date=date(2026, 3, 20),
        invoice_miti=None,
        due_date=date(2026, 4, 4),
        order_number="PO-1",
        delivery_note_number="DN-2",
        transaction_type=None,
        transaction_date=None,
        vehicle_number=None,
        transporter=None,
        pws_number=None,
        currency="USD",
        supplier=Party(
            name="Azure Interior", tax_id="US123", address="4557 De Silva St, 94538 Fremont, US"
        ),
        customer=Party(name="Mitchell Admin", tax_id=None, address=None),
        line_items=[
            LineItem.model_validate(
                NOTHING
                | {
                    "description": "Beeswax XL",
                    "item_code": "BW",
                    "hs_code": "1521.90",
                    "batch": "L1",
                    "serial_number": "1",
                    "quantity": "2",
                    "unit": "KGM",
                    "unit_price": "60.00",
                    "discount": "5.00",
                    "tax_rate": "15.0",
                    "amount": "115.00",
                }
            )
        ],
        tax_breakdown=[
            TaxLine(rate=Decimal("15"), taxable_amount=Decimal("112"), tax_amount=Decimal("16.8"))
        ],
        subtotal=Decimal("115.00"),
        discount_total=Decimal("5.00"),
        charge_total=Decimal("2.00"),
        taxable_amount=Decimal("112.00"),
        tax_total=Decimal("16.80"),
        total_amount=Decimal("128.80"),
        amount_due=Decimal("100.00"),
    )


@pytest.mark.parametrize(
    ("xml", "document_type"),
    [
        (cii("381"), "credit_note"),
        (cii("384"), "invoice"),
        (cii("384", "-67.83"), "credit_note"),
        (cii("380", "-67.83"), "credit_note"),
        (ubl("CreditNote"), "credit_note"),
    ],
)
def test_a_credit_note_is_known_by_its_code_or_its_negative_total(
    xml: bytes, document_type: str
) -> None:
    assert read(xml).document_type == document_type


def test_a_price_is_kept_with_its_base_quantity_unless_the_amount_shows_that_it_is_of_one() -> None:
    xml = ubl().replace(b">0</cbc:BaseQuantity>", b">2</cbc:BaseQuantity>")

    lines = [read(x).line_items[0] for x in (xml, xml.replace(b"115.00", b"120.00"))]

    assert [line.unit_price for line in lines] == [Decimal(60), Decimal(60)]
    assert [line.price_base_quantity for line in lines] == [Decimal(2), None]


def test_values_that_cannot_be_read_are_absent() -> None:
    xml = cii(total="1E+999").replace(b"20260305", b"20261305").replace(b">EUR<", b">Euro<")

    fields = read(xml)

    assert (fields.total_amount, fields.invoice_date, fields.currency) == (None, None, None)


@pytest.mark.parametrize("root", ["CrossIndustryInvoice", "CrossIndustryDocument", "Invoice"])
def test_an_empty_einvoice_is_an_empty_invoice(root: str) -> None:
    fields = read(f"<{root}/>".encode())

    assert (fields.invoice_number, fields.supplier.name, fields.line_items) == (None, None, [])
    assert (fields.total_amount, fields.tax_total) == (None, None)


BILLION_LAUGHS = (
    b'<!DOCTYPE i [<!ENTITY a "lol">'
    + b"".join(
        f'<!ENTITY {b} "{f"&{a};" * 10}">'.encode()
        for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    + b"]><Invoice><ID>&i;</ID></Invoice>"
)


@pytest.mark.parametrize(
    "xml",
    [b"", b"<Order/>", b"<Invoice>", b"\xff\xfe", b"<a>" * 100_000, BILLION_LAUGHS],
    ids=["empty", "other", "cut", "not text", "deep", "billion laughs"],
)
def test_xml_that_is_no_einvoice_gives_nothing(xml: bytes) -> None:
    assert fields_of(xml) is None


def test_files_outside_are_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    xml = f'<!DOCTYPE i [<!ENTITY e SYSTEM "{secret.as_uri()}">]><Invoice><ID>&e;</ID></Invoice>'

    assert read(xml.encode()).invoice_number is None


@pytest.mark.parametrize("name", ["factur-x.xml", "ZUGFeRD-invoice.XML", "xrechnung.xml", "a.xml"])
def test_an_attachment_is_found_under_any_of_its_names(tmp_path: Path, name: str) -> None:
    path = pdf(tmp_path, attachments={name: cii()})

    assert [fields.invoice_number for fields in einvoices_in(path)] == ["RE-17"]


def test_the_usual_names_come_before_others(tmp_path: Path) -> None:
    attachments = {"a.xml": ubl(), "b.xml": b"<Order/>", "c.bin": cii(), "factur-x.xml": cii()}

    found = einvoices_in(pdf(tmp_path, attachments=attachments))

    assert [fields.invoice_number for fields in found] == ["RE-17", "INV/8"]


def test_an_attachment_that_is_too_large_is_left_alone(tmp_path: Path) -> None:
    bomb = cii() + b" " * 5_000_000

    assert einvoices_in(pdf(tmp_path, attachments={"factur-x.xml": bomb})) == []


def test_a_pdf_without_attachments_or_no_pdf_at_all_has_none(tmp_path: Path) -> None:
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7 broken")

    assert einvoices_in(pdf(tmp_path)) == []
    assert einvoices_in(broken) == []


@needs_shared
def test_every_shared_einvoice_is_right() -> None:
    assert SHARED is not None
    folder = SHARED / "invoices"
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as manifest:
        truths = [truth for truth in csv.DictReader(manifest) if truth["file"] in E_INVOICES]

    for truth in truths:
        fields = einvoices_in(folder / truth["file"])[0]
        assert {
            "file": truth["file"],
            "invoice_no": fields.invoice_number,
            "invoice_date": str(fields.invoice_date),
            "seller": fields.supplier.name,
            "seller_vat_id": fields.supplier.tax_id or "",
            "buyer": fields.customer.name,
            "currency": fields.currency,
            "net_amount": str(fields.taxable_amount),
            "tax_amount": str(fields.tax_total),
            "total_amount": str(fields.total_amount),
            "amount_due": str(fields.amount_due),
            "line_items": str(len(fields.line_items)),
        }.items() <= truth.items()
    assert len(truths) == 14


@needs_shared
@pytest.mark.parametrize("name", ["10_pdfinfo_hangs", "11_bomb_giant", "01_user_password_aes256"])
def test_a_hostile_pdf_has_no_einvoice(name: str) -> None:
    assert SHARED is not None
    assert einvoices_in(SHARED / "bad-inputs" / f"{name}.pdf") == []
