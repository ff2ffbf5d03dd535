"""What befalls a site from outside: its clock is set, its disk is full, its documents are away."""

import io
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

from reportlab.pdfgen.canvas import Canvas

from tests.extraction.sample_documents import jpeg_of_scans, locked_pdf, pdf

# Where Debian's package libfaketime puts it. Not libfaketimeMT, whose lock a fork can leave locked.
_LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
_SHIM = Path(__file__).with_name("clock_shim")
# Seconds that a process may take to tell the time that it has read.
_SLACK = 0.1
# Seconds for which a disk is full or documents are away.
_WHILE = (2, 4)


class Missing(Exception):
    """The machine cannot do it here; the text says why."""


class SiteClock:
    """The wall clock of a site's processes; their monotonic clock goes on, as on a real machine.

    Raises Missing without libfaketime.
    """

    def __init__(self, folder: Path) -> None:
        if not _LIBRARIES:
            raise Missing("libfaketime is not installed")
        self._file = folder / "clock"
        self._steps: list[tuple[float, float]] = []
        self.set_by(0)
        self.environment = {
            "LD_PRELOAD": str(_LIBRARIES[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "PYTHONPATH": str(_SHIM),
        }

    def set_by(self, seconds: float) -> None:
        """Set the clock forward, or back."""
        offset = (self._steps[-1][1] if self._steps else 0.0) + seconds
        new = self._file.with_suffix(".new")
        new.write_text(f"{offset:+}\n")
        new.replace(self._file)  # as a whole: it is read all the time
        self._steps.append((time.time(), offset))

    def moments(self, told: float) -> list[float]:
        """When, by the machine's clock, the site's told this time: most often once."""
        ends = [*(since for since, _ in self._steps[1:]), time.time()]
        return [
            told - offset
            for (since, offset), end in zip(self._steps, ends, strict=True)
            if since - _SLACK <= told - offset <= end + _SLACK
        ]


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount a disk of so many megabytes at a new folder. Raises Missing where it may not."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Missing("a small disk cannot be mounted here") from error
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path, random: Random, send: Callable[[], None]) -> None:
    """Leave no room on a disk for a while."""
    filler = disk / "filler"
    try:
        with filler.open("wb", buffering=0) as file:
            for size in (1024 * 1024, 1024):
                with suppress(OSError):
                    while True:
                        file.write(bytes(size))
        send()
        time.sleep(random.uniform(*_WHILE))
        send()
    finally:
        filler.unlink()


def take_documents_away(data_dir: Path, random: Random, send: Callable[[], None]) -> None:
    """Take the folder of the documents away for a while, as a network drive goes."""
    documents, elsewhere = data_dir / "files", data_dir / "elsewhere"
    documents.rename(elsewhere)
    try:
        send()
        time.sleep(random.uniform(*_WHILE))
        send()
    finally:
        elsewhere.rename(documents)


def hostile_document(name: str) -> bytes:
    """A document that is to be refused, of the kind that its name ends with, unlike any other."""
    content = _HOSTILE[name.rpartition("-")[2]](name)
    return content + f"\n%{name}".encode()


def _nested_forms(name: str) -> bytes:
    """A page that would be drawn for hours: each form draws the one before it ten times."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(300, 200))
    canvas.beginForm("form0")
    canvas.rect(0, 0, 100, 100, fill=1)
    canvas.endForm()
    for level in range(1, 10):
        canvas.beginForm(f"form{level}")
        for _ in range(10):
            canvas.doForm(f"form{level - 1}")
        canvas.endForm()
    canvas.drawString(20, 150, name)
    canvas.doForm("form9")
    canvas.save()
    return file.getvalue()


def _cut(name: str) -> bytes:
    """A PDF without its second half, where the table of its objects stands."""
    content = pdf(name)
    return re.sub(rb"obj", b"", content[: len(content) // 2])


_HOSTILE: dict[str, Callable[[str], bytes]] = {
    "locked": lambda _: locked_pdf(user="secret", owner="secret"),
    "cut": _cut,
    "scans": lambda _: jpeg_of_scans(1000),
    "nested": _nested_forms,
}


def hostile_names(random: Random, count: int) -> list[str]:
    """So many names for ``hostile_document``, with every kind among them as far as they go."""
    kinds = random.sample(list(_HOSTILE), len(_HOSTILE))
    return [f"hostile-{number}-{kinds[number % len(kinds)]}" for number in range(count)]


def page_of_digits(name: str) -> bytes:
    """An honest document that is hard to read: 100 KB of short numbers."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(600, 800))
    canvas.setFont("Helvetica", 4)
    for row in range(250):
        canvas.drawString(2, 790 - 3 * row, "111 " * 100)
    canvas.drawString(20, 20, name)
    canvas.save()
    return file.getvalue()
