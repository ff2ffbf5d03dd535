"""The emulator itself, over HTTP as any client speaks to it."""

import base64
import hashlib
import http.client
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from extraction.invoices.schema import InvoiceFields
from tests.emulator import Answers, Emulator, Fault
from tests.emulator.__main__ import main
from tests.emulator.billing import Bill

PATH = "/v1beta/models/gemini-3.8-flash:generateContent"
SCHEMA = InvoiceFields.model_json_schema()


def jpeg(colour: str = "red", size: tuple[int, int] = (40, 50)) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", size, colour).save(data, "JPEG")
    return data.getvalue()


def request_body(*images: bytes, **config: object) -> dict[str, Any]:
    parts: list[dict[str, object]] = [
        {"inlineData": {"mimeType": "image/jpeg", "data": base64.b64encode(image).decode()}}
        for image in images
    ]
    return {
        "systemInstruction": {"parts": [{"text": "Read."}]},
        "contents": [{"role": "user", "parts": parts}],
        "generationConfig": {
            "responseMimeType": "application/json",
            "responseJsonSchema": SCHEMA,
            "maxOutputTokens": 2000,
            **config,
        },
    }


def send(
    emulator: Emulator, method: str, path: str, body: object = None, key: str = "key-1"
) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(emulator.url.removeprefix("http://").strip("/"))
    try:
        headers = {"x-goog-api-key": key} if key else {}
        payload = body if isinstance(body, bytes) else json.dumps(body)
        connection.request(method, path, payload, headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def generate(emulator: Emulator, *images: bytes, key: str = "key-1", **config: object) -> Any:
    status, answer = send(emulator, "POST", PATH, request_body(*images, **config), key)
    assert status == 200
    return answer


def text_of(answer: Any) -> Any:
    return json.loads(answer["candidates"][0]["content"]["parts"][0]["text"])


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


# Requests that Gemini refuses


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
def test_a_body_that_is_not_a_reading_is_refused(
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
            {"responseJsonSchema": {"type": "object", "properties": {"a": {}}}},
            "Every property must be required.",
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
def test_a_config_that_would_let_fields_slip_is_refused(
    config: dict[str, object], reason: str, emulator: Emulator
) -> None:
    status, answer = send(emulator, "POST", PATH, request_body(jpeg(), **config))

    assert status == 400
    assert answer["error"]["message"].startswith(reason)


def test_an_image_of_another_type_than_declared_is_refused(emulator: Emulator) -> None:
    body = request_body(jpeg())
    body["contents"][0]["parts"][0]["inlineData"]["mimeType"] = "image/png"

    status, answer = send(emulator, "POST", PATH, body)

    assert (status, answer["error"]["message"]) == (400, "The image is image/jpeg, not image/png.")


def test_count_tokens_refuses_what_generate_refuses(emulator: Emulator) -> None:
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
def test_a_request_to_nowhere_is_refused(
    method: str, path: str, body: object, key: str, status: int, emulator: Emulator
) -> None:
    assert send(emulator, method, path, body, key)[0] == status
    assert emulator.calls == ()


# Faults and ledger


def test_a_fault_strikes_the_key_and_call_that_it_names(emulator: Emulator) -> None:
    emulator.faults.add("overloaded", key="key-1", call=2)

    statuses = [
        send(emulator, "POST", PATH, request_body(jpeg()), key)[0]
        for key in ("key-1", "key-2", "key-2", "key-1", "key-1")
    ]

    assert statuses == [200, 200, 200, 503, 200]


def test_faults_are_injected_and_lifted_over_http(emulator: Emulator) -> None:
    injected = send(emulator, "POST", "/faults", [{"kind": "internal"}, {"kind": "per_day"}])
    struck = send(emulator, "POST", PATH, request_body(jpeg()))[0]
    send(emulator, "DELETE", "/faults")

    assert (injected, struck) == ((200, {"injected": 2}), 500)
    assert generate(emulator, jpeg())["candidates"][0]["finishReason"] == "STOP"


def test_a_fault_of_no_known_kind_is_an_error() -> None:
    with pytest.raises(ValueError, match="No such kind of fault: hiccup"):
        Fault("hiccup")


def test_the_daily_quota_is_told_as_google_tells_it(emulator: Emulator) -> None:
    emulator.faults.add("per_day", retry_delay="3600.5s")

    status, answer = send(emulator, "POST", PATH, request_body(jpeg()))

    assert (status, answer["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
    failure, retry = answer["error"]["details"]
    assert [violation["quotaId"] for violation in failure["violations"]] == [
        "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
        "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
    ]
    assert retry["retryDelay"] == "3600.5s"


def test_the_ledger_tells_key_call_document_images_usage_and_outcome(emulator: Emulator) -> None:
    red, blue = jpeg("red", (40, 50)), jpeg("blue", (60, 70))
    emulator.faults.add("internal", key="key-2")
    answer = generate(emulator, red, blue)
    send(emulator, "POST", PATH, request_body(red), "key-2")

    status, (first, second) = send(emulator, "GET", "/ledger")

    assert status == 200
    assert (first["number"], first["key"], first["key_call"]) == (1, "key-1", 1)
    assert first["document"] == hashlib.sha256(red + blue).hexdigest()
    assert [(i["sha256"], i["width"], i["height"], i["size"]) for i in first["images"]] == [
        (hashlib.sha256(red).hexdigest(), 40, 50, len(red)),
        (hashlib.sha256(blue).hexdigest(), 60, 70, len(blue)),
    ]
    assert (first["usage"], first["outcome"]) == (answer["usageMetadata"], "answer")
    assert (second["key"], second["usage"], second["outcome"]) == ("key-2", None, "internal")
    send(emulator, "DELETE", "/ledger")
    assert emulator.calls == ()


@pytest.mark.parametrize("kind", ["drop", "drop_mid_body"])
def test_a_dropped_call_is_billed(kind: str, emulator: Emulator) -> None:
    emulator.faults.add(kind)

    with pytest.raises((http.client.HTTPException, ConnectionError)):
        send(emulator, "POST", PATH, request_body(jpeg()))

    assert emulator.calls[0].outcome == kind
    assert emulator.calls[0].bill is not None
    assert emulator.calls[0].bill.thinking == 100


@pytest.mark.parametrize("fault", [Fault("answer", delay=60), Fault("trickle")])
def test_a_client_that_goes_away_is_noticed_and_billed(fault: Fault, emulator: Emulator) -> None:
    emulator.faults.put(fault)
    connection = http.client.HTTPConnection(emulator.url.removeprefix("http://").strip("/"))
    body = json.dumps(request_body(jpeg()))
    connection.request("POST", PATH, body, {"x-goog-api-key": "key-1"})

    assert emulator.wait_for_calls(1)
    connection.close()

    assert emulator.wait_until_idle()
    assert emulator.calls[0].client_gone
    assert emulator.calls[0].bill is not None


def test_stopping_hangs_up_on_a_client_that_waits() -> None:
    with Emulator() as emulator:
        emulator.faults.add("internal", delay=60)
        connection = http.client.HTTPConnection(emulator.url.removeprefix("http://").strip("/"))
        connection.request("POST", PATH, json.dumps(request_body(jpeg())), {"x-goog-api-key": "k"})
        assert emulator.wait_for_calls(1)

    with pytest.raises((http.client.HTTPException, ConnectionError)):
        connection.getresponse()
    connection.close()
    assert not emulator.calls[0].client_gone


def test_running_it_by_hand_says_where_it_listens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(emulator: Emulator) -> None:
        assert text_of(generate(emulator, jpeg())) == {"name": "by hand"}
        raise KeyboardInterrupt

    monkeypatch.setattr(Emulator, "join", interrupt)
    (tmp_path / "answer.json").write_text('{"name": "by hand"}')

    main(["--port", "0", "--answers", str(tmp_path)])

    assert capsys.readouterr().out.startswith("Gemini emulator on http://127.0.0.1:")
