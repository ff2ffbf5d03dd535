"""Nothing in an answer is trusted: neither its size nor its encoding, texts or numbers."""

import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from google.genai import errors as sdk
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st

from extraction.documents.document import Document
from extraction.readers.base import Billing, Failure, ReadingError
from extraction.readers.gemini import answers, errors, reader
from extraction.readers.gemini.errors import LONGEST_WAIT
from tests.emulator import Emulator
from tests.emulator.server import gzip_bomb
from tests.extraction.readers.gemini.reading import CANARY, failure, read

# Bytes that reading the largest answers may take at most.
MEMORY = 100 * 2**20

texts = st.text(st.characters() | st.sampled_from("\0\ud800\udfff"), max_size=20)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**62, -(2**62), 10**30, -1])
    | st.floats()
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
DETAIL = st.fixed_dictionaries(
    {},
    optional={
        "reason": values,
        "violations": st.lists(st.fixed_dictionaries({"quotaId": values}) | values, max_size=2),
        "retryDelay": st.sampled_from(["315576000000s", "1e400s", "-1s", "nan", "s"]) | values,
    },
)
ERROR = st.fixed_dictionaries(
    {},
    optional={
        "message": values,
        "status": values,
        "code": values,
        "details": st.lists(DETAIL | values, max_size=3) | values,
    },
)
COUNTS = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "totalTokenCount")


@given(
    status=st.sampled_from([400, 401, 403, 404, 408, 413, 429, 500, 503]),
    body=st.fixed_dictionaries({"error": ERROR | values}) | ERROR | values,
    retry_after=st.sampled_from(["1", "1e300", "-5", "nan", "Fri, 31 Dec 9999 23:59:59 -2359"])
    | st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40),
)
def test_any_error_answer_becomes_an_error_that_can_be_stored_and_costs_nothing(
    status: int, body: Any, retry_after: str
) -> None:
    sent = answers.sane_body(json.dumps(body).encode())
    response = httpx2.Response(status, content=sent, headers={"retry-after": retry_after})
    with pytest.raises(sdk.APIError) as raised:
        sdk.APIError.raise_for_response(response)

    error = errors.failure(raised.value)

    assert error.billing is Billing.NONE
    for text in (error.provider_message, error.provider_code):
        assert "\0" not in text
        text.encode()
    for seconds in (error.retry_after, error.cools_for):
        assert seconds is None or 0 <= seconds <= LONGEST_WAIT
        assert datetime.max - timedelta(seconds=seconds or 0)


@given(metadata=st.dictionaries(st.sampled_from([*COUNTS, "promptTokensDetails"]), values))
def test_any_usage_is_read_as_whole_numbers_or_as_none(metadata: dict[str, Any]) -> None:
    answer = json.loads(answers.sane_body(json.dumps({"usageMetadata": metadata}).encode()))

    usage = reader._usage(
        types.GenerateContentResponseUsageMetadata.model_validate(answer["usageMetadata"])
    )

    prompt, total = metadata.get("promptTokenCount"), metadata.get("totalTokenCount")
    assert (usage is None) == (prompt is None and total is None)
    if usage and isinstance(prompt, int) and not isinstance(prompt, bool):
        assert usage.input_tokens == prompt or abs(prompt) >= 10**39


@pytest.mark.parametrize(
    ("written", "count"),
    [(5, 5), ("5", 5), (5.0, 5), (-5, -5), (True, -1), ("x", -1), (1.5, -1), ([], -1)],
)
def test_count_is_read_as_protobuf_writes_it(written: Any, count: int) -> None:
    answer = {"usageMetadata": {"promptTokenCount": written}}

    sane = json.loads(answers.sane_body(json.dumps(answer).encode()))

    assert sane["usageMetadata"] == {"promptTokenCount": count}


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        (r"\u0000", r"\ufffd"),
        (r"\\u0000", r"\\u0000"),
        (r"\ud83d\ude00", r"\ud83d\ude00"),
        (r"\ud83d \ude00", r"\ufffd \ufffd"),
        (r"\n\"", r"\n\""),
        ("a\0b", "a\ufffdb"),
        ("\ud800", "?"),
    ],
)
def test_strings_inside_a_json_text_are_cleaned(written: str, read_as: str) -> None:
    assert answers.clean_json(written) == read_as


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="measures as Linux does")
@pytest.mark.parametrize("kind", ["gzip_bomb", "huge"])
def test_too_large_an_answer_is_cut_off_while_it_is_read(
    kind: str, document: Document, emulator: Emulator
) -> None:
    gzip_bomb()
    read(document)  # whatever is loaded once
    emulator.faults.add(kind)
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
    before = psutil.Process().memory_info().rss

    error = failure(document)

    assert (error.code, error.failure, error.billing) == (
        "answer_too_large",
        Failure.RETRY,
        Billing.UNKNOWN,
    )
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert peak
    assert int(peak[1]) * 1024 - before < MEMORY


def test_answer_of_nothing_but_brackets_is_too_large() -> None:
    with pytest.raises(answers.AnswerTooLarge):
        answers.sane_body(b"[" + b"[]," * answers.MOST_VALUES + b"[]]")


def test_packed_answer_is_read(document: Document, emulator: Emulator) -> None:
    plain = read(document)
    emulator.faults.add("gzip")

    assert read(document).fields == plain.fields


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": {"message": {"a": 1}, "status": ["x"]}}',
        b'{"error": {"message": "\\ud800 \\u0000"}}',
        b'{"error": {"code": ' + b"9" * 5000 + b"}}",
        b"[" * 100_000,
        b" " * (answers.LARGEST + 1),
        b"\xff\xfe",
    ],
    ids=["types", "surrogate", "number", "nested", "large", "bytes"],
)
def test_error_answer_is_understood_by_its_status_whatever_it_says(
    body: bytes, document: Document, emulator: Emulator
) -> None:
    emulator.faults.add("status", status=503, body=body.decode("latin-1"))

    error = failure(document)

    assert (error.code, error.billing) == ("server_error", Billing.NONE)
    assert CANARY not in error.provider_message
    assert isinstance(error, ReadingError)
