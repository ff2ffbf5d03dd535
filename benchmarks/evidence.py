"""What evidence costs: CPU for each text-layer page, and whether OCR delays a model's answer.

CPU counts child processes, and the server that forks them, but not its start, of which each worker
process needs one. The limit is a share of what one process takes that loads Python and the parser
of text layers, measured in the same run: 75 ms on a machine that does nothing else.

A model's latency is a pause of MODEL_SECONDS, a quarter of the median of recorded calls (16 s): OCR
of a page takes 0.7 to 2 s.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import django
import psutil

if TYPE_CHECKING:
    from extraction.documents.document import Document

PAGES = (1, 5, 20)
RUNS = 7
MODEL_SECONDS = 4.0
# 30 of 75 ms.
LIMIT = 0.4
ROWS = 30


def processes() -> list[psutil.Process]:
    """This process and its children. Finding them takes 2 ms of CPU among 100 processes."""
    process = psutil.Process()
    return [process, *process.children()]


def cpu_seconds(of: list[psutil.Process]) -> float:
    """User and system time of processes and of their ended children."""
    every = [one.cpu_times() for one in of]
    return sum(cpu.user + cpu.system + cpu.children_user + cpu.children_system for cpu in every)


def invoice(pages: int) -> bytes:
    """Return a PDF of so many pages with a full table on each."""
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfgen.canvas import Canvas

    file = BytesIO()
    canvas = Canvas(file, pagesize=A4)
    for page in range(pages):
        canvas.drawString(60, 800, f"Acme Supplies Ltd  Invoice no. INV-2026-{page:04}")
        for row in range(ROWS):
            y = 760 - 20 * row
            canvas.drawString(60, y, f"Copy paper A4, 80 g, box of {row}")
            canvas.drawString(320, y, f"{row + 1}     18.50     {18.5 * (row + 1):.2f}")
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def draw(path: Path, media_type: str, pages: int, folder: Path) -> "Document":
    """Return the document with its page images."""
    from extraction.documents.document import Document
    from extraction.documents.rendering import render

    folder.mkdir()
    return Document(path, media_type, render(path, media_type, pages, folder))


def main() -> None:
    """Print both tables."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ocrsite.settings")
    with tempfile.TemporaryDirectory() as name:
        os.environ["DATA_DIR"] = name
        django.setup()
        measure_cpu(Path(name))
        measure_delay(Path(name))


def measure_cpu(folder: Path) -> None:
    """Print the CPU of collecting and comparing, by number of pages."""
    from extraction.documents import words_child
    from extraction.evidence.collection import collect, compare
    from extraction.readers.base import Reading
    from extraction.readers.text.heuristic import read_text

    fields = read_text("Acme Supplies Ltd\nInvoice no. INV-2026-0000\nTotal 18.50")
    print(f"\nCPU of evidence, text layer, {ROWS} rows a page, mean of {RUNS} runs\n")
    alone = processes()
    start = cpu_seconds(alone)
    for _ in range(RUNS):
        subprocess.run([sys.executable, "-c", f"import {words_child.__name__}"], check=True)
    cold = 1000 * (cpu_seconds(alone) - start) / RUNS
    print("| pages | CPU ms a page | a process of its own, ms | ratio | limit |")
    print("|---|---|---|---|---|")
    compare(Reading(fields, "benchmark"), collect(_drawn(folder, 1, "first")))  # starts the server
    with_server = processes()
    for pages in PAGES:
        spent = 0.0
        for run in range(RUNS):
            document = _drawn(folder, pages, f"{pages}-{run}")  # another: the words are kept
            start = cpu_seconds(with_server)
            compare(Reading(fields, "benchmark"), collect(document))
            spent += 1000 * (cpu_seconds(with_server) - start) / RUNS / pages
        print(f"| {pages} | {spent:.1f} | {cold:.0f} | {spent / cold:.2f} | {LIMIT} |")


def _drawn(folder: Path, pages: int, name: str) -> "Document":
    path = folder / f"{name}.pdf"
    path.write_bytes(invoice(pages))
    return draw(path, "application/pdf", pages, folder / name)


def measure_delay(folder: Path) -> None:
    """Print the median time to a result with and without evidence, for a scan."""
    from extraction.evidence.collection import compare, start_collecting
    from extraction.invoices.schema import EMPTY
    from extraction.readers.base import Reading

    times: dict[str, list[float]] = {"without": [], "with": []}
    for run in range(RUNS):
        path = folder / f"scan-{run}.pdf"
        path.write_bytes(Path("samples/hooli-scan.pdf").read_bytes())
        document = draw(path, "application/pdf", 1, folder / f"scan-{run}")
        for way, taken in times.items():
            start = time.monotonic()
            collected = start_collecting(document) if way == "with" else None
            time.sleep(MODEL_SECONDS)
            if collected is not None:
                compare(Reading(EMPTY, "scan"), collected.result())
            taken.append(time.monotonic() - start)
    print(
        f"\nTime to a result of a scan, the model answering in {MODEL_SECONDS:.0f} s, {RUNS} runs\n"
    )
    print("| evidence | p50 s |")
    print("|---|---|")
    for way, taken in times.items():
        print(f"| {way} | {statistics.median(taken):.2f} |")


if __name__ == "__main__":
    main()
