"""Amounts of quotas as people write and read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokens import amounts
from tokens.amounts import UNITS_OF_ONE, Amount, BadAmount, read


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1000000", Amount(1_000_000)),
        (" 1,000,000 ", Amount(1_000_000)),
        ("250.00 EUR", Amount(250 * UNITS_OF_ONE, "EUR")),
        ("250 eur", Amount(250 * UNITS_OF_ONE, "EUR")),
        ("1,250.5  USD", Amount(12_505 * UNITS_OF_ONE // 10, "USD")),
        ("0.000001 EUR", Amount(10_000, "EUR")),
        ("-1 EUR", Amount(-UNITS_OF_ONE, "EUR")),
        ("-1", Amount(-1)),
    ],
)
def test_an_amount_is_read_as_it_is_meant(text: str, amount: Amount) -> None:
    assert read(text) == amount


@pytest.mark.parametrize(
    "text",
    [
        *("", "EUR", "250.00", "250,00 EUR", "1.250,00 EUR", "0.0000001 EUR", "EUR 250"),
        *("1e5 EUR", "250 EURO", "25,00", "1" * 16, "١٢ EUR", "1 E R", "nan EUR", "1.\n EUR"),
    ],
)
def test_what_could_be_meant_in_another_way_is_refused(text: str) -> None:
    with pytest.raises(BadAmount):
        read(text)


@given(value=st.integers(0, 10**18), currency=st.sampled_from(["EUR", "USD", ""]))
def test_every_amount_is_told_exactly(value: int, currency: str) -> None:
    value %= 10**15 if not currency else 10**18  # LLM tokens are far fewer
    value -= value % 10**4 if currency else 0  # as fine as it is entered

    assert read(str(Amount(value, currency))) == Amount(value, currency)
    assert read(amounts.in_words(value, currency)) == Amount(value, currency)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0, "0.00 EUR"),
        (UNITS_OF_ONE * 1250, "1,250.00 EUR"),
        (UNITS_OF_ONE // 2, "0.50 EUR"),
        (123_456, "0.0000123456 EUR"),
        (-UNITS_OF_ONE, "-1.00 EUR"),
    ],
)
def test_money_has_two_decimals_at_least(value: int, told: str) -> None:
    assert amounts.in_words(value, "EUR") == told
