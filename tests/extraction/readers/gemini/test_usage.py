"""The bill is what the provider says, also where its parts do not add up."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from google.genai import types

from extraction.readers.gemini.answers import sane_body
from extraction.readers.gemini.reader import _usage
from extraction.readers.registry import OUTPUT_BASE, OUTPUT_PER_PAGE
from tests.shared_files import SHARED, needs_shared
from tokens.usage import Usage

# LLM tokens of an inline PDF page, as these calls were made.
TOKENS_OF_A_PAGE = 532


def usage_of(metadata: dict[str, Any]) -> Usage | None:
    """What is booked for a usageMetadata, on the way that an answer takes."""
    answer = json.loads(sane_body(json.dumps({"usageMetadata": metadata}).encode()))
    return _usage(
        types.GenerateContentResponseUsageMetadata.model_validate(answer["usageMetadata"])
    )


def recorded() -> list[dict[str, Any]]:
    """Real bills of gemini-3.5-flash."""
    path = (SHARED or Path()) / "recorded" / "gemini-usages.json"
    calls: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
    return [call["usageMetadata"] for call in calls]


@needs_shared
def test_recorded_bills_are_booked_to_the_token(caplog: pytest.LogCaptureFixture) -> None:
    bills = recorded()
    assert len(bills) == 50

    for bill in bills:
        usage = usage_of(bill)
        assert usage is not None
        assert usage.total == bill["totalTokenCount"]
        assert usage.input_tokens == bill["promptTokenCount"]
        assert usage.output_tokens == bill["candidatesTokenCount"]
        assert usage.thinking_tokens == bill["thoughtsTokenCount"]
        assert usage.text_prompt_tokens + usage.image_prompt_tokens == usage.input_tokens
    assert caplog.records == []


@needs_shared
def test_output_budget_is_enough_for_every_recorded_call() -> None:
    for bill in recorded():
        details = {entry["modality"]: entry["tokenCount"] for entry in bill["promptTokensDetails"]}
        pages = max(1, details.get("IMAGE", 0) // TOKENS_OF_A_PAGE)
        output = bill["candidatesTokenCount"] + bill["thoughtsTokenCount"]
        assert output <= OUTPUT_BASE + OUTPUT_PER_PAGE * pages


PARTS = {"promptTokenCount": 3000, "candidatesTokenCount": 400, "thoughtsTokenCount": 50}


@pytest.mark.parametrize(
    ("changed", "total", "thinking"),
    [
        ({"candidatesTokenCount": None, "totalTokenCount": 3450}, 3450, 450),
        ({"thoughtsTokenCount": None, "totalTokenCount": 9450}, 9450, 6050),
        ({"promptTokenCount": None, "totalTokenCount": 3450}, 3450, 3050),
        ({**dict.fromkeys(PARTS), "totalTokenCount": 3450}, 3450, 3450),
        ({"totalTokenCount": "3451"}, 3451, 51),
    ],
)
def test_total_above_its_parts_rules_and_the_rest_is_booked_as_thinking_and_told(
    changed: dict[str, Any], total: int, thinking: int, caplog: pytest.LogCaptureFixture
) -> None:
    usage = usage_of({**PARTS, **changed})

    assert usage is not None
    assert (usage.total, usage.thinking_tokens) == (total, thinking)
    [told] = caplog.records
    assert told.levelno == logging.WARNING
    assert "booked as thinking" in told.getMessage()


@pytest.mark.parametrize("total", [None, 0, 3449, 3450, -7, "many"])
def test_parts_above_the_total_rule(total: object, caplog: pytest.LogCaptureFixture) -> None:
    usage = usage_of({**PARTS, "totalTokenCount": total})

    assert usage is not None
    assert (usage.total, usage.thinking_tokens) == (3450, 50)
    assert caplog.records == []


def test_tokens_of_tools_are_part_of_the_sum(caplog: pytest.LogCaptureFixture) -> None:
    usage = usage_of({**PARTS, "toolUsePromptTokenCount": 10, "totalTokenCount": 3460})

    assert usage is not None
    assert (usage.total, usage.input_tokens) == (3460, 3010)
    assert caplog.records == []


def test_garbled_count_is_not_hidden_by_the_total() -> None:
    usage = usage_of({**PARTS, "candidatesTokenCount": "x", "totalTokenCount": 3450})

    assert usage is not None
    assert usage.output_tokens < 0


def test_bill_that_states_nothing_is_unknown() -> None:
    assert usage_of({"candidatesTokenCount": 400}) is None
    assert _usage(None) is None
