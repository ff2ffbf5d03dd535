from decimal import Decimal

import pytest

from extraction.invoices.checks.rounding import cash_slack, coin, tolerance, unit, whole_slack


@pytest.mark.parametrize(
    ("currency", "smallest"),
    [("EUR", "0.01"), ("JPY", "1"), ("KWD", "0.001"), (None, "0.01"), ("XYZ", "0.01")],
)
def test_the_unit_is_the_smallest_amount_that_is_printed(
    currency: str | None, smallest: str
) -> None:
    assert unit(currency) == Decimal(smallest)


@pytest.mark.parametrize(
    ("currency", "smallest"),
    [
        *(("SEK", "1"), ("NOK", "1"), ("CZK", "1"), ("HUF", "1"), ("INR", "1"), ("NPR", "1")),
        *(("DKK", "0.5"), ("NZD", "0.1"), ("CHF", "0.05"), ("CAD", "0.05"), ("AUD", "0.05")),
        *(("EUR", None), ("USD", None), ("JPY", None), (None, None)),
    ],
)
def test_totals_are_rounded_to_a_coin_in_some_currencies(
    currency: str | None, smallest: str | None
) -> None:
    assert coin(currency) == (None if smallest is None else Decimal(smallest))


def test_only_a_multiple_of_the_coin_may_be_rounded_to_it() -> None:
    assert cash_slack(Decimal("100.05"), "CHF") == Decimal("0.025")
    assert cash_slack(Decimal("100.04"), "CHF") == 0
    assert cash_slack(Decimal("-100"), "SEK") == Decimal("0.5")
    assert cash_slack(Decimal("100.00"), "EUR") == 0


def test_cash_may_be_rounded_to_more_than_other_totals() -> None:
    assert cash_slack(Decimal("1005"), "HUF") == Decimal("2.5")
    assert cash_slack(Decimal("1003"), "HUF") == Decimal("0.5")
    assert cash_slack(Decimal("1003.50"), "HUF") == 0
    assert cash_slack(Decimal("1990"), "CLP") == 5
    assert cash_slack(Decimal("1995"), "CLP") == 0


def test_each_rounding_errs_by_half_a_unit_and_many_are_spread_evenly() -> None:
    assert tolerance("EUR", 1) == Decimal("0.005")
    assert tolerance("EUR", 3) == Decimal("0.015")
    assert tolerance("JPY", 2) == 1
    assert tolerance("EUR", 300) == Decimal("0.15")


def test_a_tax_without_decimals_may_be_rounded_where_no_smaller_coins_are() -> None:
    assert whole_slack(Decimal("101.00"), "NPR") == Decimal("0.5")
    assert whole_slack(Decimal("101.50"), "NPR") == 0
    assert whole_slack(Decimal("101.00"), "EUR") == 0
