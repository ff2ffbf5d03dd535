import asyncio
import hashlib
import json
import logging
import math
import os
import pickle
import socket
import ssl
import threading
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import time_machine
from PIL import Image
from pytest_django import Settings

from extraction.documents.document import Document, PageImage
from extraction.invoices.schema import InvoiceFields
from extraction.models import PromptCost
from extraction.readers import reader_for
from extraction.readers.base import Billing, Failure, KeyEffect, Reading, ReadingError, RequestCost
from extraction.readers.gemini import prompt_cost
from extraction.readers.gemini import reader as gemini
from extraction.readers.gemini.reader import GeminiReader
from tests.emulator import Emulator
from tokens.usage import NO_USAGE, Usage

CANARY = "AIzaSy-canary-key-0123456789"
MODEL = "gemini-3.8-flash"
BUDGET = 8192


@pytest.fixture(autouse=True)
def fresh_clients() -> Iterator[None]:
    yield
    gemini._client.cache_clear()


def make_document(folder: Path, *colours: str, blank: tuple[int, ...] = ()) -> Document:
    pages = []
    for number, colour in enumerate(colours, start=1):
        path = folder / f"{number:03}.jpg"
        Image.new("RGB", (60, 80 + number), colour).save(path)
        pages.append(PageImage(number, path, number in blank))
    return Document(folder / "document.pdf", "application/pdf", tuple(pages))


@pytest.fixture
def document(tmp_path: Path) -> Document:
    return make_document(tmp_path, "red", "green")


def read(document: Document, key: str = CANARY, budget: int = BUDGET) -> Reading:
    return GeminiReader().read(document, api_key=key, model=MODEL, output_budget=budget)


def failure(document: Document, key: str = CANARY, budget: int = BUDGET) -> ReadingError:
    with pytest.raises(ReadingError) as caught:
        read(document, key, budget)
    return caught.value


def billed(emulator: Emulator) -> list[Usage]:
    return [
        Usage(
            input_tokens=call.bill.text + call.bill.images,
            output_tokens=call.bill.answer,
            thinking_tokens=call.bill.thinking,
            cached_tokens=call.bill.cached,
            text_prompt_tokens=call.bill.text,
            image_prompt_tokens=call.bill.images,
            text_candidates_tokens=call.bill.answer,
        )
        for call in emulator.calls
        if call.bill is not None
    ]


# Prompt and schema


def test_the_schema_file_is_what_the_canonical_invoice_generates() -> None:
    assert InvoiceFields.model_json_schema() == gemini.SCHEMA


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
        "total_amount": "10.000",
    }
    emulator.answers.add(answer, hashlib.sha256(first_page).hexdigest())

    reading = read(document)

    assert reading.fields == InvoiceFields.model_validate_json(json.dumps(answer))
    assert format(reading.fields.total_amount or 0, "f") == "10.000"
    assert reading.model == "gemini-3.8-flash-001"
    assert (reading.needs_review, reading.warnings) == (False, ())


