"""A real site goes on answering while strangers keep it waiting."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from tests.extraction.sample_documents import pdf
from tests.running_site import RunningSite, eventually, running_site
from tests.slow_connections import kinds, slow_clients

CONNECTIONS_OF_A_KIND = 200


@pytest.fixture
def site(tmp_path: Path) -> Iterator[RunningSite]:
    with running_site(tmp_path / "data") as site:
        yield site


def test_health_and_log_in_answer_beside_200_slow_connections_of_each_kind(
    site: RunningSite,
) -> None:
    site.start_web()
    with ExitStack() as stack:
        for sent in kinds(site.data_dir / "static").values():
            stack.enter_context(slow_clients(site.port, CONNECTIONS_OF_A_KIND, sent))
            for path in ("/healthz", "/login/") * 3:
                assert httpx2.get(site.url + path, timeout=5).status_code == 200


def test_a_document_may_come_in_chunks_and_is_rejected_when_it_is_too_large(
    site: RunningSite,
) -> None:
    site.start_web()
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


def test_one_process_serves_the_site_where_gunicorn_does_not_run(site: RunningSite) -> None:
    process = site.start("-m", "ocrsite.web_server")
    for _ in eventually(30):
        try:
            if site.client.get("/healthz").status_code == 200:
                break
        except httpx2.TransportError:
            continue

    process.send_signal(signal.SIGTERM)

    assert process.wait(timeout=15) == 0
