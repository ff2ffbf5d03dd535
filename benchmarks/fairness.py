"""One company's invoice behind 400 of another, against the same invoice alone, on a real site."""

import statistics
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.emulator.server import Emulator
from tests.extraction.sample_documents import pdf
from tests.running_site import RunningSite, eventually, running_site

FLOOD = 400
LATENCY_SECONDS = 2.0
REPEATS = 9
WORKERS = 4
SINGLE = "RUBI"
# What must hold of the medians: seconds to the start of work, and the end against that alone.
STARTS_WITHIN_SECONDS = 2.0
ENDS_WITHIN = 1.5


class Times(NamedTuple):
    """Seconds from the row of an invoice to the start of its work, and to its end."""

    start: float
    end: float


def main() -> None:
    """Print start and end of the single invoice, alone and behind the others."""
    with (
        tempfile.TemporaryDirectory() as name,
        Emulator() as emulator,
        running_site(
            Path(name) / "data",
            executed=True,
            GEMINI_BASE_URL=emulator.url,
            WORKERS=str(WORKERS),
        ) as site,
    ):
        emulator.faults.add("answer", delay=LATENCY_SECONDS)
        add_companies(site)
        site.start_web()
        site.start_worker()
        for number in range(WORKERS):  # until every process has read one
            read_one(site, Path(name), f"warm-up {number}")
        alone = [read_one(site, Path(name), f"alone {number}") for number in range(REPEATS)]
        flood(site, Path(name))
        behind = [read_one(site, Path(name), f"behind {number}") for number in range(REPEATS)]
        left = queued(site)
    print_table(alone, behind, left)


def add_companies(site: RunningSite) -> None:
    """Give both companies a key, and let the demo's API client act for the single one, too."""
    for company_id in (SINGLE, site.credentials["company_id"]):
        site.execute(
            "INSERT INTO TokenMaster (CompanyID, ApiKey, Provider, TotalTokenLimit)"
            " VALUES (?, 'AIza-benchmark', 'Gemini', 1000000000)",
            company_id,
        )
    site.execute(
        "INSERT INTO extraction_apiclientcompany (client_id, company_id)"
        " SELECT id, ? FROM extraction_apiclient",
        SINGLE,
    )


def flood(site: RunningSite, folder: Path) -> None:
    """Send invoices of the other company until so many are queued."""
    number = 0
    while queued(site) < FLOOD:
        for _ in range(10):
            number += 1
            send(site, folder, f"flood {number}", site.credentials["company_id"])


def send(site: RunningSite, folder: Path, text: str, company_id: str) -> str:
    """Send an invoice; return the id of its extraction."""
    path = folder / f"{text}.pdf"
    path.write_bytes(pdf(f"INVOICE {text}\nTotal 119.00"))
    answer = site.post(path, prefer="respond-async", companyID=company_id)
    answer.raise_for_status()
    return str(answer.json()["extraction"]).rstrip("/").rsplit("/", 1)[-1]


def read_one(site: RunningSite, folder: Path, text: str) -> Times:
    """Send one invoice of the single company and wait for its end."""
    pk = send(site, folder, text, SINGLE).replace("-", "")
    rows = []
    for _ in eventually(300):
        rows = site.query(
            "SELECT (julianday(started_at) - julianday(created_at)) * 86400,"
            " (julianday(finished_at) - julianday(created_at)) * 86400"
            f" FROM extraction_extraction WHERE id = '{pk}' AND state = 'succeeded'"
        )
        if rows:
            break
    return Times(*rows[0])


def queued(site: RunningSite) -> int:
    """How many invoices wait for a worker."""
    [(number,)] = site.query("SELECT count(*) FROM extraction_extraction WHERE state = 'queued'")
    return int(number)


def print_table(alone: list[Times], behind: list[Times], left: int) -> None:
    """Print medians and worst cases, and whether what must hold does."""
    print(
        f"\nOne invoice behind {FLOOD} of another company: {WORKERS} workers,"
        f" {LATENCY_SECONDS:.0f} s a call, {REPEATS} times; at the end {left} were still queued\n"
    )
    print("| | median start s | worst start s | median end s | worst end s |")
    print("|---|---|---|---|---|")
    for name, times in (("alone", alone), ("behind", behind)):
        starts, ends = zip(*times, strict=True)
        print(
            f"| {name} | {statistics.median(starts):.2f} | {max(starts):.2f}"
            f" | {statistics.median(ends):.2f} | {max(ends):.2f} |"
        )
    start = statistics.median(times.start for times in behind)
    ratio = statistics.median(times.end for times in behind) / statistics.median(
        times.end for times in alone
    )
    holds = start <= STARTS_WITHIN_SECONDS and ratio <= ENDS_WITHIN
    print(f"\nBehind / alone: {ratio:.2f} ({'within' if holds else 'NOT within'} the limits:")
    print(f"start within {STARTS_WITHIN_SECONDS:.0f} s, end within {ENDS_WITHIN} × alone)")
