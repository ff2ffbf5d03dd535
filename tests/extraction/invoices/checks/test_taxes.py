import time
from decimal import Decimal
from typing import Any

import pytest

from extraction.invoices.checks.taxes import (
    breakdown_adds_up,
    line_rates,
    lines_match_breakdown,
    tax_adds_up,
    tax_matches_lines,
    tax_matches_rate,
)
from extraction.invoices.schema import Check
from tests.extraction.invoices.made import failed, failed_codes, invoice, line


def row(rate: str | None, net: str | None, tax: str | None) -> dict[str, str | None]:
    return {"rate": rate, "taxable_amount": net, "tax_amount": tax}


def result(check: Check | None) -> tuple[bool, list[str]]:
    assert check is not None
    return check.passed, check.paths


TWO_RATES: dict[str, Any] = {
    "line_items": [
        line(amount="198.00", tax_rate="19"),
        line(amount="275.00", tax_rate="7"),
    ],
    "tax_breakdown": [row("7", "275.00", "19.25"), row("19", "198.00", "37.62")],
    "taxable_amount": "473.00",
    "tax_total": "56.87",
    "total_amount": "529.87",
}


def test_lines_of_two_rates_match_their_breakdown() -> None:
    assert failed(invoice(**TWO_RATES)) == []


@pytest.mark.parametrize(
    ("rows", "checks"),
    [
        (
            [row("7", "275.00", "19.25"), row("19", "198.00", "37.26")],
            ["tax_adds_up", "tax_matches_rate"],
        ),
        (
            [row("7", "375.00", "19.25"), row("19", "198.00", "37.62")],
            ["tax_matches_rate", "breakdown_adds_up", "lines_match_breakdown"],
        ),
        (
            [row("9", "275.00", "19.25"), row("19", "198.00", "37.62")],
            ["tax_matches_rate", "line_rates"],
        ),
        # Both net amounts wrong, with the right sum.
        (
            [row(None, "285.00", "19.25"), row("19", "188.00", "37.62")],
            ["tax_matches_rate", "lines_match_breakdown"],
        ),
    ],
)
def test_a_wrong_row_fails(rows: list[dict[str, str | None]], checks: list[str]) -> None:
    assert failed_codes(invoice(**TWO_RATES | {"tax_breakdown": rows})) == checks


def test_a_wrong_rate_of_a_line_is_named() -> None:
    items = [line(amount="198.00", tax_rate="79"), line(amount="275.00", tax_rate="7")]

    check = line_rates(invoice(**TWO_RATES | {"line_items": items}))

    assert check == Check(
        code="line_rates",
        passed=False,
        expected="7, 19",
        actual="79",
        paths=["line_items.0.tax_rate"],
    )


def test_a_complete_breakdown_has_every_line_s_rate() -> None:
    items = [line(amount="198.00", tax_rate="19"), line(amount="275.00", tax_rate="0")]

    assert result(line_rates(invoice(**TWO_RATES | {"line_items": items}))) == (
        False,
        ["line_items.1.tax_rate"],
    )


def test_a_breakdown_is_complete_within_the_rounding_of_its_currency() -> None:
    fields = invoice(
        currency="JPY",
        line_items=[line(amount="1000", tax_rate="0")],
        tax_breakdown=[row("10", "1001", "100")],
    )

    assert result(line_rates(fields)) == (False, ["line_items.0.tax_rate"])


@pytest.mark.parametrize(("taxes", "passed"), [(6, True), (7, False)])
def test_few_taxes_on_one_net_amount_add_up_to_a_rate(taxes: int, passed: bool) -> None:
    fields = invoice(
        line_items=[line(amount="100.00", tax_rate="21")],
        tax_breakdown=[row(str(rate), "100.00", f"{rate}.00") for rate in range(1, taxes + 1)],
    )

    assert result(line_rates(fields))[0] is passed


def test_a_breakdown_of_less_than_the_net_total_leaves_out_what_is_free_of_tax() -> None:
    fields = invoice(
        line_items=[line(amount="100.00", tax_rate="13"), line(amount="40.00", tax_rate="0")],
        tax_breakdown=[row("13", "100.00", "13.00")],
        subtotal="140.00",
        taxable_amount="140.00",
        tax_total="13.00",
        total_amount="153.00",
    )

    assert failed(fields) == []
    taxed_part = fields.model_copy(
        update={"taxable_amount": fields.tax_breakdown[0].taxable_amount}
    )
    assert failed(taxed_part) == []
    assert failed_codes(fields.model_copy(update={"total_amount": fields.subtotal}))


@pytest.mark.parametrize("line_rate", ["18", "9"])
def test_two_taxes_on_one_net_amount_count_once(line_rate: str) -> None:
    fields = invoice(
        currency="INR",
        line_items=[
            line(amount="600.00", tax_rate=line_rate),
            line(amount="400.00", tax_rate=line_rate),
        ],
        tax_breakdown=[row("9", "1000.00", "90.00"), row("9", "1000.00", "90.00")],
        subtotal="1000.00",
        tax_total="180.00",
        total_amount="1180.00",
    )

    assert failed(fields) == []


def test_a_wrong_net_amount_of_two_taxes_fails() -> None:
    fields = invoice(
        tax_breakdown=[row("9", "1000.00", "90.00"), row("9", "1900.00", "171.00")],
        taxable_amount="1000.00",
    )

    assert failed_codes(fields) == ["breakdown_adds_up"]


