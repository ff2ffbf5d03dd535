"""Exporting invoices, against Python's csv module writing the same rows out of memory.

On SQLite, in a process for each number of rows: the export reads each row's JSON from the database
and checks it against the schema; plain writing only joins the cells of the finished file again. The
best of a few rounds, of many rows the only one, in time of the processor. Memory is what the
process holds afterwards: what is exported is not kept, so it hardly grows with the rows.
"""

import csv
import functools
import io
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any

import psutil

from benchmarks.list import insert

SIZES = (10_000, 1_000_000)
ROUNDS = 3
# Of more rows than these one round, and no sheets: openpyxl takes twenty minutes for a million.
MANY = 10_000
COMPARED = 10_000  # rows that plain writing writes


def main() -> None:
    """Print seconds, rows per second, MB, the ratio to plain writing and the memory of each."""
    for size in SIZES:
        subprocess.run([sys.executable, "-m", "benchmarks.export", str(size)], check=True)


def fill(size: int) -> None:
    """Create so many extractions that have succeeded, each with an invoice of one line."""
    from django.core.management import call_command
    from django.db import transaction

    from extraction.models import Extraction
    from tests.extraction.sample_invoices import make_invoice

    call_command("migrate", verbosity=0)
    result = make_invoice().model_dump(mode="json")
    with transaction.atomic():
        insert(Extraction, rows(size, result), {"result": result})


def rows(size: int, result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The columns of extractions."""
    from django.utils import timezone

    now = timezone.now()
    for number in range(size):
        yield {
            "id": uuid.UUID(int=number + 1),
            "company_id": "NT047",
            "requested_by": "asha",
            "client": "user:1",
            "file": "none",
            "file_name": f"invoice-{number}.pdf",
            "sha256": "0" * 64,
            "media_type": "application/pdf",
            "size": 1_000,
            "page_count": 1,
            "state": "succeeded",
            "created_at": now - timedelta(minutes=number),
            "result": result,
        }


def report(size: int) -> None:
    """Measure and print."""
    from extraction.exports.formats import WRITERS, Format
    from extraction.exports.source import exported
    from extraction.models import Extraction

    def export(name: Format) -> Iterable[bytes]:
        return WRITERS[name].write(exported(Extraction.objects.all()), None)

    def read() -> Iterable[bytes]:
        return (b"" for _ in exported(Extraction.objects.all()))

    rounds = 1 if size > MANY else ROUNDS
    print(f"\nExporting {size:,} invoices, the best of {rounds}\n")
    print("| what | s | invoices/s | MB | × plain writing | MB of memory |")
    print("|---|---|---|---|---|---|")
    base = plain_writing(export(Format.CSV), size)
    show("reading the invoices alone", read, size, rounds, base)
    formats = [Format.CSV, Format.JSON_LINES, *([] if size > MANY else [Format.XLSX])]
    for name in formats:
        show(str(name.label), functools.partial(export, name), size, rounds, base)


def plain_writing(export: Iterable[bytes], size: int) -> float:
    """Print the line of plain writing; return its seconds for so many rows."""
    text = ""
    for chunk in export:
        text += chunk.decode("utf-8-sig")
        if text.count("\n") > COMPARED:
            break
    some = list(csv.reader(io.StringIO(text)))[:COMPARED]
    times = []
    for _ in range(ROUNDS):
        began = time.process_time()
        csv.writer(io.StringIO()).writerows(some)
        times.append(time.process_time() - began)
    seconds = min(times) / len(some) * size
    print(f"| plain writing of the same rows | {seconds:.2f} | {size / seconds:,.0f} | | 1 | |")
    return seconds


def show(
    label: str, write: Callable[[], Iterable[bytes]], size: int, rounds: int, base: float
) -> None:
    """Print the line of one way."""
    times = []
    for _ in range(rounds):
        began = time.process_time()
        written = sum(map(len, write()))
        times.append(time.process_time() - began)
    best = min(times)
    memory = psutil.Process().memory_info().rss / 1e6
    numbers = f"{best:.2f} | {size / best:,.0f} | {written / 1e6:.1f} | {best / base:.0f}"
    print(f"| {label} | {numbers} | {memory:.0f} |", flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as data_dir:
        os.environ["DATA_DIR"] = data_dir
        import django

        django.setup()
        fill(int(sys.argv[1]))
        report(int(sys.argv[1]))
