"""HTTPS requests to hosts that people name: the only code that calls what they wrote.

A request goes out only to a host that the installation allows, and only to public addresses: what
the name resolves to is judged at the moment of connecting, and that very address is connected, so
that a name cannot lead elsewhere a moment later. TLS is verified against the name. No proxy of the
environment is used. Time and size are bounded in total, not per read.
"""

import errno
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, BinaryIO
from urllib.parse import urljoin

import httpcore2

from ocrsite.lib.outbound_targets import RefusedTarget, Target, is_allowed, is_public, parse

MOST_REDIRECTS = 3
# Of those that a name resolves to.
MOST_ADDRESSES = 4
USER_AGENT = "ocrsite"
# Of an OSError: no address is to blame for it.
_OWN_FAULTS = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_REDIRECTS = {301, 302, 303, 307, 308}


class Unreachable(Exception):
    """No answer came: DNS, connection, TLS, time or protocol. The text says which."""


class TooLarge(Exception):
    """The answer is larger than what is taken."""


@dataclass(frozen=True, slots=True)
class Network:
    """What is outside: names to addresses, which of those may be connected, whom TLS trusts.

    Production has INTERNET alone. Tests put a server of their own in its place.
    """

    resolve: Callable[[str, int], list[str]]
    may_connect: Callable[[str], bool]
    tls: Callable[[], ssl.SSLContext]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ``headers`` by their names in lower case; ``body``: its first bytes."""

    status: int
    headers: dict[str, str]
    body: bytes


def _resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@lru_cache(maxsize=1)
def _trusted() -> ssl.SSLContext:
    return httpcore2.default_ssl_context()


INTERNET = Network(_resolve, is_public, _trusted)


def post(
    url: str,
    body: bytes,
    headers: dict[str, str],
    *,
    allowed: Sequence[str],
    seconds: float,
    keep: int,
) -> Answer:
    """Send a body and return the answer with the first ``keep`` bytes of its body.

    No redirect is followed. Raises RefusedTarget and Unreachable, and OSError for a fault of this
    machine.
    """
    target = _checked(url, allowed)
    with _exchange("POST", target, headers, body, _Deadline(seconds)) as response:
        kept = b""
        for chunk in response.iter_stream():
            kept += chunk[: keep - len(kept)]
            if len(kept) >= keep:
                break
        return Answer(response.status, _headers_of(response), kept)


def fetch(
    url: str, into: BinaryIO, *, allowed: Sequence[str], seconds: float, at_most: int
) -> Answer:
    """Write what is at an address to a file, at most so many bytes; return the rest of the answer.

    Redirects are followed, each judged like the first address. An answer other than 200 has
    nothing written. Raises RefusedTarget, Unreachable and TooLarge, when some may be written, and
    OSError for a fault of this machine.
    """
    deadline = _Deadline(seconds)
    for _ in range(MOST_REDIRECTS + 1):
        target = _checked(url, allowed)
        with _exchange("GET", target, {"Accept-Encoding": "identity"}, b"", deadline) as response:
            headers = _headers_of(response)
            if response.status not in _REDIRECTS or "location" not in headers:
                if response.status == 200:
                    _copy(response, into, at_most, headers.get("content-length", ""))
                return Answer(response.status, headers, b"")
            url = _redirected(target, headers["location"])
    raise Unreachable(f"It was redirected more than {MOST_REDIRECTS} times.")


def _checked(url: str, allowed: Sequence[str]) -> Target:
    target = parse(url)
    if not is_allowed(target, allowed):
        raise RefusedTarget(f"This service does not call {target.authority}.")
    return target


def _redirected(target: Target, location: str) -> str:
    try:
        return urljoin(target.url, location)
    except ValueError as error:  # brackets that hold no IPv6 address, for example
        raise RefusedTarget("It was redirected to what is no address.") from error


def _copy(response: httpcore2.Response, into: BinaryIO, at_most: int, announced: str) -> None:
    if announced.isascii() and announced.isdecimal() and int(announced[:20]) > at_most:
        raise TooLarge
    size = 0
    for chunk in response.iter_stream():
        size += len(chunk)
        if size > at_most:
            raise TooLarge
        into.write(chunk)


@contextmanager
def _exchange(
    method: str, target: Target, headers: dict[str, str], body: bytes, deadline: "_Deadline"
) -> Iterator[httpcore2.Response]:
    """One request on a connection of its own, which is closed afterwards."""
    host = target.host.encode()
    sent = {"Host": target.authority, "User-Agent": USER_AGENT, "Connection": "close"} | headers
    if method == "POST":
        sent["Content-Length"] = str(len(body))
    connection = httpcore2.HTTPConnection(
        httpcore2.Origin(b"https", host, target.port),
        ssl_context=INTERNET.tls(),
        network_backend=_CheckedNetwork(INTERNET, deadline),
    )
    try:
        request = httpcore2.Request(
            method,
            httpcore2.URL(scheme=b"https", host=host, port=target.port, target=target.path),
            headers=list(sent.items()),
            content=body,
        )
        yield connection.handle_request(request)
    except httpcore2.TimeoutException as error:
        raise Unreachable("It did not answer in time.") from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        if own := _own_fault(error):
            raise own from error
        raise Unreachable(_reason(error)) from error
    finally:
        connection.close()


def _own_fault(error: Exception) -> OSError | None:
    """What kept this process from asking at all: it has no file handles or memory left."""
    faults = (each for each in _causes(error) if isinstance(each, OSError))
    return next((fault for fault in faults if fault.errno in _OWN_FAULTS), None)


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _reason(error: Exception) -> str:
    """What is told of an error: nothing of the network's inside."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"Its certificate is not accepted: {cause.verify_message}."
        if isinstance(cause, ssl.SSLError):
            return "No TLS connection came about."
    if isinstance(error, httpcore2.ConnectError):
        return str(error) if isinstance(error, _UnknownHost) else "It cannot be connected."
    return "The connection broke, or what came is not HTTP."


