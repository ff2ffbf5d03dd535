"""When all is to be paid, and what those get who pay sooner."""

from datetime import date
from decimal import Decimal

import pytest

from extraction.invoices.schema import InvoiceFields, PaymentDiscount
from extraction.readers.einvoice.reader import fields_of
from tests.extraction.readers.einvoice.einvoices import cii, ubl

Discount = tuple[str | None, str | None, str | None]  # percent, amount, until
TERMS = (
    "   <ram:SpecifiedTradePaymentTerms><ram:DueDateDateTime>"
    '<udt:DateTimeString format="102">20260404'
    "</udt:DateTimeString></ram:DueDateDateTime></ram:SpecifiedTradePaymentTerms>\n"
)


def day(name: str, digits: str | None) -> str:
    text = f'<udt:DateTimeString format="102">{digits}</udt:DateTimeString>'
    return f"<ram:{name}>{text}</ram:{name}>" if digits else ""


def terms(text: str = "", due: str | None = None, inner: str = "") -> str:
    description = f"<ram:Description>{text}</ram:Description>" if text else ""
    inside = f"{description}{day('DueDateDateTime', due)}{inner}"
    return f"<ram:SpecifiedTradePaymentTerms>{inside}</ram:SpecifiedTradePaymentTerms>"


def discount(
    percent: str = "", days: str = "", basis: str | None = None, amount: str = "", unit: str = "DAY"
) -> str:
    parts = (
        day("BasisDateTime", basis),
        days and f'<ram:BasisPeriodMeasure unitCode="{unit}">{days}</ram:BasisPeriodMeasure>',
        percent and f"<ram:CalculationPercent>{percent}</ram:CalculationPercent>",
        amount and f"<ram:ActualDiscountAmount>{amount}</ram:ActualDiscountAmount>",
    )
    name = "ram:ApplicableTradePaymentDiscountTerms"
    return f"<{name}>{''.join(parts)}</{name}>"


def read(xml: str) -> InvoiceFields:
    fields = fields_of(xml.encode())
    assert fields is not None
    return fields


def read_cii(*all_terms: str) -> InvoiceFields:
    """The invoice of 2026-03-05 with these terms."""
    xml = cii().decode()
    assert TERMS in xml
    return read(xml.replace(TERMS, "".join(all_terms)))


def told(fields: InvoiceFields) -> tuple[str | None, list[Discount]]:
    def plain(value: Decimal | date | None) -> str | None:
        return None if value is None else str(value)

    def row(one: PaymentDiscount) -> Discount:
        return plain(one.percent), plain(one.amount), plain(one.until)

    return plain(fields.due_date), [row(one) for one in fields.payment_discounts]


