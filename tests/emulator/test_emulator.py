"""What the emulator answers and bills, over HTTP as any client sees it."""

import hashlib
import json
from pathlib import Path

import pytest

from extraction.invoices.schema import InvoiceFields
from tests.emulator import Answers, Emulator
from tests.emulator.billing import Bill
from tests.emulator.http_client import PATH, SCHEMA, generate, jpeg, request_body, send, text_of


@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_it_answers_a_complete_invoice_made_up_from_the_schema(
    version: str, emulator: Emulator
) -> None:
    path = f"/{version}/models/gemini-3.8-flash:generateContent"

    status, answer = send(emulator, "POST", path, request_body(jpeg()))

    assert status == 200
    fields = InvoiceFields.model_validate_json(json.dumps(text_of(answer)), strict=True)
    assert fields.invoice_number == f"EMU-{hashlib.sha256(jpeg()).hexdigest()[:8].upper()}"
    assert None not in fields.model_dump().values()
    assert fields.subtotal is not None
    assert fields.tax_total is not None
    assert fields.subtotal + fields.tax_total == fields.total_amount


def test_it_bills_text_images_answer_thinking_and_cache(emulator: Emulator) -> None:
    answer = generate(emulator, jpeg(), jpeg("blue"))

    text = -(-len("Read." + json.dumps(SCHEMA)) // 4)
    output = -(-len(answer["candidates"][0]["content"]["parts"][0]["text"]) // 4)
    bill = Bill(text=text, images=2 * 1120, answer=output, thinking=100, cached=40)
    assert answer["usageMetadata"] == bill.as_usage_metadata()
    assert emulator.calls[0].usage == bill.as_usage_metadata()


@pytest.mark.parametrize(
    ("resolution", "tokens"),
    [
        ("MEDIA_RESOLUTION_LOW", 280),
        ("MEDIA_RESOLUTION_MEDIUM", 560),
        ("MEDIA_RESOLUTION_HIGH", 1120),
    ],
)
def test_it_bills_images_by_media_resolution(
    resolution: str, tokens: int, emulator: Emulator
) -> None:
    generate(emulator, jpeg(), mediaResolution=resolution)

    assert emulator.calls[0].bill is not None
    assert emulator.calls[0].bill.images == tokens


def test_an_answer_beyond_the_output_budget_is_cut_and_billed_at_the_budget(
    emulator: Emulator,
) -> None:
    answer = generate(emulator, jpeg(), maxOutputTokens=150)

    usage = answer["usageMetadata"]
    assert answer["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert usage["candidatesTokenCount"] + usage["thoughtsTokenCount"] == 150


def test_use_whole_budget_bills_a_good_answer_at_the_budget() -> None:
    with Emulator(use_whole_budget=True) as emulator:
        answer = generate(emulator, jpeg(), maxOutputTokens=3000)

    usage = answer["usageMetadata"]
    assert answer["candidates"][0]["finishReason"] == "STOP"
    assert usage["candidatesTokenCount"] + usage["thoughtsTokenCount"] == 3000


def test_count_tokens_equals_the_bill_of_the_prompt(emulator: Emulator) -> None:
    body = request_body(jpeg())
    _, answer = send(emulator, "POST", PATH, body)

    path = PATH.replace("generateContent", "countTokens")
    counted = send(emulator, "POST", path, {"generateContentRequest": body})

    assert counted == (200, {"totalTokens": answer["usageMetadata"]["promptTokenCount"]})


def test_count_tokens_counts_contents_alone_and_is_no_call_to_be_billed(
    emulator: Emulator,
) -> None:
    path = PATH.replace("generateContent", "countTokens")
    body = {"contents": [{"role": "user", "parts": [{"text": "Nepal" * 4}]}]}

    assert send(emulator, "POST", path, body) == (200, {"totalTokens": 5})
    assert (len(emulator.counts.calls), emulator.calls) == (1, ())


def test_count_tokens_fails_on_request(emulator: Emulator) -> None:
    path = PATH.replace("generateContent", "countTokens")
    emulator.faults.add("key_invalid", method="countTokens")

    assert send(emulator, "POST", path, {"contents": []})[0] == 400
    assert generate(emulator, jpeg())["candidates"][0]["finishReason"] == "STOP"


# Answers


def test_answers_are_found_by_the_first_image_or_by_all_of_them(emulator: Emulator) -> None:
    red, blue = jpeg("red"), jpeg("blue")
    emulator.answers.add({"by": "first"}, hashlib.sha256(red).hexdigest())
    emulator.answers.add({"by": "all"}, hashlib.sha256(blue + red).hexdigest())

    assert text_of(generate(emulator, red, blue)) == {"by": "first"}
    assert text_of(generate(emulator, blue, red)) == {"by": "all"}


def test_unknown_documents_take_the_other_answers_in_order_and_keep_them(
    emulator: Emulator,
) -> None:
    emulator.answers.add({"number": 1})
    emulator.answers.add('{"number": 2}')

    answers = [text_of(generate(emulator, jpeg(c))) for c in ("red", "blue", "red", "blue")]

    assert answers == [{"number": 1}, {"number": 2}, {"number": 1}, {"number": 2}]


def test_answers_load_from_a_folder_with_an_index(tmp_path: Path) -> None:
    files = {
        "index.json": {hashlib.sha256(jpeg("red")).hexdigest(): "red"},
        "red.json": {"name": "red"},
        "a.json": {"name": "first unknown"},
    }
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))

    with Emulator(Answers.load(tmp_path)) as emulator:
        answers = [text_of(generate(emulator, jpeg(colour))) for colour in ("blue", "red")]

    assert answers == [{"name": "first unknown"}, {"name": "red"}]


def test_answers_load_from_a_folder_without_an_index(tmp_path: Path) -> None:
    (tmp_path / "only.json").write_text('{"name": "only"}')

    with Emulator(Answers.load(tmp_path)) as emulator:
        assert text_of(generate(emulator, jpeg())) == {"name": "only"}


def test_answers_load_from_a_file_by_hash(tmp_path: Path) -> None:
    path = tmp_path / "answers.json"
    path.write_text(json.dumps({hashlib.sha256(jpeg()).hexdigest(): {"name": "red"}}))

    with Emulator(Answers.load(path)) as emulator:
        assert text_of(generate(emulator, jpeg())) == {"name": "red"}


def test_an_answer_needs_a_hash_that_a_document_can_have() -> None:
    with pytest.raises(ValueError, match="Not a SHA-256"):
        Answers().add({}, "invoice-1")


# Requests that Gemini rejects


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"contents": None}, "contents is required."),
        ({"generationConfig": None}, "generationConfig is required."),
        ({"contents": [{"parts": [{"text": "Hello"}]}]}, "No image part."),
        ({"contents": [{"parts": [{"fileData": {}}]}]}, "Unsupported part: ['fileData']."),
        (
            {"contents": [{"parts": [{"inlineData": {"mimeType": "image/jpeg", "data": "?"}}]}]},
            "Invalid base64 in inlineData.",
        ),
        (
            {"contents": [{"parts": [{"inlineData": {"mimeType": "image/jpeg", "data": "AAAA"}}]}]},
            "Unable to process input image.",
        ),
    ],
)
def test_a_body_that_is_not_a_reading_is_rejected(
    change: dict[str, object], reason: str, emulator: Emulator
) -> None:
    status, answer = send(emulator, "POST", PATH, request_body(jpeg()) | change)

    assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert answer["error"]["message"] == reason
    assert (emulator.calls[0].outcome, emulator.calls[0].usage) == ("invalid_request", None)


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"responseMimeType": "text/plain"}, "responseMimeType must be application/json"),
        ({"responseJsonSchema": None}, "responseJsonSchema is required."),
        ({"maxOutputTokens": 0}, "maxOutputTokens must be a positive integer."),
        ({"mediaResolution": "HUGE"}, "Invalid mediaResolution: HUGE."),
        (
            {"responseJsonSchema": {"type": "object", "properties": {}, "required": ["a"]}},
            "Only a property can be required.",
        ),
        (
            {"responseJsonSchema": {"anyOf": [{"type": "object"}]}},
            "additionalProperties must be false.",
        ),
        (
            {"responseJsonSchema": {"$ref": "#/$defs/A", "title": "A"}},
            "A $ref can have no other properties beside it.",
        ),
    ],
)
def test_a_config_that_lets_fields_be_invented_or_that_gemini_rejects_is_rejected(
    config: dict[str, object], reason: str, emulator: Emulator
) -> None:
    status, answer = send(emulator, "POST", PATH, request_body(jpeg(), **config))

    assert status == 400
    assert answer["error"]["message"].startswith(reason)


