"""What is asked of Gemini, what it costs, and what a good answer becomes."""

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import pytest

from extraction.documents.document import Document
from extraction.invoices.schema import InvoiceFields
from extraction.models import PromptCost
from extraction.readers.base import (
    Billing,
    Failure,
    RequestCost,
)
from extraction.readers.gemini import prompt_cost
from extraction.readers.gemini import reader as gemini
from extraction.readers.gemini.reader import GeminiReader
from tests.emulator import Emulator
from tests.extraction.readers.gemini.reading import (
    CANARY,
    MODEL,
    billed,
    failure,
    make_document,
    read,
)
from tests.extraction.readers.gemini.response_schema import response_schema
from tokens.usage import NO_USAGE

# Prompt and schema


def test_the_schema_file_is_what_the_canonical_invoice_generates() -> None:
    assert response_schema() == gemini.SCHEMA


def test_the_short_schema_says_of_every_value_what_pydantic_says() -> None:
    full, short = InvoiceFields.model_json_schema(), gemini.SCHEMA

    for name in ("", *full["$defs"]):
        expected, got = ((schema["$defs"][name] if name else schema) for schema in (full, short))
        assert list(got["properties"]) == list(expected["properties"])
        for key in ("required", "type", "additionalProperties", "description"):
            assert got.get(key) == expected.get(key)
        for field, value in expected["properties"].items():
            assert values_of(got["properties"][field]) == values_of(value)
    assert len(json.dumps(short)) < len(json.dumps(full)) / 2


def values_of(schema: dict[str, Any]) -> tuple[object, ...]:
    """What a schema allows and says: types with formats, entries, choices, description."""
    options = schema.get("anyOf", [schema])
    types = [option.get("type") for option in options]
    return (
        set(types[0] if isinstance(types[0], list) else types),
        [option["format"] for option in options if "format" in option],
        schema.get("items"),
        schema.get("$ref"),
        schema.get("enum"),
        schema.get("description"),
    )


# What a request costs

TEXT_BYTES = len(gemini.PROMPT.encode()) + len(json.dumps(gemini.SCHEMA))
# As the emulator counts: a token for four bytes.
COUNTED = math.ceil(TEXT_BYTES / 4)
BYTE_BOUND = RequestCost(most=TEXT_BYTES + 2 * 1120, smallest=1120)
COUNTED_COST = RequestCost(
    most=COUNTED + gemini.PROMPT_MARGIN + 2 * 1120, smallest=COUNTED + gemini.PROMPT_MARGIN + 1120
)


def request_cost(document: Document, key: str = CANARY, model: str = MODEL) -> RequestCost:
    return GeminiReader().request_cost(document, api_key=key, model=model)


@pytest.mark.django_db
def test_prompt_is_counted_once_for_each_model_and_kept_in_the_database(
    document: Document, emulator: Emulator
) -> None:
    costs = [request_cost(document), request_cost(document)]
    prompt_cost.forget()
    costs.append(request_cost(document))

    assert costs == [COUNTED_COST] * 3
    assert len(emulator.counts.calls) == 1
    assert str(PromptCost.objects.get()) == f"{MODEL}: {COUNTED} tokens"
    request_cost(document, model="gemini-other")
    assert [call.model for call in emulator.counts.calls] == [MODEL, "gemini-other"]


