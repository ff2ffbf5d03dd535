from decimal import Decimal

import pytest

from extraction.evidence.printed_numbers import decimal_mark, numbers_in, values_of
from tests.extraction.evidence.pages import line_of


def printed(text: str, mark: str = "") -> set[str]:
    return {
        f"{'-' if number.negative else ''}{value}"
        for number in numbers_in(line_of(text), mark)
        for value in number.values
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("928.08", "928.08"),
        ("1,234.50", "1234.50"),
        ("1.234,50", "1234.50"),
        ("1 234,50", "1234.50"),
        ("1 949.70", "1949.70"),
        ("12 345 678,90", "12345678.90"),
        ("1'234.50", "1234.50"),
        ("1’234.50", "1234.50"),
        ("1,23,456.00", "123456.00"),
        ("1.234.567", "1234567"),
        ("€1.234,50", "1234.50"),
        ("1.234,50€", "1234.50"),
        ("EUR 928.08", "928.08"),
        ("EUR928.08", "928.08"),
        ("Rs.1,000.50/-", "1000.50"),
        ("R$1.950,00", "1950.00"),
        ("Total:928.08", "928.08"),
        ("*12.99*", "12.99"),
        ("12.99A", "12.99"),
        ("100.00€/Monat", "100.00"),
        ("1200,-", "1200"),
        ("1200,--", "1200"),
        ("20%", "20"),
        ("(20.5%)", "20.5"),
        ("30kg", "30"),
        ("१,२३४.५०", "1234.50"),
        ("１２３", "123"),
        ("1.234.50", "1234.50"),
    ],
)
def test_a_number_is_found_in_its_notation(text: str, value: str) -> None:
    assert value in printed(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-5.00", "-5.00"),
        ("−5.00", "-5.00"),
        ("- 5.00", "-5.00"),
        ("5.00-", "-5.00"),
        ("(5.00)", "-5.00"),
        ("-€5.00", "-5.00"),
        ("€-5.00", "-5.00"),
        ("EUR-5.00", "-5.00"),
        ("5.00CR", "-5.00"),
        ("-1 234,50", "-1234.50"),
        ("1 234,50-", "-1234.50"),
    ],
)
def test_a_negative_number_is_told(text: str, value: str) -> None:
    assert value in printed(text)


@pytest.mark.parametrize(
    "text", ["INV-2026-0417", "PAP-A4-80", "12/2026", "12.03.2018", "DE123456789", "2026-04-17"]
)
def test_parts_of_codes_and_dates_are_no_numbers(text: str) -> None:
    assert printed(text) == set()


def test_numbers_of_two_columns_are_not_joined() -> None:
    assert printed("1        803.60") == {"1", "803.60"}


@pytest.mark.parametrize(
    ("digits", "mark", "values"),
    [
        ("1.234", "", {"1.234", "1234"}),
        ("1.234", ".", {"1.234"}),
        ("1.234", ",", {"1234"}),
        ("1,234", ".", {"1234"}),
        ("0.234", ",", {"0.234"}),
        ("1234.567", ",", {"1234.567"}),
        ("12.5", ",", {"12.5"}),
        ("12.34.56", "", set()),
    ],
)
def test_one_mark_before_three_digits_is_what_the_document_uses_it_for(
    digits: str, mark: str, values: set[str]
) -> None:
    assert values_of(digits, mark) == set(map(Decimal, values))


@pytest.mark.parametrize(
    ("text", "mark"), [("1,50 2,50 3.1", ","), ("1.50 1,234.50", "."), ("1.50 2,50", ""), ("x", "")]
)
def test_the_decimal_mark_is_that_of_the_amounts_with_cents(text: str, mark: str) -> None:
    assert decimal_mark([line_of(text)]) == mark
