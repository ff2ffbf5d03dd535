"""Clients that keep a web server waiting, for tests and benchmarks."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DRIP_SECONDS = 0.5

_POST = (
    "POST /extract HTTP/1.1\r\nHost: localhost\r\n"
    "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {}\r\n\r\n"
)


def kinds(static_folder: Path) -> dict[str, tuple[bytes, bytes]]:
    """The kinds by name: what each sends at first, and then again and again."""
    files = [path for path in static_folder.rglob("*.js") if path.is_file()]
    largest = max(files, key=lambda path: path.stat().st_size)
    answer = f"GET /static/{largest.relative_to(static_folder).as_posix()} HTTP/1.1\r\n"
    return {
        "idle": (b"", b""),
        "dripping headers": (b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Drip: ", b"x"),
        "dripping body": (_POST.format(1_000_000).encode(), b"x"),
        "dripping a body too large": (_POST.format(100_000_000).encode(), b"x"),
        "never reading": (f"{answer}Host: localhost\r\n\r\n".encode() * 20, b""),
    }


class SlowClients:
    """So many connections of one kind; those that are closed on them are opened again."""

    def __init__(self, port: int, number: int, kind: tuple[bytes, bytes]) -> None:
        self._port = port
        self._first, self._drip = kind
        self._ended = threading.Event()
        self._sockets = [self._connected() for _ in range(number)]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Close them all."""
        self._ended.set()
        self._thread.join()
        for each in self._sockets:
            each.close()

    def _connected(self) -> socket.socket:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(5)
        with contextlib.suppress(OSError):  # a server that accepts no more
            client.connect(("127.0.0.1", self._port))
            client.sendall(self._first)
        client.setblocking(False)
        return client

    def _run(self) -> None:
        while not self._ended.wait(DRIP_SECONDS):
            for index, client in enumerate(self._sockets):
                if self._is_closed(client):
                    client.close()
                    self._sockets[index] = self._connected()

    def _is_closed(self, client: socket.socket) -> bool:
        try:
            if self._drip:
                client.send(self._drip)
            return client.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True


@contextmanager
def slow_clients(port: int, number: int, kind: tuple[bytes, bytes]) -> Iterator[SlowClients]:
    """Connections that are closed at the end."""
    clients = SlowClients(port, number, kind)
    try:
        yield clients
    finally:
        clients.close()
