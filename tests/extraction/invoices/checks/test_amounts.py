from typing import Any

import pytest

from extraction.invoices.checks.amounts import amount_due_adds_up, taxable_amount_adds_up
from extraction.invoices.schema import Check
from tests.extraction.invoices.made import failed, failed_codes, invoice, line

PAID: dict[str, Any] = {
    "subtotal": "100.00",
    "tax_total": "19.00",
    "total_amount": "119.00",
}


@pytest.mark.parametrize(
    "others",
    [
        {"amount_due": "119.00"},
        {"amount_due": "0.00"},  # paid, without a word of it
        {"amount_due": "0.00", "prepaid_amount": "0.00"},
        {"amount_due": "69.00", "prepaid_amount": "50.00"},
        {"amount_due": "69.00", "prepaid_amount": "-50.00"},  # printed with a minus
        {"amount_due": "169.00", "prepaid_amount": "-50.00"},  # an earlier debt
        {"amount_due": "-119.00", "prepaid_amount": "238.00"},
        {"amount_due": "119.02", "rounding_amount": "0.02"},
        {
            "amount_due": "119.00",
            "total_amount": "119.00",
            "tax_total": "19.02",
            "rounding_amount": "-0.02",
        },
        {
            "amount_due": "120.00",
            "total_amount": "119.30",
            "tax_total": "19.30",
            "rounding_amount": "0.70",
        },
        {"amount_due": "119.00", "total_amount": None},
        {"amount_due": "69.00", "total_amount": None, "prepaid_amount": "50.00"},
        {"amount_due": "120.00", "total_amount": "119.60", "tax_total": "19.60", "currency": "SEK"},
        # Either the total before rounding or the one after it.
        {"amount_due": "119.01", "rounding_amount": "0.01"},
        {"amount_due": "119.00", "rounding_amount": "0.01"},
    ],
)
def test_what_is_due_follows_from_the_total(others: dict[str, Any]) -> None:
    assert failed(invoice(**PAID | others)) == []


@pytest.mark.parametrize(
    "others",
    [
        {"amount_due": "119.01"},  # stated amounts are subtracted exactly
        {"amount_due": "69.00"},
        {"amount_due": "119.00", "prepaid_amount": "50.00"},
        {"amount_due": "69.00", "prepaid_amount": "60.00"},
        {"amount_due": "0.00", "prepaid_amount": "50.00"},
        {"amount_due": "119.00", "rounding_amount": "0.02"},
        {"amount_due": "169.00", "prepaid_amount": "50.00"},
        {"amount_due": "119.50", "prepaid_amount": "0.50"},
        {"amount_due": "119.00", "total_amount": "119.01"},
        # The total is what is confirmed after rounding.
        {"amount_due": "119.05", "total_amount": "119.03", "rounding_amount": "0.02"},
        {
            "amount_due": "1121",
            "total_amount": "1111",
            "subtotal": "1000",
            "tax_total": "100",
            "rounding_amount": "10",
            "currency": "JPY",
        },
        {"amount_due": "89.00", "total_amount": None},
        {"amount_due": "120.00", "total_amount": "119.60", "tax_total": "19.60", "currency": "EUR"},
        {"amount_due": "119.80", "total_amount": "119.60", "tax_total": "19.60", "currency": "SEK"},
    ],
)
def test_a_wrong_amount_due_fails(others: dict[str, Any]) -> None:
    assert failed_codes(invoice(**PAID | others)) == ["amount_due_adds_up"]


def test_the_amount_due_names_what_it_follows_from() -> None:
    fields = invoice(**PAID, amount_due="69.10", prepaid_amount="50.00")

    assert amount_due_adds_up(fields) == Check(
        code="amount_due_adds_up",
        passed=False,
        expected="69.00",
        actual="69.10",
        paths=["amount_due", "total_amount", "prepaid_amount"],
    )


def test_the_amount_due_follows_from_a_total_that_nothing_confirms_after_rounding() -> None:
    others = {"total_amount": "150.00", "amount_due": "69.00", "rounding_amount": "0.02"}
    check = amount_due_adds_up(invoice(**PAID | others))

    assert check is not None
    assert (check.passed, check.expected) == (False, "150.02")


