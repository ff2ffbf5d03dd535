"""What an invoice lacks, in English for programs and in the language of a page."""

from decimal import Decimal

import pytest
from django.utils.translation import override

from extraction.exports.refusal import ExportRefused, Lack, Problem

WRONG = Problem(
    "line_items.0.amount", Lack.BY_LINES, "BR-S-08", Decimal("-1234.50"), Decimal("2.00")
)


@pytest.mark.parametrize("lack", Lack)
def test_everything_that_may_be_the_matter_has_german_words(lack: Lack) -> None:
    problem = Problem("invoice_date", lack, "BR-03", Decimal(1), Decimal(2))

    with override("de"):
        told = problem.told()

    name, _, words = told.partition(": ")
    assert name == "Rechnungsdatum"
    assert words not in ("", str(problem).removeprefix("invoice_date "))


def test_amounts_are_written_as_in_german() -> None:
    with override("de"):
        assert WRONG.told() == (
            "Betrag in Zeile 1: ist -1.234,50 und müsste nach den Zeilen 2,00 sein (BR-S-08)"
        )


def test_programs_are_told_in_english_in_every_language() -> None:
    with override("de"):
        refusal = ExportRefused([WRONG, Problem("line_items", Lack.ALL_MISSING, "BR-16")])

    assert str(WRONG) == (
        "line_items.0.amount is -1234.50 and should be 2.00 by the lines (BR-S-08)"
    )
    assert refusal.detail == (
        f"The invoice lacks what EN 16931 demands of an e-invoice: {WRONG}; line_items are missing "
        "(BR-16)."
    )
