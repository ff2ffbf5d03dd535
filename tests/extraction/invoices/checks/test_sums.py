from decimal import Decimal
from typing import Any

import pytest

from extraction.invoices.checks.sums import (
    discount_is_in_lines,
    tax_is_contained,
    undiscounted_total,
    ways_to_total,
)
from tests.extraction.invoices.made import invoice, line


def row(rate: str, taxable: str | None, tax: str | None = None) -> dict[str, str | None]:
    return {"rate": rate, "taxable_amount": taxable, "tax_amount": tax}


@pytest.mark.parametrize(
    ("gross", "tax", "rows", "contained"),
    [
        ("110.05", "10.00", [row("10", None)], True),
        ("110.05", "10.01", [row("10", None)], False),  # more than half a cent off
        ("230.00", "30.00", [row("10", "100.00"), row("20", "100.00")], True),  # net
        ("230.00", "30.00", [row("10", "110.00"), row("20", "120.00")], True),  # with tax
        ("250.00", "30.00", [row("10", "100.00"), row("20", "100.00")], False),
        ("230.00", "31.00", [row("10", "110.00"), row("20", "120.00")], False),
        ("19.00", "19.00", [], False),
        ("10.00", "20.00", [row("10", "-10.00")], False),
        ("0.00", "20.00", [row("10", "-20.00")], False),
    ],
)
def test_tax_is_contained_where_rates_or_net_amounts_show_it(
    gross: str, tax: str, rows: list[dict[str, str | None]], contained: bool
) -> None:
    fields = invoice(currency="EUR", tax_total=tax, tax_breakdown=rows)

    assert tax_is_contained(fields, Decimal(gross)) is contained


@pytest.mark.parametrize(("currency", "contained"), [("JPY", True), ("EUR", False)])
def test_contained_tax_is_rounded_as_its_currency_is(currency: str, contained: bool) -> None:
    fields = invoice(currency=currency, tax_total="74", tax_breakdown=[row("8", None)])

    assert tax_is_contained(fields, Decimal(1000)) is contained


@pytest.mark.parametrize(
    ("net", "tax", "taxable", "total", "explained"),
    [
        ("1000.00", "210.01", "1000.00", "1060.01", True),  # a cent off
        ("1000.08", "210.00", "1000.08", "1060.068", False),  # more than the rounding of three
        ("1000.00", "210.00", None, "1060.00", False),
    ],
)
def test_tax_that_the_rates_confirm_lets_tax_be_withheld_without_a_word(
    net: str, tax: str, taxable: str | None, total: str, explained: bool
) -> None:
    fields = invoice(
        currency="EUR",
        line_items=[line(amount=net, tax_rate="21")],
        tax_breakdown=[row("21", taxable, tax)],
        tax_total=tax,
        total_amount=total,
        amount_due=total,
    )

    assert (Decimal(total) in [way.total for way in ways_to_total(fields)]) is explained


def test_tax_alone_is_no_total() -> None:
    assert ways_to_total(invoice(tax_total="19.00", total_amount="19.00")) == []


@pytest.mark.parametrize(
    ("items", "discount", "within"),
    [
        (["10.00"], "10.01", True),
        (["10.00"], "10.016", False),  # more than the rounding of three numbers
        (["5.00", "5.00"], "10.015", True),
        (["5.00", "5.00"], "10.02", False),
        (["10.00"], None, False),
        (["10.00"], "9.00", False),
    ],
)
def test_a_discount_is_in_the_lines_that_it_has_reduced(
    items: list[str], discount: str | None, within: bool
) -> None:
    reduced = [
        line(quantity="1", unit_price="20.00", amount=str(20 - Decimal(less))) for less in items
    ]
    fields = invoice(currency="EUR", line_items=reduced, discount_total=discount)

    assert discount_is_in_lines(fields) is within


def test_a_discount_in_lines_is_rounded_as_its_currency_is() -> None:
    reduced = [line(quantity="1", unit_price="20", amount="10")]

    assert discount_is_in_lines(invoice(currency="JPY", line_items=reduced, discount_total="11"))


@pytest.mark.parametrize(
    "priceless",
    [{}, {"quantity": "2"}, {"unit_price": "5.00"}],
    ids=["neither", "no price", "no quantity"],
)
def test_nothing_is_known_of_what_lines_were_before_a_discount_without_prices(
    priceless: dict[str, Any],
) -> None:
    fields = invoice(line_items=[line(amount="-10.00", **priceless)], discount_total="10.00")

    assert undiscounted_total(fields) is None
    assert not discount_is_in_lines(fields)