@pytest.mark.parametrize(
    ("tax_total", "total", "due", "passed"),
    [
        ("210.00", "1210.00", "1060.00", True),  # the tax total leaves out what is withheld
        ("210.00", "1210.00", "1210.00", False),
        ("60.00", "1060.00", "1060.00", True),  # it is less already
        ("60.00", "1060.00", "910.00", False),
    ],
)
def test_rows_of_a_negative_rate_are_withheld_once(
    tax_total: str, total: str, due: str, passed: bool
) -> None:
    rows = [
        {"rate": "21", "taxable_amount": "1000.00", "tax_amount": "210.00"},
        {"rate": "-15", "taxable_amount": "1000.00", "tax_amount": "-150.00"},
    ]
    fields = invoice(
        subtotal="1000.00",
        tax_breakdown=rows,
        tax_total=tax_total,
        total_amount=total,
        amount_due=due,
    )

    check = amount_due_adds_up(fields)
    assert check is not None
    assert check.passed is passed


def test_tax_of_half_a_percent_is_not_withheld() -> None:
    fields = invoice(
        subtotal="1000.00",
        tax_breakdown=[{"rate": "0.5", "taxable_amount": "1000.00", "tax_amount": "5.00"}],
        tax_total="5.00",
        total_amount="1005.00",
        amount_due="1000.00",
    )

    check = amount_due_adds_up(fields)
    assert check is not None
    assert not check.passed


def test_what_is_due_of_a_total_that_contains_the_tax() -> None:
    fields = invoice(
        subtotal="119.00",
        tax_total="19.00",
        withholding_total="10.00",
        prepaid_amount="20.00",
        rounding_amount="0.50",
        total_amount="119.00",
        amount_due="89.50",
    )

    check = amount_due_adds_up(fields)
    assert check is not None
    assert check.passed


@pytest.mark.parametrize(("currency", "codes"), [("JPY", []), ("EUR", ["total_adds_up"])])
def test_a_total_is_rounded_as_its_currency_is(currency: str, codes: list[str]) -> None:
    fields = invoice(currency=currency, subtotal="1000", tax_total="100", total_amount="1101")

    assert failed_codes(fields) == codes


def test_a_total_is_shown_with_the_decimal_places_of_its_currency() -> None:
    fields = invoice(currency="KWD", subtotal="1.2345", tax_total="0", total_amount="9.8765")

    (check,) = failed(fields)
    assert (check.expected, check.actual) == ("1.234", "9.876")


def test_a_total_that_is_rounded_to_a_coin_after_tax_is_withheld_is_due() -> None:
    fields = invoice(
        currency="SEK",
        subtotal="100.00",
        tax_total="19.60",
        withholding_total="20.00",
        total_amount="100.00",
        amount_due="100.00",
    )

    check = amount_due_adds_up(fields)
    assert check is not None
    assert check.passed


def test_a_total_off_by_more_than_the_rounding_of_three_numbers_is_not_confirmed() -> None:
    others = {"subtotal": "100.0136", "total_amount": "119.05", "rounding_amount": "0.02"}
    check = amount_due_adds_up(invoice(**PAID | others, amount_due="119.07"))

    assert check is not None
    assert check.passed


@pytest.mark.parametrize(
    ("total", "passed"),
    [("163.00", True), ("170.00", False), (None, False)],
)
def test_the_net_total_may_be_the_part_on_which_tax_is_due(total: str | None, passed: bool) -> None:
    fields = invoice(
        line_items=[line(amount="100.00", tax_rate="13"), line(amount="50.00", tax_rate="0")],
        tax_breakdown=[{"rate": "13", "taxable_amount": "100.00", "tax_amount": "13.00"}],
        taxable_amount="100.00",
        tax_total="13.00",
        total_amount=total,
    )

    check = taxable_amount_adds_up(fields)
    assert check is not None
    assert check.passed is passed


def test_a_head_without_prepayments_says_nothing_of_the_amount_due() -> None:
    fields = invoice(
        taxable_amount="100.00", tax_total="19.00", total_amount="119.00", amount_due="69.00"
    )

    assert amount_due_adds_up(fields) is None


@pytest.mark.parametrize(
    "others",
    [
        {"subtotal": "119.00"},  # printed with tax
        {"subtotal": "100.00", "discount_total": "-10.00", "charge_total": "10.00"},
        {
            "subtotal": "95.00",
            "charge_total": "5.00",
            "line_items": [line(amount="100.00"), line(amount="-5.00")],
        },
        {"line_items": [line(amount="95.00"), line(amount="5.00")], "charge_total": "5.00"},
        {"line_items": [line(amount="119.00")]},
        {"line_items": [line(amount="110.00"), line(amount="-10.00")], "discount_total": "10.00"},
        {
            "line_items": [line(amount="110.00"), line(amount="-10.00"), line(amount="0.00")],
            "discount_total": "10.00",
            "charge_total": "0.00",
        },
    ],
)
def test_the_net_total_follows_in_any_way_that_documents_use(others: dict[str, Any]) -> None:
    fields = invoice(taxable_amount="100.00", tax_total="19.00", total_amount="119.00", **others)

    assert "taxable_amount_adds_up" not in failed_codes(fields)