def test_receipts_state_amounts_with_tax() -> None:
    fields = invoice(
        document_type="receipt",
        line_items=[line(amount="11.90", tax_rate="19"), line(amount="10.70", tax_rate="7")],
        tax_breakdown=[row("19", "11.90", "1.90"), row("7", "10.70", "0.70")],
        tax_total="2.60",
        total_amount="22.60",
    )

    assert failed(fields) == []
    assert failed_codes(fields.model_copy(update={"total_amount": fields.tax_total}))


@pytest.mark.parametrize("rates", [("19", "7"), (None, None)])
def test_lines_with_tax_match_a_net_breakdown(rates: tuple[str | None, str | None]) -> None:
    fields = invoice(
        line_items=[
            line(amount="11.90", tax_rate=rates[0]),
            line(amount="10.70", tax_rate=rates[1]),
        ],
        tax_breakdown=[row("19", "10.00", "1.90"), row("7", "10.00", "0.70")],
        subtotal="20.00",
        tax_total="2.60",
        total_amount="22.60",
    )

    assert failed(fields) == []


@pytest.mark.parametrize(
    ("others", "passed"),
    [
        ({"total_amount": "119.01"}, True),
        ({"total_amount": "119.014"}, False),
        ({"total_amount": None}, False),
        ({"total_amount": "119.00", "tax_total": None}, False),
    ],
)
def test_lines_contain_tax_where_they_add_up_to_the_total(
    others: dict[str, Any], passed: bool
) -> None:
    fields = invoice(
        **{
            "currency": "EUR",
            "line_items": [line(amount="119.00", tax_rate="19")],
            "tax_breakdown": [row("19", "100.00", "19.00")],
            "tax_total": "19.00",
        }
        | others
    )

    assert result(lines_match_breakdown(fields))[0] is passed


def test_lines_contain_tax_within_the_rounding_of_their_currency() -> None:
    fields = invoice(
        currency="JPY",
        line_items=[line(amount="1100", tax_rate="10")],
        tax_breakdown=[row("10", "1001", "100")],
        tax_total="100",
        total_amount="1101",
    )

    assert result(lines_match_breakdown(fields))[0]


def test_the_lines_of_a_rate_are_not_compared_where_a_discount_has_no_rate() -> None:
    fields = invoice(**TWO_RATES | {"discount_total": "1.00"})

    assert lines_match_breakdown(fields) is None


def test_the_lines_of_a_rate_are_not_compared_where_a_line_has_no_rate() -> None:
    items = [line(amount="198.00"), line(amount="275.00", tax_rate="7")]

    assert lines_match_breakdown(invoice(**TWO_RATES | {"line_items": items})) is None


@pytest.mark.parametrize("base", ["20.00", "30.00"])
def test_a_net_breakdown_of_lines_with_tax_needs_no_net_total(base: str) -> None:
    fields = invoice(
        line_items=[line(quantity="2", unit_price="11.90", amount="23.80", tax_rate="19")],
        tax_breakdown=[row("19", base, "3.80")],
        tax_total="3.80",
        total_amount="23.80",
    )

    wrong = ["tax_matches_rate", "breakdown_adds_up", "lines_match_breakdown"]
    assert failed_codes(fields) == ([] if base == "20.00" else wrong)


def test_a_discount_on_lines_with_tax_reduces_the_tax_in_them() -> None:
    fields = invoice(
        line_items=[line(amount="119.00", tax_rate="19")],
        discount_total="11.90",
        tax_total="17.10",
        total_amount="107.10",
    )

    assert failed_codes(fields) == []
    assert failed_codes(fields.model_copy(update={"tax_total": Decimal("17.20")})) != []


@pytest.mark.parametrize(
    ("tax", "passed"), [("37.62", True), ("37.63", True), ("37.65", False), ("31.61", True)]
)
def test_without_a_breakdown_the_tax_follows_from_the_lines_rates(tax: str, passed: bool) -> None:
    items = [line(amount="98.00", tax_rate="19"), line(amount="100.00", tax_rate="19")]
    fields = invoice(line_items=items, tax_total=tax)

    assert result(tax_matches_lines(fields)) == (passed, ["tax_total", "line_items"])


def test_a_discount_reduces_the_tax_of_lines_of_one_rate() -> None:
    items = [line(amount="60.00", tax_rate="10"), line(amount="50.00", tax_rate="10")]
    fields = invoice(line_items=items, discount_total="10.00", tax_total="10.00")

    assert result(tax_matches_lines(fields))[0]
    items[1]["tax_rate"] = "20"
    assert tax_matches_lines(invoice(line_items=items, discount_total="10", tax_total="1")) is None


@pytest.mark.parametrize(
    "check", [tax_adds_up, tax_matches_rate, breakdown_adds_up, line_rates, tax_matches_lines]
)
def test_what_is_absent_is_not_compared(check: Any) -> None:
    assert check(invoice(tax_breakdown=[row(None, None, None)], tax_total="1.00")) is None


def test_long_hostile_lists_take_no_more_than_linear_time() -> None:
    def seconds(length: int) -> float:
        rows = [row(str(rate), "1.00", "1.00") for rate in range(1, length)]
        items = [line(quantity="3", unit_price="5.00", amount="1.00")] * length
        items += [line(tax_rate="0.5", amount="1.00")] * length
        fields = invoice(tax_breakdown=rows, line_items=items, subtotal="1", total_amount="2")
        start = time.process_time()
        assert "line_rates" in failed_codes(fields)
        return time.process_time() - start

    # Four times as much takes four times as long; quadratic time would be sixteen times.
    assert min(seconds(2000) for _ in range(3)) < 10 * min(seconds(500) for _ in range(3))
