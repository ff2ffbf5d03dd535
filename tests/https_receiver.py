"""A local HTTPS server that stands for the Internet, and a network in which only it exists.

Production knows ``outbound.INTERNET`` alone: no setting leads here.
"""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ocrsite.lib.outbound import Network

HOST = "receiver.test"
# Long before any frozen clock of a test, and long after.
_VALID_FROM, _VALID_FOR = datetime(2020, 1, 1, tzinfo=UTC), timedelta(days=36500)


@dataclass
class Received:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """The server: what it was sent, and how it answers."""

    port: int
    certificate: Path
    received: list[Received] = field(default_factory=list)
    # Called with the handler after the request was read; it writes the whole answer.
    answer: Callable[[BaseHTTPRequestHandler], None] = lambda handler: respond(handler, 200)

    @property
    def allowed(self) -> str:
        """Its entry in a list of allowed hosts."""
        return f"{HOST}:{self.port}"

    @property
    def url(self) -> str:
        """Where it listens, under a name that only ``network`` knows."""
        return f"https://{HOST}:{self.port}/hook"

    def network(self, **changed: object) -> Network:
        """A network in which each name leads here and this address alone may be connected."""
        values = {
            "resolve": lambda _host, _port: ["127.0.0.1"],
            "may_connect": lambda address: address == "127.0.0.1",
            "tls": lambda: ssl.create_default_context(cafile=str(self.certificate)),
        }
        return Network(**{**values, **changed})  # type: ignore[arg-type]


def respond(
    handler: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str
) -> None:
    """Write an answer; underscores in the names of headers stand for hyphens."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def https_receiver(name: str = HOST) -> Iterator[Receiver]:
    """Serve on a free port of this machine, with a certificate for ``name``."""
    with TemporaryDirectory() as folder:
        certificate = _write_certificate(Path(folder), name)
        server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
        receiver = Receiver(server.server_address[1], certificate)
        server.RequestHandlerClass = _handler_of(receiver)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, Path(folder) / "key.pem")
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def _handler_of(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def _take(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.received.append(Received(self.command, self.path, headers, body))
            receiver.answer(self)

        do_GET = do_POST = _take  # noqa: N815 (the library's names)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _write_certificate(folder: Path, host: str) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_VALID_FROM)
        .not_valid_after(_VALID_FROM + _VALID_FOR)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path
