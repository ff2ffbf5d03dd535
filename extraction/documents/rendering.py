"""Document → page images: upright JPEGs of at most 1920 px a side, made within limits.

1920 px loses nothing in reading against 200 dpi PNG, and pdftoppm's own JPEGs are sent as they
are: 3.8 times less CPU than decoding and encoding them again.
"""

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import ImageStat

from extraction.documents import sandbox
from extraction.documents.document import Document, PageImage
from extraction.documents.images import open_image, page_of
from extraction.documents.media_types import PDF
from extraction.documents.temp_dirs import temp_dir
from extraction.exceptions import DocumentRejected

SIDE = 1920
QUALITY = 78
# Whole seconds of wall clock for one document, below the tools' CPU limit, which would end them
# without saying why.
COUNT_SECONDS = 10
RENDER_SECONDS = 18
# Shades; a page of one colour keeps a trace of JPEG noise.
BLANK_CONTRAST = 4


def render_document(path: Path, media_type: str, page_count: int, folder: Path) -> Document:
    """Render an accepted document's pages, and reject it when there is nothing on any of them.

    Raises DocumentRejected as ``render`` does, and ``no_content``.
    """
    pages = render(path, media_type, page_count, folder)
    document = Document(path=path, media_type=media_type, pages=pages)
    if document.is_blank:
        raise DocumentRejected(
            "no_content", "Every page is blank. Check the scan and send it again."
        )
    return document


def render(document: Path, media_type: str, page_count: int, folder: Path) -> tuple[PageImage, ...]:
    """Draw every page into ``folder/pages/001.jpg`` and so on, and return them in order.

    The images appear together or not at all, and are kept: a second call draws nothing. Raises
    DocumentRejected: ``render_timeout``, ``image_too_large`` or ``corrupt_file``.
    """
    drawn = folder / "pages"
    if not drawn.exists():
        _draw(document, media_type, page_count, drawn)
    return tuple(
        PageImage(number, path, _is_blank(path))
        for number, path in enumerate(sorted(drawn.iterdir()), start=1)
    )


def _draw(document: Path, media_type: str, page_count: int, target: Path) -> None:
    with temp_dir() as folder:
        drawn = folder / "pages"
        drawn.mkdir()
        if media_type != PDF:
            _draw_image(document, media_type, page_count, drawn)
        elif sandbox.poppler_installed():
            _draw_with_poppler(document, drawn)
        else:
            _draw_with_pdfium(document, drawn)
        if len(list(drawn.iterdir())) != page_count:
            raise _corrupt()
        try:
            drawn.rename(target)
        except OSError:
            if not target.exists():
                raise
            # A worker whose lease ran out has drawn the same pages meanwhile.


def count_pdf_pages(path: Path) -> int:
    """Return the number of pages of a PDF, without drawing any.

    Raises DocumentRejected: ``password_protected``, ``corrupt_file``, ``no_pages`` or
    ``render_timeout``. A document with an owner's password alone opens, and is accepted.
    """
    if sandbox.poppler_installed():
        count = _count_with_poppler(path)
    else:
        count = _run_pdfium_child("count", path, timeout=COUNT_SECONDS)
    if count < 1:
        raise _no_pages()
    return count


def _count_with_poppler(path: Path) -> int:
    import pdf2image

    wrappers = sandbox.poppler_path()
    with _poppler_errors():
        info = pdf2image.pdfinfo_from_path(str(path), timeout=COUNT_SECONDS, **_poppler(wrappers))
    return int(info["Pages"])


