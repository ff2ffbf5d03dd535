"""Numbers, taxes, prices and other values that e-invoices state in several ways."""

from decimal import Decimal

import pytest

from extraction.invoices.schema import InvoiceFields
from extraction.readers.einvoice.reader import fields_of
from tests.extraction.readers.einvoice.einvoices import cii, ubl


def read(xml: bytes | str) -> InvoiceFields:
    fields = fields_of(xml if isinstance(xml, bytes) else xml.encode())
    assert fields is not None
    return fields


@pytest.mark.parametrize(
    ("lexical", "value"),
    [
        (".5", "0.5"),
        ("-.5", "-0.5"),
        ("300.", "300"),
        ("+3", "3"),
        ("007.50", "7.50"),
        (" \n 12.00\t", "12.00"),
        ("-0.00", "0.00"),
        ("0", "0"),
        ("1.000000000000000", "1.0000000000"),
        ("0.33333333333333333333333333", "0.3333333333"),
        ("99999999999999.99", "99999999999999.99"),
    ],
)
def test_every_form_of_a_decimal_is_a_number(lexical: str, value: str) -> None:
    total = read(cii(total=lexical)).total_amount

    assert total is not None
    assert format(total, "f") == value


@pytest.mark.parametrize(
    "lexical", ["", ".", "+", "1,5", "1 000.00", "1E3", "INF", "NaN", "12 EUR", "1" * 15, "٣"]
)
def test_what_is_no_decimal_is_absent(lexical: str) -> None:
    assert read(cii(total=lexical)).total_amount is None


CII_TAXES = '<ram:TaxTotalAmount currencyID="EUR">10.83</ram:TaxTotalAmount>'
UBL_TAX = '<cac:TaxTotal><cbc:TaxAmount currencyID="USD">{}</cbc:TaxAmount></cac:TaxTotal>'
TAX_ROW = "<cac:TaxSubtotal><cbc:TaxAmount>9.00</cbc:TaxAmount></cac:TaxSubtotal>"


@pytest.mark.parametrize(
    ("amounts", "tax"),
    [
        ([("EUR", "4.83"), ("EUR", "6.00"), ("PLN", "46.57")], "10.83"),
        ([("EUR", "10.83"), ("EUR", "10.83")], "10.83"),  # stated twice
        ([(None, "10.83"), ("PLN", "46.57")], "10.83"),
        ([("EUR", "10.83"), (None, "46.57")], "10.83"),
        ([("EUR", "4.00"), ("EUR", "5.00")], "9.00"),  # fits nothing
        ([("PLN", "46.57")], None),
        ([("pln", "46.57"), ("eur", "10.83")], "10.83"),
        ([("EUR", "4.83"), (None, "6.00")], "10.83"),  # one part without its currency
        ([("EUR", "4.83"), (None, "46.57")], "4.83"),
    ],
)
def test_tax_totals_of_one_currency_are_added(
    amounts: list[tuple[str | None, str]], tax: str | None
) -> None:
    def element(currency: str | None, amount: str) -> str:
        attribute = f' currencyID="{currency}"' if currency else ""
        return f"<ram:TaxTotalAmount{attribute}>{amount}</ram:TaxTotalAmount>"

    xml = (
        cii()
        .decode()
        .replace('<ram:TaxTotalAmount currencyID="PLN">46.57</ram:TaxTotalAmount>', "")
    )
    xml = xml.replace(CII_TAXES, "".join(element(*amount) for amount in amounts))

    assert read(xml).tax_total == (None if tax is None else Decimal(tax))


def test_tax_totals_of_a_ubl_invoice_are_added_with_their_breakdowns() -> None:
    parts = UBL_TAX.format("7.80") + UBL_TAX.format("9.00").replace(
        "</cac:Tax", f"{TAX_ROW}</cac:Tax"
    )
    xml = ubl().decode()
    start, end = (
        xml.index('<cac:TaxTotal><cbc:TaxAmount currencyID="USD">'),
        xml.index(" <cac:Legal"),
    )

    fields = read(xml[:start] + parts + xml[end:])

    assert fields.tax_total == Decimal("16.80")
    assert [row.tax_amount for row in fields.tax_breakdown] == [Decimal("9.00")]


