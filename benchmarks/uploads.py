"""Accepted uploads per second, beside a view that only stores the same; and what waiting costs."""

import io
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from itertools import count
from pathlib import Path

import psutil
from PIL import Image

from tests.running_site import RunningSite, eventually, running_site

CALLERS = 4
ROUNDS = 5
WAITING = 200
WATCHED_SECONDS = 20.0
SETTLED_SECONDS = 3.0
BOUNDARY = "0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Kind:
    """What is uploaded: documents of so many bytes, so many a round; ``least``: of a plain view."""

    name: str
    bytes: int
    uploads: int
    least: float


KINDS = (Kind("10 kB", 10_000, 60, 0.6), Kind("10 MB", 10_000_000, 8, 0.9))


@dataclass(slots=True)
class Measured:
    """Seconds of each upload, those of all of them by all callers, and CPU seconds of the site."""

    each: list[float]
    total: float
    cpu: float

    @property
    def rate(self) -> float:
        """Accepted uploads per second."""
        return len(self.each) / self.total

    @property
    def p99(self) -> float:
        """The milliseconds within which 99 of 100 were answered."""
        return 1000 * sorted(self.each)[-1 - len(self.each) // 100]

    @property
    def cpu_each(self) -> float:
        """The milliseconds of CPU time that an upload took, tools included."""
        return 1000 * self.cpu / len(self.each)


def main() -> None:
    """Print rates and times of both sites for each kind, and the CPU time of waiting callers."""
    with tempfile.TemporaryDirectory() as name:
        with (
            running_site(Path(name) / "ours", executed=True) as ours,
            running_site(
                Path(name) / "plain",
                executed=True,
                DJANGO_SETTINGS_MODULE="benchmarks.plain_upload.settings",
            ) as plain,
        ):
            plain.manage("migrate", "-v0", "--run-syncdb")
            servers = {site: site.start_web().pid for site in (ours, plain)}
            print(f"\nUploads of PDFs by {CALLERS} callers, on one database each\n")
            print("| size | site | uploads /s | p99 ms | CPU ms | rate / plain view's | asked |")
            print("|---|---|---|---|---|---|---|")
            for kind in KINDS:
                print_rows(kind, servers)
        print_waiting(Path(name) / "waiting")


def print_rows(kind: Kind, servers: dict[RunningSite, int]) -> None:
    """Print what both sites did with documents of one size, turn by turn."""
    documents = numbered(scan(kind.bytes))
    for site in servers:
        upload_all(site, documents, CALLERS)  # what a process loads with its first upload
    measured = [Measured([], 0, 0) for _ in servers]
    for _ in range(ROUNDS):
        for done, (site, pid) in zip(measured, servers.items(), strict=True):
            before = cpu_seconds(pid)
            seconds, total = upload_all(site, documents, kind.uploads)
            done.each += seconds
            done.total += total
            done.cpu += cpu_seconds(pid) - before
    ours, plain = measured
    rows = (("ours", ours, f"{ours.rate / plain.rate:.2f} | ≥ {kind.least}"), ("plain", plain, "|"))
    for name, done, ratio in rows:
        print(
            f"| {kind.name} | {name} | {done.rate:.1f} | {done.p99:.0f} | {done.cpu_each:.0f} "
            f"| {ratio} |",
            flush=True,
        )


def scan(size: int) -> bytes:
    """A PDF of about so many bytes: a page of noise."""
    side = round(size**0.5)
    while True:
        file = io.BytesIO()
        Image.effect_noise((side, side), 80).save(file, "PDF")
        if len(file.getvalue()) >= size:
            return file.getvalue()
        side += max(1, side // 50)


def numbered(document: bytes) -> Iterator[bytes]:
    """Forms with documents of other bytes each, by a number in the middle of the picture."""
    middle = len(document) // 2
    for number in count(time.time_ns()):
        unique = b"%016x" % number
        yield form(document[:middle] + unique + document[middle + len(unique) :])


def form(document: bytes, **fields: str) -> bytes:
    """A multipart form for ``/extract``."""
    values = {"companyID": "DEMO", "username": "benchmark", **fields}
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in values.items()
    ]
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="scan.pdf"\r\n'
    head += "Content-Type: application/pdf\r\n\r\n"
    return "".join([*parts, head]).encode() + document + f"\r\n--{BOUNDARY}--\r\n".encode()


def upload_all(site: RunningSite, forms: Iterator[bytes], number: int) -> tuple[list[float], float]:
    """Send so many documents, each caller on one connection; the seconds of each and of all."""
    bodies = [next(forms) for _ in range(number)]
    shares = [bodies[caller::CALLERS] for caller in range(CALLERS)]
    start = time.monotonic()
    with ThreadPoolExecutor(CALLERS) as callers:
        done = list(callers.map(lambda share: upload_each(site, share), shares))
    total = time.monotonic() - start
    return [seconds for each in done for seconds in each], total


def upload_each(site: RunningSite, bodies: list[bytes]) -> list[float]:
    """Send documents one after the other, and return the seconds that each took."""
    taken = []
    connection = HTTPConnection("127.0.0.1", site.port, timeout=120)
    for body in bodies:
        start = time.monotonic()
        send(connection, site, body, "respond-async")
        response = connection.getresponse()
        answer = response.read()
        taken.append(time.monotonic() - start)
        if response.status != HTTPStatus.ACCEPTED:
            raise RuntimeError(f"{response.status}: {answer!r}")
    connection.close()
    return taken


def send(connection: HTTPConnection, site: RunningSite, body: bytes, prefer: str) -> None:
    """Send a form as the demo company's client does."""
    headers = {
        "Authorization": f"Api-Key {site.credentials['api_key']}",
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        "Prefer": prefer,
    }
    connection.request("POST", "/extract", body, headers)


def print_waiting(data_dir: Path) -> None:
    """Print what share of a core the web server takes while callers wait, and while nobody does.

    No worker runs: nothing ends meanwhile. Of more callers than may wait the others are answered
    at once that their documents are pending.
    """
    with running_site(data_dir, executed=True) as site:
        web = site.start_web()
        nobody = share_of_a_core(web.pid)
        with waiting_callers(site) as answered:
            share = share_of_a_core(web.pid)
            at_once = len(answered)
    print(f"\nThe web server's share of a core, over {WATCHED_SECONDS:.0f} s\n")
    print("| callers | answered at once | wait | nobody waits | they wait | asked |")
    print("|---|---|---|---|---|---|")
    print(f"| {WAITING} | {at_once} | {WAITING - at_once} | {nobody:.1%} | {share:.1%} | ≤ 2 % |")


@contextmanager
def waiting_callers(site: RunningSite) -> Iterator[list[int]]:
    """Callers that wait for their results; yields the statuses that were answered so far."""
    documents = numbered(scan(10_000))
    answered: list[int] = []
    connections = [HTTPConnection("127.0.0.1", site.port, timeout=300) for _ in range(WAITING)]

    def listen(connection: HTTPConnection) -> None:
        with suppress(OSError, HTTPException):  # who still waits when the site is stopped
            answered.append(connection.getresponse().status)

    for connection in connections:
        send(connection, site, next(documents), "wait=60")
        threading.Thread(target=listen, args=(connection,), daemon=True).start()
    for _ in eventually(120):
        if site.query("SELECT count(*) FROM extraction_extraction") == [(WAITING,)]:
            break
    time.sleep(SETTLED_SECONDS)
    yield answered


def share_of_a_core(pid: int) -> float:
    """What share of a core a process and its children take, over WATCHED_SECONDS."""
    before = cpu_seconds(pid)
    time.sleep(WATCHED_SECONDS)
    return (cpu_seconds(pid) - before) / WATCHED_SECONDS


def cpu_seconds(pid: int) -> float:
    """The CPU time of a process and its children so far, those that have ended included."""
    process = psutil.Process(pid)
    each = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return sum(
        times.user + times.system + times.children_user + times.children_system for times in each
    )
