from decimal import Decimal

import pytest

from extraction.evidence.sums import derived

INVOICE = {
    "line_items.0.quantity": "3",
    "line_items.0.unit_price": "10.00",
    "line_items.0.amount": "30.00",
    "line_items.0.tax_rate": "20",
    "line_items.1.amount": "70.00",
    "line_items.1.tax_rate": "20",
    "tax_breakdown.0.rate": "20",
    "tax_breakdown.0.taxable_amount": "100.00",
    "tax_breakdown.0.tax_amount": "20.00",
    "subtotal": "100.00",
    "taxable_amount": "100.00",
    "tax_total": "20.00",
    "total_amount": "120.00",
    "prepaid_amount": "50.00",
    "amount_due": "70.00",
}


def follows(path: str, value: str | None = None, without: tuple[str, ...] = ()) -> bool:
    """Whether a value, or another one in its place, follows when all others are proven."""
    stated = {key: text for key, text in INVOICE.items() if key not in without}
    numbers = {key: Decimal(text) for key, text in stated.items()}
    numbers[path] = Decimal(value or INVOICE[path])
    return path in derived(numbers, set(numbers) - {path})


@pytest.mark.parametrize(
    "path",
    [
        "line_items.0.amount",
        "tax_breakdown.0.taxable_amount",
        "tax_breakdown.0.tax_amount",
        "subtotal",
        "taxable_amount",
        "tax_total",
        "total_amount",
        "prepaid_amount",
        "amount_due",
    ],
)
def test_a_number_follows_from_the_others_and_no_other_number_does(path: str) -> None:
    assert follows(path)
    assert not follows(path, "31.00")


@pytest.mark.parametrize("path", ["line_items.1.amount", "line_items.0.unit_price"])
def test_a_number_that_the_others_would_only_fit_around_does_not_follow(path: str) -> None:
    assert not follows(path)


def test_two_wrong_amounts_with_a_right_sum_do_not_follow() -> None:
    numbers = {key: Decimal(text) for key, text in INVOICE.items()}
    numbers |= {"line_items.0.amount": Decimal("31.00"), "line_items.1.amount": Decimal("69.00")}
    wrong = {"line_items.0.amount", "line_items.1.amount"}

    assert not wrong & derived(numbers, set(numbers) - wrong)


def test_a_discount_and_a_base_quantity_are_part_of_the_product() -> None:
    numbers = {
        "line_items.0.quantity": Decimal(200),
        "line_items.0.unit_price": Decimal("5.00"),
        "line_items.0.price_base_quantity": Decimal(100),
        "line_items.0.discount": Decimal("1.00"),
        "line_items.0.amount": Decimal("9.00"),
    }

    assert derived(numbers, set(numbers) - {"line_items.0.amount"}) == {"line_items.0.amount"}


def test_an_amount_due_without_prepayment_is_the_total() -> None:
    assert follows("amount_due", "120.00", without=("prepaid_amount",))


def test_steps_follow_each_other() -> None:
    numbers = {key: Decimal(text) for key, text in INVOICE.items()}
    unproven = {"tax_total", "total_amount", "amount_due"}

    assert derived(numbers, set(numbers) - unproven) == unproven