@pytest.mark.parametrize(
    ("all_terms", "due", "discounts"),
    [
        # The day of a discount is not the day on which all is due, in either order
        (
            [terms("2 % Skonto", "20260315"), terms("netto", "20260404")],
            "2026-04-04",
            [("2", None, "2026-03-15")],
        ),
        (
            [terms("netto", "20260404"), terms("Skonto 2,5%", "20260315")],
            "2026-04-04",
            [("2.5", None, "2026-03-15")],
        ),
        # Structured: days after a day, days after the invoice, a day alone, weeks
        (
            [terms(inner=discount("2.00", "10", "20260310")), terms(due="20260404")],
            "2026-04-04",
            [("2.00", None, "2026-03-20")],
        ),
        ([terms("", "20260404", discount("2", "10"))], "2026-04-04", [("2", None, "2026-03-15")]),
        (
            [terms("", "20260404", discount("2", basis="20260315"))],
            "2026-04-04",
            [("2", None, "2026-03-15")],
        ),
        (
            [terms("", "20260404", discount("2", basis="20260305"))],
            "2026-04-04",
            [("2", None, None)],
        ),
        (
            [terms("", "20260404", discount("2", "2", unit="WEE"))],
            "2026-04-04",
            [("2", None, "2026-03-19")],
        ),
        (
            [terms("", "20260404", discount("2", "1", unit="MON"))],
            "2026-04-04",
            [("2", None, None)],
        ),
        (
            [terms("", "20260315", discount(amount="1.50")), terms(due="20260404")],
            "2026-04-04",
            [(None, "1.50", "2026-03-15")],
        ),
        (
            [terms("", "20260404", discount("3", "7") + discount("2", "14"))],
            "2026-04-04",
            [("3", None, "2026-03-12"), ("2", None, "2026-03-19")],
        ),
        ([terms("", "20260404", discount("0.00", "0"))], "2026-04-04", []),
        ([terms("", "20260404", discount("2", "99999999999"))], "2026-04-04", [("2", None, None)]),
        # XRechnung's notation; one of 0 % says when payment is due
        (
            [
                terms(
                    "#SKONTO#TAGE=7#PROZENT=3.00#\n#SKONTO#TAGE=14#PROZENT=2.25#BASISBETRAG=60.00#\n"
                    "#SKONTO#TAGE=30#PROZENT=0.00#\n",
                    "20260404",
                )
            ],
            "2026-04-04",
            [("3.00", None, "2026-03-12"), ("2.25", None, "2026-03-19")],
        ),
        # In words
        (
            [
                terms(
                    "Zahlbar innerhalb 30 Tagen netto bis 04.04.2026, 3% Skonto innerhalb 10 Tagen "
                    "bis 15.03.2026"
                )
            ],
            "2026-04-04",
            [("3", None, "2026-03-15")],
        ),
        (
            [terms("Payment within 10 days, 2% discount", "20260404")],
            "2026-04-04",
            [("2", None, "2026-03-15")],
        ),
        ([terms("Kein Skonto. Verzugszins 9 %", "20260404")], "2026-04-04", []),
        ([terms("3% Skonto bis 7, 2% Skonto bis 14 Tage", "20260404")], "2026-04-04", []),
        ([terms("Escompte : 0 %", "20260404")], "2026-04-04", []),
        # A discount of one, and when all is due only in words
        (
            [terms("2% Skonto bis 15.03.2026", "20260315"), terms("Netto 30 Tage")],
            "2026-04-04",
            [("2", None, "2026-03-15")],
        ),
        (
            [terms("Innerhalb von 14 Tagen mit 2% Skonto, innerhalb von 30 Tagen netto")],
            "2026-04-04",
            [("2", None, "2026-03-19")],
        ),
        (
            [terms("10 Tage 2% Skonto, 30 Tage netto", "20260315")],
            "2026-04-04",
            [("2", None, "2026-03-15")],
        ),
        (
            [terms("#SKONTO#TAGE=10#PROZENT=2.00#\n#SKONTO#TAGE=30#PROZENT=0.00#\n")],
            "2026-04-04",
            [("2.00", None, "2026-03-15")],
        ),
        ([terms("2/10 net 30")], "2026-04-04", [("2", None, "2026-03-15")]),
        ([terms("2.5% 10, n/30")], "2026-04-04", [("2.5", None, "2026-03-15")]),
        ([terms("Payment due by April 4, 2026")], "2026-04-04", []),
        ([terms("Bis 04.04.2026 ohne Abzug")], "2026-04-04", []),
        ([terms("30 Tage netto nach Lieferung")], None, []),
        ([terms("30 jours net, fin de mois")], None, []),
        ([terms("Zahlbar in 30 Tagen netto, zahlbar in 60 Tagen netto")], None, []),
        ([terms("Sofort zahlbar ohne Abzug")], None, []),
        # Instalments: all is paid with the last
        ([terms(due="20260404"), terms(due="20260504")], "2026-05-04", []),
        ([terms("Zahlbar bis 01.04.2026 oder bis 01.05.2026")], None, []),
        ([], None, []),
    ],
)
def test_terms_of_a_cii_invoice(
    all_terms: list[str], due: str | None, discounts: list[Discount]
) -> None:
    assert told(read_cii(*all_terms)) == (due, discounts)


def test_the_words_of_all_terms_are_kept() -> None:
    fields = read_cii(terms("2 % Skonto", "20260315"), terms("netto", "20260404"), terms("netto"))

    assert fields.payment_terms == "2 % Skonto; netto"


DUE = "<cbc:DueDate>2026-04-04</cbc:DueDate>"
PERIOD = "<cac:SettlementPeriod>{}</cac:SettlementPeriod>"


@pytest.mark.parametrize(
    ("due_element", "inside", "due", "discounts"),
    [
        (
            DUE,
            "<cbc:Note>2 % Skonto bis 30.03.2026</cbc:Note>",
            "2026-04-04",
            [("2", None, "2026-03-30")],
        ),
        (
            DUE,
            "<cbc:SettlementDiscountPercent>2.</cbc:SettlementDiscountPercent>"
            + PERIOD.format("<cbc:EndDate>2026-03-30</cbc:EndDate>"),
            "2026-04-04",
            [("2", None, "2026-03-30")],
        ),
        (
            DUE,
            "<cbc:SettlementDiscountAmount>5</cbc:SettlementDiscountAmount>"
            + PERIOD.format('<cbc:DurationMeasure unitCode="DAY">10</cbc:DurationMeasure>'),
            "2026-04-04",
            [(None, "5", "2026-03-30")],
        ),
        ("", "<cbc:InstallmentDueDate>2026-04-09</cbc:InstallmentDueDate>", "2026-04-09", []),
        ("", "<cbc:PaymentDueDate>2026-04-10</cbc:PaymentDueDate>", "2026-04-10", []),
        (
            DUE,
            "<cbc:Note>#SKONTO#TAGE=14#PROZENT=2.00#</cbc:Note>",
            "2026-04-04",
            [("2.00", None, "2026-04-03")],
        ),
    ],
)
def test_terms_of_a_ubl_invoice(
    due_element: str, inside: str, due: str, discounts: list[Discount]
) -> None:
    xml = ubl().decode().replace(DUE, due_element)
    payment = f"<cac:PaymentTerms>{inside}</cac:PaymentTerms>"

    fields = read(xml.replace(" <cac:LegalMonetaryTotal>", f"{payment}<cac:LegalMonetaryTotal>"))

    assert told(fields) == (due, discounts)
