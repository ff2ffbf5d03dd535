"""Reported answers of models, and others of their kinds."""

import json
from typing import Any

import pytest

from extraction.invoices.schema import Check, InvoiceFields
from tests.extraction.invoices.made import failed, failed_codes, invoice, line
from tests.shared_files import SHARED, needs_shared


def reported(name: str) -> InvoiceFields:
    """Return the answer of a shared report."""
    assert SHARED is not None
    report = json.loads((SHARED / "reports" / f"{name}.model.json").read_text("utf-8"))
    text = report["responses"][0]["body"]["candidates"][0]["content"]["parts"][0]["text"]
    return InvoiceFields.model_validate_json(text)


@needs_shared
def test_a_total_that_the_lines_of_a_bill_without_tax_contradict_fails_alone() -> None:
    assert failed(reported("04_model_total_vs_lines_without_tax")) == [
        Check(
            code="lines_match_total",
            passed=False,
            expected="90.00",
            actual="96.00",
            paths=["total_amount", "line_items"],
        )
    ]


@needs_shared
def test_an_invoice_without_a_total_contradicts_nothing() -> None:
    assert failed(reported("05_model_total_missing")) == []


@needs_shared
def test_an_invoice_of_a_negative_total_is_a_contradiction() -> None:
    assert failed_codes(reported("07_model_negative_total_as_invoice")) == ["sign_matches_type"]


@needs_shared
@pytest.mark.parametrize("name", ["52_model_jpy_tax_rounded_down", "54_model_irpf_withholding"])
def test_tax_rounded_down_and_tax_withheld_are_no_contradictions(name: str) -> None:
    assert failed(reported(name)) == []


BILL: dict[str, Any] = {
    "currency": "EUR",
    "line_items": [
        line(quantity="1", unit_price="40.00", amount="40.00"),
        line(quantity="2", unit_price="25.00", amount="50.00"),
    ],
}


@pytest.mark.parametrize(
    "others",
    [
        {"total_amount": "90.00"},
        {"total_amount": "90.00", "amount_due": "0.00"},
        {"total_amount": "95.00", "charge_total": "5.00"},
        {"total_amount": "80.00", "discount_total": "10.00"},
        {"total_amount": "80.00", "discount_total": "-10.00"},
        {"total_amount": "108.90", "tax_total": "18.90"},
        {"total_amount": "90.00", "tax_total": "15.62"},  # 21 % contained
        {
            "total_amount": "90.00",
            "tax_total": "15.62",
            "tax_breakdown": [{"rate": "21", "taxable_amount": "74.38", "tax_amount": "15.62"}],
        },
        {"total_amount": "90.05", "rounding_amount": "0.05"},
        {"total_amount": "90.00", "prepaid_amount": "60.00", "amount_due": "30.00"},
    ],
)
def test_the_total_follows_from_lines_alone(others: dict[str, Any]) -> None:
    assert failed(invoice(**BILL | others)) == []


@pytest.mark.parametrize(
    ("others", "codes"),
    [
        ({"total_amount": "96.00"}, ["lines_match_total"]),
        ({"total_amount": "10.00"}, ["lines_match_total"]),
        ({"total_amount": "90.02"}, ["lines_match_total"]),
        ({"total_amount": "96.00", "charge_total": "5.00"}, ["lines_match_total"]),
        ({"total_amount": "90.00", "discount_total": "10.00"}, ["lines_match_total"]),
        ({"total_amount": "102.90", "tax_total": "18.90"}, ["lines_and_tax_match_total"]),
        # 20 % on top, and the total lost it.
        ({"total_amount": "90.00", "tax_total": "18.00"}, ["lines_and_tax_match_total"]),
        (
            {"total_amount": "96.00", "prepaid_amount": "60.00", "amount_due": "30.00"},
            ["lines_match_total", "amount_due_adds_up"],
        ),
    ],
)
def test_a_wrong_total_of_lines_alone_fails(others: dict[str, Any], codes: list[str]) -> None:
    assert failed_codes(invoice(**BILL | others)) == codes


@pytest.mark.parametrize(
    ("base", "rate", "tax", "total", "currency"),
    [
        ("1239", "10", "123", "1362", "JPY"),  # 123.9 cut
        ("1239", "10", "124", "1363", "JPY"),
        ("1286", "8", "102", "1388", "JPY"),  # 102.88 cut
        ("15555", "10", "1555", "17110", "KRW"),
        ("12.345", "5", "0.617", "12.962", "KWD"),
        ("1001", "27", "270", "1271", "HUF"),  # 270.27 in whole forints
        ("1001.50", "18", "180", "1181.50", "INR"),
        ("1003", "13", "130", "1133", "NPR"),
    ],
)
def test_tax_is_rounded_to_the_units_of_the_currency(
    base: str, rate: str, tax: str, total: str, currency: str
) -> None:
    fields = invoice(
        currency=currency,
        tax_breakdown=[{"rate": rate, "taxable_amount": base, "tax_amount": tax}],
        taxable_amount=base,
        tax_total=tax,
        total_amount=total,
        amount_due=total,
    )

    assert failed(fields) == []


