"""From POST to the start of work, by the rows: created_at to started_at."""

import random
import statistics
import tempfile
import time
from pathlib import Path

from django.conf import settings

from tests.extraction.sample_documents import pdf
from tests.running_site import running_site

REQUESTS = 40
POLL_SECONDS = float(settings.Q_CLUSTER["poll"])


def main() -> None:
    """Print median and worst latency of single requests, one after the other."""
    with (
        tempfile.TemporaryDirectory() as name,
        running_site(Path(name) / "data", executed=True) as site,
    ):
        site.start_web()
        site.start_worker()
        for number in range(REQUESTS):
            path = Path(name) / f"{number}.pdf"
            path.write_bytes(pdf(f"INVOICE {number}\nTotal 119.00"))
            time.sleep(
                random.uniform(0, POLL_SECONDS)
            )  # or every request comes at the same time after a poll
            site.post(path)
        rows = site.query(
            "SELECT (julianday(started_at) - julianday(created_at)) * 86400000 "
            "FROM extraction_extraction WHERE started_at IS NOT NULL"
        )
    delays = sorted(milliseconds for (milliseconds,) in rows)
    print(f"\nFrom POST to the start of work, {len(delays)} requests one after the other\n")
    print("| median ms | worst ms | poll of the queue, ms |")
    print("|---|---|---|")
    print(f"| {statistics.median(delays):.0f} | {delays[-1]:.0f} | {1000 * POLL_SECONDS:.0f} |")