def null_answer() -> dict[str, object]:
    party = {"name": None, "tax_id": None, "address": None}
    return {
        **dict.fromkeys(InvoiceFields.model_fields),
        "document_type": "invoice",
        "supplier": party,
        "customer": party,
        "line_items": [],
        "tax_breakdown": [],
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


class Outcome(NamedTuple):
    failure: Failure
    code: str
    provider_code: str
    billing: Billing = Billing.NONE
    key_effect: KeyEffect = KeyEffect.NONE
    cools_for: float | None = None
    retry_after: float | None = None
    timed_out: bool = False


RETRY, OTHER_KEY, REPAIR, FINAL = Failure.RETRY, Failure.OTHER_KEY, Failure.REPAIR, Failure.FINAL
COOL_KEY, COOL_PROJECT = KeyEffect.COOL_KEY, KeyEffect.COOL_PROJECT
REJECTED = KeyEffect.REJECTED
KNOWN, UNKNOWN = Billing.KNOWN, Billing.UNKNOWN
NONE = Billing.NONE
EXHAUSTED = "429 RESOURCE_EXHAUSTED"
# At 2:00 UTC, six hours before Google's day begins.
NIGHT = datetime(2026, 11, 24, 2, tzinfo=UTC)

OUTCOMES = {
    "key_invalid": Outcome(OTHER_KEY, "key_rejected", "400 INVALID_ARGUMENT", NONE, REJECTED),
    "unauthenticated": Outcome(OTHER_KEY, "key_rejected", "401 UNAUTHENTICATED", NONE, REJECTED),
    "key_blocked": Outcome(OTHER_KEY, "key_rejected", "403 PERMISSION_DENIED", NONE, REJECTED),
    "key_leaked": Outcome(OTHER_KEY, "key_rejected", "403 PERMISSION_DENIED", NONE, REJECTED),
    "permission_denied": Outcome(
        OTHER_KEY, "permission_denied", "403 PERMISSION_DENIED", NONE, COOL_KEY, 900.0
    ),
    "failed_precondition": Outcome(
        OTHER_KEY, "failed_precondition", "400 FAILED_PRECONDITION", NONE, COOL_PROJECT, 900.0
    ),
    "model_not_found": Outcome(
        OTHER_KEY, "model_not_found", "404 NOT_FOUND", NONE, COOL_KEY, 900.0
    ),
    "per_day": Outcome(
        OTHER_KEY, "quota_exhausted", EXHAUSTED, NONE, COOL_PROJECT, 6 * 3600.0, 27.5
    ),
    "spend": Outcome(OTHER_KEY, "quota_exhausted", EXHAUSTED, NONE, COOL_PROJECT, 3600.0, 27.5),
    "per_minute": Outcome(RETRY, "rate_limited", EXHAUSTED, NONE, COOL_PROJECT, None, 27.5),
    "exhausted": Outcome(RETRY, "rate_limited", EXHAUSTED, NONE, COOL_PROJECT),
    "invalid_argument": Outcome(FINAL, "invalid_request", "400 INVALID_ARGUMENT"),
    "request_too_large": Outcome(FINAL, "request_too_large", "413 INVALID_ARGUMENT"),
    "internal": Outcome(RETRY, "server_error", "500 INTERNAL"),
    "bad_gateway": Outcome(RETRY, "server_error", "502 Bad Gateway"),
    "overloaded": Outcome(RETRY, "server_error", "503 UNAVAILABLE"),
    "deadline_exceeded": Outcome(
        RETRY, "server_timeout", "504 DEADLINE_EXCEEDED", timed_out=True
    ),
    "drop": Outcome(RETRY, "connection_lost", "RemoteProtocolError", UNKNOWN),
    "drop_mid_body": Outcome(RETRY, "connection_lost", "RemoteProtocolError", UNKNOWN),
    "malformed": Outcome(RETRY, "malformed_answer", "JSONDecodeError", UNKNOWN),
    "empty": Outcome(RETRY, "empty_answer", "200", UNKNOWN),
    "no_candidates": Outcome(RETRY, "empty_answer", "200", KNOWN),
    "blocked_prompt": Outcome(FINAL, "blocked", "200 PROHIBITED_CONTENT", KNOWN),
    "safety": Outcome(FINAL, "blocked", "200 SAFETY", KNOWN),
    "max_tokens": Outcome(REPAIR, "max_tokens", "200 MAX_TOKENS", KNOWN),
    "wrong_schema": Outcome(REPAIR, "wrong_schema", "200 STOP", KNOWN),
    "unknown_field": Outcome(REPAIR, "wrong_schema", "200 STOP", KNOWN),
    "not_json": Outcome(REPAIR, "wrong_schema", "200 STOP", KNOWN),
}  # fmt: skip


@pytest.mark.parametrize("kind", OUTCOMES)
def test_each_fault_becomes_one_reading_error_after_one_call(
    kind: str, document: Document, emulator: Emulator
) -> None:
    emulator.faults.add(kind)

    with time_machine.travel(NIGHT, tick=False):
        error = failure(document)

    assert Outcome(*(getattr(error, name) for name in Outcome._fields)) == OUTCOMES[kind]
    # Only what the model can mend is told to it.
    assert bool(error.correction) == (error.code == "wrong_schema")
    assert [call.outcome for call in emulator.calls] == [kind]
    known = billed(emulator) if error.billing is Billing.KNOWN else [NO_USAGE]
    assert [error.usage] == known


@pytest.mark.parametrize("kind", OUTCOMES)
def test_no_fault_lets_the_key_or_the_sdk_out(
    kind: str, document: Document, emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    emulator.faults.add(kind)

    error = failure(document)

    told = "".join(traceback.format_exception(error)) + str(error) + repr(error) + error.detail
    assert CANARY not in told + repr(vars(error)) + caplog.text
    assert (error.__cause__, error.__context__) == (None, None)
    assert CANARY.encode() not in pickle.dumps(vars(error))


def test_a_good_call_does_not_log_the_key(
    document: Document, emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    read(document)

    assert caplog.text != ""
    assert CANARY not in caplog.text


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_that_gemini_never_sends_is_retried(
    status: int, document: Document, emulator: Emulator
) -> None:
    emulator.faults.add("status", status=status)

    error = failure(document)

    assert (error.failure, error.code) == (Failure.RETRY, "server_error")


def test_a_redirect_is_not_followed_with_the_key(document: Document, emulator: Emulator) -> None:
    elsewhere = {"Location": f"{emulator.url}v1/models/{MODEL}:generateContent"}
    emulator.faults.add("status", status=307, headers=elsewhere)

    assert failure(document).code == "server_error"
    assert len(emulator.calls) == 1


@pytest.mark.parametrize(
    "body",
    ["[]", "{}", '{"error": {"details": ["x", {"violations": ["x", {}]}, {"retryDelay": 1}]}}'],
)
def test_an_error_of_any_shape_is_understood_by_its_status(
    body: str, document: Document, emulator: Emulator
) -> None:
    emulator.faults.add("status", status=429, body=body)

    error = failure(document)

    assert (error.failure, error.code, error.retry_after) == (Failure.RETRY, "rate_limited", None)


def test_an_answer_that_is_no_answer_is_malformed(document: Document, emulator: Emulator) -> None:
    emulator.faults.add("status", status=200, body='{"usageMetadata": "a lot"}')

    error = failure(document)

    assert (error.code, error.billing) == ("malformed_answer", Billing.UNKNOWN)


@pytest.mark.parametrize("key", ["", " ", "kéy", "key\nX-Other: 1"])
def test_a_key_that_no_header_can_carry_is_rejected_without_a_call(
    key: str, document: Document, emulator: Emulator
) -> None:
    error = failure(document, key)

    assert (error.failure, error.key_effect) == (Failure.OTHER_KEY, KeyEffect.REJECTED)
    assert emulator.calls == ()


def test_an_unforeseen_exception_is_told_by_its_type_only(
    document: Document, emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ReadingError) as caught:
        GeminiReader().read(document, api_key=CANARY, model="../x?", output_budget=BUDGET)

    error = caught.value
    assert (error.failure, error.code) == (Failure.RETRY, "provider_error")
    assert error.billing is Billing.UNKNOWN
    assert "Unforeseen ValueError in a call of Gemini." in caplog.text


# Waiting


@pytest.mark.parametrize(("retry_delay", "seconds"), [("27.5s", 27.5), ("60s", 60.0), ("?", None)])
def test_retry_info_sets_retry_after(
    retry_delay: str, seconds: float | None, document: Document, emulator: Emulator
) -> None:
    emulator.faults.add("per_minute", retry_delay=retry_delay, headers={"Retry-After": "5"})

    assert failure(document).retry_after == seconds


@pytest.mark.parametrize("kind", ["per_minute", "per_day", "overloaded", "deadline_exceeded"])
def test_the_retry_after_header_is_honoured(
    kind: str, document: Document, emulator: Emulator
) -> None:
    emulator.faults.add(kind, retry_delay="", headers={"Retry-After": "12"})

    assert failure(document).retry_after == 12.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("Sun, 01 Feb 2026 12:00:30 GMT", 30.0),
        ("Sun, 01 Feb 2026 12:00:30 -0000", 30.0),
        ("Sun, 01 Feb 2026 11:00:00 GMT", 0.0),
        ("-3", None),
        ("soon", None),
        ("nan", None),
    ],
)
def test_the_retry_after_header_may_be_a_date(
    header: str, seconds: float | None, document: Document, emulator: Emulator
) -> None:
    emulator.faults.add("overloaded", headers={"Retry-After": header})

    with time_machine.travel(datetime(2026, 2, 1, 12, tzinfo=UTC), tick=False):
        assert failure(document).retry_after == seconds


# Time-outs and the network


def test_a_late_answer_times_out_and_may_be_billed(
    document: Document, emulator: Emulator, settings: Settings
) -> None:
    settings.GEMINI_TIMEOUT_SECONDS = 0.3
    emulator.faults.add("answer", delay=60)

    error = failure(document)

    assert (error.failure, error.code) == (Failure.RETRY, "timeout")
    assert (error.billing, error.timed_out) == (Billing.UNKNOWN, True)
    assert emulator.wait_for_calls(1)
    assert emulator.wait_until_idle()
    assert emulator.calls[0].client_gone


def test_a_trickling_answer_ends_at_the_deadline(
    document: Document, emulator: Emulator, settings: Settings
) -> None:
    settings.GEMINI_TIMEOUT_SECONDS = 0.3
    emulator.faults.add("trickle")

    error = failure(document)

    assert (error.failure, error.code) == (Failure.RETRY, "timeout")
    assert (error.billing, error.timed_out) == (Billing.UNKNOWN, True)
    assert emulator.wait_for_calls(1)
    assert emulator.wait_until_idle()
    assert emulator.calls[0].client_gone
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("gemini_")]


