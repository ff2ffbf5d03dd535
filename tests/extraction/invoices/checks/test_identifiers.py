import pytest
from hypothesis import given
from hypothesis import strategies as st

from extraction.invoices.checks.identifiers import (
    iban_check_digits,
    is_made_up,
    tax_id_check_digits,
)
from extraction.invoices.schema import Check
from tests.extraction.invoices.made import failed, failed_codes, invoice

DE = "DE89 3704 0044 0532 0130 00"


@pytest.mark.parametrize(
    "number", [DE, DE.replace(" ", ""), f"IBAN {DE}", "NO93 8601 1117 947", "NL50INGB0683251309"]
)
def test_a_right_iban_passes(number: str) -> None:
    check = iban_check_digits(invoice(iban=number))

    assert check is not None
    assert check.passed


def test_every_wrong_digit_of_an_iban_fails() -> None:
    for at, digit in enumerate(DE):
        for other in "0123456789" if digit.isdecimal() else "":
            if other != digit:
                assert failed_codes(invoice(iban=DE[:at] + other + DE[at + 1 :])) == [
                    "iban_check_digits"
                ]


def test_a_shortened_iban_fails() -> None:
    assert failed_codes(invoice(iban=DE[:-2])) == ["iban_check_digits"]


@pytest.mark.parametrize(
    "number", ["DE75123456780000001234", "NL23ABNA0123456789", "DE12341234123412341234"]
)
def test_the_iban_of_a_sample_is_not_judged(number: str) -> None:
    assert is_made_up(number)
    assert iban_check_digits(invoice(iban=number)) is None


@pytest.mark.parametrize("number", [None, "IBAN", "IBAN32423940", "US12 3455", "80-32-1", "·"])
def test_an_account_of_another_kind_is_not_judged(number: str | None) -> None:
    assert iban_check_digits(invoice(iban=number)) is None


@pytest.mark.parametrize(
    "tax_id",
    [
        "DE136695976",
        "DE 136 695 976",
        "ATU33864707",
        "FR11999999998",
        "GB 980 7806 84",
        "CHE-107.787.577 MWST",
        "NO 995 525 828 MVA",
        "27AAPFU0939F1ZV",
        "EL 094259216",
    ],
)
def test_a_right_tax_id_passes(tax_id: str) -> None:
    fields = invoice(supplier={"name": None, "tax_id": tax_id})

    check = tax_id_check_digits(fields)
    assert check is not None
    assert check.passed


@pytest.mark.parametrize("tax_id", ["DE123456789", "GB1232434", "27AAPFU0939F1ZU", "DE13669597"])
def test_a_wrong_tax_id_is_an_advice_and_no_reason_for_review(tax_id: str) -> None:
    fields = invoice(customer={"name": None, "tax_id": tax_id})

    country = "IN" if tax_id.startswith("27") else tax_id[:2]
    assert tax_id_check_digits(fields) == Check(
        code="tax_id_check_digits",
        passed=False,
        expected=f"an id of {country}",
        actual=tax_id,
        paths=["customer.tax_id"],
    )
    assert failed(fields) == []


@pytest.mark.parametrize("tax_id", [None, "201/113/40209", "5133081508159", "INVOICE", "USt-Id"])
def test_an_id_of_an_unknown_kind_is_not_judged(tax_id: str | None) -> None:
    assert tax_id_check_digits(invoice(supplier={"name": None, "tax_id": tax_id})) is None


@given(
    st.text(min_size=1, max_size=40).map(str.strip).filter(bool), st.sampled_from(["", "DE", "CH"])
)
def test_any_text_is_judged_without_an_error(text: str, country: str) -> None:
    party = {"name": None, "tax_id": country + text}
    fields = invoice(iban=country + text, supplier=party)

    iban_check_digits(fields)
    tax_id_check_digits(fields)
