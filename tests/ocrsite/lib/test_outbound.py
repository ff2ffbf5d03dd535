"""Requests to hosts that people name, over real TLS to a server on this machine."""

import errno
import io
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import NoReturn

import pytest

from ocrsite.lib import outbound
from ocrsite.lib.outbound import MOST_REDIRECTS, TooLarge, Unreachable, fetch, post
from ocrsite.lib.outbound_targets import RefusedTarget
from tests.https_receiver import Receiver, https_receiver, respond

PRODUCTION = outbound.INTERNET


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with https_receiver() as server:
        monkeypatch.setattr(outbound, "INTERNET", server.network())
        yield server


def fetched(
    receiver: Receiver, url: str = "", *, at_most: int = 1000, seconds: float = 20
) -> tuple[outbound.Answer, bytes]:
    into = io.BytesIO()
    answer = fetch(
        url or receiver.url, into, allowed=[receiver.allowed], seconds=seconds, at_most=at_most
    )
    return answer, into.getvalue()


def posted(receiver: Receiver, url: str = "", *, seconds: float = 20) -> outbound.Answer:
    return post(
        url or receiver.url,
        b'{"a": 1}',
        {"X-Name": "value"},
        allowed=[receiver.allowed],
        seconds=seconds,
        keep=10,
    )


def test_body_is_posted_and_the_answer_begins(receiver: Receiver) -> None:
    receiver.answer = lambda handler: respond(handler, 202, b"x" * 100_000, X_Answer="yes")

    answer = posted(receiver)

    (request,) = receiver.received
    assert (request.method, request.path, request.body) == ("POST", "/hook", b'{"a": 1}')
    assert request.headers["host"] == f"receiver.test:{receiver.port}"
    assert request.headers["x-name"] == "value"
    assert (answer.status, answer.body) == (202, b"x" * 10)
    assert answer.headers["x-answer"] == "yes"


def test_file_is_fetched(receiver: Receiver) -> None:
    receiver.answer = lambda handler: respond(handler, 200, b"%PDF-", Content_Type="x/y")

    answer, content = fetched(receiver)

    assert (answer.status, answer.headers["content-type"], content) == (200, "x/y", b"%PDF-")
    assert receiver.received[0].headers["accept-encoding"] == "identity"


def test_what_comes_with_another_status_is_not_kept(receiver: Receiver) -> None:
    receiver.answer = lambda handler: respond(handler, 404, b"no such file")

    answer, content = fetched(receiver)

    assert (answer.status, content) == (404, b"")


def test_redirect_is_followed_and_not_with_a_body(receiver: Receiver) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        if handler.path == "/hook":
            respond(handler, 302, Location="/other?x=1")
        else:
            respond(handler, 200, b"there")

    receiver.answer = answer

    assert fetched(receiver)[1] == b"there"
    assert [request.path for request in receiver.received] == ["/hook", "/other?x=1"]
    assert posted(receiver).status == 302
    assert len(receiver.received) == 3


@pytest.mark.parametrize(
    "location",
    [
        "http://receiver.test/",
        "https://other.test/",
        "https://receiver.test/",
        "//127.0.0.1/",
        "file:///etc/passwd",
        "https://user:word@receiver.test/",
    ],
)
def test_redirect_to_an_address_that_is_not_allowed_is_refused(
    receiver: Receiver, location: str
) -> None:
    receiver.answer = lambda handler: respond(handler, 301, Location=location)

    with pytest.raises(RefusedTarget):
        fetched(receiver)

    assert len(receiver.received) == 1


@pytest.mark.parametrize("location", ["//[", "https://[::1", "https://[x]/", "//\u00e6["])
def test_redirect_to_what_is_no_address_is_refused(receiver: Receiver, location: str) -> None:
    receiver.answer = lambda handler: respond(handler, 301, Location=location)

    with pytest.raises(RefusedTarget):
        fetched(receiver)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
