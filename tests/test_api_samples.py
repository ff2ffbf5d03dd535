"""The samples of docs/samples do what they say, against a running site, in every language."""

import io
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import NamedTuple

import httpx2
import pytest

from extraction.api.schema import openapi
from extraction.models import WebhookDelivery, WebhookEndpoint
from extraction.webhooks import secrets
from tests.running_site import ROOT, RunningSite, eventually, free_port, running_site

pytestmark = pytest.mark.crash

SAMPLES = ROOT / "docs" / "samples"
PROGRAMS = {
    "curl": ("bash", ".sh"),
    "python": (sys.executable, ".py"),
    "javascript": ("node", ".mjs"),
}
NEEDED = {"curl": ("bash", "curl", "jq"), "python": (), "javascript": ("node",)}
SAMPLES_IN_C_SHARP = {
    "submit_and_wait": "SubmitAndWait.cs",
    "submit_and_poll": "SubmitAndPoll.cs",
    "batch": "Batch.cs",
    "errors": "Errors.cs",
    "webhook_receiver": "WebhookReceiver.cs",
}
READ = re.compile(r"INV-2026-0417 928\.08 needs_review=true\n", re.IGNORECASE)
EXTRACTION = r"/api/v1/extractions/[0-9a-f-]{36}/"
NUMBERS = count(1)


class Done(NamedTuple):
    """How a sample ended, and what it printed."""

    code: int
    output: str
    errors: str


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSite]:
    with running_site(tmp_path_factory.mktemp("site") / "data") as site:
        site.start_web()
        site.start_worker()
        yield site


@pytest.fixture(params=PROGRAMS)
def language(request: pytest.FixtureRequest) -> str:
    for tool in NEEDED[request.param]:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    return str(request.param)


@pytest.fixture
def invoice(tmp_path: Path) -> Path:
    """The invoice of the samples, in other bytes for each test."""
    path = tmp_path / f"acme {next(NUMBERS)}.pdf"
    path.write_bytes(invoice_bytes())
    return path


def invoice_bytes() -> bytes:
    acme = (ROOT / "samples" / "acme-invoice.pdf").read_bytes()
    return acme + f"\n%{next(NUMBERS)}\n".encode()


