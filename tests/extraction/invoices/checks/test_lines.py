from typing import Any

import pytest

from extraction.invoices.checks.compare import MOST_SHOWN
from extraction.invoices.checks.lines import line_amounts, lines_add_up, lines_not_doubled
from tests.extraction.invoices.made import failed_codes, invoice, line


def follows(**fields: Any) -> bool:
    check = line_amounts(invoice(line_items=[line(**fields)]))
    assert check is not None
    return check.passed


@pytest.mark.parametrize(
    "fields",
    [
        {"quantity": "20", "unit_price": "2.7700", "amount": "55.46"},  # the price was 2.773
        {"quantity": "250", "unit_price": "12.00", "price_base_quantity": "100", "amount": "30.00"},
        {"quantity": "250", "unit_price": "0.12", "price_base_quantity": "100", "amount": "30.00"},
        {"quantity": "250", "unit_price": "12.00", "amount": "30.00"},  # for 100, unsaid
        {"quantity": "2500", "unit_price": "12.00", "amount": "30.00"},  # for 1,000, unsaid
        {"quantity": "1234", "unit_price": "31.89", "amount": "393.52"},  # ct/kWh
        {"quantity": "3", "alternate_quantity": "36", "unit_price": "1.50", "amount": "54.00"},
        {"quantity": "10", "unit_price": "5.00", "discount": "1.00", "amount": "40.00"},  # each
        {"quantity": "10", "unit_price": "5.00", "discount": "-2.00", "amount": "48.00"},
        {"quantity": "10", "unit_price": "5.00", "discount": "-2.00", "amount": "52.00"},
        {"quantity": "100", "unit_price": "2.00", "breakage": "3", "amount": "194.00"},
        {"quantity": "100", "unit_price": "2.00", "shortage": "3", "amount": "197.00"},
        {"quantity": "0.33", "unit_price": "90.00", "amount": "30.00"},  # a third
        {"quantity": "70.31", "unit_price": "1.229", "amount": "86.41"},
        {"quantity": "1", "unit_price": "25.00", "amount": "0.00"},  # free of charge
        {"quantity": "2", "unit_price": "50.00", "tax_rate": "19", "amount": "119.00"},
        {"quantity": "2", "unit_price": "59.50", "tax_rate": "19", "amount": "100.00"},
        {"quantity": "2", "unit_price": "50", "price_base_quantity": "0", "amount": "100"},
        {"quantity": "1", "unit_price": "10.00", "amount": "10.01"},  # the price was 10.005
        {"quantity": "70.31", "unit_price": "1.229", "amount": "86.45"},  # both were rounded
        {"quantity": "1", "unit_price": "1234.5", "amount": "1.23"},  # for 1,000, and rounded
        {"quantity": "2", "unit_price": "50.00", "tax_rate": "1", "amount": "101.00"},
    ],
)
def test_an_amount_follows_in_any_way_that_documents_use(fields: dict[str, str]) -> None:
    assert follows(**fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"quantity": "20", "unit_price": "2.77", "amount": "55.60"},
        {"quantity": "250", "unit_price": "12.00", "amount": "31.00"},
        {"quantity": "250", "unit_price": "12.00", "price_base_quantity": "10", "amount": "30.00"},
        {"quantity": "1.5", "unit_price": "100.00", "amount": "152.00"},  # tenths are exact
        {"quantity": "2", "unit_price": "50.00", "tax_rate": "19", "amount": "107.00"},
        {"quantity": "2", "unit_price": "50.00", "amount": "119.00"},
        {"quantity": "2", "unit_price": "50.00", "tax_rate": "-19", "amount": "81.00"},
        {"quantity": "1000", "unit_price": "0.1234", "amount": "124.00"},  # exact to its last digit
        {"quantity": "70.31", "unit_price": "1.229", "amount": "86.47"},
        {"quantity": "10", "unit_price": "5.00", "discount": "0.50", "amount": "50.50"},
    ],
)
def test_an_amount_that_follows_in_no_way_fails(fields: dict[str, str]) -> None:
    assert not follows(**fields)


@pytest.mark.parametrize(("currency", "passed"), [("JPY", True), ("EUR", False)])
def test_whole_units_may_be_cut_where_there_are_no_cents(currency: str, passed: bool) -> None:
    items = [line(quantity="3", unit_price="33.3", amount="99")]

    check = line_amounts(invoice(currency=currency, line_items=items))
    assert check is not None
    assert check.passed is passed


@pytest.mark.parametrize(
    ("document_type", "codes"), [("credit_note", []), ("receipt", ["line_amounts"])]
)
def test_a_credit_note_may_print_only_its_amounts_negative(
    document_type: str, codes: list[str]
) -> None:
    items = [line(quantity="5", unit_price="4.10", amount="-20.50")]

    assert failed_codes(invoice(document_type=document_type, line_items=items)) == codes


