"""Document → page images: upright JPEGs of at most 1920 px a side, made within limits.

1920 px loses nothing in reading against 200 dpi PNG, and pdftoppm's own JPEGs are sent as they
are: 3.8 times less CPU than decoding and encoding them again.
"""

import contextlib
import errno
import logging
import mmap
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from extraction.documents import sandbox
from extraction.documents.document import Document, PageImage
from extraction.documents.images import SIDE, open_image
from extraction.documents.media_types import PDF
from extraction.documents.sandbox import ChildDied, Limits, OutOfCpu, OutOfTime
from extraction.documents.storage import require_working, storage_faults
from extraction.documents.temp_dirs import temp_dir
from extraction.exceptions import DocumentRejected, RenderBusy

logger = logging.getLogger(__name__)

QUALITY = 78
_IMAGE_CHILD = "extraction.documents.image_child"
_POPPLER_CHILD = "extraction.documents.poppler_child"
COUNT_LIMITS = Limits(cpu=10, wall=30)
# An invoice of five pages full of pictures takes 8.4 s, an ordinary page 0.1 s.
RENDER_CPU = 20
RENDER_CPU_PER_PAGE = 2
RENDER_CPU_MOST = 60
RENDER_WALL = 120.0
# Shades; a page of one colour keeps a trace of JPEG noise.
BLANK_CONTRAST = 4
_PORTFOLIO = re.compile(rb"/(?:Collection|ObjStm)")
_ATTACHMENT = re.compile(rb"/EmbeddedFile\b(?!s)")
_XML_ATTACHMENT = re.compile(rb"/Subtype\s{0,5}/(?:text|application)#2[Ff]xml")
_PAGES = re.compile(rb"^Pages: +(\d{1,9})$", re.MULTILINE)


def render_document(path: Path, media_type: str, page_count: int, folder: Path) -> Document:
    """Render an accepted document's pages, and reject it when there is nothing on any of them.

    Raises what ``render`` does, DocumentRejected ``no_content``, and StorageUnavailable.
    """
    with storage_faults():
        pages = render(path, media_type, page_count, folder)
    document = Document(path=path, media_type=media_type, pages=pages)
    if document.is_blank:
        raise DocumentRejected(
            "no_content", "Every page is blank. Check the scan and send it again."
        )
    return document


def render(document: Path, media_type: str, page_count: int, folder: Path) -> tuple[PageImage, ...]:
    """Draw every page into ``folder/pages/001.jpg`` and so on, and return them in order.

    The images appear together or not at all, and are kept: a second call draws nothing, unless a
    crash of the machine left one of them incomplete. Raises OSError for a fault of the machine,
    DocumentRejected: ``render_timeout``, ``image_too_large`` or ``corrupt_file``; and RenderBusy.
    """
    drawn = folder / "pages"
    if drawn.exists() and not _are_whole(drawn, page_count):
        logger.error("The page images of %s were incomplete and are drawn again.", folder.name)
        shutil.rmtree(drawn)
    if not drawn.exists():
        try:
            _draw(document, media_type, page_count, drawn)
        except DocumentRejected as error:
            if error.code != "corrupt_file":
                raise
            # Its pages were counted at the upload. A disk that was full for a moment looks alike.
            _draw(document, media_type, page_count, drawn)
    return tuple(
        PageImage(number, path, _is_blank(path))
        for number, path in enumerate(sorted(drawn.iterdir()), start=1)
    )


def render_limits(page_count: int) -> Limits:
    """Return what drawing a document of so many pages may use."""
    cpu = RENDER_CPU + RENDER_CPU_PER_PAGE * page_count
    return Limits(cpu=min(cpu, RENDER_CPU_MOST), wall=RENDER_WALL)


def _draw(document: Path, media_type: str, page_count: int, target: Path) -> None:
    with temp_dir() as folder:
        drawn = folder / "pages"
        drawn.mkdir()
        limits = render_limits(page_count)
        with _limits_as_errors(document, folder):
            if media_type != PDF:
                _draw_image(document, media_type, page_count, drawn, limits)
            elif sandbox.poppler_installed():
                _draw_with_poppler(document, page_count, drawn, limits)
            else:
                _draw_with_pdfium(document, drawn, limits)
        if len(list(drawn.iterdir())) != page_count:
            require_working(document, folder)
            raise _corrupt()
        if not _are_whole(drawn, page_count):
            # A tool that ends as if all were well does not see that the disk is full.
            raise OSError(errno.EIO, "A page image was not written to its end.")
        try:
            drawn.rename(target)
        except OSError:
            if not target.exists():
                raise
            # A worker whose lease ran out has drawn the same pages meanwhile.