def run(language: str, name: str, site: RunningSite, *arguments: Path, **environment: str) -> Done:
    program, suffix = PROGRAMS[language]
    done = subprocess.run(
        [program, str(SAMPLES / language / f"{name}{suffix}"), *map(str, arguments)],
        env={
            **os.environ,
            "OCRSITE_URL": site.url,
            "OCRSITE_KEY": site.credentials["api_key"],
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("name", ["submit_and_wait", "submit_and_poll"])
def test_document_is_sent_and_its_result_printed(
    language: str, name: str, site: RunningSite, invoice: Path
) -> None:
    done = run(language, name, site, invoice)

    assert (done.code, done.errors) == (0, "")
    assert READ.fullmatch(done.output)


def test_errors_that_pass_are_tried_again_and_nothing_is_sent_twice(
    language: str, site: RunningSite, invoice: Path
) -> None:
    with relay(site) as (url, faults):
        faults.answers = [(503, '{"code": "read_busy"}'), (429, '{"code": "too_many_documents"}')]
        done = run(language, "errors", site, invoice, OCRSITE_URL=url)

    assert done.code == 0, done.errors
    assert re.fullmatch(rf"ok {EXTRACTION}\n", done.output)
    assert [path for path, _ in faults.asked] == ["/extract"] * 3
    assert len({key for _, key in faults.asked}) == 1


def test_what_was_recorded_is_read_again_in_place_of_being_sent_again(
    language: str, site: RunningSite, invoice: Path
) -> None:
    recorded = "/api/v1/extractions/00000000-0000-0000-0000-000000000001/"
    with relay(site) as (url, faults):
        faults.answers = [
            (503, f'{{"code": "no_key_free", "extraction": "{recorded}"}}'),
            (202, f'{{"status": "pending", "extraction": "{recorded}"}}'),
        ]
        done = run(language, "errors", site, invoice, OCRSITE_URL=url)

    assert (done.code, done.output) == (0, f"pending {recorded}\n")
    assert [path for path, _ in faults.asked] == ["/extract", f"{recorded}retry/"]


def test_what_failed_at_the_model_is_left_for_later(
    language: str, site: RunningSite, invoice: Path
) -> None:
    with relay(site) as (url, faults):
        faults.answers = [(502, '{"code": "server_error", "extraction": "/x/"}')]
        done = run(language, "errors", site, invoice, OCRSITE_URL=url)

    assert (done.code, done.errors) == (2, "later: server_error, /x/retry/\n")
    assert len(faults.asked) == 1


@pytest.mark.parametrize("name", ["submit_and_wait", "submit_and_poll", "errors"])
def test_document_that_cannot_be_read_is_told_so_at_once(
    language: str, name: str, site: RunningSite, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("no invoice")

    done = run(language, name, site, tmp_path / "a.txt")

    assert (done.code, done.output) == (1, "")
    assert done.errors.startswith("unsupported_media_type: The file is neither")


def test_batch_is_followed_to_its_end(language: str, site: RunningSite, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("1.pdf", "2.pdf", "3.txt")]
    for path in paths:
        path.write_bytes(invoice_bytes() if path.suffix == ".pdf" else b"no invoice")

    done = run(language, "batch", site, *paths, OCRSITE_BATCH=f"batch-{next(NUMBERS)}")

    assert done.code == 0, done.errors
    first, *others = done.output.splitlines()
    assert first == "refused 3.txt unsupported_media_type"
    assert sorted(others) == [f"ok {name} INV-2026-0417 928.08" for name in ("1.pdf", "2.pdf")]
    assert done.errors.splitlines()[-1] == "2 of 2 read"

    again = run(language, "batch", site, *paths[:2])
    known = rf"known 1\.pdf {EXTRACTION}\nknown 2\.pdf {EXTRACTION}\n(ok [^\n]+ 928\.08\n){{2}}"
    assert re.fullmatch(known, again.output)


def test_batch_may_be_a_zip(language: str, site: RunningSite, tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("in/1.pdf", invoice_bytes())
    (tmp_path / "invoices.zip").write_bytes(packed.getvalue())

    done = run(language, "batch", site, tmp_path / "invoices.zip")

    assert (done.code, done.output) == (0, "ok 1.pdf INV-2026-0417 928.08\n")


def test_batch_that_is_refused_as_a_whole_is_told_so(
    language: str, site: RunningSite, invoice: Path
) -> None:
    done = run(language, "batch", site, invoice, OCRSITE_COMPANY="OTHER")

    assert done.code == 1
    assert done.errors.startswith("company_not_allowed: ")


@pytest.mark.parametrize(
    "command",
    [(sys.executable, "python/webhook_receiver.py"), ("node", "javascript/webhook_receiver.cjs")],
    ids=["python", "javascript"],
)
def test_receiver_takes_genuine_messages_once_and_no_forged_ones(
    command: tuple[str, str], tmp_path: Path
) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    endpoint = WebhookEndpoint()
    secret = secrets.give(endpoint)
    body = '{"type": "extraction.succeeded", "data": {"extraction": "/api/v1/extractions/x/"}}'
    headers = secrets.headers(WebhookDelivery(endpoint=endpoint, body=body), datetime.now(UTC))
    port, said = free_port(), tmp_path / "said"
    with said.open("w") as output:
        process = subprocess.Popen(
            [command[0], str(SAMPLES / command[1])],
            env={**os.environ, "OCRSITE_WEBHOOK_SECRET": secret, "PORT": str(port)},
            stdout=output,
        )
    try:
        url = f"http://127.0.0.1:{port}/hook"
        for _ in eventually(60):
            try:
                assert httpx2.post(url, content=body.encode()).status_code == 401
            except httpx2.TransportError:
                continue
            break
        for sent, status in ((body + " ", 401), (body, 204), (body, 204)):
            assert httpx2.post(url, content=sent.encode(), headers=headers).status_code == status
        for _ in eventually(60):
            if said.read_text():
                break
        assert said.read_text() == "extraction.succeeded /api/v1/extractions/x/\n"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def source(language: str, name: str) -> str:
    if language == "csharp":
        return (SAMPLES / language / SAMPLES_IN_C_SHARP[name]).read_text("utf-8")
    (path,) = (SAMPLES / language).glob(f"{name}.*")
    return path.read_text("utf-8")


# What a sample sends and reads: addresses, headers, fields, statuses and variables.
WORDS = (
    *("/extract", "/api/v1/extractions/", "/api/v1/batches/", "retry/"),
    *("Api-Key", "Idempotency-Key", "Retry-After"),
    *("companyID", "username", "extraction", "detail", "request_id"),
    *("invoice_no", "invoice_number", "total_amount", "needs_review", "file_name"),
    *("came_before", "counts", "succeeded", "ended", "extractions"),
    *("429", "502", "503", "504", "OCRSITE_URL", "OCRSITE_KEY", "OCRSITE_COMPANY"),
    *("OCRSITE_BATCH", "OCRSITE_WEBHOOK_SECRET", "whsec_"),
    *("webhook-id", "webhook-timestamp", "webhook-signature"),
)


def words(language: str, name: str) -> set[str]:
    code = source(language, name)
    return {word for word in WORDS if re.search(rf"{_start(word)}{re.escape(word)}(?![\w-])", code)}


def _start(word: str) -> str:
    """What stands before a word; an address may follow anything, such as a variable's name."""
    return r"(?<![\w-])" if word[0].isalnum() else ""


@pytest.mark.parametrize("name", SAMPLES_IN_C_SHARP)
def test_every_language_sends_and_reads_the_same(name: str) -> None:
    """C# among them, which is compiled nowhere here."""
    languages = [
        language
        for language in ("python", "curl", "javascript", "csharp")
        if language == "csharp" or list((SAMPLES / language).glob(f"{name}.*"))
    ]

    found = {language: words(language, name) for language in languages}

    assert len(languages) >= 3
    assert found == dict.fromkeys(languages, found["python"])


def test_every_field_of_the_samples_is_described() -> None:
    described = str(openapi())

    for word in WORDS[: WORDS.index("429")]:
        assert word in described or word in ("Retry-After", "retry/"), word


FUNCTIONS = [
    ("python", "python", "def is_genuine"),
    ("javascript", "javascript", "/** Whether ocrsite"),
    ("csharp", "csharp", "static bool"),
]


@pytest.mark.parametrize(("language", "block", "start"), FUNCTIONS)
def test_receivers_verify_as_the_document_has_it(language: str, block: str, start: str) -> None:
    text = (ROOT / "docs" / "webhooks.md").read_text("utf-8")
    (code,) = re.findall(rf"```{block}\n(.*?)```", text, re.DOTALL)

    assert code[code.index(start) :] in source(language, "webhook_receiver")


def test_shell_verifies_as_the_document_has_it() -> None:
    text = (ROOT / "docs" / "webhooks.md").read_text("utf-8")
    (code,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)

    assert code in source("curl", "verify_webhook")


def test_every_sample_is_linked() -> None:
    text = (ROOT / "docs" / "api.md").read_text("utf-8")

    for path in SAMPLES.rglob("*.*"):
        assert f"(samples/{path.relative_to(SAMPLES)})" in text


def test_first_call_of_the_document_works(site: RunningSite) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    text = (ROOT / "docs" / "api.md").read_text("utf-8")
    code = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)[0]

    done = subprocess.run(
        ["bash", "-euc", code],
        cwd=ROOT,
        env={
            **os.environ,
            "OCRSITE_URL": site.url,
            "OCRSITE_KEY": site.credentials["api_key"],
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    assert '"invoice_no":"INV-2026-0417"' in done.stdout


@dataclass
class Faults:
    """What a relay answers first, by itself, and what it was asked: paths and Idempotency-Keys."""

    answers: list[tuple[int, str]] = field(default_factory=list)
    asked: list[tuple[str, str | None]] = field(default_factory=list)


@contextmanager
def relay(site: RunningSite) -> Iterator[tuple[str, Faults]]:
    """A server between a sample and the site, with faults of its own."""
    faults = Faults()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            faults.asked.append((self.path, self.headers["Idempotency-Key"]))
            if faults.answers:
                status, text = faults.answers.pop(0)
                self.answer(status, text.encode())
                return
            names = ("Authorization", "Content-Type", "Idempotency-Key")
            headers = {name: self.headers[name] for name in names}
            done = httpx2.post(site.url + self.path, headers=headers, content=body, timeout=90)
            self.answer(done.status_code, done.content)

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Retry-After", "0")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", faults
    finally:
        server.shutdown()
        server.server_close()
