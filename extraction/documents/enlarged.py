"""Page images larger than those that readers get, drawn when a person looks closer."""

import contextlib
import logging
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path

from extraction.documents import sandbox
from extraction.documents.images import SIDE
from extraction.documents.media_types import PDF
from extraction.documents.rendering import QUALITY, is_whole
from extraction.documents.sandbox import ChildDied, Limits, OutOfCpu, OutOfTime
from extraction.documents.temp_dirs import temp_dir
from extraction.exceptions import DocumentRejected

logger = logging.getLogger(__name__)

# Pixels of the longer side. A page of A4 at twice its size has 2246 at 96 dots per inch.
SIDES = (2560, 3840)
LIMITS = Limits(cpu=10, wall=30)
# A web process draws one page at a time; whoever waits longer gets the image that there is.
_drawing = threading.Lock()
PATIENCE = 15.0


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document that was read: its folder holds the page images."""

    folder: Path
    path: Path
    media_type: str
    page_count: int


def page_image(document: StoredDocument, number: int, side: int = 0) -> Path:
    """Return the image of a page whose longer side has at least ``side`` pixels, if it can be had.

    There are those that readers got (1920) and those of SIDES, each drawn once and then kept. Where
    the document cannot be drawn larger, or holds no more, the smaller one is returned. The path may
    not exist.
    """
    stored = document.folder / "pages" / f"{number:03}.jpg"
    larger = next((each for each in SIDES if each >= side), SIDES[-1])
    if side <= SIDE or not stored.exists():
        return stored
    target = document.folder / "enlarged" / f"{number:03}-{larger}.jpg"
    if not target.exists() and _drawing.acquire(timeout=PATIENCE):
        try:
            if not target.exists():
                _draw(document, number, larger, stored, target)
        finally:
            _drawing.release()
    return target if target.exists() else stored


def _draw(document: StoredDocument, number: int, side: int, stored: Path, target: Path) -> None:
    try:
        with temp_dir() as folder:
            drawn = folder / f"{number:03}.jpg"
            try:
                _run(document, number, side, drawn)
            except (DocumentRejected, OutOfCpu, ChildDied) as error:
                logger.warning("A page of %s cannot be enlarged: %r", document.folder.name, error)
                drawn.unlink(missing_ok=True)
            if not drawn.exists() or not is_whole(drawn):
                shutil.copyfile(stored, drawn)  # so that it is not tried again
            with contextlib.suppress(FileExistsError):
                target.parent.mkdir(mode=0o700)
            drawn.replace(target)
    except (OutOfTime, OSError):
        logger.exception("A page of %s could not be enlarged now.", document.folder.name)


def _run(document: StoredDocument, number: int, side: int, drawn: Path) -> None:
    """Draw one page. Leaves no image where the document has none that is larger."""
    path = str(document.path)
    if document.media_type != PDF:
        sandbox.run_child(
            "extraction.documents.image_child",
            *("draw", path, document.media_type, str(document.page_count), str(drawn.parent)),
            *(str(side), str(QUALITY), str(number)),
            limits=LIMITS,
        )
    elif sandbox.poppler_installed():
        sandbox.run(
            *("pdftoppm", "-jpeg", "-jpegopt", f"quality={QUALITY}", "-scale-to", str(side)),
            *("-cropbox", "-f", str(number), "-l", str(number), "-singlefile"),
            *(path, str(drawn.with_suffix(""))),
            limits=LIMITS,
        )
    else:
        sandbox.run_pdf_child(
            *("render", document.path, str(drawn.parent), str(side), str(QUALITY), str(number)),
            limits=LIMITS,
        )