@pytest.mark.parametrize("ask", [fetched, posted])
def test_process_without_file_handles_blames_no_address(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, number: int, ask: Callable[..., object]
) -> None:
    def fail(*_: object, **__: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(socket, "create_connection", fail)
        with pytest.raises(OSError, match=os.strerror(number)):
            ask(receiver)

    monkeypatch.setattr(outbound, "INTERNET", receiver.network(resolve=fail))
    with pytest.raises(OSError, match=os.strerror(number)):
        ask(receiver)


def test_each_connection_of_a_redirect_is_checked(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that leads elsewhere a moment later gains nothing."""
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    monkeypatch.setattr(outbound, "INTERNET", receiver.network(resolve=resolve))
    receiver.answer = lambda handler: respond(handler, 307, Location="/again")

    with pytest.raises(RefusedTarget):
        fetched(receiver)

    assert len(asked) == 2
    assert len(receiver.received) == 1


def test_redirects_end(receiver: Receiver) -> None:
    receiver.answer = lambda handler: respond(handler, 302, Location="/hook")

    with pytest.raises(Unreachable, match="redirected"):
        fetched(receiver)

    assert len(receiver.received) == MOST_REDIRECTS + 1


def test_host_that_is_not_allowed_is_not_even_looked_up(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolve(host: str, port: int) -> list[str]:
        raise AssertionError

    monkeypatch.setattr(outbound, "INTERNET", receiver.network(resolve=resolve))
    for allowed in ([], ["other.test"], ["*.receiver.test"]):
        with pytest.raises(RefusedTarget):
            post(receiver.url, b"", {}, allowed=allowed, seconds=5, keep=0)


@pytest.mark.parametrize("addresses", [["10.0.0.1"], ["127.0.0.1", "10.0.0.1"], ["::1"]])
def test_name_with_an_address_that_is_not_public_is_refused(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, addresses: list[str]
) -> None:
    network = receiver.network(resolve=lambda _host, _port: addresses)
    monkeypatch.setattr(outbound, "INTERNET", network)

    with pytest.raises(RefusedTarget) as refused:
        posted(receiver)

    assert not any(address in str(refused.value) for address in addresses)
    assert receiver.received == []


def test_production_calls_nothing_on_this_machine(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "INTERNET", PRODUCTION)
    url, allowed = f"https://127.0.0.1:{receiver.port}/", [f"127.0.0.1:{receiver.port}"]

    with pytest.raises(RefusedTarget):
        post(url, b"", {}, allowed=allowed, seconds=5, keep=0)

    assert receiver.received == []


def test_next_address_is_tried_when_one_does_not_answer(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = receiver.network(
        resolve=lambda _host, _port: ["::1", "127.0.0.1"],
        may_connect=lambda address: address in ("::1", "127.0.0.1"),
    )
    monkeypatch.setattr(outbound, "INTERNET", network)

    assert posted(receiver).status == 200


@pytest.mark.parametrize("error", [socket.gaierror(), UnicodeError()])
def test_name_that_dns_does_not_know_is_unreachable(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def resolve(host: str, port: int) -> list[str]:
        raise error

    monkeypatch.setattr(outbound, "INTERNET", receiver.network(resolve=resolve))

    with pytest.raises(Unreachable, match="DNS"):
        posted(receiver)


def test_dns_that_does_not_answer_is_not_waited_for(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = threading.Event()

    def resolve(host: str, port: int) -> list[str]:
        done.wait()
        return []

    monkeypatch.setattr(outbound, "INTERNET", receiver.network(resolve=resolve))
    try:
        with pytest.raises(Unreachable, match="in time"):
            posted(receiver, seconds=0.05)
    finally:
        done.set()


def test_refused_connection_is_unreachable(receiver: Receiver) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(Unreachable, match="cannot be connected"):
            post(
                f"https://receiver.test:{port}/",
                b"",
                {},
                allowed=[f"receiver.test:{port}"],
                seconds=5,
                keep=0,
            )


def test_certificate_of_another_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with https_receiver("another.test") as server:
        monkeypatch.setattr(outbound, "INTERNET", server.network())

        with pytest.raises(Unreachable, match="certificate"):
            posted(server)

        assert server.received == []


def test_certificate_that_nobody_signed_is_refused(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = receiver.network(tls=ssl.create_default_context)
    monkeypatch.setattr(outbound, "INTERNET", network)

    with pytest.raises(Unreachable, match="certificate"):
        posted(receiver)

    assert receiver.received == []


def test_proxy_of_the_environment_is_not_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert posted(receiver).status == 200


@pytest.mark.parametrize("announced", [True, False])
def test_file_that_is_too_large_is_cut_off(receiver: Receiver, announced: bool) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        if announced:
            respond(handler, 200, b"x" * 1001)
            return
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b"x" * 1001)
        handler.close_connection = True

    receiver.answer = answer

    with pytest.raises(TooLarge):
        fetched(receiver, at_most=1000)
    assert len(fetched(receiver, at_most=1001)[1]) == 1001


def test_time_is_bounded_in_total_and_not_for_each_read(receiver: Receiver) -> None:
    """One byte after another, each soon after the one before, for ever."""
    given_up = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not given_up.wait(0.02):
            handler.wfile.write(b"x")
            handler.wfile.flush()

    receiver.answer = drip
    try:
        with pytest.raises(Unreachable, match="in time"):
            fetched(receiver, at_most=10**9, seconds=0.6)
    finally:
        given_up.set()


def test_headers_that_drip_are_cut_off(receiver: Receiver) -> None:
    given_up = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not given_up.wait(0.02):
            handler.wfile.write(b"X: y\r\n")
            handler.wfile.flush()

    receiver.answer = drip
    try:
        with pytest.raises(Unreachable):
            posted(receiver, seconds=0.6)
    finally:
        given_up.set()


@pytest.mark.parametrize("sent", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\nContent-Le"])
def test_answer_that_is_not_http_is_unreachable(receiver: Receiver, sent: bytes) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(sent)
        handler.close_connection = True

    receiver.answer = answer

    with pytest.raises(Unreachable, match="not HTTP"):
        posted(receiver)


def test_body_that_breaks_off_is_unreachable(receiver: Receiver) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b"half")
        handler.close_connection = True

    receiver.answer = answer

    with pytest.raises(Unreachable):
        fetched(receiver)