def _headers_of(response: httpcore2.Response) -> dict[str, str]:
    return {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers
    }


class _UnknownHost(httpcore2.ConnectError):
    """DNS knows no address of a name."""


class _Deadline:
    """The moment at which an exchange ends, by the monotonic clock."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds until then. Raises httpcore2.ReadTimeout when it is past."""
        left = self._at - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout
        return left


class _BoundedStream(httpcore2.NetworkStream):
    """A connection each of whose operations ends with the deadline of the exchange."""

    def __init__(self, stream: httpcore2.NetworkStream, deadline: _Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left())
        return _BoundedStream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _CheckedNetwork(httpcore2.NetworkBackend):
    """Connects a name to one of its addresses, if each of them may be connected."""

    def __init__(self, network: Network, deadline: _Deadline) -> None:
        self._network = network
        self._deadline = deadline
        self._tcp = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        addresses = self._addresses(host, port)
        # All, not the first: which of them is connected is not left to chance.
        if not all(map(self._network.may_connect, addresses)):
            raise RefusedTarget("Its host is not one of the public Internet.")
        addresses = addresses[:MOST_ADDRESSES]
        for number, address in enumerate(addresses):
            share = self._deadline.left() / (len(addresses) - number)
            try:
                return _BoundedStream(self._tcp.connect_tcp(address, port, share), self._deadline)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                if number == len(addresses) - 1:
                    raise
        raise _UnknownHost("DNS knows no such host.")

    def _addresses(self, host: str, port: int) -> list[str]:
        """Ask DNS, which has no time-out of its own, in a thread that may be left behind."""
        found: list[str] = []
        faults: list[OSError] = []

        def resolve() -> None:
            try:
                found.extend(self._network.resolve(host, port))
            except OSError as error:
                faults.append(error)
            except UnicodeError:
                pass  # no name that DNS could know

        thread = threading.Thread(target=resolve, name="resolver", daemon=True)
        thread.start()
        thread.join(self._deadline.left())
        if thread.is_alive():
            raise httpcore2.ConnectTimeout
        for fault in faults:
            if fault.errno in _OWN_FAULTS:
                raise httpcore2.ConnectError from fault
        return found
