"""Page preparation against the old way: pdf2image's defaults, 200 dpi, PNG, all in memory.

Each measurement runs in a process of its own. CPU is user + system of the process and its
children (poppler); memory is the process's peak over its start, plus the largest child's.
"""

import io
import multiprocessing
import resource
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from pypdf import PdfReader, PdfWriter

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
PAGES = 20
ROUNDS = 3

Way = Callable[[Path, Path], None]


def old_way(document: Path, _folder: Path) -> None:
    """What the replaced service did."""
    from pdf2image import convert_from_path

    for image in convert_from_path(str(document)):
        buffer = io.BytesIO()
        image.save(buffer, format="PNG")


def our_way(document: Path, folder: Path) -> None:
    """What the pipeline does."""
    from extraction import pages

    pages.render(document, "application/pdf", PAGES, folder)


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


def _measure(way: Way, document: Path, folder: Path) -> tuple[float, float]:
    """CPU seconds and MiB of one run; meant for a fresh process."""
    import django

    django.setup()
    import pdf2image  # noqa: F401 - imported by both ways, so not measured
    import PIL.Image  # noqa: F401

    start = resource.getrusage(resource.RUSAGE_SELF)
    way(document, folder)
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    cpu = own.ru_utime + own.ru_stime - start.ru_utime - start.ru_stime
    cpu += children.ru_utime + children.ru_stime
    return cpu, (own.ru_maxrss - start.ru_maxrss + children.ru_maxrss) / 1024


def measure(way: Way, document: Path, folder: Path) -> tuple[float, float]:
    """The best of several runs, each in a fresh process."""
    context = multiprocessing.get_context("spawn")
    results = []
    for _ in range(ROUNDS):
        with context.Pool(1) as pool:
            results.append(pool.apply(_measure, (way, document, folder)))
    return min(cpu for cpu, _ in results), min(memory for _, memory in results)


def main() -> None:
    """Print CPU and memory of both ways and their ratios."""
    if sys.platform == "win32":
        print("pages: needs the resource module, which Windows lacks")
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
