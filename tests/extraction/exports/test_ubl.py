"""E-invoices in UBL: what is written, what is refused, and what the reader makes of it.

The rules are judged by tests/extraction/exports/test_einvoice_rules.py.
"""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from lxml import etree

from extraction.exports.refusal import ExportRefused
from extraction.exports.ubl import ubl
from extraction.invoices.schema import Invoice, InvoiceFields, LineItem, Party, PaymentDiscount
from extraction.readers.einvoice.reader import fields_of
from tests.extraction.exports.trade import CUSTOMER, SUPPLIER, make_line, make_tax, make_trade
from tests.extraction.readers.einvoice.einvoices import cii
from tests.extraction.readers.einvoice.einvoices import ubl as sample_ubl

NS = {
    "cbc": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2",
    "cac": "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
}
EVERYTHING: dict[str, Any] = {
    "order_number": "B-7",
    "delivery_note_number": "L-9",
    "iban": "DE02120300000000202051",
    "payment_terms": "30 Tage netto",
    "discount_total": Decimal("10.00"),
    "charge_total": Decimal("5.00"),
    "subtotal": Decimal("100.00"),
    "taxable_amount": Decimal("95.00"),
    "tax_breakdown": [make_tax("19", "95.00", "18.05")],
    "tax_total": Decimal("18.05"),
    "total_amount": Decimal("113.05"),
    "prepaid_amount": Decimal("13.00"),
    "rounding_amount": Decimal("-0.05"),
    "amount_due": Decimal("100.00"),
    "line_items": [
        make_line(item_code="S-1", hs_code="340111"),
        make_line(
            serial_number="2",
            description="Wasser <still> & „frisch“",
            quantity=Decimal("1.5"),
            unit="LTR",
            unit_price=Decimal("200"),
            price_base_quantity=Decimal(100),
            discount=Decimal("1.00"),
            amount=Decimal("2.00"),
        ),
        make_line(
            serial_number="3",
            quantity=Decimal("-1"),
            unit_price=Decimal("2.00"),
            amount=Decimal("-2.00"),
        ),
    ],
}


def read_back(invoice: InvoiceFields) -> InvoiceFields:
    fields = fields_of(ubl(invoice))
    assert fields is not None
    return fields


def as_fields(invoice: Invoice) -> InvoiceFields:
    """Without what readers do not say."""
    return InvoiceFields.model_validate(invoice.model_dump(include={*InvoiceFields.model_fields}))


def problems_of(invoice: InvoiceFields) -> list[str]:
    with pytest.raises(ExportRefused) as refusal:
        ubl(invoice)
    assert refusal.value.http_status == 422
    return [str(problem) for problem in refusal.value.problems]


def value(xml: bytes, path: str) -> str | None:
    return etree.fromstring(xml).findtext(path, namespaces=NS)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        EVERYTHING,
        {"document_type": "credit_note"},
        {"currency": "JPY"},
        {"supplier": SUPPLIER.model_copy(update={"tax_id": "12/345/67890"})},
        {"due_date": None, "payment_terms": "sofort"},
    ],
    ids=["plain", "everything", "credit note", "yen", "tax number", "terms alone"],
)
def test_reader_reads_the_same_invoice_back(fields: dict[str, Any]) -> None:
    invoice = as_fields(make_trade(**fields))

    assert read_back(invoice) == invoice


def test_two_rates_are_read_back_with_their_lines() -> None:
    invoice = as_fields(
        make_trade(
            line_items=[
                make_line(),
                make_line(serial_number="2", tax_rate=Decimal(7), amount=Decimal("100.00")),
            ],
            tax_breakdown=[make_tax("19", "100.00", "19.00"), make_tax("7", "100.00", "7.00")],
            subtotal=Decimal("200.00"),
            taxable_amount=Decimal("200.00"),
            tax_total=Decimal("26.00"),
            total_amount=Decimal("226.00"),
            amount_due=Decimal("226.00"),
        )
    )

    assert read_back(invoice) == invoice


@pytest.mark.parametrize("xml", [cii(), sample_ubl(), sample_ubl("CreditNote")])
def test_sample_einvoices_lack_nothing_but_the_customers_country(xml: bytes) -> None:
    fields = fields_of(xml)
    assert fields is not None

    assert "customer.address does not end with a country (BR-11)" in problems_of(fields)


