"""A call that goes on is never taken for dead, whoever was stopped or had to wait meanwhile."""

import contextlib
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.emulator.server import Emulator
from tests.extraction.sample_documents import pdf
from tests.preloaded import Started
from tests.running_site import RunningSite, eventually, running_site
from tests.test_crash import busy_worker

pytestmark = pytest.mark.crash

# Seconds.
LEASE = 8
# Longer than a lease, and than other workers wait beyond it.
PAUSE = 11
# The call still goes on when the pause ends, so that its end cannot come before a wrong take-over.
ANSWERED_AFTER = 14
# The heartbeat that waits for SQLite's lock gives up shortly before the pause ends. The reconciler,
# which waits since the lease ran out, gets the lock first.
LOCK_TIMEOUT = LEASE
# The main process goes on so much earlier than those that read: the worst order.
APART = 1


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        running.faults.add("answer", call=1, delay=ANSWERED_AFTER)
        yield running


@pytest.fixture
def site(tmp_path: Path, emulator: Emulator) -> Iterator[RunningSite]:
    data_dir = tmp_path / "data"
    with running_site(
        data_dir,
        GEMINI_BASE_URL=emulator.url,
        DATABASE_URL=f"sqlite:///{data_dir / 'db.sqlite3'}?timeout={LOCK_TIMEOUT}",
        LEASE_SECONDS=str(LEASE),
    ) as site:
        site.execute(
            "INSERT INTO TokenMaster (CompanyID, CompanyName, ApiKey, Provider, TotalTokenLimit,"
            " Status) VALUES (?, 'Pauses', 'AIza-pause-test-key', 'Gemini', 1000000, 'Active')",
            site.credentials["company_id"],
        )
        yield site


def begin_call(site: RunningSite, emulator: Emulator, folder: Path) -> Started:
    """Start a site, have one call under way, and return the worker."""
    site.start_web()
    worker = site.start_worker()
    path = folder / "one.pdf"
    path.write_bytes(pdf("INVOICE one"))
    assert site.post(path, prefer="respond-async").status_code == 202
    assert emulator.wait_for_calls(1, 90)
    return worker


def assert_called_and_charged_once(site: RunningSite, emulator: Emulator) -> None:
    for _ in eventually(90):
        rows = site.query("SELECT state, deaths FROM extraction_extraction")
        if rows[0][0] in ("succeeded", "failed"):
            break
    assert rows == [("succeeded", 0)]
    (call,) = emulator.calls
    assert call.bill
    assert site.query("SELECT TotalTokensUsed, Estimated FROM TokenUsageLogs") == [
        (call.bill.total, 0)
    ]


def test_worker_that_is_stopped_in_mid_call(
    site: RunningSite, emulator: Emulator, tmp_path: Path
) -> None:
    worker = begin_call(site, emulator, tmp_path)
    family = [psutil.Process(worker.pid), *psutil.Process(worker.pid).children(recursive=True)]

    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGSTOP)
    time.sleep(PAUSE)
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):  # a job of the sandbox that had ended
            process.send_signal(signal.SIGCONT)
        if process.pid == worker.pid:
            time.sleep(APART)

    assert_called_and_charged_once(site, emulator)


@pytest.mark.chaos
def test_process_that_is_stopped_alone_in_mid_call(
    site: RunningSite, emulator: Emulator, tmp_path: Path
) -> None:
    worker = begin_call(site, emulator, tmp_path)
    process = busy_worker(worker, emulator)

    process.send_signal(signal.SIGSTOP)
    time.sleep(PAUSE)
    process.send_signal(signal.SIGCONT)

    assert_called_and_charged_once(site, emulator)


def test_write_lock_that_an_outsider_holds_in_mid_call(
    site: RunningSite, emulator: Emulator, tmp_path: Path
) -> None:
    begin_call(site, emulator, tmp_path)

    outsider = sqlite3.connect(site.data_dir / "db.sqlite3", isolation_level=None)
    outsider.execute("BEGIN IMMEDIATE")
    time.sleep(PAUSE)
    outsider.execute("ROLLBACK")
    outsider.close()

    assert_called_and_charged_once(site, emulator)
