import pytest

from extraction.invoices.checks.sentences import explain, explanations
from extraction.invoices.messages import OF_CHECKS, OF_ROWS
from extraction.invoices.schema import Check
from tests.extraction.invoices.made import failed, invoice, line


def test_a_sum_is_explained_with_both_numbers() -> None:
    (check,) = failed(invoice(line_items=[line(amount="90.00")], total_amount="96.00"))

    assert explain(check) == "The lines add up to 90.00, but the total says 96.00."
    assert explanations(check) == [("total_amount", explain(check))]


def test_each_wrong_line_has_its_own_sentence() -> None:
    wrong = line(quantity="2", unit_price="5.00", amount="11.00")
    (check,) = failed(
        invoice(line_items=[wrong, line(quantity="3", unit_price="5.00", amount="51")])
    )

    first = "Quantity and price of line 1 give 10.00, but its amount says 11.00."
    second = "Quantity and price of line 2 give 15.00, but its amount says 51."
    assert explanations(check) == [
        ("line_items.0.amount", first),
        ("line_items.1.amount", second),
    ]
    assert explain(check) == f"{first} {second}"


@pytest.mark.parametrize("code", [*OF_CHECKS, *OF_ROWS])
def test_every_check_is_explained_in_one_sentence(code: str) -> None:
    check = Check(code=code, passed=False, expected="7", actual="8", paths=["line_items.3.amount"])

    sentence = explain(check)
    assert sentence.endswith(".")
    assert "{" not in sentence
    assert "None" not in sentence


@pytest.mark.parametrize("code", ["line_amounts", "a_former_check"])
def test_a_check_of_another_version_is_named(code: str) -> None:
    check = Check(code=code, passed=False, expected="1; 2", actual="3; 4")

    assert explanations(check) == [("", f"The check {code} failed: 1; 2 expected, 3; 4 read.")]


def test_a_check_that_says_nothing_more_is_named() -> None:
    check = Check(code="a_former_check", passed=False, expected=None, actual=None)

    assert explain(check) == "The check a_former_check failed:  expected,  read."


def test_a_value_with_a_separator_is_explained_as_a_whole() -> None:
    check = Check(
        code="tax_id_check_digits",
        passed=False,
        expected="an id of DE",
        actual="DE1; 2",
        paths=["supplier.tax_id"],
    )

    ((path, sentence),) = explanations(check)
    assert path == "supplier.tax_id"
    assert "DE1; 2" in sentence
    assert not sentence.startswith("The check ")
