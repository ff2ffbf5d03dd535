"""The text of a document: its text layer, or what tesseract reads from the page images."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from extraction.documents import sandbox
from extraction.documents.document import PageImage
from extraction.documents.sandbox import Limits, OutOfCpu, OutOfTime

TEXT_LIMITS = Limits(cpu=10, wall=20)
TEXT_BYTES = 2_000_000
# A scanned page takes 0.5 to 1.9 s; a page of noise much longer.
OCR_PAGE_SECONDS = 30.0
OCR_SECONDS = 75.0


def text_layer(pdf: Path, pages: int) -> str:
    """Return the text layer of the first pages, in their layout; "" when there is none.

    Raises OutOfTime.
    """
    try:
        done = sandbox.run(
            "pdftotext",
            *("-layout", "-enc", "UTF-8", "-l", str(pages), str(pdf), "-"),
            limits=TEXT_LIMITS,
        )
    except FileNotFoundError:
        return _text_without_poppler(pdf)
    except OutOfCpu:
        return ""
    return done.stdout[:TEXT_BYTES].decode(errors="replace")


def _text_without_poppler(pdf: Path) -> str:
    try:
        child = sandbox.run_pdf_child("text", pdf, limits=TEXT_LIMITS)
    except OutOfCpu:
        return ""
    return child.stdout[:TEXT_BYTES].decode(errors="replace")


@dataclass(frozen=True, slots=True)
class OcrText:
    """The text of the pages, and the numbers of the pages that were not read in time."""

    text: str
    unread: tuple[int, ...]


def ocr(pages: Sequence[PageImage]) -> OcrText:
    """Read the pages that are not blank with tesseract, within ``OCR_SECONDS`` for all.

    Raises FileNotFoundError when tesseract is not installed.
    """
    deadline = time.monotonic() + OCR_SECONDS
    texts: list[str] = []
    unread: list[int] = []
    for page in pages:
        if page.blank:
            continue
        left = deadline - time.monotonic()
        text = _ocr_page(page.path, min(OCR_PAGE_SECONDS, left)) if left > 0 else None
        if text is None:
            unread.append(page.number)
        else:
            texts.append(text)
    return OcrText("\f".join(texts), tuple(unread))


def _ocr_page(image: Path, seconds: float) -> str | None:
    try:
        done = sandbox.run(
            "tesseract",
            # Mode 4, one column of text of varying sizes, keeps the rows of tables together.
            *(str(image), "stdout", "--psm", "4", "-c", "preserve_interword_spaces=1"),
            limits=Limits(cpu=math.ceil(seconds), wall=seconds),
            # One thread: on few cores more of them are several times slower.
            environment={"OMP_THREAD_LIMIT": "1"},
        )
    except (OutOfCpu, OutOfTime):
        return None
    return done.stdout.decode(errors="replace") if done.returncode == 0 else None
