from datetime import date
from decimal import Decimal

import pytest

from extraction.readers.text.numbers import amounts_in, days_in, decimal_sign, month_first


@pytest.mark.parametrize(
    ("text", "sign", "values"),
    [
        ("1.234,56", ".", ["1234.56"]),
        ("1,234.56", ".", ["1234.56"]),
        ("Rs. 1,25,000.00", ".", ["125000.00"]),
        ("1.234.567", ".", ["1234567"]),
        ("10.000", ".", ["10.000"]),  # a dot is a decimal point…
        ("10.000", ",", ["10000"]),  # …unless the document writes decimals with commas
        ("10,000", ".", ["10000"]),
        ("10,000", ",", ["10.000"]),
        ("9,9000", ".", ["9.9000"]),
        ("2 399,00 €", ",", ["2399.00"]),
        ("2'399.00", ".", ["2399.00"]),
        ("100", ".", ["100"]),
        ("-233,47 €", ",", ["-233.47"]),
        ("€ -9,32", ",", ["-9.32"]),
        ("-$4.11", ".", ["-4.11"]),
        ("Total   - 4.11", ".", ["-4.11"]),
        ("Total - 4.11", ".", ["4.11"]),
        ("4.11-", ".", ["-4.11"]),
        ("(4.11)", ".", ["-4.11"]),
        ("40-42", ".", ["40", "42"]),
        ("19 % 7% 19.5%", ".", []),
        ("A4 1.2x ABC-1", ".", ["1"]),
        ("123456789012345678901", ".", []),
    ],
)
def test_amounts_are_read_in_their_notation(text: str, sign: str, values: list[str]) -> None:
    assert [amount.value for amount in amounts_in(text, sign)] == [Decimal(v) for v in values]


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("9,90  198,00  1.005,55", ","),
        ("9.90  198.00  1,005.55", "."),
        ("no amounts", "."),
        ("10.000", "."),
    ],
)
def test_the_decimal_sign_is_that_of_most_amounts_with_two_places(text: str, sign: str) -> None:
    assert decimal_sign(text) == sign


@pytest.mark.parametrize(
    ("text", "readings"),
    [
        ("2026-03-05", [date(2026, 3, 5)]),
        ("05.03.2018", [date(2018, 3, 5)]),
        ("26.10.22", [date(2022, 10, 26)]),
        ("03/04/2023", [date(2023, 4, 3), date(2023, 3, 4)]),
        ("04/04/2023", [date(2023, 4, 4)]),
        ("03/20/2023", [date(2023, 3, 20)]),
        ("7. Mai 2014", [date(2014, 5, 7)]),
        ("1er février 2026", [date(2026, 2, 1)]),
        ("1 fevrier 2026", [date(2026, 2, 1)]),
        ("19 april 2014", [date(2014, 4, 19)]),
        ("05-Mar-2018", [date(2018, 3, 5)]),
        ("August 3 , 2014", [date(2014, 8, 3)]),
        ("Sept 3rd, 2014", [date(2014, 9, 3)]),
        ("31.02.2018", []),
        ("12 Apples 2014", []),
        ("2081/05/12", []),  # Bikram Sambat
    ],
)
def test_a_date_has_every_day_that_it_can_mean(text: str, readings: list[date]) -> None:
    assert [reading for day in days_in(text) for reading in day.readings] == readings


def test_a_day_beyond_twelve_proves_that_months_come_first() -> None:
    assert month_first("11/03/2017 and 11/17/2017")
    assert not month_first("03/11/2017 and 17/11/2017")
