"""Page preparation against the old way: pdf2image's defaults, 200 dpi, PNG, all in memory.

Each measurement runs in a process of its own, its code loaded before. CPU is user + system of
the process and its children (poppler); memory is the peak of them all over the start.
"""

import contextlib
import io
import multiprocessing
import resource
import sys
import tempfile
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import psutil
from pypdf import PdfReader, PdfWriter

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
PAGES = 20
ROUNDS = 3

Way = Callable[[Path, Path], None]


def old_way(document: Path, _folder: Path) -> None:
    """What the service before this one did."""
    from pdf2image import convert_from_path

    for image in convert_from_path(str(document)):
        buffer = io.BytesIO()
        image.save(buffer, format="PNG")


def our_way(document: Path, folder: Path) -> None:
    """What the pipeline does now."""
    from extraction.documents import rendering

    # In a folder of its own: what a run before has drawn is not drawn again.
    with tempfile.TemporaryDirectory(dir=folder) as name:
        rendering.render(document, "application/pdf", PAGES, Path(name))


def twenty_pages(folder: Path) -> Path:
    """A document of twenty pages, made of the sample invoices."""
    sources = [PdfReader(path) for path in sorted(SAMPLES.glob("*.pdf"))]
    pool = [page for source in sources for page in source.pages]
    writer = PdfWriter()
    for number in range(PAGES):
        writer.add_page(pool[number % len(pool)])
    path = folder / "twenty.pdf"
    writer.write(path)
    return path


def _run(way: Way, document: Path, folder: Path, line: Connection) -> None:
    """Load the code, wait for the start, run, and report the CPU seconds; in a fresh process."""
    import django

    django.setup()
    import pdf2image  # noqa: F401
    import PIL.Image  # noqa: F401

    import extraction.documents.rendering  # noqa: F401

    line.send("ready")
    line.recv()
    start = resource.getrusage(resource.RUSAGE_SELF)
    way(document, folder)
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    own_seconds = own.ru_utime + own.ru_stime - start.ru_utime - start.ru_stime
    line.send(own_seconds + children.ru_utime + children.ru_stime)


def _memory(process: psutil.Process) -> int:
    """Bytes of a process and its children, shared ones counted once (PSS)."""
    total = 0
    with contextlib.suppress(psutil.Error):
        for member in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                total += member.memory_full_info().pss
    return total


def _measure(way: Way, document: Path, folder: Path) -> tuple[float, float]:
    """CPU seconds and MiB of one run, watched from outside every few milliseconds."""
    context = multiprocessing.get_context("spawn")
    line, other_end = context.Pipe()
    child = context.Process(target=_run, args=(way, document, folder, other_end))
    child.start()
    line.recv()
    process = psutil.Process(child.pid)
    start = peak = _memory(process)
    line.send("go")
    while not line.poll(0.002):
        peak = max(peak, _memory(process))
    cpu = line.recv()
    child.join()
    return cpu, (peak - start) / 1024**2


def measure(way: Way, document: Path, folder: Path) -> tuple[float, float]:
    """The least CPU and the highest peak of several runs, each in a fresh process."""
    results = [_measure(way, document, folder) for _ in range(ROUNDS)]
    return min(cpu for cpu, _ in results), max(memory for _, memory in results)


def main() -> None:
    """Print CPU and memory of both ways and their ratios."""
    if sys.platform == "win32":
        print("pages: not on Windows, which has no resource module")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        document = twenty_pages(folder)
        old_cpu, old_memory = measure(old_way, document, folder)
        new_cpu, new_memory = measure(our_way, document, folder)
    print(f"\nPage preparation, {PAGES} pages\n")
    print("| Way | CPU ms/page | peak MiB |")
    print("|---|---|---|")
    print(f"| old: 200 dpi PNG in memory | {1000 * old_cpu / PAGES:.0f} | {old_memory:.0f} |")
    print(f"| ours | {1000 * new_cpu / PAGES:.0f} | {new_memory:.0f} |")
    print(f"| ratio | {old_cpu / new_cpu:.1f}x less | {old_memory / new_memory:.1f}x less |")
