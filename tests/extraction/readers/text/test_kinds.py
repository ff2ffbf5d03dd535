"""Kinds of invoices that were once read wrong: notations, orders of dates, digits, tax ids."""

from datetime import date
from decimal import Decimal

import pytest

from extraction.readers.text.heuristic import read_text
from extraction.readers.text.labels import SUM_ROW
from extraction.readers.text.numbers import amounts_in, groups_by_blanks, month_first

SWISS = """Alpenrad AG

Rechnung Nr. 2026-119
Datum: 12.03.2026

Bezeichnung                Menge   Preis      Betrag
E-Bike                     1       1 803.60   1 803.60
Helm                       2       40.00      80.00

MWST 8.1%                                     152.60
Gesamtbetrag                                  {total}
"""


@pytest.mark.parametrize("total", ["CHF 2 036.20", "2 036.20", "2 036.20 CHF", "Fr. 2 036.20"])
def test_blanks_part_thousands_before_a_dot(total: str) -> None:
    fields = read_text(SWISS.format(total=total))

    assert fields.total_amount == Decimal("2036.20")
    assert [item.amount for item in fields.line_items] == [Decimal("1803.60"), Decimal("80.00")]
    assert fields.line_items[0].unit_price == Decimal("1803.60")


@pytest.mark.parametrize("blank", ["\u00a0", "\u2009", "\u202f"])
@pytest.mark.parametrize("sign", [".", ","])
def test_blanks_that_do_not_break_part_thousands_everywhere(blank: str, sign: str) -> None:
    [amount] = amounts_in(f"1{blank}234{blank}567{sign}80", sign)

    assert amount.value == Decimal("1234567.80")


@pytest.mark.parametrize(
    "text",
    [
        "Pump  2 100.00  200.00\nTotal  200.00",
        "Pump  2 100.00  200.00\nTotal  1,200.00\nEUR 2 100.00",
        "Pump  2 100.00  200.00\nTotal  1200.00\nEUR 2 100.00",
        "Pump  2 100.00  200.00\nTotal  1'200.00\nEUR 2 100.00",
    ],
)
def test_a_quantity_before_a_price_is_not_the_thousands_of_it(text: str) -> None:
    assert not groups_by_blanks(text, SUM_ROW)
    assert [amount.value for amount in amounts_in("2 100.00", ".")] == [2, 100]


AMERICAN = """Maple Street Tools Inc.
{address}

Bill to: Oak Garage LLC

Invoice No: M-5511
Invoice Date: {issued}
Due Date: {due}

Total  {total}
"""


@pytest.mark.parametrize(
    ("address", "issued", "due", "total"),
    [
        ("118 Pine Ave, Columbus, OH 43004", "03/04/2026", "04/03/2026", "$86.00"),
        ("118 Pine Ave", "03/04/2026", "04/03/2026", "86.00"),  # due before issued is wrong
        ("118 Pine Ave, Columbus, OH 43004-1234", "03/04/2026", "04/03/2026", "86.00"),
        ("118 Pine Ave", "3/4/2026", "3/4/2026", "$86.00"),
        ("118 Pine Ave", "03-04-2026", "04-20-2026", "86.00"),
    ],
)
def test_the_month_comes_first_in_the_united_states(
    address: str, issued: str, due: str, total: str
) -> None:
    fields = read_text(AMERICAN.format(address=address, issued=issued, due=due, total=total))

    assert fields.invoice_date == date(2026, 3, 4)
    assert fields.due_date is not None
    assert fields.due_date >= fields.invoice_date


@pytest.mark.parametrize(
    ("address", "issued", "due", "total"),
    [
        ("4 Quay Street, Bristol", "04/03/2026", "03/04/2026", "GBP 86.00"),
        ("4 Quay Street, Sydney NSW 2000, ABN 51", "04/03/2026", "03/04/2026", "$86.00"),
        ("4 Quay Street", "04/03/2026", "25/03/2026", "$86.00"),
        ("4 Quay Street", "04/03/2026", "03/04/2026", "A$86.00"),
        # A due date before the invoice's either way says nothing of the order.
        ("4 Quay Street, Bristol", "04/03/2026", "01/02/2026", "GBP 86.00"),
    ],
)
def test_the_day_comes_first_elsewhere(address: str, issued: str, due: str, total: str) -> None:
    fields = read_text(AMERICAN.format(address=address, issued=issued, due=due, total=total))

    assert fields.invoice_date == date(2026, 3, 4)