def test_credit_note_that_is_printed_with_a_minus_is_stated_without() -> None:
    negative = make_trade(
        document_type="credit_note",
        line_items=[make_line(amount=Decimal("-100.00"))],
        tax_breakdown=[make_tax("19", "-100.00", "-19.00")],
        **{name: Decimal("-100.00") for name in ("subtotal", "taxable_amount")},
        tax_total=Decimal("-19.00"),
        **{name: Decimal("-119.00") for name in ("total_amount", "amount_due")},
    )

    xml = ubl(negative)

    assert etree.QName(etree.fromstring(xml)).localname == "CreditNote"
    fields = fields_of(xml)
    assert fields is not None
    assert (fields.document_type, fields.total_amount) == ("credit_note", Decimal("119.00"))
    assert [(line.quantity, line.amount) for line in fields.line_items] == [
        (Decimal(2), Decimal(100))
    ]
    assert fields.due_date == date(2026, 12, 3)


def test_values_that_follow_from_others_need_not_be_stated() -> None:
    sparse = make_trade(
        line_items=[make_line(tax_rate=None, unit=None, serial_number=None)],
        **dict.fromkeys(("subtotal", "taxable_amount", "tax_total", "amount_due")),
    )

    fields = read_back(sparse)

    assert fields.subtotal == fields.taxable_amount == Decimal("100.00")
    assert fields.amount_due == Decimal("119.00")
    [line] = fields.line_items
    assert (line.tax_rate, line.unit, line.serial_number) == (Decimal(19), "C62", "1")


def test_only_rate_of_the_lines_completes_the_only_tax() -> None:
    fields = read_back(make_trade(tax_breakdown=[]))

    assert fields.tax_breakdown == [make_tax("19", "100.00", "19.00")]


@pytest.mark.parametrize(
    ("line", "quantity", "price", "base", "discount"),
    [
        ({"quantity": None, "unit_price": None}, "1", "100.00", None, None),
        ({"quantity": "3", "unit_price": None}, "3", "100.00", "3", None),
        ({"discount": "4.00", "unit_price": "52.00"}, "2", "52.00", None, "4.00"),
        ({"discount": "20", "unit_price": "62.50"}, "2", "62.50", None, "25.00"),  # percent
        ({"discount": "5", "unit_price": "55"}, "2", "55", None, "10.00"),  # of one piece
        ({"quantity": "-2", "unit_price": "-50"}, "2", "50", None, None),
        ({"discount": "5.00"}, "2", "50.00", None, None),  # told, and in the price already
        ({"quantity": "0.333", "unit_price": "300.30"}, "0.333", "300.30", None, None),
    ],
)
def test_price_and_quantity_of_a_line_explain_its_amount(
    line: dict[str, Any], quantity: str, price: str, base: str | None, discount: str | None
) -> None:
    [item] = read_back(make_trade(line_items=[make_line(**line)])).line_items

    def number(text: str | None) -> Decimal | None:
        return None if text is None else Decimal(text)

    assert item.amount == 100
    assert (item.quantity, item.unit_price) == (number(quantity), number(price))
    assert (item.price_base_quantity, item.discount) == (number(base), number(discount))


@pytest.mark.parametrize(
    ("printed", "code"),
    [
        (None, "C62"),
        ("pcs", "C62"),
        ("Stk.", "C62"),
        ("KG", "KGM"),
        ("H87", "H87"),
        ("Std", "HUR"),
        ("m²", "MTK"),
        ("Gebinde à 12", "ZZ"),
        ("=1+1", "ZZ"),
    ],
)
def test_units_are_told_by_code(printed: str | None, code: str) -> None:
    [line] = read_back(make_trade(line_items=[make_line(unit=printed)])).line_items

    assert line.unit == code


@pytest.mark.parametrize(
    ("address", "tax_id", "country"),
    [
        ("Weg 1, 10115 Berlin, DE", None, "DE"),
        ("Weg 1\n10115 Berlin\nDeutschland", "FR12345678901", "DE"),
        ("Rue 1; 75001 Paris; FRANCE", None, "FR"),
        ("Road 1, Kathmandu, Nepal", "123456789", "NP"),
        ("Weg 1, 10115 Berlin", "DE 123 456 789", "DE"),
        ("Odos 1, Athens", "EL123456789", "GR"),
        (None, "ATU12345678", "AT"),
    ],
)
def test_country_is_that_of_the_address_else_of_the_vat_identifier(
    address: str | None, tax_id: str | None, country: str
) -> None:
    customer = Party(name="Käufer", address=address, tax_id=tax_id)

    xml = ubl(make_trade(customer=customer))

    path = "cac:AccountingCustomerParty/cac:Party/cac:PostalAddress/cac:Country/"
    assert value(xml, f"{path}cbc:IdentificationCode") == country


