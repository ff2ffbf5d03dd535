"""kill -9 in mid-call: every extraction ends once, right, charged once for each call made."""

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.emulator.server import Emulator
from tests.extraction.sample_documents import pdf
from tests.preloaded import Started
from tests.running_site import RunningSite, eventually, kill_tree, running_site

pytestmark = pytest.mark.crash

KEY = "AIza-crash-test-key"
# Seconds. A killed call is taken over this much later; an answer that it must not wait for comes
# far beyond that.
LEASE = 8
NOT_AWAITED = 4 * LEASE


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture
def site(tmp_path: Path, emulator: Emulator) -> Iterator[RunningSite]:
    with running_site(
        tmp_path / "data", GEMINI_BASE_URL=emulator.url, LEASE_SECONDS=str(LEASE)
    ) as site:
        site.execute(
            "INSERT INTO TokenMaster (CompanyID, CompanyName, ApiKey, Provider, TotalTokenLimit,"
            " Status) VALUES (?, 'Crash', ?, 'Gemini', 1000000, 'Active')",
            site.credentials["company_id"],
            KEY,
        )
        yield site


def post(site: RunningSite, folder: Path, names: list[str]) -> None:
    for name in names:
        path = folder / f"{name}.pdf"
        path.write_bytes(pdf(f"INVOICE {name}"))
        assert site.post(path, prefer="respond-async").status_code == 202


def in_mid_call(emulator: Emulator, calls: int) -> None:
    """Return once so many calls have reached Gemini."""
    for _ in eventually(90):
        if len(emulator.calls) >= calls:
            return


def all_ended(site: RunningSite) -> None:
    for _ in eventually(90):
        states = [state for (state,) in site.query("SELECT state FROM extraction_extraction")]
        if set(states) <= {"succeeded", "failed"}:
            return


def assert_ledger_is_right(site: RunningSite, emulator: Emulator, names: list[str]) -> None:
    results = site.query("SELECT file_name, state FROM extraction_extraction")
    assert sorted(results) == [(f"{name}.pdf", "succeeded") for name in sorted(names)]
    rows = site.query("SELECT AttemptID, TotalTokensUsed, Estimated FROM TokenUsageLogs")
    bills = [int(str(call.usage["totalTokenCount"])) for call in emulator.calls if call.usage]
    # One charge for each call made; exact where the answer came, the reserve where it did not.
    assert len({attempt for attempt, _, _ in rows}) == len(rows) == len(bills)
    exact = [total for _, total, estimated in rows if not estimated]
    assert len(exact) == len(names)
    assert sum(total for _, total, _ in rows) >= sum(bills)
    assert site.query("SELECT count(*) FROM TokenReservations") == [(0,)]
    assert site.query(
        "SELECT TotalUsedTokens, ReservedTokens FROM TokenUsageSummary WHERE TotalUsedTokens > 0"
    ) == [(sum(total for _, total, _ in rows), 0)]


@pytest.mark.chaos  # the two others kill it as well
def test_worker_killed_in_mid_call(site: RunningSite, emulator: Emulator, tmp_path: Path) -> None:
    site.start_web()
    main = site.start_worker()
    emulator.faults.add("answer", call=1, delay=NOT_AWAITED)
    post(site, tmp_path, ["one"])
    in_mid_call(emulator, 1)

    busy_worker(main, emulator).kill()

    all_ended(site)
    assert_ledger_is_right(site, emulator, ["one"])


def test_everything_killed_in_mid_call(
    site: RunningSite, emulator: Emulator, tmp_path: Path
) -> None:
    names = ["one", "two", "three"]
    web, main = site.start_web(), site.start_worker()
    for call in (1, 2):
        emulator.faults.add("answer", call=call, delay=NOT_AWAITED)
    post(site, tmp_path, names)
    in_mid_call(emulator, 2)

    kill_tree(web)
    kill_tree(main)
    site.start_worker()

    all_ended(site)
    assert_ledger_is_right(site, emulator, names)


def test_document_that_kills_two_processes_is_failed_and_no_other(
    site: RunningSite, emulator: Emulator, tmp_path: Path
) -> None:
    site.start_web()
    main = site.start_worker()
    for call in (1, 2):
        emulator.faults.add("answer", call=call, delay=120)
    post(site, tmp_path, ["poison"])
    for call in (1, 2):
        in_mid_call(emulator, call)
        busy_worker(main, emulator).kill()
    post(site, tmp_path, ["good"])

    all_ended(site)
    assert site.query(
        "SELECT file_name, state, http_status, error_code, error_message, deaths"
        " FROM extraction_extraction ORDER BY file_name"
    ) == [
        ("good.pdf", "succeeded", 200, "", "", 0),
        ("poison.pdf", "failed", 502, "worker_died", "Failed to process invoice", 2),
    ]
    charges = site.query("SELECT Estimated FROM TokenUsageLogs ORDER BY UsageID")
    assert sorted(charges) == [(0,), (1,), (1,)]
    assert len(emulator.calls) == 3


def busy_worker(main: Started, emulator: Emulator) -> psutil.Process:
    """The worker process that is talking to Gemini."""
    port = int(emulator.url.rstrip("/").rsplit(":", 1)[1])
    for process in psutil.Process(main.pid).children(recursive=True):
        for connection in process.net_connections("tcp"):
            if connection.raddr and connection.raddr.port == port:
                return process
    raise AssertionError("no worker is connected to the emulator")
