"""The text layer of a PDF in its layout."""

from pathlib import Path

from extraction.documents import sandbox
from extraction.documents.sandbox import Limits, OutOfCpu

TEXT_LIMITS = Limits(cpu=10, wall=20)
TEXT_BYTES = 2_000_000


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