@pytest.mark.parametrize("address", [None, "Weg 1, 10115 Berlin", "Weg 1, XX", "Weg 1, EU"])
def test_country_is_not_guessed(address: str | None) -> None:
    customer = Party(name="Käufer", address=address, tax_id="123456789")

    assert problems_of(make_trade(customer=customer)) == [
        "customer.address does not end with a country (BR-11)"
    ]


def test_long_address_keeps_all_its_lines() -> None:
    customer = Party(name="K", address="Floor 3, House B, Weg 1, Block 7, 10115 Berlin, DE")

    address = read_back(make_trade(customer=customer)).customer.address

    assert address == "Floor 3, House B, Weg 1, Block 7, 10115 Berlin, DE"


def test_discounts_are_coded_where_no_terms_tell_them() -> None:
    discount = PaymentDiscount(percent=Decimal("2.00"), until=date(2026, 11, 17))

    assert read_back(make_trade(payment_discounts=[discount])).payment_discounts == [discount]


def test_discount_is_split_among_rates_by_what_they_are_taxed_on() -> None:
    fields = {
        "line_items": [
            make_line(),
            make_line(serial_number="2", tax_rate=Decimal(7)),
        ],
        "discount_total": Decimal("20.00"),
        "tax_breakdown": [make_tax("19", "90.00", "17.10"), make_tax("7", "90.00", "6.30")],
        "subtotal": Decimal("200.00"),
        "taxable_amount": Decimal("180.00"),
        "tax_total": Decimal("23.40"),
        "total_amount": Decimal("203.40"),
        "amount_due": Decimal("203.40"),
    }

    allowances = etree.fromstring(ubl(make_trade(**fields))).findall("cac:AllowanceCharge", NS)

    assert [each.findtext("cbc:Amount", namespaces=NS) for each in allowances] == ["10.00"] * 2
    fields["tax_breakdown"] = [make_tax("19", "95.00", "17.10"), make_tax("7", "90.00", "6.30")]
    [problem, *_] = problems_of(make_trade(**fields))
    assert problem == "discount_total has no known rate of tax (BR-32, BR-37)"


def test_discount_that_the_lines_are_net_of_is_not_taken_twice() -> None:
    invoice = make_trade(
        line_items=[make_line(unit_price=Decimal("55.00"), discount=Decimal("10.00"))],
        subtotal=Decimal("110.00"),
        discount_total=Decimal("10.00"),
    )

    fields = read_back(invoice)

    assert (fields.subtotal, fields.discount_total) == (Decimal("100.00"), None)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"document_type": "receipt"}, "document_type only invoices and credit notes"),
        ({"invoice_number": None}, "invoice_number is missing (BR-02)"),
        ({"invoice_date": None}, "invoice_date is missing (BR-03)"),
        ({"currency": None}, "currency is missing (BR-05)"),
        ({"currency": "XQZ"}, "currency is no code of ISO 4217 (BR-CL-04)"),
        ({"supplier": Party(name=None, tax_id="DE1")}, "supplier.name is missing (BR-06)"),
        ({"customer": Party(name=None)}, "customer.name is missing (BR-07)"),
        (
            {"supplier": Party(name="S", address="Weg 1, DE")},
            "supplier.tax_id is missing (BR-CO-26)",
        ),
        ({"total_amount": None}, "total_amount is missing (BR-14)"),
        ({"line_items": []}, "line_items are missing (BR-16)"),
        ({"due_date": None}, "due_date neither it nor terms of payment are known (BR-CO-25)"),
        ({"withholding_total": Decimal(1)}, "withholding_total has no place in EN 16931"),
        ({"prepaid_amount": Decimal("0.001")}, "prepaid_amount has more than two decimals"),
        ({"subtotal": Decimal(90)}, "subtotal is 90 and should be 100.00 by the rest (BR-CO-10)"),
        ({"taxable_amount": Decimal(99)}, "taxable_amount is 99 and should be 100.00 by the rest"),
        ({"tax_total": Decimal(18)}, "tax_total is 18 and should be 19.00 by the rest (BR-CO-14)"),
        ({"total_amount": Decimal(120)}, "total_amount is 120 and should be 119.00 by the rest"),
        ({"amount_due": Decimal(1)}, "amount_due is 1 and should be 119.00 by the rest"),
        (
            {"tax_breakdown": [make_tax("16", "100.00", "19.00")]},
            "line_items.0.tax_rate has no tax of its rate beside it (BR-S-01)",
        ),
        (
            {"tax_breakdown": [make_tax("19", "100.00", "9.50"), make_tax("19", "50", "9.50")]},
            "tax_breakdown names a rate twice (BR-S-08)",
        ),
        (
            {
                "tax_breakdown": [make_tax("19", "100.00", "21.00")],
                "tax_total": Decimal(21),
                "total_amount": Decimal(121),
                "amount_due": Decimal(121),
            },
            "tax_breakdown.0.tax_amount is 21.00 and should be 19.00 by the rate (BR-CO-17)",
        ),
    ],
)
def test_what_is_missing_or_contradicts_is_refused_by_name(
    fields: dict[str, Any], problem: str
) -> None:
    assert any(told.startswith(problem) for told in problems_of(make_trade(**fields)))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ({"description": None}, "line_items.0.description is missing (BR-25)"),
        ({"amount": None}, "line_items.0.amount is missing (BR-24)"),
        ({"amount": "100.001"}, "line_items.0.amount has more than two decimals (BR-DEC-23)"),
        ({"quantity": None}, "line_items.0.quantity is missing (BR-22)"),
        ({"tax_rate": "0"}, "line_items.0.tax_rate is 0 %, and why it is (the category) is not"),
        ({"amount": "90.00"}, "line_items.0.amount does not follow from quantity, price and"),
        ({"quantity": "0"}, "line_items.0.amount does not follow from quantity, price and"),
    ],
)
def test_line_is_refused_by_its_number(line: dict[str, Any], problem: str) -> None:
    assert problems_of(make_trade(line_items=[make_line(**line)]))[0].startswith(problem)


