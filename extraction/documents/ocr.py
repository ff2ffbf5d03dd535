"""What tesseract reads from page images: words with their boxes."""

import math
import os
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from PIL import Image

from extraction.documents import sandbox
from extraction.documents.document import PageImage
from extraction.documents.sandbox import Limits, OutOfCpu, OutOfTime
from extraction.documents.words import PageWords, Word

# A scanned page takes 0.5 to 1.9 s; a page of noise much longer.
OCR_PAGE_SECONDS = 30.0
OCR_SECONDS = 75.0
# More at a time gain nothing on the machines that we know, and take 74 MB each.
MOST_AT_ONCE = 2
# The level of a row of tesseract's TSV that is a word.
_WORD_LEVEL = "5"


@dataclass(frozen=True, slots=True)
class Ocr:
    """What OCR read: ``unread`` are the numbers of the pages that it did not read in time.

    ``missing``: tesseract is not installed, so all pages are unread.
    """

    pages: tuple[PageWords, ...]
    unread: tuple[int, ...] = ()
    missing: bool = False


def ocr_words(pages: Iterable[PageImage]) -> Ocr:
    """Read the pages that are not blank, some at a time, within ``OCR_SECONDS`` for all."""
    wanted = [page for page in pages if not page.blank]
    deadline = time.monotonic() + OCR_SECONDS
    with ThreadPoolExecutor(min(MOST_AT_ONCE, os.cpu_count() or 1)) as threads:
        try:
            read = list(threads.map(lambda page: _page_words(page, deadline), wanted))
        except FileNotFoundError:
            return Ocr((), tuple(page.number for page in wanted), missing=True)
    found = tuple(page for page in read if page is not None)
    numbers = {page.number for page in found}
    return Ocr(found, tuple(page.number for page in wanted if page.number not in numbers))


def _page_words(page: PageImage, deadline: float) -> PageWords | None:
    """Return the words of a page; None when it cannot be read in time."""
    seconds = min(OCR_PAGE_SECONDS, deadline - time.monotonic())
    if seconds <= 0:
        return None
    try:
        done = sandbox.run(
            "tesseract",
            # Mode 4, one column of text of varying sizes, keeps the rows of tables together.
            *(str(page.path), "stdout", "--psm", "4", "tsv"),
            limits=Limits(cpu=math.ceil(seconds), wall=seconds),
            # One thread: on few cores more of them are several times slower.
            environment={"OMP_THREAD_LIMIT": "1"},
        )
    except (OutOfCpu, OutOfTime):
        return None
    if done.returncode:
        return None
    with Image.open(page.path) as image:
        size = image.size
    words = words_of_tsv(done.stdout.decode(errors="replace"), size)
    return PageWords(page.number, "ocr", words)


def words_of_tsv(tsv: str, size: tuple[int, int]) -> Sequence[Word]:
    """Return the words of tesseract's TSV for a page image of the size in pixels."""
    width, height = size
    words = []
    for row in tsv.split("\n"):
        cells = row.split("\t")
        if len(cells) == 12 and cells[0] == _WORD_LEVEL and cells[11].strip():
            left, top, across, down = map(int, cells[6:10])
            box = (left / width, top / height, (left + across) / width, (top + down) / height)
            words.append(Word(cells[11].strip(), box))
    return words
