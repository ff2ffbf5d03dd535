"""Documents that are fetched from an address instead of sent."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from extraction.documents import links
from extraction.documents.intake import folder_of
from extraction.models import Extraction
from ocrsite.lib import outbound
from tests.extraction.conftest import Integrator
from tests.extraction.sample_documents import pdf, upload
from tests.https_receiver import Receiver, https_receiver, respond
from tokens.models import TokenMaster

INVOICE = pdf("INVOICE 4711\nTotal 119.00")
ENDPOINTS = ["/extract", "/api/v1/extractions/"]


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[Receiver]:
    """An allowed host that has the invoice."""
    settings.EXTRACT_WAIT_SECONDS = 0
    with https_receiver() as server:
        monkeypatch.setattr(outbound, "INTERNET", server.network())
        settings.FETCH_HOSTS = [server.allowed]
        server.answer = lambda handler: respond(handler, 200, INVOICE)
        yield server


def post(integrator: Integrator, url: str | None, path: str = "/extract", **fields: Any) -> Any:
    form = {"companyID": "NT047", "username": "asha", "extractFromLink": "1", "pdf_url": url}
    sent = {name: value for name, value in {**form, **fields}.items() if value is not None}
    return integrator.http.post(path, sent)


def leftovers(data_dir: Path) -> list[Path]:
    return list((data_dir / "tmp").iterdir()) if (data_dir / "tmp").exists() else []


@pytest.mark.parametrize("path", ENDPOINTS)
def test_document_is_fetched_and_submitted(
    files: Receiver, integrator: Integrator, token: TokenMaster, data_dir: Path, path: str
) -> None:
    (data_dir / "tmp").mkdir(parents=True)
    response = post(integrator, f"{files.url}/a%20b.pdf?key=secret", path)

    assert response.status_code == 202
    extraction = Extraction.objects.get()
    assert extraction.file_name == "a b.pdf"
    assert (folder_of(extraction.pk) / "document.pdf").read_bytes() == INVOICE
    assert leftovers(data_dir) == []
    assert [request.method for request in files.received] == ["GET"]


def test_same_bytes_fetched_or_sent_are_read_once(
    files: Receiver, integrator: Integrator, token: TokenMaster
) -> None:
    first = post(integrator, files.url).json()["extraction"]
    sent = post(integrator, None, extractFromLink="0", file=upload(INVOICE)).json()["extraction"]

    assert first == sent


def test_json_names_a_link_likewise(
    files: Receiver, integrator: Integrator, token: TokenMaster
) -> None:
    body = {"companyID": "NT047", "username": "asha", "extractFromLink": True, "pdf_url": files.url}

    response = integrator.http.post("/extract", json.dumps(body), content_type="application/json")

    assert response.status_code == 202


@pytest.mark.parametrize(
    "url",
    [
        "http://receiver.test/x.pdf",
        "https://another.test/x.pdf",
        "https://receiver.test/x.pdf",  # another port
        "https://127.0.0.1/x.pdf",
        "https://user:word@receiver.test/x.pdf",
        "file:///etc/passwd",
        "x.pdf",
    ],
)
def test_address_that_is_not_called_is_refused(
    files: Receiver, integrator: Integrator, token: TokenMaster, url: str
) -> None:
    response = post(integrator, url)

    assert (response.status_code, response.json()["code"]) == (400, "url_refused")
    assert response.json()["detail"].startswith("pdf_url: ")
    assert files.received == []
    assert not Extraction.objects.exists()


def test_redirect_to_an_address_that_is_not_called_is_refused(
    files: Receiver, integrator: Integrator, token: TokenMaster
) -> None:
    files.answer = lambda handler: respond(
        handler, 302, Location="http://169.254.169.254/latest/meta-data/"
    )

    response = post(integrator, files.url)

    assert (response.status_code, response.json()["code"]) == (400, "url_refused")


def test_name_that_leads_inside_is_refused(
    files: Receiver,
    integrator: Integrator,
    token: TokenMaster,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = files.network(resolve=lambda _host, _port: ["10.0.0.1"])
    monkeypatch.setattr(outbound, "INTERNET", network)

    response = post(integrator, files.url)

    assert (response.status_code, response.json()["code"]) == (400, "url_refused")
    assert "10.0.0.1" not in response.content.decode()


@pytest.mark.parametrize("status", [301, 403, 404, 500])
def test_address_that_has_no_document_is_unreachable(
    files: Receiver, integrator: Integrator, token: TokenMaster, status: int
) -> None:
    files.answer = lambda handler: respond(handler, status, INVOICE)

    response = post(integrator, files.url)

    assert (response.status_code, response.json()["code"]) == (422, "url_unreachable")
    assert str(status) in response.json()["detail"]


def test_answer_that_breaks_off_is_unreachable(
    files: Receiver, integrator: Integrator, token: TokenMaster
) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(INVOICE)))
        handler.end_headers()
        handler.wfile.write(INVOICE[:100])
        handler.close_connection = True

    files.answer = answer

    response = post(integrator, files.url)

    assert (response.status_code, response.json()["code"]) == (422, "url_unreachable")
    assert not Extraction.objects.exists()


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"%PDF-1.7" + bytes(1024 * 1024), 413, "file_too_large"),
        (b"<html></html>", 415, "unsupported_media_type"),
        (b"", 422, "empty_file"),
    ],
)
def test_document_is_judged_like_one_that_is_sent(
    files: Receiver,
    integrator: Integrator,
    token: TokenMaster,
    settings: Settings,
    content: bytes,
    status: int,
    code: str,
) -> None:
    settings.MAX_UPLOAD_MB = 1
    files.answer = lambda handler: respond(handler, 200, content)

    response = post(integrator, files.url)

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert not Extraction.objects.exists()


def test_answer_that_takes_too_long_is_given_up(
    files: Receiver,
    integrator: Integrator,
    token: TokenMaster,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given_up = threading.Event()
    files.answer = lambda handler: (given_up.wait(30), None)[1]
    monkeypatch.setattr(links, "FETCH_SECONDS", 0.5)
    try:
        response = post(integrator, files.url)
    finally:
        given_up.set()

    assert (response.status_code, response.json()["code"]) == (422, "url_unreachable")
    assert "in time" in response.json()["detail"]


def test_full_disk_is_told_as_ours_and_leaves_nothing(
    files: Receiver,
    integrator: Integrator,
    token: TokenMaster,
    data_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened = Path.open

    def full(path: Path, *arguments: Any) -> Any:
        return opened(Path("/dev/full") if path.name == "fetched" else path, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        for _ in range(links.MOST_AT_ONCE + 1):
            response = post(integrator, files.url)

            told = (response.status_code, response.json()["code"], response["Retry-After"])
            assert told == (503, "storage_unavailable", "30")
    assert leftovers(data_dir) == []
    assert not Extraction.objects.exists()

    assert post(integrator, files.url).status_code == 202


def test_redirect_to_what_is_no_address_is_told(
    files: Receiver, integrator: Integrator, token: TokenMaster
) -> None:
    files.answer = lambda handler: respond(handler, 302, Location="//[")

    response = post(integrator, files.url)

    assert (response.status_code, response.json()["code"]) == (400, "url_refused")


def test_more_than_a_few_at_once_are_told_to_come_again(
    files: Receiver,
    integrator: Integrator,
    token: TokenMaster,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    full = threading.BoundedSemaphore(1)
    full.acquire()
    monkeypatch.setattr(links, "_room", full)

    response = post(integrator, files.url)

    assert (response.status_code, response.json()["code"]) == (503, "fetch_busy")
    assert response["Retry-After"] == "30"
    assert files.received == []


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"file": "here", "pdf_url": "there"}, "pdf_url: send either a file or a link to it."),
        ({"pdf_url": None}, "pdf_url: is required with extractFromLink=1."),
        (
            {"pdf_url": "there", "extractFromLink": "0"},
            "pdf_url: is used with extractFromLink=1 alone.",
        ),
        (
            {"pdf_url": "there", "extractFromLink": None},
            "pdf_url: is used with extractFromLink=1 alone.",
        ),
        (
            {"pdf_url": None, "extractFromLink": "0"},
            "file: is required: send the document as a file.",
        ),
        (
            {"pdf_url": f"https://a/{'a' * 2000}"},
            "pdf_url: must not be longer than 2000 characters.",
        ),
    ],
)
def test_form_says_which_document_is_meant(
    files: Receiver,
    integrator: Integrator,
    token: TokenMaster,
    fields: dict[str, Any],
    detail: str,
) -> None:
    values: dict[str, Any] = dict(fields)
    if values.get("pdf_url") == "there":
        values["pdf_url"] = files.url
    if "file" in values:
        values["file"] = upload(INVOICE)

    response = post(integrator, values.pop("pdf_url", files.url), **values)

    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
    assert response.json()["detail"] == detail
    assert files.received == []


def test_company_is_checked_before_anything_is_fetched(
    files: Receiver, integrator: Integrator, token: TokenMaster
) -> None:
    assert post(integrator, files.url, companyID="NT048").status_code == 403
    assert files.received == []


def test_nothing_is_fetched_while_no_host_is_allowed(
    files: Receiver, integrator: Integrator, token: TokenMaster, settings: Settings
) -> None:
    settings.FETCH_HOSTS = []

    response = post(integrator, files.url)

    assert (response.status_code, response.json()["code"]) == (400, "url_fetch_disabled")
    assert files.received == []