def test_a_refused_connection_costs_nothing(document: Document, settings: Settings) -> None:
    settings.GEMINI_BASE_URL = "http://127.0.0.1:9/"

    error = failure(document)

    assert (error.failure, error.code) == (Failure.RETRY, "unreachable")
    assert (error.billing, error.timed_out) == (Billing.NONE, False)


def test_a_connection_that_is_not_accepted_in_time_costs_nothing(
    document: Document, settings: Settings
) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        waiting = [socket.socket() for _ in range(2)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        settings.GEMINI_BASE_URL = f"http://127.0.0.1:{full.getsockname()[1]}/"
        settings.GEMINI_TIMEOUT_SECONDS = 0.2

        error = failure(document)

        for client in waiting:
            client.close()

    assert (error.code, error.billing, error.timed_out) == ("connect_timeout", Billing.NONE, True)


def test_a_reader_works_where_an_event_loop_is_running(
    document: Document, emulator: Emulator
) -> None:
    async def inside() -> Reading:
        return read(document)

    assert asyncio.run(inside()).billing is Billing.KNOWN


# Clients


def test_a_client_is_made_once_for_each_process_and_key(
    document: Document, emulator: Emulator
) -> None:
    for key in ("one", "two", "one"):
        read(document, key)

    assert [call.key for call in emulator.calls] == ["one", "two", "one"]
    assert gemini._client.cache_info().misses == 2
    one = gemini._client(os.getpid(), "one", emulator.url, 90_000)
    assert gemini._client.cache_info().misses == 2
    assert gemini._client(os.getpid() + 1, "one", emulator.url, 90_000) is not one


def test_the_clients_kept_are_bounded() -> None:
    for number in range(gemini._CLIENTS_PER_PROCESS + 5):
        gemini._client(os.getpid(), f"key-{number}", "", 1000)

    assert gemini._client.cache_info().currsize == gemini._CLIENTS_PER_PROCESS


def test_clients_share_one_checking_tls_context() -> None:
    assert gemini.tls_context() is gemini.tls_context()
    assert gemini.tls_context().verify_mode is ssl.CERT_REQUIRED


# The registry


def test_reader_for_gemini_is_the_gemini_reader() -> None:
    assert isinstance(reader_for("Gemini"), GeminiReader)


def test_reader_for_an_unknown_provider_asks_for_another_key() -> None:
    with pytest.raises(ReadingError) as caught:
        reader_for("Acme")

    assert (caught.value.failure, caught.value.code) == (Failure.OTHER_KEY, "unknown_provider")
