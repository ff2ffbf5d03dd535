"""The emulator's HTTP server: Gemini's endpoints, and ``/ledger`` and ``/faults``."""

import gzip
import json
import re
import select
import socket
import threading
import zlib
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from tests.emulator.answers import Answers
from tests.emulator.billing import text_tokens
from tests.emulator.faults import TRANSPORTS, Fault, Faults, error_body
from tests.emulator.ledger import Call, Ledger
from tests.emulator.replies import reply
from tests.emulator.requests import InvalidRequest, contents_text, parse

_MODEL_CALL = re.compile(r"/v1(?:beta)?/models/(?P<model>[^/:]+):(?P<method>\w+)(?:\?.*)?")
# One byte in so many seconds: too slow to end, too fast for a time-out per read.
_TRICKLE_SECONDS = 0.02
_NO_HEADERS: Mapping[str, str] = {}


# Bytes of an answer that is far too large: many times what a client may hold.
HUGE = 256 * 2**20
ENCODINGS = {
    "gzip": "gzip",
    "gzip_bomb": "gzip",
    "wrong_encoding": "gzip",  # and it is not
    "unknown_encoding": "br",
}


@lru_cache(maxsize=1)
def gzip_bomb() -> bytes:
    """HUGE blanks in a few hundred kilobytes."""
    packer = zlib.compressobj(wbits=31)
    piece = b" " * 2**20
    packed = b"".join(packer.compress(piece) for _ in range(HUGE // len(piece)))
    return packed + packer.flush()


class Emulator:
    """A Gemini API on this machine. Starts when entered, on a free port unless one is given."""

    def __init__(
        self,
        answers: Answers | None = None,
        *,
        port: int = 0,
        use_whole_budget: bool = False,
    ) -> None:
        self.answers = answers or Answers()
        self.use_whole_budget = use_whole_budget
        self.ledger = Ledger()
        # Calls of countTokens are free, so they are kept apart from those that are billed.
        self.counts = Ledger()
        self.faults = Faults()
        self._server = _Server(("127.0.0.1", port), self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="gemini-emulator", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self._thread.join()

    def join(self) -> None:
        """Wait until the server is shut down."""
        self._thread.join()

    def wait_for_calls(self, count: int, seconds: float = 10.0) -> bool:
        """Wait until so many calls have arrived, answered or not. False: they have not."""
        return self.ledger.wait_for(count, seconds)

    def wait_until_idle(self, seconds: float = 10.0) -> bool:
        """Wait until no connection is open: the ledger is then complete. False: it is not."""
        return self._server.wait_until_idle(seconds)

    @property
    def calls(self) -> tuple[Call, ...]:
        """The ledger's calls."""
        return self.ledger.calls


class _Server(ThreadingHTTPServer):
    # Closing waits for the handlers, so that no thread outlives its test.
    daemon_threads = False
    block_on_close = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], emulator: Emulator) -> None:
        super().__init__(address, _Handler)
        self.emulator = emulator
        self.stopping = False
        self._connections: set[socket.socket] = set()
        self._changed = threading.Condition()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._changed:
            self._connections.add(request)
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._changed:
                self._connections.discard(request)
                self._changed.notify_all()

    def wait_until_idle(self, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not self._connections, seconds)

    def hang_up(self) -> None:
        """End every open connection, also one that waits in a delay."""
        self.stopping = True
        with self._changed:
            for connection in self._connections:
                _cut(connection)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    _call: Call | None = None

    def do_GET(self) -> None:
        if self.path == "/ledger":
            self._send(200, [call.as_json() for call in self.server.emulator.calls])
        else:
            self._send(404, error_body(404, "NOT_FOUND", "Not found."))

    def do_DELETE(self) -> None:
        emulator = self.server.emulator
        resets = {"/ledger": emulator.ledger.clear, "/faults": emulator.faults.clear}
        if self.path in resets:
            resets[self.path]()
            self._send(200, {})
        else:
            self._send(404, error_body(404, "NOT_FOUND", "Not found."))

    def do_POST(self) -> None:
        try:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        except ValueError:
            self._send(400, error_body(400, "INVALID_ARGUMENT", "Invalid JSON payload."))
            return
        if self.path == "/faults":
            self._inject(body)
        elif called := _MODEL_CALL.fullmatch(self.path):
            self._call_model(called["model"], called["method"], body)
        else:
            self._send(404, error_body(404, "NOT_FOUND", "Not found."))

    def _inject(self, body: Any) -> None:
        try:
            faults = [
                Fault.from_json(values) for values in (body if isinstance(body, list) else [body])
            ]
        except ValueError as error:
            self._send(400, error_body(400, "INVALID_ARGUMENT", str(error)))
            return
        for fault in faults:
            self.server.emulator.faults.put(fault)
        self._send(200, {"injected": len(faults)})

    def _call_model(self, model: str, method: str, body: Any) -> None:
        key = self.headers.get("x-goog-api-key", "")
        if not key:
            message = "Method doesn't allow unregistered callers. Please use API Key."
            self._send(403, error_body(403, "PERMISSION_DENIED", message))
        elif method == "generateContent":
            self._generate(self.server.emulator.ledger.open(key, method, model), body)
        elif method == "countTokens":
            self._count(self.server.emulator.counts.open(key, method, model), body)
        else:
            self._send(404, error_body(404, "NOT_FOUND", "Method not found."))

    def _count(self, call: Call, body: Any) -> None:
        """Count a whole request, or contents alone, which is all that the SDK can send."""
        fault = self.server.emulator.faults.for_call(call)
        if not self._wait(fault.delay):
            return
        if (error := fault.error()) is not None:
            self._send(*error, fault.headers)
            return
        try:
            if "generateContentRequest" in body:
                request = parse(body["generateContentRequest"])
                total = text_tokens(request.text) + request.image_tokens
            else:
                total = text_tokens(contents_text(body))
        except InvalidRequest as invalid:
            self._send(400, error_body(400, "INVALID_ARGUMENT", str(invalid)))
            return
        self._send(200, {"totalTokens": total})

    def _generate(self, call: Call, body: Any) -> None:
        emulator = self.server.emulator
        self._call = call
        fault = emulator.faults.for_call(call)
        try:
            request = parse(body)
        except InvalidRequest as invalid:
            call.outcome = "invalid_request"
            self._send(400, error_body(400, "INVALID_ARGUMENT", str(invalid)))
            return
        call.images, call.document = request.images, request.document
        call.temperature = request.temperature
        if (error := fault.error()) is not None:
            call.outcome = fault.kind
            if self._wait(fault.delay):
                self._send(*error, fault.headers)
            return
        answer = reply(
            fault.kind,
            request,
            emulator.answers.text_for(request),
            call.model,
            use_whole_budget=emulator.use_whole_budget,
        )
        # Before the answer is sent: a client that is killed meanwhile is billed as well.
        call.charge(answer.bill)
        call.outcome = answer.outcome
        if not self._wait(fault.delay):
            return
        if fault.kind in TRANSPORTS:
            self._misdeliver(fault.kind, json.dumps(answer.body).encode())
        else:
            self._send(200, answer.body)

    def _misdeliver(self, kind: str, payload: bytes) -> None:
        if kind == "empty":
            payload = b""
        elif kind == "malformed":
            payload = payload[: len(payload) // 2]
        elif kind == "drop":
            self._hang_up()
            return
        headers = _NO_HEADERS
        if kind in ENCODINGS:
            headers = {"Content-Encoding": ENCODINGS[kind]}
        if kind == "gzip":
            payload = gzip.compress(payload)
        elif kind == "gzip_bomb":
            payload = gzip_bomb()
        self._send_head(200, "application/json", HUGE if kind == "huge" else len(payload), headers)
        if kind == "trickle":
            for byte in payload:
                if not self._wait(_TRICKLE_SECONDS):
                    return
                self.wfile.write(bytes([byte]))
        elif kind == "huge":
            for _ in range(HUGE // 2**20):  # in pieces: tests measure this process's memory
                self.wfile.write(b" " * 2**20)
        elif kind == "drop_mid_body":
            self.wfile.write(payload[: len(payload) // 2])
            self._hang_up()
        else:
            self.wfile.write(payload)

    def _wait(self, seconds: float) -> bool:
        """Wait. Returns False, at once, when the client goes away meanwhile."""
        if not seconds or not select.select([self.connection], [], [], seconds)[0]:
            return True
        # Readable while the client has nothing to send: the end of the stream.
        self._note_client_gone()
        self.close_connection = True
        return False

    def _note_client_gone(self) -> None:
        if self._call is not None and not self.server.stopping:
            self._call.client_gone = True

    def _hang_up(self) -> None:
        self.wfile.flush()
        _cut(self.connection)
        self.close_connection = True

    def _send(self, status: int, body: object, headers: Mapping[str, str] = _NO_HEADERS) -> None:
        is_text = isinstance(body, str)
        payload = (str(body) if is_text else json.dumps(body)).encode()
        media_type = "text/html; charset=utf-8" if is_text else "application/json; charset=utf-8"
        self._send_head(status, media_type, len(payload), headers)
        self.wfile.write(payload)

    def _send_head(
        self, status: int, media_type: str, length: int, headers: Mapping[str, str] = _NO_HEADERS
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            self._note_client_gone()

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing: the ledger has it."""


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):  # closed by the other side already
        connection.shutdown(socket.SHUT_RDWR)


def serve_forever(emulator: Emulator) -> None:
    """Run until interrupted."""
    with emulator, suppress(KeyboardInterrupt):
        emulator.join()