def _draw_with_poppler(document: Path, drawn: Path) -> None:
    import pdf2image

    # A link of its own for each document: pdftoppm's stderr is kept beside the link.
    wrappers = sandbox.poppler_path()
    link = drawn.with_name("poppler")
    if wrappers is not None:
        link.symlink_to(wrappers)
    with _poppler_errors():
        pdf2image.convert_from_path(
            document,
            output_folder=drawn,
            output_file="page",
            fmt="jpeg",
            jpegopt={"quality": QUALITY},
            size=SIDE,
            paths_only=True,
            thread_count=1,
            timeout=RENDER_SECONDS,
            **_poppler(link if wrappers is not None else None),
        )
    stderr = link.with_suffix(".errors")
    # pdftoppm leaves out a picture that does not fit into memory, and ends as if all were well.
    if stderr.exists() and b"out of memory" in stderr.read_bytes().lower():
        raise _took_too_long()
    # pdftoppm pads its numbers, so that names sort as pages do.
    for number, path in enumerate(sorted(drawn.iterdir()), start=1):
        path.rename(drawn / f"{number:03}.jpg")


@contextlib.contextmanager
def _poppler_errors() -> Iterator[None]:
    """Turn pdf2image's exceptions into DocumentRejected."""
    # Imported where used, as pdf2image is: a web process that gets no PDF does without.
    from pdf2image.exceptions import PDFPageCountError, PDFPopplerTimeoutError

    try:
        yield
    except PDFPopplerTimeoutError as error:
        raise _took_too_long() from error
    except PDFPageCountError as error:
        raise _why_not_counted(str(error)) from error


def _poppler(wrappers: Path | None) -> dict[str, Any]:
    return {} if wrappers is None else {"poppler_path": str(wrappers)}


def _draw_with_pdfium(document: Path, drawn: Path) -> None:
    _run_pdfium_child(
        "render", document, str(drawn), str(SIDE), str(QUALITY), timeout=RENDER_SECONDS
    )


def _run_pdfium_child(command: str, document: Path, *rest: str, timeout: float) -> int:
    try:
        child = sandbox.run_pdf_child(command, document, *rest, timeout=timeout)
    except subprocess.TimeoutExpired as error:
        raise _took_too_long() from error
    answer = child.stdout.decode()
    if child.returncode == 0 and answer.isdigit():
        return int(answer)
    # Any other answer: it reported a broken file, or PDFium aborted it.
    rejections = {"password_protected": _locked, "no_pages": _no_pages}
    raise rejections.get(answer, _corrupt)()


def _draw_image(document: Path, media_type: str, page_count: int, drawn: Path) -> None:
    deadline = time.monotonic() + RENDER_SECONDS
    with open_image(document, media_type) as image:
        if page_count == 1:
            image.draft(None, (SIDE, SIDE))
        for index in range(page_count):
            if time.monotonic() > deadline:
                raise _took_too_long()
            image.seek(index)
            page = page_of(image, SIDE)
            page.save(drawn / f"{index + 1:03}.jpg", quality=QUALITY)


def _is_blank(path: Path) -> bool:
    with open_image(path, "image/jpeg") as image:
        image.draft("L", (SIDE // 8, SIDE // 8))
        [(darkest, lightest)] = ImageStat.Stat(image.convert("L")).extrema
    return lightest - darkest <= BLANK_CONTRAST


def _why_not_counted(stderr: str) -> DocumentRejected:
    if "Incorrect password" in stderr:
        return _locked()
    if "last page (0)" in stderr:
        return _no_pages()
    return _corrupt()


def _locked() -> DocumentRejected:
    return DocumentRejected(
        "password_protected",
        "The file is locked with a password. Remove the password and send it again.",
    )


def _no_pages() -> DocumentRejected:
    return DocumentRejected(
        "no_pages", "The file has no pages. Send a file with at least one page."
    )


def _corrupt() -> DocumentRejected:
    return DocumentRejected(
        "corrupt_file",
        "The file is damaged or incomplete. Open it, save it anew and send it again.",
    )


def _took_too_long() -> DocumentRejected:
    return DocumentRejected(
        "render_timeout",
        "The file takes more time or memory to draw than is allowed. Print it to a new PDF, or "
        "scan it, and send that.",
    )