@pytest.mark.django_db
def test_prompt_that_changes_is_counted_anew(
    document: Document, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    request_cost(document)
    monkeypatch.setattr(gemini, "PROMPT_VERSION", "next")

    request_cost(document)

    assert len(emulator.counts.calls) == 2


@pytest.mark.django_db
def test_request_cost_is_never_below_the_bill(document: Document, emulator: Emulator) -> None:
    read(document)

    assert emulator.calls[0].bill is not None
    bill = emulator.calls[0].bill
    assert bill.text + bill.images == COUNTED_COST.most - gemini.PROMPT_MARGIN
    assert bill.text + bill.images <= request_cost(document).most


@pytest.mark.django_db
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "internal"},
        {"kind": "key_invalid"},
        {"kind": "status", "status": 200, "body": "{}"},
        {"kind": "status", "status": 200, "body": "<html>"},
    ],
    ids=lambda fault: str(fault.get("body", fault["kind"])),
)
def test_prompt_that_cannot_be_counted_costs_a_token_for_each_byte(
    fault: dict[str, Any],
    document: Document,
    emulator: Emulator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    emulator.faults.add(**fault, method="countTokens")

    assert request_cost(document) == BYTE_BOUND
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert CANARY not in caplog.text


@pytest.mark.django_db
def test_prompt_that_is_not_counted_in_time_costs_a_token_for_each_byte(
    document: Document, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gemini, "COUNT_TIMEOUT_SECONDS", 0.2)
    emulator.faults.add("internal", method="countTokens", delay=20)

    assert request_cost(document) == BYTE_BOUND


@pytest.mark.django_db
def test_prompt_that_could_not_be_counted_is_asked_for_again_after_a_minute(
    document: Document, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.faults.add("internal", method="countTokens")
    request_cost(document)
    emulator.faults.clear()

    assert request_cost(document) == BYTE_BOUND
    monkeypatch.setattr(prompt_cost, "ASK_AGAIN_SECONDS", 0.0)
    assert request_cost(document) == COUNTED_COST
    assert len(emulator.counts.calls) == 2


@pytest.mark.django_db
def test_count_above_a_token_for_each_byte_is_not_believed(document: Document) -> None:
    PromptCost.objects.create(
        model=MODEL, prompt_version=gemini.PROMPT_VERSION, tokens=10 * TEXT_BYTES
    )

    assert request_cost(document).most == BYTE_BOUND.most


@pytest.mark.django_db
def test_key_that_no_header_can_carry_is_not_asked_with(
    document: Document, emulator: Emulator
) -> None:
    assert request_cost(document, key="") == BYTE_BOUND
    assert emulator.counts.calls == ()


# A good answer


def test_read_returns_the_answer_as_fields(document: Document, emulator: Emulator) -> None:
    first_page = document.pages[0].path.read_bytes()
    answer = {
        **null_answer(),
        "invoice_number": "0042",
        "invoice_date": "2026-02-01",
        "subtotal": "9.50",
        "total_amount": "10.000",
    }
    emulator.answers.add(answer, hashlib.sha256(first_page).hexdigest())

    reading = read(document)

    assert reading.fields == InvoiceFields.model_validate_json(json.dumps(answer))
    assert format(reading.fields.total_amount or 0, "f") == "10.000"
    assert reading.model == "gemini-3.8-flash-001"
    assert (reading.needs_review, reading.warnings, reading.reasons) == (False, (), ())


def test_answer_that_had_to_be_guessed_needs_review_and_says_where(
    document: Document, emulator: Emulator
) -> None:
    emulator.answers.add({**null_answer(), "total_amount": "10.000"})

    reading = read(document)

    assert format(reading.fields.total_amount or 0, "f") == "10.000"
    assert reading.needs_review
    assert reading.warnings == ('Total: "10.000" was read as 10.000; it may mean 10000.',)
    assert [(reason.path, reason.code) for reason in reading.reasons] == [
        ("total_amount", "ambiguous_number")
    ]


def test_answer_with_an_unknown_field_is_read_without_it(
    document: Document, emulator: Emulator
) -> None:
    emulator.faults.add("unknown_field")

    reading = read(document)

    assert "surprise" not in reading.fields.model_dump()
    assert (reading.needs_review, reading.warnings) == (False, ())


def test_correction_names_what_is_wrong_and_repeats_nothing_of_the_answer(
    document: Document, emulator: Emulator
) -> None:
    emulator.answers.add({"document_type": "SECRET", "total_amount": "SECRET"})

    error = failure(document)

    assert "document_type (not one of the values allowed)" in error.correction
    assert "total_amount (not a number)" in error.correction
    assert "SECRET" not in error.correction


LINE = {
    "description": "Copy paper A4, 80 g, box of 5",
    "item_code": "PAP-A4-80",
    "hs_code": "4802.56",
    "serial_number": "12",
    "quantity": "24",
    "unit": "box",
    "unit_price": "18.50",
    "tax_rate": "20",
    "amount": "444.00",
}


def test_line_costs_at_most_60_tokens_of_output_when_absent_keys_are_left_out(
    document: Document, emulator: Emulator
) -> None:
    costs = []
    first_page = hashlib.sha256(document.pages[0].path.read_bytes()).hexdigest()
    for lines in (0, 40):
        emulator.answers.add({**null_answer(), "line_items": [LINE] * lines}, first_page)
        reading = read(document)
        assert len(reading.fields.line_items) == lines
        costs.append(reading.usage.output_tokens)

    assert costs[1] - costs[0] <= 40 * 60


def null_answer() -> dict[str, object]:
    party = {"name": None, "tax_id": None, "address": None}
    return {
        **dict.fromkeys(InvoiceFields.model_fields),
        "document_type": "invoice",
        "supplier": party,
        "customer": party,
        "line_items": [],
        "tax_breakdown": [],
        "payment_discounts": [],
    }


def test_usage_equals_the_emulators_bill(document: Document, emulator: Emulator) -> None:
    reading = read(document)

    assert [reading.usage] == billed(emulator)
    assert reading.billing is Billing.KNOWN
    assert reading.usage.image_prompt_tokens == 2 * gemini.IMAGE_TOKENS
    assert emulator.calls[0].usage is not None
    assert reading.usage.total == emulator.calls[0].usage["totalTokenCount"]


def test_usage_is_within_the_reserve_when_the_whole_budget_is_used(
    document: Document, emulator: Emulator
) -> None:
    emulator.use_whole_budget = True

    usage = read(document, budget=2000).usage

    assert usage.output_tokens + usage.thinking_tokens == 2000


def test_pages_arrive_unchanged_and_in_order(document: Document, emulator: Emulator) -> None:
    read(document)

    assert [(image.sha256, image.media_type) for image in emulator.calls[0].images] == [
        (hashlib.sha256(page.path.read_bytes()).hexdigest(), "image/jpeg")
        for page in document.pages
    ]


def test_a_blank_page_among_others_is_sent(tmp_path: Path, emulator: Emulator) -> None:
    read(make_document(tmp_path, "red", "white", blank=(2,)))

    assert len(emulator.calls[0].images) == 2


def test_a_document_of_blank_pages_costs_no_call(tmp_path: Path, emulator: Emulator) -> None:
    error = failure(make_document(tmp_path, "white", "white", blank=(1, 2)))

    assert (error.failure, error.code, error.billing) == (Failure.FINAL, "blank", Billing.NONE)
    assert emulator.calls == ()


def test_missing_page_images_cost_no_call(document: Document, emulator: Emulator) -> None:
    document.pages[1].path.unlink()

    error = failure(document)

    assert (error.failure, error.code) == (Failure.RETRY, "pages_missing")
    assert error.billing is Billing.NONE
    assert emulator.calls == ()


def test_a_good_answer_without_usage_is_billed_as_unknown(
    document: Document, emulator: Emulator
) -> None:
    emulator.faults.add("no_usage")

    reading = read(document)

    assert (reading.usage, reading.billing) == (NO_USAGE, Billing.UNKNOWN)
