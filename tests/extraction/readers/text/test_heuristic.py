from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from extraction.invoices.schema import EMPTY, InvoiceFields, LineItem, Party, TaxLine
from extraction.readers.text.heuristic import read_text

NOTHING = dict.fromkeys(LineItem.model_fields)


def test_a_nepali_tax_invoice_is_read() -> None:
    text = (Path(__file__).parent / "nepali_invoice.txt").read_text(encoding="utf-8")

    assert read_text(text) == InvoiceFields(
        document_type="invoice",
        invoice_number="PT-2081/82-00457",
        invoice_date=date(2024, 8, 28),
        invoice_miti="2081/05/12",
        due_date=None,
        order_number=None,
        delivery_note_number=None,
        transaction_type=None,
        transaction_date=None,
        vehicle_number="BA 2 KHA 1234",
        transporter=None,
        pws_number=None,
        currency="NPR",
        supplier=Party(name="SHREE PASHUPATI TRADERS", tax_id="301234567", address=None),
        customer=Party(name="Himal Kirana Pasal", tax_id="609876543", address=None),
        line_items=[
            LineItem.model_validate(
                NOTHING
                | {"description": "Wai Wai Noodles 75g", "quantity": "100", "unit": "Carton"}
                | {"unit_price": "550.00", "amount": "55000.00"}
            ),
            LineItem.model_validate(
                NOTHING
                | {"description": "Real Juice 1L", "quantity": "20", "unit": "Carton"}
                | {"unit_price": "3500.00", "amount": "70000.00"}
            ),
        ],
        tax_breakdown=[
            TaxLine(rate=Decimal(13), taxable_amount=Decimal("120000"), tax_amount=Decimal("15600"))
        ],
        subtotal=Decimal("125000.00"),
        discount_total=Decimal("5000.00"),
        charge_total=None,
        taxable_amount=Decimal("120000.00"),
        tax_total=Decimal("15600.00"),
        total_amount=Decimal("135600.00"),
        amount_due=None,
    )