def _are_whole(drawn: Path, page_count: int) -> bool:
    """Whether there is a complete JPEG for each page: an image that was cut off has no end."""
    pages = list(drawn.iterdir())
    return len(pages) == page_count and all(map(is_whole, pages))


def is_whole(page: Path) -> bool:
    """Whether a JPEG has its beginning and its end. Raises OSError."""
    with page.open("rb") as file:
        start = file.read(2)
        file.seek(0, os.SEEK_END)
        file.seek(max(file.tell() - 2, 0))
        return (start, file.read(2)) == (b"\xff\xd8", b"\xff\xd9")


def examine_image(path: Path, media_type: str | None, most: int) -> tuple[str | None, int]:
    """Return the media type of an image and its number of pages; type None for what is no image.

    A ``media_type`` known already is not looked for. The pages are counted no further than ``most``
    + 1, and the first is decoded. Raises DocumentRejected: ``image_too_large``, ``corrupt_file``,
    ``render_timeout``, or ``unsupported_media_type`` for an animation; and RenderBusy.
    """
    known = [] if media_type is None else [media_type]
    with _limits_as_errors(path, path.parent):
        found, count = sandbox.run_child(
            _IMAGE_CHILD, "examine", str(path), str(most), *known, limits=COUNT_LIMITS
        )
    return found, count


def count_pdf_pages(path: Path) -> int:
    """Return the number of pages of a PDF, without drawing any.

    Raises DocumentRejected: ``password_protected``, ``corrupt_file``, ``no_pages``, ``portfolio``
    or ``render_timeout``; and RenderBusy. A document with an owner's password alone opens, and is
    accepted.
    """
    with _limits_as_errors(path, path.parent):
        if sandbox.poppler_installed():
            count = _count_with_poppler(path)
        else:
            count = _run_pdfium_child("count", path, limits=COUNT_LIMITS)
        if count < 1:
            raise _no_pages()
        if _may_be_portfolio(path) and _is_portfolio(path):
            raise _portfolio()
    return count


def unlock_pdf(path: Path, password: str) -> None:
    """Replace a locked PDF by the same without a password.

    The password reaches the child through a pipe. Raises DocumentRejected: ``wrong_password``,
    ``corrupt_file`` or ``render_timeout``; and RenderBusy.
    """
    unlocked = path.with_name(f"{path.name}.unlocked")
    try:
        with _limits_as_errors(path, path.parent):
            child = sandbox.run_pdf_child(
                "unlock", path, str(unlocked), limits=COUNT_LIMITS, stdin=password.encode()
            )
            if child.stdout == b"password_protected":
                raise _wrong_password()
            if child.stdout != b"unlocked":
                raise _corrupt()
        unlocked.chmod(0o600)
        unlocked.replace(path)
    finally:
        unlocked.unlink(missing_ok=True)