def test_prices_contain_tax_in_all_lines_or_in_none() -> None:
    gross = line(quantity="2", unit_price="59.50", tax_rate="19", amount="100.00")
    net = line(quantity="2", unit_price="50.00", tax_rate="19", amount="100.00")

    assert failed_codes(invoice(line_items=[gross, gross])) == []
    check = line_amounts(invoice(line_items=[net, gross]))
    assert check is not None
    assert check.paths == ["line_items.1.amount"]


def test_prices_contain_the_tax_of_the_breakdown_where_lines_state_no_rate() -> None:
    fields = invoice(
        line_items=[line(quantity="2", unit_price="59.50", amount="100.00")],
        tax_breakdown=[{"rate": "19", "taxable_amount": "100.00", "tax_amount": "19.00"}],
    )

    assert failed_codes(fields) == []


def test_a_wrong_line_without_tax_is_no_reason_to_doubt_those_with_tax() -> None:
    check = line_amounts(
        invoice(
            line_items=[
                line(quantity="2", unit_price="50.00", tax_rate="19", amount="119.00"),
                line(quantity="1", unit_price="5.00", tax_rate="0", amount="7.00"),
            ]
        )
    )

    assert check is not None
    assert check.paths == ["line_items.1.amount"]


def test_each_wrong_line_is_named_up_to_a_limit() -> None:
    wrong = line(quantity="2", unit_price="5.00", amount="11.00")
    right = line(quantity="2", unit_price="5.00", amount="10.00")
    check = line_amounts(invoice(line_items=[right, *[wrong] * 100]))

    assert check is not None
    assert check.paths == [f"line_items.{number}.amount" for number in range(1, MOST_SHOWN + 1)]
    assert check.expected == "; ".join(["10.00"] * MOST_SHOWN)
    assert check.actual == "; ".join(["11.00"] * MOST_SHOWN)


LINES = [line(amount="60.00"), line(amount="40.00")]


@pytest.mark.parametrize(
    ("subtotal", "others"),
    [
        ("100.00", {}),
        ("100.02", {}),  # half a cent for each of three roundings, by chance
        ("84.03", {"tax_total": "15.97"}),  # the lines contain 19 %
        ("95.00", {"discount_total": "5.00"}),  # printed below the discount
        ("105.00", {"charge_total": "5.00"}),
        ("60.00", {"charge_total": "40.00"}),  # the charge is a line as well
    ],
)
def test_the_lines_add_up_in_any_way_that_documents_use(
    subtotal: str, others: dict[str, str]
) -> None:
    check = lines_add_up(invoice(line_items=LINES, subtotal=subtotal, **others))

    assert check is not None
    assert check.passed == (subtotal != "100.02")


def test_a_discount_may_be_a_line_as_well() -> None:
    items = [line(amount="100.00"), line(amount="-10.00")]
    fields = invoice(line_items=items, subtotal="100.00", discount_total="10.00")

    assert failed_codes(fields) == []


def test_the_discount_total_may_be_that_of_the_lines() -> None:
    items = [line(quantity="2", unit_price="60.00", discount="10", amount="108.00")]
    fields = invoice(
        line_items=items,
        subtotal="120.00",
        discount_total="12.00",
        taxable_amount="108.00",
        tax_total="10.80",
        total_amount="118.80",
    )

    assert failed_codes(fields) == []
    without_subtotal = fields.model_copy(update={"subtotal": None})
    assert failed_codes(without_subtotal) == []


def test_a_subtotal_that_the_lines_contradict_names_both() -> None:
    check = lines_add_up(invoice(line_items=LINES, subtotal="110.00"))

    assert check is not None
    assert (check.expected, check.actual) == ("100.00", "110.00")
    assert check.paths == ["subtotal", "line_items"]


@pytest.mark.parametrize("doubled", [LINES * 2, [LINES[0], LINES[0], LINES[1], LINES[1]]])
def test_lines_read_twice_are_told(doubled: list[dict[str, object]]) -> None:
    check = lines_not_doubled(invoice(line_items=doubled, total_amount="100.00"))

    assert check is not None
    assert (check.passed, check.expected, check.actual) == (False, "2", "4")


def test_three_lines_that_each_follow_their_double_are_told() -> None:
    items = [line(amount=amount) for amount in ("10.00", "20.00", "30.00") for _ in range(2)]
    check = lines_not_doubled(invoice(line_items=items, total_amount="60.00"))

    assert check is not None
    assert (check.passed, check.expected, check.actual) == (False, "3", "6")


@pytest.mark.parametrize(
    ("items", "total"), [(LINES * 2, "200.00"), ([LINES[0]] * 2, "120.00"), (LINES * 2, None)]
)
def test_lines_that_are_printed_twice_pass(
    items: list[dict[str, object]], total: str | None
) -> None:
    check = lines_not_doubled(invoice(line_items=items, total_amount=total))

    assert check is not None
    assert check.passed


@pytest.mark.parametrize("items", [[], LINES, [*LINES, LINES[0]], [line(), line()]])
def test_other_lines_are_not_compared_with_each_other(items: list[dict[str, object]]) -> None:
    assert lines_not_doubled(invoice(line_items=items, total_amount="100.00")) is None
