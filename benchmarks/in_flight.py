"""64 calls in flight at 2 s latency, against the ideal: all of them at once."""

import tempfile
import time
from pathlib import Path

from tests.emulator.server import Emulator
from tests.extraction.sample_documents import pdf
from tests.running_site import eventually, running_site

CALLS = 64
LATENCY_SECONDS = 2.0


def main() -> None:
    """Print how long 64 extractions take from the first wake-up, and the ratio to the ideal."""
    with (
        tempfile.TemporaryDirectory() as name,
        Emulator() as emulator,
        running_site(Path(name) / "data", GEMINI_BASE_URL=emulator.url, WORKERS=str(CALLS)) as site,
    ):
        emulator.faults.add("answer", delay=LATENCY_SECONDS)
        site.execute(
            "INSERT INTO TokenMaster (CompanyID, ApiKey, Provider, TotalTokenLimit)"
            " VALUES (?, 'AIza-benchmark', 'Gemini', 100000000)",
            site.credentials["company_id"],
        )
        site.start_web()
        for number in range(CALLS):
            path = Path(name) / f"{number}.pdf"
            path.write_bytes(pdf(f"INVOICE {number}"))
            site.post(path, prefer="respond-async")
        site.start_worker()
        for _ in eventually(300):
            if len(emulator.calls) >= 1:
                break
        start = time.monotonic()
        for _ in eventually(300):
            [(left,)] = site.query(
                "SELECT count(*) FROM extraction_extraction WHERE state != 'succeeded'"
            )
            if left == 0:
                break
        seconds = time.monotonic() - start
    print(f"\n{CALLS} calls in flight, {LATENCY_SECONDS:.0f} s each, {CALLS} workers\n")
    print("| ideal s | taken s | ratio |")
    print("|---|---|---|")
    print(f"| {LATENCY_SECONDS:.1f} | {seconds:.1f} | {seconds / LATENCY_SECONDS:.1f} |")
