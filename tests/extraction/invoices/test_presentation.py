from datetime import date
from decimal import Decimal

import pytest
from django.utils import translation

from extraction.invoices import presentation
from extraction.invoices.presentation import Row
from extraction.invoices.schema import Check, PaymentDiscount
from tests.extraction.sample_invoices import LINE, make_invoice


def rows(title: str, **fields: object) -> list[Row]:
    """Return the rows of one section of an invoice."""
    found = {
        section.title: section.rows for section in presentation.sections(make_invoice(**fields))
    }
    return found[title]


def test_the_totals_go_from_the_total_to_what_is_due() -> None:
    shown = rows(
        "Totals",
        withholding_total=Decimal("15.00"),
        prepaid_amount=Decimal("4.02"),
        rounding_amount=Decimal("0.02"),
        amount_due=Decimal("100.00"),
    )

    assert [(row.label, row.value) for row in shown] == [
        ("Currency", "EUR"),
        ("Total amount", "119.00"),
        ("Tax withheld", "15.00"),
        ("Prepaid", "4.02"),
        ("Rounding", "0.02"),
        ("Amount due", "100.00"),
    ]


def test_the_payment_shows_the_account_and_the_terms() -> None:
    shown = rows("Payment", iban="DE89370400440532013000", payment_terms="30 days net")

    assert [(row.label, row.value) for row in shown] == [
        ("IBAN", "DE89370400440532013000"),
        ("Payment terms", "30 days net"),
    ]
    assert rows("Payment") == []


def test_discounts_for_early_payment_are_a_table() -> None:
    discount = PaymentDiscount(percent=Decimal("2"), until=date(2026, 11, 13))
    tables = presentation.tables(make_invoice(payment_discounts=[discount]))

    assert [table.title for table in tables] == ["Lines", "Tax", "Discounts for early payment"]
    assert [cell.value for cell in tables[-1].headings] == ["Discount %", "Until"]
    assert [[cell.value for cell in row] for row in tables[-1].rows] == [["2", "13 Nov 2026"]]


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("en", ["1,234,567.8900", "27 Nov 2026"]),
        ("de", ["1.234.567,8900", "27. Nov. 2026"]),
        ("ne", ["12,34,567.8900"]),
    ],
)
def test_numbers_and_days_are_written_as_the_language_does(language: str, shown: list[str]) -> None:
    invoice = make_invoice(total_amount=Decimal("1234567.8900"), invoice_date=date(2026, 11, 27))
    with translation.override(language):
        values = {row.value for each in presentation.sections(invoice) for row in each.rows}

    assert set(shown) <= values


def test_a_price_says_what_quantity_it_is_for() -> None:
    line = LINE.model_copy(update={"price_base_quantity": Decimal("100")})
    (table, *_) = presentation.tables(make_invoice(line_items=[line]))

    assert "Price per" in [cell.value for cell in table.headings]


def test_checks_are_labelled_in_words() -> None:
    codes = ["total_adds_up", "iban_check_digits", "lines_match_breakdown"]
    checks = [Check(code=code, passed=True, expected=None, actual=None) for code in codes]

    shown = presentation.checks(make_invoice(checks=checks))

    assert [label for label, _ in shown] == [
        "Total adds up",
        "IBAN check digits",
        "Lines match breakdown",
    ]
