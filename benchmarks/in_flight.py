"""64 calls in flight at 2 s latency, against the ideal: all of them at once."""

import tempfile
import time
from pathlib import Path

from tests.emulator.server import Emulator
from tests.extraction.sample_documents import pdf
from tests.running_site import RunningSite, eventually, running_site

CALLS = 64
LATENCY_SECONDS = 2.0


def main() -> None:
    """Print how long 64 extractions take a worker that starts, and one that has started.

    The start is measured from its process, since what a worker loads before its first call it need
    not load later.
    """
    with (
        tempfile.TemporaryDirectory() as name,
        Emulator() as emulator,
        running_site(
            Path(name) / "data", executed=True, GEMINI_BASE_URL=emulator.url, WORKERS=str(CALLS)
        ) as site,
    ):
        emulator.faults.add("answer", delay=LATENCY_SECONDS)
        site.execute(
            "INSERT INTO TokenMaster (CompanyID, ApiKey, Provider, TotalTokenLimit)"
            " VALUES (?, 'AIza-benchmark', 'Gemini', 100000000)",
            site.credentials["company_id"],
        )
        site.start_web()
        submit(site, Path(name), range(CALLS))
        start = time.monotonic()
        site.start_worker()
        for _ in eventually(300):
            if len(emulator.calls) >= 1:
                break
        first_call = time.monotonic()
        wait_for(site, CALLS)
        ended = time.monotonic()
        taken = {"from its start": ended - start, "from its first call": ended - first_call}
        again = time.monotonic()
        submit(site, Path(name), range(CALLS, 2 * CALLS))
        wait_for(site, 2 * CALLS)
        taken["with the next ones, their uploads included"] = time.monotonic() - again
    print(f"\n{CALLS} calls in flight, {LATENCY_SECONDS:.0f} s each, {CALLS} workers\n")
    print("| a worker | ideal s | taken s | ratio |")
    print("|---|---|---|---|")
    for what, seconds in taken.items():
        ratio = seconds / LATENCY_SECONDS
        print(f"| {what} | {LATENCY_SECONDS:.1f} | {seconds:.1f} | {ratio:.1f} |")


def submit(site: RunningSite, folder: Path, numbers: range) -> None:
    """Upload a document of each number."""
    for number in numbers:
        path = folder / f"{number}.pdf"
        path.write_bytes(pdf(f"INVOICE {number}"))
        site.post(path, prefer="respond-async")


def wait_for(site: RunningSite, number: int) -> None:
    """Return when so many extractions have succeeded."""
    counted = "SELECT count(*) FROM extraction_extraction WHERE state = 'succeeded'"
    for _ in eventually(300):
        if site.query(counted) == [(number,)]:
            break
