"""One request for each call: its key, its deadline and its connection."""

import asyncio
import logging
import os
import socket
import ssl
import threading

import pytest
from pytest_django import Settings

from extraction.documents.document import Document
from extraction.readers.base import (
    Billing,
    Failure,
    KeyEffect,
    Reading,
)
from extraction.readers.gemini import client
from tests.emulator import Emulator
from tests.extraction.readers.gemini.reading import (
    CANARY,
    MODEL,
    failure,
    read,
)


def test_a_good_call_does_not_log_the_key(
    document: Document, emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    read(document)

    assert caplog.text != ""
    assert CANARY not in caplog.text


def test_a_redirect_is_not_followed_with_the_key(document: Document, emulator: Emulator) -> None:
    elsewhere = {"Location": f"{emulator.url}v1/models/{MODEL}:generateContent"}
    emulator.faults.add("status", status=307, headers=elsewhere)

    assert failure(document).code == "server_error"
    assert len(emulator.calls) == 1


@pytest.mark.parametrize("key", ["", " ", "kéy", "key\nX-Other: 1"])
def test_a_key_that_no_header_can_carry_is_rejected_without_a_call(
    key: str, document: Document, emulator: Emulator
) -> None:
    error = failure(document, key)

    assert (error.failure, error.key_effect) == (Failure.OTHER_KEY, KeyEffect.REJECTED)
    assert emulator.calls == ()


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
        for connection in waiting:
            connection.setblocking(False)
            connection.connect_ex(full.getsockname())
        settings.GEMINI_BASE_URL = f"http://127.0.0.1:{full.getsockname()[1]}/"
        settings.GEMINI_TIMEOUT_SECONDS = 2

        error = failure(document)

        for connection in waiting:
            connection.close()

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
    assert client._client.cache_info().misses == 2
    one = client._client(os.getpid(), "one", emulator.url, 180_000)
    assert client._client.cache_info().misses == 2
    assert client._client(os.getpid() + 1, "one", emulator.url, 180_000) is not one


def test_the_clients_kept_are_bounded() -> None:
    for number in range(client._CLIENTS_PER_PROCESS + 5):
        client._client(os.getpid(), f"key-{number}", "", 1000)

    assert client._client.cache_info().currsize == client._CLIENTS_PER_PROCESS


def test_clients_share_one_checking_tls_context() -> None:
    assert client.tls_context() is client.tls_context()
    assert client.tls_context().verify_mode is ssl.CERT_REQUIRED