def test_a_date_that_can_be_read_in_one_way_alone_decides() -> None:
    assert month_first("03/25/2026 and 03/04/2026")
    assert not month_first("25/03/2026 and 03/04/2026 for $ 4.00")


NEPALI = """Himal Traders Pvt. Ltd.
PAN No: 301234567

Buyer: Sagar Kirana
TAX INVOICE
{number}
{miti}

Taxable Amount                            १,५००.००
VAT 13%                                   १९५.००
Grand Total                               {total}
"""


@pytest.mark.parametrize(
    "miti",
    ["२०८२/११/२०", "२०८२-११-२०", "२०८२.११.२०", "2082/11/20", "२०८२।११।२०", "२०८२ फागुन २०",
     "२०८२ साल फागुन २०", "20 Falgun 2082"],
)  # fmt: skip
@pytest.mark.parametrize("label", ["Miti: ", "मिति: ", "Date (BS): "])
def test_a_nepali_date_is_kept_as_printed(label: str, miti: str) -> None:
    fields = read_text(
        NEPALI.format(number="Invoice No: HT-77", miti=label + miti, total="रु १,६९५.००")
    )

    assert fields.invoice_miti == miti
    assert fields.invoice_date is None
    assert fields.total_amount == Decimal("1695.00")
    assert fields.tax_total == Decimal("195.00")


@pytest.mark.parametrize("currency", ["रु", "रु.", "रू", "रू.", "Rs.", "Rs", "NPR"])
def test_rupees_of_nepal_are_known_in_every_spelling(currency: str) -> None:
    fields = read_text(
        NEPALI.format(number="Invoice No: HT-77", miti="", total=f"{currency} १,६९५.००")
    )

    assert (fields.currency, fields.total_amount) == ("NPR", Decimal("1695.00"))


def test_labels_and_numbers_in_devanagari_are_read() -> None:
    text = "कर बीजक\nबीजक नं: ७७\nमिति: २०८२/११/२०\nकुल जम्मा: रु १,६९५.००"

    fields = read_text(text)

    assert (fields.document_type, fields.invoice_number) == ("invoice", "७७")
    assert (fields.currency, fields.total_amount) == ("NPR", Decimal("1695.00"))


FOREIGN = """Brightmodel Inc.
500 Market St, Springfield

Receipt
Receipt number 2291-4471

{parties}

Team plan                     1     40.00   40.00

Subtotal                                   $40.00
Total                                      $40.00
"""
BUYER = "Bill to\nTammik Konsult OU\nTallinn\nEE VAT EE100123456"


@pytest.mark.parametrize(
    ("parties", "supplier", "customer"),
    [
        (BUYER, None, "EE100123456"),
        ("Bill to: Tammik Konsult OU\nTallinn\nVAT No: EE100123456", None, "EE100123456"),
        ("Bill to: Tammik Konsult OU   VAT No: EE100123456", None, "EE100123456"),
        ("Customer VAT: EE100123456", None, "EE100123456"),
        (f"VAT Reg No: GB123456782\n{BUYER}", "GB123456782", "EE100123456"),
        (f"{BUYER}\nInvoice No: 7\nVAT Reg No: GB123456782", "GB123456782", "EE100123456"),
        (
            "Seller                        Buyer\n"
            "Brightmodel Inc.              Tammik Konsult OU\n"
            "VAT GB123456782               VAT EE100123456",
            "GB123456782",
            "EE100123456",
        ),
        ("VAT Reg No: GB123456782\nBill to: Greenfield Stores", "GB123456782", None),
    ],
)
def test_a_tax_id_below_the_buyers_name_is_the_buyers(
    parties: str, supplier: str | None, customer: str | None
) -> None:
    fields = read_text(FOREIGN.format(parties=parties))

    assert (fields.supplier.tax_id, fields.customer.tax_id) == (supplier, customer)


def test_no_tax_is_read_where_none_is_printed() -> None:
    fields = read_text(FOREIGN.format(parties=BUYER))

    assert fields.total_amount == 40
    assert (fields.tax_total, fields.tax_breakdown) == (None, [])


def test_a_tax_of_nothing_is_read_where_it_is_printed() -> None:
    text = FOREIGN.format(parties=BUYER).replace("Total  ", "VAT 0%   $0.00\nTotal  ")

    assert read_text(text).tax_total == 0