def test_the_currency_is_that_of_the_total_where_none_is_declared() -> None:
    in_cii = cii().decode().replace("<ram:InvoiceCurrencyCode>EUR</ram:InvoiceCurrencyCode>", "")
    in_cii = in_cii.replace("<ram:GrandTotalAmount>", '<ram:GrandTotalAmount currencyID="EUR">')
    in_ubl = ubl().decode().replace(">USD</cbc:Doc", ">usd</cbc:Doc")

    assert [read(xml).currency for xml in (in_cii, in_ubl)] == ["EUR", "USD"]
    assert read(in_cii).tax_total == Decimal("10.83")


def element(path: str, text: str) -> str:
    """Elements inside one another, with a text in the innermost."""
    names = path.split("/")
    opened = "".join(f"<{name}>" for name in names)
    return opened + text + "".join(f"</{name}>" for name in reversed(names))


def before(xml: bytes, place: str, *elements: str) -> str:
    """A document with elements before the first place of a text."""
    text = xml.decode()
    assert place in text
    return text.replace(place, "".join(elements) + place, 1)


def test_what_a_cii_invoice_says_of_payments_is_read() -> None:
    means = "ram:SpecifiedTradeSettlementPaymentMeans/ram:PayeePartyCreditorFinancialAccount"
    xml = before(
        cii(),
        "<ram:SpecifiedTradePaymentTerms>",
        element(f"{means}/ram:IBANID", "DE02 1203 0000 0000 2020 51"),
    )
    xml = before(
        xml.encode(),
        "<ram:DuePayableAmount>",
        element("ram:TotalPrepaidAmount", "7.00"),
        element("ram:RoundingAmount", "-.03"),
    )

    fields = read(xml)

    assert fields.iban == "DE02120300000000202051"
    assert (fields.prepaid_amount, fields.rounding_amount) == (Decimal("7.00"), Decimal("-0.03"))


def test_what_a_ubl_invoice_says_of_payments_is_read() -> None:
    xml = before(
        ubl(),
        "<cac:LegalMonetaryTotal>",
        element("cac:PaymentMeans/cac:PayeeFinancialAccount/cbc:ID", "NL00BANK"),
        element("cac:WithholdingTaxTotal/cbc:TaxAmount", "12.00"),
    )
    xml = before(
        xml.encode(),
        "<cbc:PayableAmount>",
        element("cbc:PrepaidAmount", "20"),
        element("cbc:PayableRoundingAmount", ".20"),
    )

    fields = read(xml)

    assert (fields.iban, fields.withholding_total) == ("NL00BANK", Decimal("12.00"))
    assert (fields.prepaid_amount, fields.rounding_amount) == (Decimal("20"), Decimal("0.20"))


@pytest.mark.parametrize("truth", ["true", "1"])
def test_a_charge_is_told_by_either_form_of_true(truth: str) -> None:
    in_cii = cii().decode().replace("<udt:Indicator>true", f"<udt:Indicator>{truth}")
    in_ubl = ubl().decode().replace("<cbc:ChargeIndicator>true", f"<cbc:ChargeIndicator>{truth}")

    assert read(in_cii).line_items[0].discount == Decimal("3.00")
    assert read(in_ubl).line_items[0].discount == Decimal("5.00")


@pytest.mark.parametrize(
    ("unit", "kept"), [("  ", None), (" KGM\n", "KGM"), ("x" * 3000, "x" * 2000)]
)
def test_a_unit_may_be_blank_or_too_long(unit: str, kept: str | None) -> None:
    assert read(ubl().decode().replace("KGM", unit)).line_items[0].unit == kept
