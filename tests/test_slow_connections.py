"""A real site goes on answering while strangers keep it waiting."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import psutil
import pytest

from tests.extraction.sample_documents import pdf
from tests.running_site import RunningSite, eventually, running_site
from tests.slow_connections import kinds, slow_clients

CONNECTIONS_OF_A_KIND = 200
# Those that drip go on for ever: a server that they keep waiting answers nobody else, however long
# one waits for it.
PATIENCE = 60


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSite]:
    with running_site(tmp_path_factory.mktemp("site") / "data") as site:
        yield site


@pytest.fixture(scope="module", autouse=True)
def web(site: RunningSite) -> psutil.Process:
    return psutil.Process(site.start_web().pid)


def test_health_and_log_in_answer_beside_200_slow_connections_of_each_kind(
    site: RunningSite,
) -> None:
    with ExitStack() as stack:
        for sent in kinds(site.data_dir / "static").values():
            stack.enter_context(slow_clients(site.port, CONNECTIONS_OF_A_KIND, sent))
            for path in ("/healthz", "/login/") * 3:
                assert httpx2.get(site.url + path, timeout=PATIENCE).status_code == 200


def test_a_document_may_come_in_chunks_and_is_rejected_when_it_is_too_large(
    site: RunningSite,
) -> None:
    form = httpx2.Request(
        "POST",
        site.url,
        data={"companyID": site.credentials["company_id"], "username": "me"},
        files={"file": ("invoice.pdf", pdf("INVOICE 1"))},
    )
    headers = {"Content-Type": form.headers["Content-Type"], "Prefer": "respond-async"}

    def chunks(padding: int) -> Iterator[bytes]:
        yield form.read()
        for _ in range(padding):
            yield b"\0" * 1024 * 1024

    accepted = site.client.post("/extract", headers=headers, content=chunks(0))
    rejected = site.client.post("/extract", headers=headers, content=chunks(60))

    assert accepted.status_code == 202
    assert (rejected.status_code, rejected.json()["code"]) == (413, "file_too_large")


UPLOAD = (
    b"POST /extract HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n"
    b"Content-Type: multipart/form-data; boundary=b\r\nAuthorization: Api-Key %s\r\n\r\n"
)


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel for open files")
def test_what_a_body_leaves_on_disk_meanwhile_is_in_data_dir(
    site: RunningSite, web: psutil.Process
) -> None:
    with socket.create_connection(("127.0.0.1", site.port), timeout=10) as client:
        client.sendall(UPLOAD % site.credentials["api_key"].encode() + b"x" * 500_000)

        folder = f"{site.data_dir / 'tmp'}/"
        for _ in eventually(30):
            if any(file.startswith(folder) for file in open_files(web)):
                break


def open_files(web: psutil.Process) -> list[str]:
    """What the processes under gunicorn's have open; no folder need name it any more."""
    return [
        os.readlink(descriptor)  # noqa: PTH115  # it may lead to no path
        for process in web.children()
        for descriptor in Path(f"/proc/{process.pid}/fd").iterdir()
    ]


def test_an_upload_that_cannot_be_kept_is_answered_503(site: RunningSite) -> None:
    folder, away = site.data_dir / "tmp", site.data_dir / "away"
    folder.rename(away)
    try:
        with socket.create_connection(("127.0.0.1", site.port), timeout=10) as client:
            client.sendall(UPLOAD % site.credentials["api_key"].encode() + b"x" * 1_000_000)
            answer = client.makefile("rb").read().decode()
    finally:
        away.rename(folder)

    assert answer.startswith("HTTP/1.1 503 ")
    assert "Retry-After: 30" in answer
    assert '"code":"storage_unavailable"' in answer


def test_one_process_serves_the_site_where_gunicorn_does_not_run(tmp_path: Path) -> None:
    with running_site(tmp_path / "data") as site:
        process = site.start("-m", "ocrsite.web_server")
        for _ in eventually(30):
            try:
                if site.client.get("/healthz").status_code == 200:
                    break
            except httpx2.TransportError:
                continue

        process.terminate()

        assert process.wait(timeout=15) == 0
