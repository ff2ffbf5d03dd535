"""The web server by itself, with applications of a few lines behind it."""

import contextlib
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from pytest_django import Settings
from waitress import wasyncore

from ocrsite import web_server
from ocrsite.lib.errors import StorageUnavailable
from ocrsite.web_server import Server, Stage
from tests.running_site import eventually

MEGABYTE = 1024 * 1024
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Site:
    """A server in a thread of its own, with an application that a test can hold up."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.requests: list[WSGIEnvironment] = []
        self.bodies: list[int] = []
        self.answer = b"ok"
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.errors: list[BaseException] = []
        self.is_running = True
        self.server = Server(self.application, self.listener)
        self.thread = threading.Thread(target=self.server.run_while, args=[self._goes_on])
        self.thread.start()

    def _goes_on(self) -> bool:
        return self.is_running

    def application(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        self.requests.append(environ)
        self.may_answer.wait(20)
        try:
            self.bodies.append(len(environ["wsgi.input"].read()))
        except StorageUnavailable:
            start_response("503 Service Unavailable", [("Content-Length", "0")])
            return []
        write = start_response("200 OK", [("Content-Length", str(len(self.answer)))])
        try:
            write(self.answer)
        except BaseException as error:
            self.errors.append(error)
            raise
        return []

    def connect(self, sent: bytes = b"") -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        client.sendall(sent)
        return client

    def end_loop(self) -> None:
        self.is_running = False
        self.server.wake()
        self.thread.join()

    def close(self) -> None:
        self.may_answer.set()
        if self.thread.is_alive():
            self.end_loop()
            self.server.stop(5)
        wasyncore.close_all(self.server._map)
        self.server.trigger.close()


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(web_server, "THREADS", 4)
    site = Site()
    yield site
    site.close()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_server, "WAIT_SECONDS", 1.5)


def post(length: int, *headers: str) -> bytes:
    lines = ["POST / HTTP/1.1", "Host: localhost", f"Content-Length: {length}", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def is_open(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        client.settimeout(10)


def closed_after(client: socket.socket, drip: bytes = b"", every: float = 0.1) -> float:
    """Seconds until the server closes the connection, on which ``drip`` is sent meanwhile."""
    start = time.monotonic()
    while is_open(client):
        assert time.monotonic() - start < 15
        with contextlib.suppress(OSError):
            client.sendall(drip)
        time.sleep(every)
    return time.monotonic() - start


def is_cut_off(client: socket.socket, sent: bytes, every: float) -> bool:
    """Whether a client that sends this a hundred times finds the connection closed."""
    try:
        for _ in range(100):
            client.sendall(sent)
            time.sleep(every)
    except OSError:
        return True
    return False


def status(client: socket.socket) -> int:
    """The status of the next answer, which is read with its body."""
    with client.makefile("rb") as answer:
        number = int(answer.readline().split()[1])
        length = 0
        while (line := answer.readline().strip()) != b"":
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        answer.read(length)
    return number


@pytest.mark.parametrize(
    ("first", "drip"),
    [
        (b"", b""),
        (b"GET / HTTP/1.1\r\nX-Drip: ", b"x"),
        (post(1_000_000), b""),
        (post(1_000_000), b"x"),
    ],
    ids=["idle", "headers", "body that stops", "body that drips"],
)
def test_a_connection_that_sends_no_request_in_time_is_closed(
    site: Site, hasty: None, first: bytes, drip: bytes
) -> None:
    with site.connect(first) as client:
        assert 1.0 < closed_after(client, drip) < 5

    assert site.requests == []


def test_a_body_may_take_longer_at_a_good_rate(site: Site, hasty: None) -> None:
    parts, size = 30, 32 * 1024
    with site.connect(post(parts * size)) as client:
        for _ in range(parts):
            client.sendall(b"x" * size)
            time.sleep(0.1)

        assert status(client) == 200

    assert site.bodies == [parts * size]


def test_a_connection_in_use_is_kept(site: Site, hasty: None) -> None:
    with site.connect() as client:
        for _ in range(6):
            client.sendall(GET)
            assert status(client) == 200
            time.sleep(0.5)


def test_a_request_at_work_may_take_any_time(site: Site, hasty: None) -> None:
    site.may_answer.clear()
    with site.connect(GET) as client:
        time.sleep(3)
        site.may_answer.set()

        assert status(client) == 200


def test_a_process_that_was_paused_closes_nobody_for_it(site: Site, hasty: None) -> None:
    with site.connect(GET[:10]) as client:
        time.sleep(0.3)
        site.server.trigger.pull_trigger(lambda: time.sleep(4))
        time.sleep(4.5)
        client.sendall(GET[10:])

        assert status(client) == 200


def test_an_answer_that_nobody_reads_frees_its_thread(site: Site, hasty: None) -> None:
    site.answer = b"x" * 64 * MEGABYTE
    with site.connect(GET):
        for _ in eventually(30):
            if site.server.active_channels == {} and site.requests:
                break

    with site.connect(post(0)) as client:
        site.answer = b"ok"
        assert status(client) == 200


def test_slow_connections_take_no_thread(site: Site) -> None:
    with contextlib.ExitStack() as clients:
        for sent in (b"", b"GET / HTT", post(1_000_000), post(1_000_000_000)):
            for _ in range(10):
                clients.enter_context(site.connect(sent))

        with site.connect(GET) as client:
            assert status(client) == 200


def test_a_body_too_large_is_answered_before_it_was_sent(site: Site) -> None:
    with site.connect(post(100 * MEGABYTE)) as client:
        assert status(client) == 200

    (request,) = site.requests
    assert request["CONTENT_LENGTH"] == str(100 * MEGABYTE)
    assert site.bodies == [0]


def test_who_sends_a_body_too_large_to_its_end_can_read_the_answer(site: Site) -> None:
    with site.connect(post(50 * MEGABYTE)) as client:
        for _ in range(50):
            client.sendall(b"x" * MEGABYTE)

        assert status(client) == 200
        assert client.recv(1) == b""

    assert len(site.requests) == 1, "a body is no request"


def test_a_body_far_too_large_is_not_read_to_its_end(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_server, "DISCARDED_BYTES", 30 * MEGABYTE)
    with site.connect(post(1000 * MEGABYTE)) as client:
        assert is_cut_off(client, b"x" * MEGABYTE, every=0)


def test_who_goes_on_dripping_a_body_too_large_is_cut_off(site: Site, hasty: None) -> None:
    with site.connect(post(100 * MEGABYTE)) as client:
        assert status(client) == 200
        assert is_cut_off(client, b"x", every=0.1)


def test_expected_continue_is_not_given_to_a_body_too_large(site: Site) -> None:
    with site.connect(post(100 * MEGABYTE, "Expect: 100-continue")) as client:
        assert status(client) == 200  # and not 100

    with site.connect(post(3, "Expect: 100-continue")) as client:
        assert client.recv(100).startswith(b"HTTP/1.1 100 Continue")
        client.sendall(b"abc")
        assert status(client) == 200

    assert site.bodies == [0, 3]


CHUNKED = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_chunks_arrive_as_one_body_with_a_length(site: Site) -> None:
    with site.connect(CHUNKED + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n") as client:
        assert status(client) == 200

    assert site.requests[0]["CONTENT_LENGTH"] == "5"
    assert site.bodies == [5]


def test_chunks_beyond_the_limit_are_dropped(site: Site, settings: Settings) -> None:
    settings.MAX_BODY_BYTES = MEGABYTE
    with site.connect(CHUNKED) as client:
        for _ in range(3):
            client.sendall(b"100000\r\n" + b"x" * MEGABYTE + b"\r\n")

        assert status(client) == 200

    assert int(site.requests[0]["CONTENT_LENGTH"]) > MEGABYTE
    assert site.bodies == [0]


def chunk_of_a_megabyte() -> bytes:
    return b"100000\r\n" + b"x" * MEGABYTE + b"\r\n"


@pytest.mark.parametrize(
    ("head", "part"),
    [(post(3 * MEGABYTE), b"x" * MEGABYTE), (CHUNKED, chunk_of_a_megabyte())],
    ids=["length", "chunks"],
)
def test_a_body_that_cannot_be_kept_is_told_of_whoever_reads_it(
    site: Site,
    head: bytes,
    part: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "away"))
    with site.connect(head) as client:
        for _ in range(3):
            client.sendall(part)

        assert status(client) == 503
    assert [record.message for record in caplog.records] == [
        "The body of a request cannot be kept."
    ]

    with site.connect(GET) as client:
        assert status(client) == 200


@pytest.mark.parametrize("sent", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nbad header\r\n\r\n"])
def test_what_is_no_request_is_rejected(site: Site, sent: bytes) -> None:
    with site.connect(sent) as client:
        assert status(client) == 400
        assert client.recv(1) == b""


def test_headers_of_a_proxy_reach_django(site: Site) -> None:
    with site.connect(post(0, "X-Forwarded-Proto: https", "X-Forwarded-For: 1.2.3.4")) as client:
        assert status(client) == 200

    (request,) = site.requests
    assert request["HTTP_X_FORWARDED_PROTO"] == "https"
    assert request["HTTP_X_FORWARDED_FOR"] == "1.2.3.4"


def opened(site: Site, number: int, sent: bytes = b"") -> list[socket.socket]:
    clients = []
    for _ in range(number):
        clients.append(site.connect(sent))
        time.sleep(0.05)  # so that the order is certain
    return clients


def close(clients: Iterable[socket.socket]) -> None:
    for client in clients:
        client.close()


def test_an_address_with_too_many_connections_loses_its_oldest_idle_ones(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_server, "MAX_PER_ADDRESS", 3)
    clients = opened(site, 5)

    for _ in eventually(30):
        if [is_open(client) for client in clients] == [False, False, True, True, True]:
            break
    close(clients)


def test_addresses_are_not_told_apart_behind_a_proxy(
    site: Site, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setattr(web_server, "MAX_PER_ADDRESS", 3)
    settings.BEHIND_PROXY = True
    clients = opened(site, 5)

    time.sleep(0.5)
    assert all(is_open(client) for client in clients)
    close(clients)


def test_a_server_with_too_many_connections_spares_those_at_work(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.server, "_max_connections", 3)
    site.may_answer.clear()
    clients = [*opened(site, 1, GET), *opened(site, 1), *opened(site, 1, GET)]

    last = site.connect(GET)  # takes the place of the idle one
    for _ in eventually(30):
        if not is_open(clients[1]):
            break
    for _ in eventually(30):  # until the server has read its request, too
        channels = list(site.server.active_channels.values())
        if [channel.stage for channel in channels] == [Stage.WORK] * 3:
            break
    with site.connect(GET) as surplus:  # all are at work
        for _ in eventually(30):
            if not is_open(surplus):
                break
    site.may_answer.set()

    assert [status(client) for client in (clients[0], clients[2], last)] == [200, 200, 200]
    close([*clients, last])


def test_bodies_that_wait_for_their_rest_have_a_limit_together(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_server, "MAX_BUFFERED_BYTES", 5 * MEGABYTE)
    clients = opened(site, 3, post(3 * MEGABYTE) + b"x" * 2 * MEGABYTE)

    for _ in eventually(30):
        if [is_open(client) for client in clients] == [False, True, True]:
            break
    close(clients)


def test_a_stop_waits_for_running_requests(site: Site) -> None:
    site.may_answer.clear()
    with site.connect(GET) as client:
        for _ in eventually(30):
            if site.requests:
                break
        site.end_loop()
        stopping = threading.Thread(target=site.server.stop, args=[10])
        stopping.start()
        time.sleep(0.3)
        with pytest.raises(OSError):  # noqa: PT011
            site.connect()
        site.may_answer.set()

        assert status(client) == 200
        stopping.join()


def test_a_stop_does_not_wait_for_ever(site: Site) -> None:
    site.may_answer.clear()
    beats: list[float] = []
    with site.connect(GET), site.connect():
        for _ in eventually(30):
            if site.requests:
                break
        site.end_loop()
        start = time.monotonic()

        site.server.stop(1.5, lambda: beats.append(time.monotonic()))

        assert 1.5 <= time.monotonic() - start < 4
        assert len(beats) >= 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
@pytest.mark.parametrize(
    ("soft", "hard", "connections"), [(256, 512, 50), (256, 2_000, 500), (256, 9_999, 1_000)]
)
def test_connections_follow_the_limit_of_open_files(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, connections: int
) -> None:
    import resource

    limits = [(soft, hard)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, pair: limits.append(pair))

    assert web_server._connections_by_open_files() == connections


def test_an_answer_that_breaks_off_lacks_its_end(site: Site) -> None:
    """Of unknown length, as exports are: with its last chunk its reader would take it for whole."""

    def break_off(_: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"number;total\r\n"
        raise OSError("No space left on device")

    site.server.application = break_off
    with site.connect(GET) as client:
        received = b"".join(iter(lambda: client.recv(1000), b""))

    assert b"Transfer-Encoding: chunked" in received
    assert received.endswith(b"\r\n\r\nE\r\nnumber;total\r\n\r\n")
