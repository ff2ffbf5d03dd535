"""Workers of a running site: drained, paused and killed, as staff and /readyz see them."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.extraction.sample_documents import pdf
from tests.running_site import RunningSite, eventually, kill_tree, running_site

pytestmark = pytest.mark.crash


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSite]:
    with running_site(tmp_path_factory.mktemp("workers") / "data") as site:
        site.start_web()
        yield site


@pytest.fixture
def site(served: RunningSite) -> Iterator[RunningSite]:
    """The site, which no worker has ever worked for, and no document been sent to."""
    yield served
    served.kill_workers()
    for table in ("extraction_worker", "extraction_attempt", "extraction_extraction"):
        served.execute(f"DELETE FROM {table}")


def workers(site: RunningSite) -> dict[int, str]:
    """The states of the workers by their main processes."""
    rows = site.query("SELECT process_id, state FROM extraction_worker")
    return {int(process_id): str(state) for process_id, state in rows}


def until_workers_are(site: RunningSite, expected: dict[int, str]) -> None:
    for _ in eventually(60):
        if workers(site) == expected:
            return


def send(site: RunningSite, folder: Path, name: str) -> str:
    path = folder / f"{name}.pdf"
    path.write_bytes(pdf(f"INVOICE {name}"))
    response = site.post(path, prefer="respond-async")
    assert response.status_code == 202
    return response.headers["Location"].rstrip("/").rpartition("/")[2].replace("-", "")


def read_by(site: RunningSite, extraction_id: str) -> str:
    """The worker that read it, once it has ended."""
    for _ in eventually(60):
        ((state, worker),) = site.query(
            f"SELECT state, worker FROM extraction_extraction WHERE id = '{extraction_id}'"
        )
        if state in ("succeeded", "failed"):
            return str(worker)
    raise AssertionError


def test_drained_worker_leaves_the_work_to_another_and_is_stopped_without_loss(
    site: RunningSite, tmp_path: Path
) -> None:
    first, second = site.start_worker(), site.start_worker()
    until_workers_are(site, {first.pid: "running", second.pid: "running"})

    site.execute("UPDATE extraction_worker SET to_drain = 1 WHERE process_id = ?", first.pid)
    until_workers_are(site, {first.pid: "draining", second.pid: "running"})
    names = [read_by(site, send(site, tmp_path, f"d{number}")) for number in range(4)]
    assert all(f":{second.pid} " in name for name in names)

    first.terminate()
    assert first.wait(60) == 0
    until_workers_are(site, {first.pid: "stopped", second.pid: "running"})

    site.execute("UPDATE extraction_worker SET to_drain = 1 WHERE process_id = ?", second.pid)
    until_workers_are(site, {first.pid: "stopped", second.pid: "draining"})
    waiting = send(site, tmp_path, "left")
    site.execute("UPDATE extraction_worker SET to_drain = 0 WHERE process_id = ?", second.pid)
    assert f":{second.pid} " in read_by(site, waiting)


def test_paused_queue_keeps_documents_and_a_restart_of_the_worker_is_no_outage(
    site: RunningSite, tmp_path: Path
) -> None:
    worker = site.start_worker()
    until_workers_are(site, {worker.pid: "running"})
    site.execute("INSERT INTO extraction_queuepause VALUES (1, '2026-01-01', 'asha', '')")
    until_workers_are(site, {worker.pid: "paused"})
    waiting = [send(site, tmp_path, f"p{number}") for number in range(3)]
    ready = site.client.get("/readyz")
    assert (ready.status_code, ready.json()["checks"]["queue"]) == (200, "paused")

    worker.terminate()
    assert worker.wait(60) == 0
    assert site.client.get("/readyz").status_code == 200
    after = site.start_worker()
    until_workers_are(site, {worker.pid: "stopped", after.pid: "paused"})
    assert site.query("SELECT DISTINCT state FROM extraction_extraction") == [("queued",)]

    site.execute("DELETE FROM extraction_queuepause")
    assert all(f":{after.pid} " in read_by(site, each) for each in waiting)
    assert site.client.get("/readyz").json()["checks"]["queue"] == "ok"


def test_killed_worker_is_missing_and_its_successor_is_another_row(site: RunningSite) -> None:
    worker = site.start_worker()
    until_workers_are(site, {worker.pid: "running"})

    kill_tree(worker)
    after = site.start_worker()
    until_workers_are(site, {worker.pid: "running", after.pid: "running"})
    ((sign,),) = site.query(
        f"SELECT strftime('%s', last_sign) FROM extraction_worker WHERE process_id = {worker.pid}"
    )
    assert int(sign) <= time.time()
