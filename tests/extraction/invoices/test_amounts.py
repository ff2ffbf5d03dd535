"""Amounts are shown grouped and whole, and understood in any notation."""

from decimal import Decimal

import pytest
from django.utils import translation

from extraction.invoices.amounts import amounts_meant, grouped, rounded_sum


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        ("29789.07", "EUR", "29,789.07"),
        ("29789.070000", "EUR", "29,789.07"),
        ("1234567", "EUR", "1,234,567.00"),
        ("-1234.5", None, "-1,234.50"),
        ("0", "EUR", "0.00"),
        ("1234567", "JPY", "1,234,567"),
        ("1234.5", "JPY", "1,234.5"),
        ("1234.5", "KWD", "1,234.500"),
        ("0.123456", "EUR", "0.123456"),
        ("99999999999999999", "XYZ", "99,999,999,999,999,999.00"),
    ],
)
def test_amount_is_grouped_with_its_currencys_decimals(
    amount: str, currency: str | None, shown: str
) -> None:
    assert grouped(Decimal(amount), currency) == shown


def test_amount_is_grouped_as_the_language_does_it() -> None:
    with translation.override("de"):
        assert grouped(Decimal("1234567.5"), "EUR") == "1.234.567,50"


@pytest.mark.parametrize(
    ("amounts", "currency", "rounded"),
    [
        (["0.100000000000004", "0.2"], "EUR", "0.30"),
        (["-1.005"], "EUR", "-1.01"),
        (["7.5"], "JPY", "7.50"),
        (["7.0005"], "KWD", "7.001"),
        ([], None, "0.00"),
    ],
)
def test_sum_is_rounded_to_what_is_meant(
    amounts: list[str], currency: str | None, rounded: str
) -> None:
    assert str(rounded_sum(map(Decimal, amounts), currency)) == rounded


@pytest.mark.parametrize(
    "written",
    [
        *("29789.07", "29,789.07", "29.789,07", "29 789,07", "29'789.07", "29’789.07"),
        *("29\u202f789,07", "EUR 29,789.07", "29.789,07 €", "€29789.07", "29789,07 EUR"),
        *("(29,789.07)", "-29,789.07", "29,789.07-", "− 29.789,07", "Rs. 29,789.07"),
        *("USD (29,789.07)", "२९७८९.०७", " 29789.07 ", "29,789.070"),
    ],
)
def test_amount_in_any_notation(written: str) -> None:
    assert amounts_meant(written) == {Decimal("29789.07")}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1.234", {"1234", "1.234"}),
        ("1,234", {"1234", "1.234"}),
        ("1,23,456.5", {"123456.5"}),
        ("1.234.567", {"1234567"}),
        (".5", {"0.5"}),
        ("12,-", {"12"}),
        ("12/-", {"12"}),
        ("7", {"7"}),
        ("", set()),
        ("Acme", set()),
        ("RE-2026-7", set()),
        ("INV-2026/7 of 3", set()),
        ("1.2.3", set()),
        ("2026-11-24", set()),
        ("1" * 18, set()),
        ("0.1234567", set()),
        ("€€5", set()),
        ("²", set()),
        ("1e5", set()),
        ("NaN", set()),
    ],
)
def test_what_a_text_can_mean(written: str, meant: set[str]) -> None:
    assert amounts_meant(written) == {Decimal(number) for number in meant}


def test_long_texts_take_no_time() -> None:
    for text in ("1 " * 100_000, "," * 100_000, "1,234" * 50_000, "(" * 100_000 + "1"):
        amounts_meant(text)
