"""A real answer to a photographed receipt: two amounts are wrong and the sum is right."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from benchmarks.answered_site import make_keys, result_of
from benchmarks.known_answers import receipt_answer
from tests.emulator.server import Emulator
from tests.shared_files import SHARED, needs_shared

pytestmark = [
    needs_shared,
    pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed"),
    pytest.mark.django_db(transaction=True),
]

RECORDED = (SHARED or Path()) / "recorded"
PHOTO = "receipt-photo.jpeg"
# Of 23 right key values so many may be flagged: tesseract reads little of this small photo.
MOST_ALARMS = 8


def recorded(name: str) -> dict[str, Any]:
    said = json.loads((RECORDED / f"receipt-photo.{name}.json").read_text("utf-8"))
    return receipt_answer(said.get("answer", said))


def reasons_of(answer: dict[str, Any], emulator: Emulator) -> dict[str, str]:
    """The reasons of the receipt's result for an answer of the model, by path."""
    make_keys()
    result = result_of((RECORDED / PHOTO).read_bytes(), PHOTO, answer, emulator)
    return {reason["path"]: reason["text"] for reason in result["reasons"]}


def test_both_wrong_amounts_are_named(emulator: Emulator) -> None:
    reasons = reasons_of(recorded("gemini"), emulator)

    assert "2.95" in reasons["line_items.10.amount"]
    assert "7.89" in reasons["line_items.11.amount"]


def test_most_of_what_is_printed_is_not_flagged(emulator: Emulator) -> None:
    answer = recorded("label")
    assert [answer["line_items"][index]["amount"] for index in (10, 11)] == ["2.99", "7.85"]

    reasons = reasons_of(answer, emulator)

    assert len(reasons) <= MOST_ALARMS
    assert "supplier.name" not in reasons
