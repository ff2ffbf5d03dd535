"""Exporting invoices, against Python's csv module writing the same rows out of memory.

On SQLite, in a process for each: the export reads each row's JSON from the database and checks it
against the schema; plain writing only joins the cells of the finished file again. Time is that of
the processor, the best of some rounds, of many rows the only one. Memory is the most that the
process held, with all of Django: what is exported is not kept, so it hardly grows with the rows.
"""

import csv
import io
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from functools import partial

from benchmarks.filling import filled, moment, multiply

SIZES = (10_000, 1_000_000)
ROUNDS = 3
# Of more rows than these one round.
MANY = 10_000
COMPARED = 10_000  # rows that plain writing writes
PLAIN, READING = "plain writing of the same rows", "reading the invoices alone"
# Archives hold fewer documents than the larger size.
FORMATS = ("csv", "jsonl", "xlsx", "zip", "ubl")


def main() -> None:
    """Print the table of each size."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("BENCHMARK_DIR", folder)
        for size in SIZES:
            print(f"\nExporting {size:,} invoices, the best of {_rounds(size)}\n")
            print("| what | s | invoices/s | MB | s until it begins | most MB of memory |")
            print("|---|---|---|---|---|---|", flush=True)
            for what in (PLAIN, READING, *FORMATS):
                _run(size, what)


def _run(size: int, what: str) -> None:
    subprocess.run([sys.executable, "-m", "benchmarks.export", str(size), what], check=True)


def _rounds(size: int) -> int:
    return 1 if size > MANY else ROUNDS


def fill(size: int) -> None:
    """Write so many approved extractions, whose invoices can be sent as UBL, and one document."""
    from pathlib import Path

    from django.conf import settings
    from django.utils import timezone

    from tests.extraction.exports.trade import make_trade
    from tests.extraction.factories import make_extraction

    document = Path(settings.DATA_DIR, "files", "document.pdf")
    document.parent.mkdir(exist_ok=True)
    document.write_bytes(os.urandom(20_000))
    multiply(
        make_extraction(
            file=document.name,
            state="succeeded",
            result=make_trade().model_dump(mode="json"),
            reviewed_at=timezone.now(),
        ),
        size,
        {
            "id": "printf('%032x', n + 1)",
            "file_name": "'invoice-' || n || '.pdf'",
            "created_at": moment("n * 60"),
        },
    )


def show(what: str, size: int) -> None:
    """Measure one way, and print its line; nothing of a format that holds fewer."""
    from extraction.exports.formats import WRITERS, Format

    if what in FORMATS and (WRITERS[Format(what)].most or size) < size:
        return
    times = []
    for _ in range(1 if what == PLAIN else _rounds(size)):
        seconds, written, until_begun = _plainly(size) if what == PLAIN else _exported(what)
        times.append((seconds, until_begun))
    best, begun = map(min, zip(*times, strict=True))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(
        f"| {what} | {best:.2f} | {size / best:,.0f} | {written / 1e6:.1f} | {begun:.2f} "
        f"| {memory:.0f} |",
        flush=True,
    )


def _exported(what: str) -> tuple[float, int, float]:
    """Return the seconds that an export takes, its bytes, and the seconds until its first ones."""
    began = time.process_time()
    written, until_begun = 0, 0.0
    for chunk in _chunks(what):
        until_begun = until_begun or time.process_time() - began
        written += len(chunk)
    return time.process_time() - began, written, until_begun


def _chunks(what: str) -> Iterable[bytes]:
    from extraction.exports.formats import WRITERS, Format
    from extraction.exports.source import exported
    from extraction.models import Extraction

    invoices = exported(Extraction.objects.all())
    if what == READING:
        return (b"" for _ in invoices)
    return WRITERS[Format(what)].write(invoices, None)


def _plainly(size: int) -> tuple[float, int, float]:
    """Return the seconds and bytes of plain writing, from the first rows of the export."""
    text = ""
    for chunk in _chunks("csv"):
        text += chunk.decode("utf-8-sig")
        if text.count("\n") > COMPARED:
            break
    some = list(csv.reader(io.StringIO(text)))[:COMPARED]
    times = []
    for _ in range(ROUNDS):
        file = io.StringIO()
        began = time.process_time()
        csv.writer(file).writerows(some)
        times.append(time.process_time() - began)
    share = size / len(some)
    return min(times) * share, int(file.tell() * share), 0


if __name__ == "__main__":
    rows = int(sys.argv[1])
    with filled(f"export-{rows}", partial(fill, rows)):
        show(sys.argv[2], rows)