def test_zero_rate_is_refused_but_not_where_nothing_is_taxed_at_it() -> None:
    zero = make_tax("0", "0.00", "0.00")

    assert ubl(make_trade(tax_breakdown=[make_tax("19", "100.00", "19.00"), zero]))
    told = problems_of(make_trade(tax_breakdown=[make_tax("0", "100.00", "0.00")]))
    assert told[0].startswith("tax_breakdown.0.rate is 0 %, and why it is")


def test_rate_that_neither_line_nor_tax_names_is_missing() -> None:
    lines = [make_line(tax_rate=None)]
    taxes = [make_tax("19", "50.00", "9.50"), make_tax("7", "50.00", "3.50")]

    told = problems_of(make_trade(line_items=lines, tax_breakdown=taxes))

    assert told == ["line_items.0.tax_rate is missing (BR-CO-04)"]


def test_refusal_names_everything_that_is_missing_at_once() -> None:
    told = problems_of(make_trade(invoice_number=None, customer=Party(name=None), due_date=None))

    assert [problem.split()[0] for problem in told] == [
        *("invoice_number", "customer.name", "customer.address")
    ]


def test_characters_that_xml_forbids_are_left_out_and_markup_is_text() -> None:
    line = make_line(description="a\x0bb <script>\u202e&")

    [read] = read_back(make_trade(line_items=[line])).line_items

    assert read.description == "ab <script>\u202e&"


def test_line_numbers_that_repeat_are_counted_anew() -> None:
    lines = [make_line(), make_line()]
    invoice = make_trade(
        line_items=lines,
        tax_breakdown=[make_tax("19", "200.00", "38.00")],
        **{name: Decimal("200.00") for name in ("subtotal", "taxable_amount")},
        tax_total=Decimal("38.00"),
        **{name: Decimal("238.00") for name in ("total_amount", "amount_due")},
    )

    assert [line.serial_number for line in read_back(invoice).line_items] == ["1", "2"]


def test_customer_without_vat_identifier_keeps_its_number() -> None:
    customer = CUSTOMER.model_copy(update={"tax_id": "4711"})

    xml = ubl(make_trade(customer=customer))

    path = "cac:AccountingCustomerParty/cac:Party/cac:PartyIdentification/cbc:ID"
    assert value(xml, path) == "4711"


def test_free_text_line_without_amount_of_money_is_kept() -> None:
    text = LineItem(description="Thank you", amount=Decimal(0), quantity=Decimal(0))

    lines = read_back(make_trade(line_items=[make_line(), text])).line_items

    assert [line.description for line in lines] == ["Soap", "Thank you"]
    assert [line.amount for line in lines] == [Decimal(100), Decimal(0)]
