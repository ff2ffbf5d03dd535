from decimal import Decimal

import pytest

from extraction.invoices.schema import EMPTY, Check
from extraction.invoices.validation import run_checks
from tests.extraction.invoices.made import TODAY, failed, invoice, line, outcome


def test_an_empty_invoice_has_no_checks() -> None:
    assert run_checks(EMPTY, TODAY) == []


def test_an_invoice_that_adds_up_passes_every_check() -> None:
    fields = invoice(
        invoice_date="2026-11-01",
        due_date="2026-11-15",
        line_items=[
            line(quantity="3", unit_price="3.3333", amount="10.00"),
            line(quantity="20", unit_price="5.49", discount="10", amount="99.80"),
        ],
        tax_breakdown=[{"rate": "19", "taxable_amount": "108.80", "tax_amount": "20.67"}],
        subtotal="109.80",
        discount_total="6.00",
        charge_total="5.00",
        taxable_amount="108.80",
        tax_total="20.67",
        total_amount="129.47",
    )

    assert outcome(fields) == {
        "lines_add_up": True,
        "line_amounts": True,
        "taxable_amount_adds_up": True,
        "tax_adds_up": True,
        "tax_matches_rate": True,
        "breakdown_adds_up": True,
        "total_adds_up": True,
        "sign_matches_type": True,
        "invoice_date_plausible": True,
        "due_date_not_before_invoice_date": True,
        "due_date_plausible": True,
    }


def test_a_negative_credit_note_adds_up_like_an_invoice() -> None:
    fields = invoice(
        document_type="credit_note",
        line_items=[
            line(quantity="-5", unit_price="1.0000", amount="-5.00"),
            line(quantity="-2", unit_price="1.45", amount="-2.90"),
        ],
        tax_breakdown=[
            {"rate": "19", "taxable_amount": "-4.85", "tax_amount": "-0.92"},
            {"rate": "7", "taxable_amount": "-2.82", "tax_amount": "-0.20"},
        ],
        subtotal="-7.90",
        discount_total="-0.23",
        taxable_amount="-7.67",
        tax_total="-1.12",
        total_amount="-8.79",
    )

    assert set(outcome(fields).values()) == {True}


def test_a_total_off_by_two_cents_fails_and_shows_both_amounts() -> None:
    fields = invoice(taxable_amount="100.00", tax_total="13.00", total_amount="113.02")

    assert failed(fields) == [
        Check(
            code="total_adds_up",
            passed=False,
            expected="113.00",
            actual="113.02",
            paths=["total_amount", "taxable_amount", "tax_total"],
        )
    ]


def test_a_total_off_by_one_cent_is_rounding() -> None:
    fields = invoice(taxable_amount="809.34", tax_total="153.77", total_amount="963.12")

    assert outcome(fields) == {"total_adds_up": True, "sign_matches_type": True}


def test_without_taxable_amount_the_total_is_compared_with_the_subtotal() -> None:
    fields = invoice(
        subtotal="100.00", discount_total="10.00", tax_total="9.00", total_amount="100.00"
    )

    assert failed(fields) == [
        Check(
            code="total_adds_up",
            passed=False,
            expected="99.00",
            actual="100.00",
            paths=["total_amount", "subtotal", "tax_total"],
        )
    ]


@pytest.mark.parametrize(("currency", "passed"), [("NPR", True), ("EUR", False), (None, False)])
def test_a_total_may_be_rounded_to_the_rupee_but_not_to_the_euro(
    currency: str | None, passed: bool
) -> None:
    fields = invoice(
        currency=currency, taxable_amount="1000.40", tax_total="130.05", total_amount="1130"
    )

    assert outcome(fields) == {"total_adds_up": passed, "sign_matches_type": True}


@pytest.mark.parametrize(
    ("quantity", "unit_price", "discount", "amount", "passed"),
    [
        ("5", "4.10", None, "20.48", True),  # the price was rounded
        ("5", "4.10", None, "20.40", False),
        ("2", "50", "5", "95.00", True),  # money off
        ("2", "50", "10", "90.00", True),  # percent off
        ("2", "45", "10", "90.00", True),  # the price is after the discount
        ("2", "50", "10", "91.00", False),
        ("-2", "50", None, "100.00", False),
    ],
)
def test_the_amount_of_a_line_follows_from_quantity_and_price(
    quantity: str, unit_price: str, discount: str | None, amount: str, passed: bool
) -> None:
    item = line(quantity=quantity, unit_price=unit_price, amount=amount) | {"discount": discount}

    assert outcome(invoice(line_items=[item])) == {"line_amounts": passed}


def test_the_lines_that_do_not_follow_are_shown() -> None:
    fields = invoice(
        line_items=[
            line(quantity="2", unit_price="5.00", amount="10.00"),
            line(quantity="3", unit_price="5.00", amount="51.00"),
            line(quantity="3", amount="7.00"),
        ]
    )

    assert run_checks(fields, TODAY) == [
        Check(
            code="line_amounts",
            passed=False,
            expected="15.00",
            actual="51.00",
            paths=["line_items.1.amount"],
        )
    ]


def test_lines_are_not_summed_while_an_amount_is_missing() -> None:
    fields = invoice(line_items=[line(amount="5.00"), line()], subtotal="5.00")

    assert run_checks(fields, TODAY) == []


def test_tax_lines_are_compared_with_the_tax_total_and_their_rates() -> None:
    fields = invoice(
        tax_breakdown=[
            {"rate": "19", "taxable_amount": "100.00", "tax_amount": "91.00"},
            {"rate": None, "taxable_amount": "100.00", "tax_amount": "7.00"},
        ],
        tax_total="26.00",
    )

    assert run_checks(fields, TODAY) == [
        Check(
            code="tax_adds_up",
            passed=False,
            expected="98.00",
            actual="26.00",
            paths=["tax_total", "tax_breakdown"],
        ),
        Check(
            code="tax_matches_rate",
            passed=False,
            expected="19.00",
            actual="91.00",
            paths=["tax_breakdown.0.tax_amount"],
        ),
    ]


@pytest.mark.parametrize(
    ("day", "passed"),
    [
        ("1989-12-31", False),
        ("1990-01-01", True),
        ("2026-11-24", True),
        ("2027-01-23", True),
        ("2027-01-24", False),
    ],
)
def test_an_invoice_date_is_neither_ancient_nor_far_ahead(day: str, passed: bool) -> None:
    assert run_checks(invoice(invoice_date=day), TODAY) == [
        Check(
            code="invoice_date_plausible",
            passed=passed,
            expected="1990-01-01 to 2027-01-23",
            actual=day,
            paths=["invoice_date"],
        )
    ]


def test_a_due_date_before_the_invoice_date_fails() -> None:
    fields = invoice(invoice_date="2026-11-02", due_date="2026-11-01")

    assert outcome(fields) == {
        "invoice_date_plausible": True,
        "due_date_not_before_invoice_date": False,
        "due_date_plausible": True,
    }


def test_amounts_are_compared_as_decimals() -> None:
    fields = invoice(line_items=[line(amount="0.10")] * 3, subtotal=Decimal("0.1") + Decimal("0.2"))

    assert outcome(fields) == {"lines_add_up": True}
