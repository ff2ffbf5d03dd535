from decimal import Decimal

import pytest

from extraction.invoices.checks.compare import shown, sum_check


@pytest.mark.parametrize(
    ("number", "currency", "text"),
    [
        ("1.2345", "EUR", "1.23"),
        ("1.2345", "KWD", "1.234"),
        ("1.2345", "JPY", "1.23"),  # cents that are read by mistake are seen
        ("1.2345", None, "1.23"),
        ("1.2", "KWD", "1.2"),
        ("1E+3", "EUR", "1000"),
        ("9" * 40 + ".125", "EUR", "9" * 40 + ".12"),
    ],
)
def test_a_number_is_shown_with_the_decimal_places_of_its_currency(
    number: str, currency: str | None, text: str
) -> None:
    assert shown(Decimal(number), currency) == text


def test_both_sums_of_a_check_are_shown_with_the_decimal_places_of_the_currency() -> None:
    stated, computed = Decimal("1.2345"), Decimal("2.3456")

    check = sum_check("total_adds_up", stated, [computed], Decimal(0), ["total_amount"], "KWD")

    assert (check.actual, check.expected) == ("1.234", "2.346")
