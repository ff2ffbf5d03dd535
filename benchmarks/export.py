"""Exporting invoices, against Python's csv module writing the same rows out of memory.

On SQLite, in this process: the export reads each row's JSON from the database and checks it against
the schema; plain writing only joins the cells of the finished file again. The best of a few rounds.
"""

import csv
import functools
import io
import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta

ROWS = 10_000
ROUNDS = 3
BATCH = 1_000


def main() -> None:
    """Print seconds, rows per second, MB and the ratio to plain writing of each format."""
    with tempfile.TemporaryDirectory() as data_dir:
        os.environ["DATA_DIR"] = data_dir
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        fill()
        report()


def fill() -> None:
    """Create ROWS extractions that have succeeded, each with an invoice of one line."""
    from django.utils import timezone

    from extraction.models import Extraction, State
    from tests.extraction.sample_invoices import make_invoice

    result = make_invoice().model_dump(mode="json")
    now = timezone.now()
    Extraction.objects.bulk_create(
        (
            Extraction(
                company_id="NT047",
                requested_by="asha",
                client="user:1",
                file="none",
                file_name=f"invoice-{number}.pdf",
                sha256="0" * 64,
                media_type="application/pdf",
                size=1_000,
                page_count=1,
                state=State.SUCCEEDED,
                created_at=now - timedelta(minutes=number),
                result={**result, "invoice_number": f"R-{number}"},
            )
            for number in range(ROWS)
        ),
        batch_size=BATCH,
    )


def report() -> None:
    """Measure and print."""
    from extraction.exports.formats import WRITERS, Format
    from extraction.exports.source import exported
    from extraction.models import Extraction

    def export(name: Format) -> bytes:
        return b"".join(WRITERS[name].write(exported(Extraction.objects.all()), None))

    rows = list(csv.reader(io.StringIO(export(Format.CSV).decode("utf-8-sig"))))

    def plain() -> bytes:
        file = io.StringIO()
        csv.writer(file).writerows(rows)
        return file.getvalue().encode()

    def read() -> bytes:
        return b"".join(b"" for _ in exported(Extraction.objects.all()))

    print(f"\nExporting {ROWS:,} invoices, the best of {ROUNDS}\n")
    print("| what | s | invoices/s | MB | × plain writing |")
    print("|---|---|---|---|---|")
    base = show("plain writing of the same rows", plain, None)
    show("reading the invoices alone", read, base)
    for name in (Format.CSV, Format.JSON_LINES, Format.XLSX):
        show(str(name.label), functools.partial(export, name), base)


def show(label: str, write: Callable[[], bytes], base: float | None) -> float:
    """Print the line of one way; return its seconds."""
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        size = len(write())
        times.append(time.perf_counter() - began)
    best = min(times)
    ratio = 1 if base is None else best / base
    print(f"| {label} | {best:.2f} | {ROWS / best:,.0f} | {size / 1e6:.1f} | {ratio:.0f} |")
    sys.stdout.flush()
    return best