@pytest.mark.parametrize(
    ("tax", "currency"), [("271", "HUF"), ("269", "HUF"), ("270.50", "HUF"), ("270", "EUR")]
)
def test_tax_is_not_rounded_further_than_to_a_whole_unit(tax: str, currency: str) -> None:
    fields = invoice(
        currency=currency,
        tax_breakdown=[{"rate": "27", "taxable_amount": "1001", "tax_amount": tax}],
    )

    assert failed_codes(fields) == ["tax_matches_rate"]


@pytest.mark.parametrize(
    ("tax", "total", "codes"),
    [
        ("133", "1372", ["tax_matches_rate"]),
        ("122", "1361", ["tax_matches_rate"]),
        ("123", "1382", ["total_adds_up", "amount_due_adds_up"]),
    ],
)
def test_wrong_amounts_in_yen_fail(tax: str, total: str, codes: list[str]) -> None:
    fields = invoice(
        currency="JPY",
        tax_breakdown=[{"rate": "10", "taxable_amount": "1239", "tax_amount": tax}],
        taxable_amount="1239",
        tax_total=tax,
        total_amount=total,
        amount_due=str(1239 + int(tax)),
    )

    assert failed_codes(fields) == codes


FEE: dict[str, Any] = {
    "currency": "EUR",
    "line_items": [line(quantity="1", unit_price="1000.00", tax_rate="21", amount="1000.00")],
    "tax_breakdown": [{"rate": "21", "taxable_amount": "1000.00", "tax_amount": "210.00"}],
    "subtotal": "1000.00",
    "taxable_amount": "1000.00",
    "tax_total": "210.00",
}
WITHHELD = {"rate": "-15", "taxable_amount": "1000.00", "tax_amount": "-150.00"}


@pytest.mark.parametrize(
    "others",
    [
        {"total_amount": "1060.00", "amount_due": "1060.00"},
        {"total_amount": "1140.00", "amount_due": "1140.00"},  # 7 %
        {"total_amount": "1020.00", "amount_due": "1020.00"},  # 19 %, rent
        {"total_amount": "1060.00", "amount_due": "1060.00", "withholding_total": "150.00"},
        {"total_amount": "1060.00", "amount_due": "1060.00", "withholding_total": "-150.00"},
        {"total_amount": "1060.00", "withholding_total": "150.00"},
        {"total_amount": "1210.00", "amount_due": "1060.00", "withholding_total": "150.00"},
        {
            "total_amount": "1210.00",
            "amount_due": "560.00",
            "withholding_total": "150.00",
            "prepaid_amount": "500.00",
        },
        {
            "tax_breakdown": [*FEE["tax_breakdown"], WITHHELD],
            "total_amount": "1060.00",
            "amount_due": "1060.00",
        },
        {
            "tax_breakdown": [*FEE["tax_breakdown"], WITHHELD],
            "tax_total": "60.00",
            "total_amount": "1060.00",
            "amount_due": "1060.00",
        },
        {"tax_breakdown": [], "total_amount": "1060.00", "amount_due": "1060.00"},
    ],
)
def test_tax_that_is_withheld_may_be_deducted_from_the_total(others: dict[str, Any]) -> None:
    assert failed(invoice(**FEE | others)) == []


@pytest.mark.parametrize(
    "others",
    [
        {"total_amount": "1060.00"},  # nothing else says so
        {"total_amount": "1060.00", "amount_due": "1210.00"},
        {"total_amount": "1070.00", "amount_due": "1070.00"},
        {"total_amount": "1060.00", "amount_due": "1060.00", "withholding_total": "160.00"},
        {"total_amount": "1210.00", "amount_due": "1060.00"},
        {"total_amount": "1060.00", "amount_due": "1060.00", "currency": "USD"},
        # 1.5 % is withheld nowhere in the euro, and the tax is not what the rate gives.
        {"total_amount": "1195.00", "amount_due": "1195.00"},
        {"total_amount": "1210.00", "amount_due": "1210.00", "tax_total": "220.00"},
    ],
)
def test_a_total_that_no_withholding_explains_fails(others: dict[str, Any]) -> None:
    assert failed_codes(invoice(**FEE | others))


def test_a_fee_of_italy_is_withheld_from_the_fee_without_the_fund() -> None:
    fields = invoice(
        currency="EUR",
        line_items=[line(amount="1000.00", tax_rate="22")],
        tax_breakdown=[{"rate": "22", "taxable_amount": "1040.00", "tax_amount": "228.80"}],
        subtotal="1000.00",
        charge_total="40.00",
        taxable_amount="1040.00",
        tax_total="228.80",
        withholding_total="200.00",
        total_amount="1268.80",
        amount_due="1068.80",
    )

    assert failed(fields) == []


@pytest.mark.parametrize(
    ("document_type", "sign", "codes"),
    [
        ("invoice", "-", ["sign_matches_type"]),
        ("invoice", "", []),
        ("credit_note", "-", []),
        ("credit_note", "", []),
        ("receipt", "-", []),
    ],
)
def test_only_an_invoice_has_no_negative_total(
    document_type: str, sign: str, codes: list[str]
) -> None:
    fields = invoice(
        document_type=document_type,
        line_items=[line(quantity=f"{sign}2", unit_price="50.00", amount=f"{sign}100.00")],
        subtotal=f"{sign}100.00",
        tax_total=f"{sign}20.00",
        total_amount=f"{sign}120.00",
        amount_due=f"{sign}120.00",
    )

    assert failed_codes(fields) == codes
