"""Corrections as people read them."""

from typing import Any

import pytest
from django.utils import translation

from extraction.models import Correction
from extraction.review.history import told
from tests.extraction.sample_invoices import LINE

ROW = LINE.model_dump(mode="json")


@pytest.mark.parametrize(
    ("path", "old", "new", "shown"),
    [
        ("total_amount", "120", "119.00", ("Total amount", "120", "119.00")),
        ("due_date", None, "2026-01-02", ("Due date", "–", "2026-01-02")),
        ("payment_terms", "", None, ("Payment terms", "–", "–")),
        ("supplier.tax_id", "DE1", "DE2", ("Supplier, Tax ID", "DE1", "DE2")),
        ("customer.name", "A", None, ("Customer, Name", "A", "–")),
        ("line_items.3.amount", "1", "2", ("Lines, row 4, Amount", "1", "2")),
        ("line_items", [0, 1, 2], [2, 0, 1], ("Lines", "1, 2, 3", "3, 1, 2")),
        ("tax_breakdown", [], [0], ("Tax", "–", "1")),
        ("line_items.0", dict.fromkeys(ROW), None, ("Lines, row 1", "–", "–")),
        (
            "line_items.2",
            None,
            {"description": "Bolt", "unit": None, "amount": "3.00"},
            ("Lines, row 3", "–", "Bolt, 3.00"),
        ),
    ],
)
def test_correction_is_told_by_names_and_values(
    path: str, old: Any, new: Any, shown: tuple[str, str, str]
) -> None:
    found = told(Correction(path=path, old_value=old, new_value=new))

    assert (found.name, found.before, found.after) == shown
    assert not found.is_confirmed


def test_confirmed_value_is_told_as_such() -> None:
    assert told(Correction(path="total_amount", old_value="1", new_value="1")).is_confirmed


def test_correction_speaks_the_readers_language() -> None:
    with translation.override("de"):
        found = told(Correction(path="line_items.3.amount", old_value="1", new_value="2"))

    assert found.name == "Positionen, Zeile 4, Betrag"
