"""Wrong answers are wrong in the one way that they say, and the pipeline flags those it tries."""

import json
from random import Random
from typing import Any

import pytest

from benchmarks.accuracy import tried
from benchmarks.answered_site import collected_once, make_keys, result_of
from benchmarks.known_answers import SAMPLES, complete
from benchmarks.wrong_answers import (
    DAY_AND_MONTH,
    NAME,
    NOTHING,
    NULL,
    OF_ALL,
    OF_PARTS,
    OF_VALUES,
    OTHER,
    WrongAnswer,
    wrong_answers,
)
from extraction.evidence.values import values_of
from extraction.invoices.schema import InvoiceFields
from tests.emulator.server import Emulator

ACME, GLOBEX = "acme-invoice.pdf", "globex-3-pages.pdf"
# Of each sample so many wrong answers are tried through the pipeline: all of them take minutes.
TRIED = 12
# What is missed when it is left out. Of other values nobody can tell that the document has one.
REQUIRED = {
    *("invoice_number", "invoice_date", "due_date", "currency", "supplier.name"),
    *("tax_total", "total_amount"),
}


def answer_of(name: str) -> dict[str, Any]:
    return complete(json.loads((SAMPLES / "answers" / f"{name}.json").read_text("utf-8")))


def wrong_answers_of(name: str, other: str) -> list[WrongAnswer]:
    return list(wrong_answers(answer_of(name), [answer_of(other)], Random(name)))


def values(answer: dict[str, Any]) -> dict[str, str]:
    return {path: value for path, _, value in values_of(answer)}


def test_every_kind_is_tried_and_wrong_in_one_way() -> None:
    right = values(answer_of(ACME))
    found = wrong_answers_of(ACME, GLOBEX)

    assert {wrong.kind for wrong in found} == {*OF_VALUES, *OF_PARTS, *OF_ALL} - {DAY_AND_MONTH}
    for wrong in found:
        InvoiceFields.model_validate(wrong.answer)
        if wrong.kind in OF_VALUES:
            said = values(wrong.answer)
            assert {path: value for path, value in said.items() if path != wrong.path} == {
                path: value for path, value in right.items() if path != wrong.path
            }
            assert said.get(wrong.path) == wrong.wrong != right[wrong.path]
        else:
            assert values(wrong.answer) != right


def test_every_key_value_of_the_header_is_tried() -> None:
    fields = {wrong.field for wrong in wrong_answers_of(ACME, GLOBEX) if wrong.kind == NULL}

    assert fields == {
        *("invoice_number", "invoice_date", "due_date", "currency", "supplier.name"),
        *("supplier.tax_id", "customer.name", "customer.tax_id", "subtotal", "taxable_amount"),
        *("tax_total", "total_amount", "line_items[].amount"),
        *("tax_breakdown[].taxable_amount", "tax_breakdown[].tax_amount"),
    }


def test_the_same_wrong_answers_come_again() -> None:
    assert wrong_answers_of(ACME, GLOBEX) == wrong_answers_of(ACME, GLOBEX)


def test_day_and_month_are_exchanged_where_that_is_another_date() -> None:
    answer = complete({"invoice_date": "2026-03-09", "due_date": "2026-03-23"})
    found = wrong_answers(answer, [], Random(1))

    exchanged = [(wrong.path, wrong.wrong) for wrong in found if wrong.kind == DAY_AND_MONTH]

    assert exchanged == [("invoice_date", "2026-09-03")]


def test_zero_is_not_tried_as_null() -> None:
    answer = complete({"tax_total": "0.00", "total_amount": "12.5000"})
    found = [wrong for wrong in wrong_answers(answer, [], Random(1)) if wrong.kind in OF_VALUES]

    assert [(wrong.path, wrong.kind) for wrong in found] == [
        ("tax_total", "one digit"),
        ("total_amount", "null"),
        ("total_amount", "one digit"),
    ]
    assert len(found[-1].wrong or "") == len("12.50")


def test_a_reason_that_the_right_answer_has_too_does_not_count() -> None:
    answer = answer_of(ACME)
    [wrong] = [
        wrong
        for wrong in wrong_answers_of(ACME, GLOBEX)
        if (wrong.kind, wrong.path) == (NAME, "customer.name")
    ]

    def flagged(path: str, code: str) -> tuple[bool, bool]:
        known = [{"path": "due_date", "code": "absent", "text": ""}]
        reasons = [*known, {"path": path, "code": code, "text": ""}]
        one = tried(wrong, answer, known, {"needs_review": True, "reasons": reasons})
        return one.flagged, one.named

    assert flagged("due_date", "absent") == (False, False)
    assert flagged("due_date", "not_printed") == (True, False)
    assert flagged("customer.name", "not_printed") == (True, True)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("name", "other"), [(ACME, GLOBEX), (GLOBEX, ACME)])
def test_right_answers_pass_and_wrong_ones_are_flagged(
    name: str, other: str, emulator: Emulator
) -> None:
    make_keys()
    content, answer = (SAMPLES / name).read_bytes(), answer_of(name)
    candidates = [
        wrong
        for wrong in wrong_answers_of(name, other)
        if wrong.kind != NULL or wrong.path in REQUIRED
    ]
    chosen = Random(name).sample(candidates, TRIED)
    chosen += [wrong for wrong in candidates if wrong.kind in (OTHER, NOTHING)]

    with collected_once():
        right = result_of(content, name, answer, emulator)
        missed = [
            (wrong.kind, wrong.path, wrong.wrong)
            for wrong in chosen
            if not tried(
                wrong,
                answer,
                right["reasons"],
                result_of(content, name, wrong.answer, emulator),
            ).flagged
        ]

    assert (right["needs_review"], right["reasons"]) == (False, [])
    assert missed == []
