"""How the emulator fails on request, and what its ledger records."""

import hashlib
import http.client
import json
from pathlib import Path

import pytest

from tests.emulator import Emulator, Fault
from tests.emulator.__main__ import main
from tests.emulator.http_client import PATH, generate, jpeg, request_body, send, text_of


def test_a_fault_applies_to_the_key_and_call_that_it_names(emulator: Emulator) -> None:
    emulator.faults.add("overloaded", key="key-1", call=2)

    statuses = [
        send(emulator, "POST", PATH, request_body(jpeg()), key)[0]
        for key in ("key-1", "key-2", "key-2", "key-1", "key-1")
    ]

    assert statuses == [200, 200, 200, 503, 200]


def test_faults_are_added_and_cleared_over_http(emulator: Emulator) -> None:
    injected = send(emulator, "POST", "/faults", [{"kind": "internal"}, {"kind": "per_day"}])
    failed = send(emulator, "POST", PATH, request_body(jpeg()))[0]
    send(emulator, "DELETE", "/faults")

    assert (injected, failed) == ((200, {"injected": 2}), 500)
    assert generate(emulator, jpeg())["candidates"][0]["finishReason"] == "STOP"


def test_responses_are_replayed_for_each_key_in_order_and_the_last_one_repeats(
    emulator: Emulator,
) -> None:
    emulator.faults.replay(
        [
            {"status": 499, "body": {"error": {"code": 499}}, "headers": {"Retry-After": "3"}},
            {"body": {"candidates": []}},
        ]
    )

    answers = [
        send(emulator, "POST", PATH, request_body(jpeg()), key)
        for key in ("key-1", "key-2", "key-1", "key-1")
    ]

    broken_off = (499, {"error": {"code": 499}})
    assert answers[:2] == [broken_off, broken_off]
    assert answers[2:] == [(200, {"candidates": []})] * 2
    assert [call.bill for call in emulator.calls] == [None] * 4


def test_a_fault_of_no_known_kind_is_an_error() -> None:
    with pytest.raises(ValueError, match="No such kind of fault: hiccup"):
        Fault("hiccup")


def test_the_daily_quota_is_reported_as_by_google(emulator: Emulator) -> None:
    emulator.faults.add("per_day", retry_delay="3600.5s")

    status, answer = send(emulator, "POST", PATH, request_body(jpeg()))

    assert (status, answer["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
    failure, retry = answer["error"]["details"]
    assert [violation["quotaId"] for violation in failure["violations"]] == [
        "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
        "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
    ]
    assert retry["retryDelay"] == "3600.5s"


def test_the_ledger_has_key_call_document_images_usage_and_outcome(emulator: Emulator) -> None:
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
def test_a_client_that_disconnects_is_noticed_and_billed(fault: Fault, emulator: Emulator) -> None:
    emulator.faults.put(fault)
    connection = http.client.HTTPConnection(emulator.url.removeprefix("http://").strip("/"))
    body = json.dumps(request_body(jpeg()))
    connection.request("POST", PATH, body, {"x-goog-api-key": "key-1"})

    assert emulator.wait_for_calls(1)
    connection.close()

    assert emulator.wait_until_idle()
    assert emulator.calls[0].client_gone
    assert emulator.calls[0].bill is not None


def test_stopping_ends_the_connection_of_a_client_that_waits() -> None:
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