def _may_be_portfolio(path: Path) -> bool:
    """Whether a PDF has attachments but XML, and an entry of a portfolio that can be seen or not.

    Most with attachments are electronic invoices, which need not be opened once more.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        # Found sooner than a pattern, and most have no attachment.
        if content.find(b"/EmbeddedFile") < 0 or not _PORTFOLIO.search(content):
            return False
        attachments = len(_ATTACHMENT.findall(content))
        return attachments > len(_XML_ATTACHMENT.findall(content))


def _is_portfolio(path: Path) -> bool:
    try:
        return sandbox.run_pdf_child("portfolio", path, limits=COUNT_LIMITS).stdout == b"yes"
    except OutOfCpu:
        return False  # nothing that a viewer would show as one


def _count_with_poppler(path: Path) -> int:
    if sandbox.CAN_FORK:
        count: int | None = sandbox.run_child(_POPPLER_CHILD, str(path), limits=COUNT_LIMITS)
        if count:
            return count
    # It counts the same, and tells why it does not.
    info = sandbox.run("pdfinfo", str(path), limits=COUNT_LIMITS)
    found = _PAGES.search(info.stdout)
    if found is None:
        raise _why_not_counted(info.stderr.decode(errors="replace"))
    return int(found[1])


def _draw_with_poppler(document: Path, page_count: int, drawn: Path, limits: Limits) -> None:
    # Imported where used: a web process that gets no PDF does without.
    import pdf2image
    from pdf2image.exceptions import PDFPageCountError, PDFPopplerTimeoutError

    wrappers = sandbox.poppler_path()
    # A link of its own for each document: what pdf2image drops is kept beside the link.
    link = drawn.with_name(f"poppler-{limits.cpu}")
    if wrappers is not None:
        link.symlink_to(wrappers)
        link.with_suffix(".pages").write_text(f"{page_count}\n")
    try:
        pdf2image.convert_from_path(
            document,
            output_folder=drawn,
            output_file="page",
            fmt="jpeg",
            jpegopt={"quality": QUALITY},
            size=SIDE,
            paths_only=True,
            use_cropbox=True,  # what is outside of it is no part of the page that people see
            thread_count=1,
            timeout=limits.wall,  # type: ignore[arg-type]  # it goes to Popen.communicate
            poppler_path=None if wrappers is None else str(link),  # type: ignore[arg-type]  # None: PATH
        )
    except PDFPopplerTimeoutError as error:
        raise (OutOfCpu if wrappers is None else OutOfTime) from error
    except PDFPageCountError as error:
        _raise_if_out_of_limits(link)
        raise _why_not_counted(str(error)) from error
    _raise_if_out_of_limits(link)
    if not any(drawn.iterdir()):
        raise _why_not_counted(_said(link))
    # pdftoppm pads its numbers, so that names sort as pages do.
    for number, path in enumerate(sorted(drawn.iterdir()), start=1):
        path.rename(drawn / f"{number:03}.jpg")


def _raise_if_out_of_limits(link: Path) -> None:
    """Raise OutOfCpu, or DocumentRejected for memory, by what the wrappers left beside a link."""
    code = link.with_suffix(".exit")
    if code.exists():
        sandbox.raise_if_out_of_cpu(int(code.read_text() or 0))
    # pdftoppm leaves out a picture that does not fit into memory, and ends as if all were well.
    if "out of memory" in _said(link).lower():
        raise _took_too_long()


def _said(link: Path) -> str:
    """What pdftoppm complained of, by what the wrappers left beside a link."""
    stderr = link.with_suffix(".errors")
    return stderr.read_text(errors="replace") if stderr.exists() else ""


def _draw_with_pdfium(document: Path, drawn: Path, limits: Limits) -> None:
    _run_pdfium_child("render", document, str(drawn), str(SIDE), str(QUALITY), limits=limits)


def _run_pdfium_child(command: str, document: Path, *rest: str, limits: Limits) -> int:
    child = sandbox.run_pdf_child(command, document, *rest, limits=limits)
    answer = child.stdout.decode()
    if child.returncode == 0 and answer.isdigit():
        return int(answer)
    # Any other answer: it reported a broken file, or PDFium aborted it.
    rejections = {"password_protected": _locked, "no_pages": _no_pages}
    raise rejections.get(answer, _corrupt)()


def _draw_image(
    document: Path, media_type: str, page_count: int, drawn: Path, limits: Limits
) -> None:
    sandbox.run_child(
        _IMAGE_CHILD,
        *("draw", str(document), media_type, str(page_count), str(drawn), str(SIDE), str(QUALITY)),
        limits=limits,
    )


@contextlib.contextmanager
def _limits_as_errors(document: Path, folder: Path) -> Iterator[None]:
    """Turn what the sandbox raises into DocumentRejected; a missed wall clock into RenderBusy.

    Raises OSError instead of ``corrupt_file`` where document or folder cannot be used.
    """
    try:
        yield
    except DocumentRejected as error:
        if error.code == "corrupt_file":
            require_working(document, folder)
        raise
    except OutOfCpu as error:
        raise _took_too_long() from error
    except OutOfTime as error:
        raise RenderBusy from error
    except ChildDied as error:
        require_working(document, folder)
        logger.warning("A parser died of a document: %s", error)
        raise _corrupt() from error


def _is_blank(path: Path) -> bool:
    with open_image(path, "image/jpeg") as image:
        image.draft("L", (SIDE // 8, SIDE // 8))
        darkest, lightest = image.convert("L").getextrema()
    return bool(lightest - darkest <= BLANK_CONTRAST)  # type: ignore[operator]  # one band: numbers


def _why_not_counted(stderr: str) -> DocumentRejected:
    if "Incorrect password" in stderr:
        return _locked()
    if "last page (0)" in stderr:
        return _no_pages()
    return _corrupt()


def _locked() -> DocumentRejected:
    return DocumentRejected(
        "password_protected",
        "The file is locked with a password. Send it again with its password, or without the lock.",
    )


def _wrong_password() -> DocumentRejected:
    return DocumentRejected(
        "wrong_password",
        "The password does not open the file. Check it and send both again.",
    )


def _no_pages() -> DocumentRejected:
    return DocumentRejected(
        "no_pages", "The file has no pages. Send a file with at least one page."
    )


def _portfolio() -> DocumentRejected:
    return DocumentRejected(
        "portfolio",
        "The file is a PDF portfolio, a cover with other files inside. Open it, save the invoice "
        "by itself and send that.",
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
