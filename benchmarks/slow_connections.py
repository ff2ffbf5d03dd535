"""Health and the log-in page, while many connections of each kind keep the web server waiting."""

import tempfile
import time
from pathlib import Path

import httpx2

from tests.running_site import RunningSite, running_site
from tests.slow_connections import kinds, slow_clients

CONNECTIONS = 200
REQUESTS = 10
GIVEN_UP_SECONDS = 10.0
# So long the connections are open before the first request.
LEAD_SECONDS = 3.0


def main() -> None:
    """Print the longest time that either page took, for each kind of connection."""
    with (
        tempfile.TemporaryDirectory() as name,
        running_site(Path(name) / "data", executed=True) as site,
    ):
        site.start_web()
        print(f"\n{CONNECTIONS} slow connections of one kind, {REQUESTS} requests to each page\n")
        print("| connections | /healthz, longest s | /login/, longest s |")
        print("|---|---|---|")
        print_row("none", site)
        for kind, sent in kinds(site.data_dir / "static").items():
            with slow_clients(site.port, CONNECTIONS, sent):
                time.sleep(LEAD_SECONDS)
                print_row(kind, site)


def print_row(kind: str, site: RunningSite) -> None:
    """Print a row of the table."""
    health, log_in = longest(site, "/healthz"), longest(site, "/login/")
    print(f"| {kind} | {shown(health)} | {shown(log_in)} |", flush=True)


def longest(site: RunningSite, path: str) -> float | None:
    """The longest of some requests in seconds; None when one was not answered."""
    seconds = []
    for _ in range(REQUESTS):
        start = time.monotonic()
        try:
            # Each on a connection of its own, as strangers come.
            httpx2.get(f"{site.url}{path}", timeout=GIVEN_UP_SECONDS).raise_for_status()
        except httpx2.TransportError:
            return None
        seconds.append(time.monotonic() - start)
    return max(seconds)


def shown(seconds: float | None) -> str:
    """A time as the table has it."""
    return f"none within {GIVEN_UP_SECONDS:.0f}" if seconds is None else f"{seconds:.2f}"