GERMAN = """
Muster Handel GmbH                                 Rechnung
Rechnungsnummer: 2014-03        Rechnungsdatum: 11. Juli 2014
Verkäufer                          Käufer
  GLN 4333741000005                  Nummer:     420
  Name:     Muster Handel GmbH       Name:       Papier AG
USt-IdNr  DE123456789     Steuernummer: 201/113/40209
Pos.  Artikel         Menge   Preis    Betrag
1     Superdrachen    2       20,00    40,00
2     Adler           1.000   0,05     50,00
      Rechnungssumme netto             90,00
      zuzüglich 19% MwSt.              17,10
      Rechnungssumme brutto            107,10
Zahlungsziel 21.05.14
"""
FRENCH = """
Au bon moulin SARL - 1242 chemin - 84340 Malaucène
Avoir AV-2017-0005
Date de facture   16/11/2017
N° TVA client   FR19787878784
Nougat de l'Abbaye    5 Unit(s)    4,55 €   10%   -20,48 €
                      Total HT     -20,48 €
TVA 20,0%   -4,10 €
                      Total TTC    -24,58 €
"""
DUTCH = """
FACTUUR.                                   Coolblue B.V.
                                           BTW NL810433941B01
Factuurnummer: 993548900
Factuurdatum: 19 april 2014
Apple iPad Air   1   € 399,00   21%   € 399,00
  Exclusief BTW   € 329,75     Subtotaal € 399,00
  BTW 21%         € 69,25
  Totaal          € 399,00
"""
ENGLISH = """
Global Wholesaler, Inc.
Tax Invoice INV/2023/03/0008           PO No: 4711
Invoice Date:   Due Date:
03/20/2023      04/04/2023
Bill to Address:
ATTN: Mitchell Stores Ltd
3  Beeswax XL   42.00   $ 126.00
Subtotal            $ 126.00
Tax 15% on $ 126.00 $ 18.90
Total               $ 144.90
Balance due         $ 44.90
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            GERMAN,
            (
                "invoice",
                "2014-03",
                date(2014, 7, 11),
                date(2014, 5, 21),
                "Muster Handel GmbH",
                "DE123456789",
                "Papier AG",
                None,
                None,
                2,
                "90.00",
                "17.10",
                "107.10",
            ),
        ),
        (
            FRENCH,
            (
                "credit_note",
                "AV-2017-0005",
                date(2017, 11, 16),
                None,
                "Au bon moulin SARL",
                None,
                None,
                "FR19787878784",
                "EUR",
                1,
                "-20.48",
                "-4.10",
                "-24.58",
            ),
        ),
        (
            DUTCH,
            (
                "invoice",
                "993548900",
                date(2014, 4, 19),
                None,
                "Coolblue B.V.",
                "NL810433941B01",
                None,
                None,
                "EUR",
                1,
                "329.75",
                "69.25",
                "399.00",
            ),
        ),
        (
            ENGLISH,
            (
                "invoice",
                "INV/2023/03/0008",
                date(2023, 3, 20),
                date(2023, 4, 4),
                "Global Wholesaler, Inc.",
                None,
                "Mitchell Stores Ltd",
                None,
                "USD",
                1,
                "126.00",
                "18.90",
                "144.90",
            ),
        ),
    ],
    ids=["german", "french", "dutch", "english"],
)
def test_invoices_of_four_languages_are_read(text: str, expected: tuple[object, ...]) -> None:
    fields = read_text(text)

    assert (
        fields.document_type,
        fields.invoice_number,
        fields.invoice_date,
        fields.due_date,
        fields.supplier.name,
        fields.supplier.tax_id,
        fields.customer.name,
        fields.customer.tax_id,
        fields.currency,
        len(fields.line_items),
        str(fields.taxable_amount),
        str(fields.tax_total),
        str(fields.total_amount),
    ) == expected


def test_a_discount_rate_in_the_row_becomes_an_amount() -> None:
    [line] = read_text(FRENCH).line_items

    assert (line.description, line.unit, line.discount, line.amount) == (
        "Nougat de l'Abbaye",
        "Unit(s)",
        Decimal("2.27"),
        Decimal("-20.48"),
    )


def test_a_description_after_the_quantity_is_found() -> None:
    [line] = read_text(ENGLISH).line_items

    assert (line.description, line.quantity, line.unit) == ("Beeswax XL", Decimal(3), None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Here's to the crazy ones. The misfits. The rebels.",
        "An invoice is a commercial document issued by a seller to a buyer.",
        "Total 100.00",
        "12:30 99 1.00 x",
    ],
)
def test_text_that_is_no_invoice_gives_an_empty_other(text: str) -> None:
    assert read_text(text) == EMPTY


def test_a_receipt_has_its_own_type() -> None:
    fields = read_text("Receipt\nTotal 4.50")

    assert (fields.document_type, fields.total_amount) == ("receipt", Decimal("4.50"))


def test_an_invoice_with_a_negative_total_is_a_credit_note() -> None:
    assert read_text("Invoice No: 7\nTotal -4.50").document_type == "credit_note"


def test_the_day_in_the_title_is_the_last_resort() -> None:
    assert read_text("Rechnung Nr. 471102 vom 05.03.2018").invoice_date == date(2018, 3, 5)


def test_taxes_that_fit_no_total_are_not_guessed() -> None:
    fields = read_text("Invoice No: 7\nVAT 5.00\nVAT 7.00\nTotal 50.00")

    assert (fields.tax_total, fields.tax_breakdown) == (None, [])


@pytest.mark.parametrize(("tax", "base"), [("26.00", "130.00"), ("26.01", None), ("13.00", None)])
def test_net_of_the_one_rate_is_what_gives_the_tax_where_no_total_tells(
    tax: str, base: str | None
) -> None:
    fields = read_text(
        f"INVOICE\nInvoice No: A-1\nSubtotal 130.00\nVAT 20% {tax}\nTotal GBP 999.00"
    )

    (row,) = fields.tax_breakdown
    assert row.taxable_amount == (Decimal(base) if base else None)
    assert fields.taxable_amount is None


def test_rows_of_several_rates_are_summed_to_the_tax() -> None:
    fields = read_text("Invoice No: 7\nNet total 40.00\nVAT 5.00\nGST 7.00\nTotal 52.00")

    assert fields.tax_total == Decimal("12.00")


def test_the_last_of_carried_over_totals_counts() -> None:
    assert read_text("Invoice No: 7\nTotal 10.00\fTotal 25.00").total_amount == Decimal("25.00")


def test_an_amount_may_be_below_its_label() -> None:
    fields = read_text("Invoice No: 7\nTOTAL HT   TOTAL TTC\n  100,00      104,90")

    assert (fields.taxable_amount, fields.total_amount) == (Decimal(100), Decimal("104.90"))


def test_a_whole_amount_counts_only_alone() -> None:
    assert read_text("Invoice No: 7\nTotal: Rs. 1,500/-").total_amount == Decimal(1500)
    assert read_text("Invoice No: 7\nTotal 3 pieces of 2").total_amount is None


def test_rupees_are_indian_where_there_is_a_gstin() -> None:
    fields = read_text("Invoice No: 7\nGSTIN: 29ABCDE1234F1Z5\nTotal Rs 118.00")

    assert (fields.currency, fields.supplier.tax_id) == ("INR", "29ABCDE1234F1Z5")


def test_a_wide_table_of_numbers_is_no_line() -> None:
    row = "Reading " + "  ".join(["2.00", "3.00", "6.00"] * 5)

    assert read_text(f"Invoice No: 7\n{row}").line_items == []


def test_endless_text_is_cut() -> None:
    text = "Invoice No: 7\n" + "1 x 1.00 1.00 " * 100_000 + "\n" * 100_000 + "Total 5.00"

    assert read_text(text).invoice_number == "7"


def test_a_name_may_be_below_its_heading() -> None:
    text = "Invoice No: 7\nVendor:         Bill to\nAzure Interior   Mitchell Admin"

    fields = read_text(text)

    assert (fields.supplier.name, fields.customer.name) == ("Azure Interior", "Mitchell Admin")


def test_a_row_of_numbers_alone_is_no_line() -> None:
    assert read_text("Invoice No: 7\n1   2   2.00   4.00").line_items == []