def test_a_charge_and_a_discount_may_both_be_lines_as_well() -> None:
    items = [line(amount="100.00"), line(amount="5.00"), line(amount="-10.00")]
    fields = invoice(
        line_items=items, discount_total="10.00", charge_total="5.00", total_amount="95.00"
    )

    assert failed(fields) == []


def test_a_subtotal_may_be_printed_below_a_discount_that_lines_confirm() -> None:
    fields = invoice(
        line_items=[line(amount="110.00")],
        discount_total="10.00",
        subtotal="100.00",
        taxable_amount="100.00",
        tax_total="19.00",
        total_amount="119.00",
    )

    assert failed(fields) == []
    assert failed_codes(fields.model_copy(update={"discount_total": fields.tax_total}))


@pytest.mark.parametrize(
    ("others", "passed"),
    [
        # The lines and the net total: eight rounded numbers with the discount and the charge.
        ({"taxable_amount": "100.02"}, True),
        ({"taxable_amount": "100.025"}, False),
        # The subtotal and the net total: four.
        ({"taxable_amount": "100.02", "subtotal": "100.00"}, False),
        ({"taxable_amount": "101", "currency": "JPY"}, True),
    ],
)
def test_the_net_total_may_be_off_by_the_rounding_of_what_is_added(
    others: dict[str, Any], passed: bool
) -> None:
    fields = invoice(**{"currency": "EUR", "line_items": [line(amount="20.00")] * 5} | others)

    check = taxable_amount_adds_up(fields)
    assert check is not None
    assert check.passed is passed
    assert check.paths == ["taxable_amount", "subtotal" if "subtotal" in others else "line_items"]


def test_lines_that_do_not_add_up_to_the_net_total_are_named() -> None:
    fields = invoice(line_items=[line(amount="90.00")], taxable_amount="100.00")

    assert failed(fields) == [
        Check(
            code="taxable_amount_adds_up",
            passed=False,
            expected="90.00",
            actual="100.00",
            paths=["taxable_amount", "line_items"],
        )
    ]


@pytest.mark.parametrize(
    ("others", "codes"),
    [
        ({"total_amount": "90.00"}, []),
        ({"total_amount": "96.00"}, ["total_adds_up"]),
        ({"total_amount": "99.00", "tax_breakdown": [{"rate": "10", "tax_amount": "9.00"}]}, []),
        (
            {"total_amount": "98.00", "tax_breakdown": [{"rate": "10", "tax_amount": "9.00"}]},
            ["total_adds_up"],
        ),
        ({"total_amount": "99.00", "line_items": [line(amount="90.00", tax_rate="10")]}, []),
    ],
)
def test_without_a_tax_total_the_tax_is_that_of_the_rates_or_none(
    others: dict[str, Any], codes: list[str]
) -> None:
    assert failed_codes(invoice(subtotal="90.00", **others)) == codes


def test_without_net_total_and_lines_the_breakdown_gives_the_total() -> None:
    rows = [{"rate": "10", "taxable_amount": "90.00", "tax_amount": "9.00"}]

    fields = invoice(tax_breakdown=rows, amount_due="99.00")
    assert failed(fields) == []
    assert failed_codes(fields.model_copy(update={"amount_due": fields.tax_breakdown[0].rate}))


@pytest.mark.parametrize(
    ("subtotal", "tax", "total", "codes"),
    [
        ("119.00", "19.00", "119.00", []),  # 19 % contained
        ("160.00", "60.00", "160.00", []),  # 60 % contained
        ("100.00", "19.00", "119.00", []),  # 19 % on top
        ("119.00", "22.61", "119.00", ["total_adds_up"]),  # 19 % on top of the total
    ],
)
def test_without_a_rate_a_contained_tax_is_a_whole_percentage_of_the_rest(
    subtotal: str, tax: str, total: str, codes: list[str]
) -> None:
    fields = invoice(subtotal=subtotal, tax_total=tax, total_amount=total)

    assert failed_codes(fields) == codes


def test_amounts_of_any_size_are_compared() -> None:
    huge = "9" * 24
    fields = invoice(
        currency="EUR",
        line_items=[
            line(quantity=huge, unit_price=huge, discount=huge, amount=huge, tax_rate=huge)
        ],
        tax_breakdown=[{"rate": huge, "taxable_amount": huge, "tax_amount": "0." + "0" * 22 + "1"}],
        subtotal=huge,
        tax_total=huge,
        total_amount=huge,
        amount_due=huge,
        prepaid_amount=huge,
    )

    assert "total_adds_up" in failed_codes(fields)