def test_an_image_of_another_type_than_declared_is_rejected(emulator: Emulator) -> None:
    body = request_body(jpeg())
    body["contents"][0]["parts"][0]["inlineData"]["mimeType"] = "image/png"

    status, answer = send(emulator, "POST", PATH, body)

    assert (status, answer["error"]["message"]) == (400, "The image is image/jpeg, not image/png.")


def test_count_tokens_rejects_what_generate_rejects(emulator: Emulator) -> None:
    path = PATH.replace("generateContent", "countTokens")

    image = request_body(jpeg())["contents"]
    bodies: list[dict[str, object]] = [
        {"contents": []},
        {"contents": image},
        {"generateContentRequest": {}},
    ]
    for body in bodies:
        assert send(emulator, "POST", path, body)[0] == 400


@pytest.mark.parametrize(
    ("method", "path", "body", "key", "status"),
    [
        ("POST", PATH, {}, "", 403),
        ("POST", PATH, b"{", "key", 400),
        ("POST", PATH.replace("generateContent", "sing"), {}, "key", 404),
        ("POST", "/v2/models/x:generateContent", {}, "key", 404),
        ("POST", "/faults", {"kind": "unheard of"}, "", 400),
        ("POST", "/faults", {"colour": "red"}, "", 400),
        ("POST", "/faults", {}, "", 400),
        ("GET", "/", None, "", 404),
        ("DELETE", "/", None, "", 404),
    ],
)
def test_an_unknown_request_is_rejected(
    method: str, path: str, body: object, key: str, status: int, emulator: Emulator
) -> None:
    assert send(emulator, method, path, body, key)[0] == status
    assert emulator.calls == ()
