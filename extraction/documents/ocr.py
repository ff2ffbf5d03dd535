"""What tesseract reads from page images: words with their boxes."""

import math
import os
import re
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from PIL import Image

from extraction.documents import sandbox
from extraction.documents.document import PageImage
from extraction.documents.sandbox import Limits, OutOfCpu, OutOfTime
from extraction.documents.temp_dirs import temp_dir
from extraction.documents.words import PageWords, Word, not_at, places_of

# A scanned page takes 0.5 to 1.9 s; a page of noise much longer.
OCR_PAGE_SECONDS = 30.0
OCR_SECONDS = 75.0
# More at a time gain nothing on the machines that we know, and take 74 MB each.
MOST_AT_ONCE = 2
# Tesseract's modes (--psm): one column of text of varying sizes keeps the rows of tables together;
# one block of text finds words where a column is not seen, as on a crumpled receipt.
COLUMN, BLOCK = "4", "6"
# Pixels. Five scans whose longer side is 1000 px, with 29 of 61 key values not found as they are,
# have 3 not found when they are read twice as large; of 1920 px it gains nothing.
SMALL = 1300
# The mean confidence, of 100, of the words that are read: 72 and more on ten upright pages, at most
# 43 on the same ones turned.
DOUBTFUL = 55.0
_ROTATE = re.compile(r"^Rotate: (90|180|270)$", re.MULTILINE)
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


@dataclass(frozen=True, slots=True)
class _Reading:
    """The words of an image and their mean confidence, 0 to 100."""

    words: Sequence[Word]
    confidence: float


class _NotRead(Exception):
    """There is no time left, or tesseract failed."""


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
    deadline = min(deadline, time.monotonic() + OCR_PAGE_SECONDS)
    try:
        with temp_dir() as folder:
            return _read(page, folder, deadline)
    except (OutOfCpu, OutOfTime, _NotRead):
        return None


def _read(page: PageImage, folder: Path, deadline: float) -> PageWords:
    """Read a page, turned and enlarged where it needs that."""
    image = _enlarged(page.path, folder)
    is_small = image != page.path
    found = _reading(image, COLUMN, deadline)
    turn = _turn(image, deadline) if found.confidence < DOUBTFUL else 0
    if turn:
        turned = _turned(image, turn, folder)
        upright = _reading(turned, COLUMN, deadline)
        if upright.confidence > found.confidence:
            image, found = turned, upright
        else:
            turn = 0
    words = found.words
    if is_small:
        words = [*words, *not_at(places_of(words), _reading(image, BLOCK, deadline).words)]
    return PageWords(page.number, "ocr", words, turn)


def _enlarged(path: Path, folder: Path) -> Path:
    """Return an image as large as tesseract's letters have to be."""
    with Image.open(path) as image:
        if max(image.size) > SMALL:
            return path
        image.draft("L", image.size)
        larger = folder / "larger.pgm"  # not compressed: it is read once or twice, here
        size = (image.width * 2, image.height * 2)
        image.convert("L").resize(size, Image.Resampling.BICUBIC).save(larger)
    return larger


def _turned(path: Path, turn: int, folder: Path) -> Path:
    with Image.open(path) as image:
        turned = folder / "turned.pgm"
        image.convert("L").rotate(-turn, expand=True).save(turned)
    return turned


def _turn(image: Path, deadline: float) -> int:
    """Return by how many degrees an image is to be turned clockwise; 0 when that is not seen."""
    try:
        found = _ROTATE.search(_tesseract(image, "--psm", "0", deadline=deadline))
    except _NotRead:  # too few letters
        return 0
    return int(found[1]) if found else 0


def _reading(image: Path, mode: str, deadline: float) -> "_Reading":
    tsv = _tesseract(image, "--psm", mode, "tsv", deadline=deadline)
    with Image.open(image) as opened:
        return words_of_tsv(tsv, opened.size)


def _tesseract(image: Path, *options: str, deadline: float) -> str:
    """Return what tesseract writes. Raises _NotRead, FileNotFoundError and what ``run`` does."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise _NotRead
    done = sandbox.run(
        "tesseract",
        *(str(image), "stdout", *options),
        limits=Limits(cpu=math.ceil(seconds), wall=seconds),
        # One thread: on few cores more of them are several times slower.
        environment={"OMP_THREAD_LIMIT": "1"},
    )
    if done.returncode:
        raise _NotRead
    return done.stdout.decode(errors="replace")


def words_of_tsv(tsv: str, size: tuple[int, int]) -> "_Reading":
    """Return the words of tesseract's TSV for an image of the size in pixels."""
    width, height = size
    words, confidences = [], []
    for row in tsv.split("\n"):
        cells = row.split("\t")
        if len(cells) == 12 and cells[0] == _WORD_LEVEL and cells[11].strip():
            left, top, across, down = map(int, cells[6:10])
            box = (left / width, top / height, (left + across) / width, (top + down) / height)
            words.append(Word(cells[11].strip(), box))
            confidences.append(float(cells[10]))
    return _Reading(words, mean(confidences) if confidences else 0.0)
