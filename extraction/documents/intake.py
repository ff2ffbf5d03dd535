"""Bytes → an accepted document, or DocumentRejected. No database, no queue, no model call.

What headers suffice to reject is rejected here, before anything is queued; so is a file that is
empty or locked, and an image whose first page cannot be decoded. Rendering may reject more.
"""

import contextlib
import hashlib
import os
import re
import shutil
import unicodedata
import uuid
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from extraction.documents.media_types import MEDIA_TYPES, PDF, media_type_by_magic
from extraction.documents.rendering import count_pdf_pages, examine_image, unlock_pdf
from extraction.documents.storage import storage_faults
from extraction.documents.temp_dirs import temp_file
from extraction.documents.upload_handlers import DigestedFile
from extraction.exceptions import DocumentRejected
from ocrsite.lib.files import make_folder, standing_folder, sync_file, sync_folder

_FILE_NAME_LENGTH = 255
# They reverse the letters after them: "invoice‮fdp.exe" would read as "invoiceexe.pdf".
_BIDI_CONTROLS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

_groups_on_disk: set[Path] = set()


@dataclass(frozen=True, slots=True)
class ExaminedDocument:
    """A document at ``path`` that can be read and is not stored yet.

    ``size`` and ``sha256`` are those of the bytes as sent, also where they were unlocked.
    """

    path: Path
    media_type: str
    size: int
    sha256: str
    page_count: int


@dataclass(frozen=True, slots=True)
class AcceptedDocument:
    """A stored document that can be read. ``file`` is its path relative to DATA_DIR/files.

    ``size`` and ``sha256`` are those of the bytes as sent, also where they are stored unlocked.
    """

    file: str
    file_name: str
    media_type: str
    size: int
    sha256: str
    page_count: int


def folder_of(document_id: uuid.UUID) -> Path:
    """Return the folder that holds a document and its page images."""
    return _root() / str(document_id)[:2] / str(document_id)


def drawn_pages(document_id: uuid.UUID) -> list[int]:
    """Return the numbers of the pages that there are images of."""
    return sorted(int(image.stem) for image in (folder_of(document_id) / "pages").glob("*.jpg"))


def documents_folder() -> Path:
    """Return the folder of all documents. Raises OSError when it is away."""
    return standing_folder(_root(), made=_root().with_name(".files.made"))


def receive(
    upload: "UploadedFile[bytes]", document_id: uuid.UUID, *, password: str = ""
) -> AcceptedDocument:
    """Check an upload and store it under its id, never under the name given.

    A PDF that the password opens is stored unlocked; the password itself is kept nowhere. Raises
    what ``examine`` does, and StorageUnavailable, leaving nothing on disk.
    """
    with storage_faults(), temp_file() as temporary:
        examined = examine(upload, temporary, password=password)
        documents_folder()
        folder = folder_of(document_id)
        _make_group(folder.parent)
        make_folder(folder, parents=False)
        path = folder / f"document.{MEDIA_TYPES[examined.media_type].extension}"
        try:
            examined.path.replace(path)
            # The row that names the document is on disk when it is committed: so is the document.
            sync_file(path)
            sync_folder(folder)
            _sync_group(folder.parent)
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    return AcceptedDocument(
        file=path.relative_to(_root()).as_posix(),
        file_name=_display_name(upload.name or ""),
        media_type=examined.media_type,
        size=examined.size,
        sha256=examined.sha256,
        page_count=examined.page_count,
    )


def examine(upload: "UploadedFile[bytes]", path: Path, *, password: str = "") -> ExaminedDocument:
    """Write an upload to ``path``, unlocked, and check whether a reader can open it.

    Raises DocumentRejected: 413 ``file_too_large``; 415 ``unsupported_media_type``; 422
    ``empty_file``, ``password_protected``, ``wrong_password``, ``corrupt_file``, ``no_pages``,
    ``too_many_pages``, ``portfolio``, ``image_too_large`` or ``render_timeout``. Raises RenderBusy.
    """
    size, sha256 = _store(upload, path)
    media_type, page_count = _examine(path, password)
    return ExaminedDocument(path, media_type, size, sha256, page_count)


def _root() -> Path:
    return Path(settings.DATA_DIR) / "files"


def _make_group(group: Path) -> None:
    """Make the folder that documents whose ids begin alike share, where it is missing."""
    with contextlib.suppress(FileExistsError):
        group.mkdir(mode=0o700)
        _groups_on_disk.discard(group)


def _sync_group(group: Path) -> None:
    """Write the entries of such a folder to disk, and its own: that once, for nothing removes it.

    Another process may have made it just now.
    """
    sync_folder(group)
    if group not in _groups_on_disk:
        sync_folder(group.parent)
        _groups_on_disk.add(group)


def _store(upload: "UploadedFile[bytes]", path: Path) -> tuple[int, str]:
    """Have an upload at ``path``; return its size in bytes and its SHA-256."""
    sha256 = _linked(upload, path) or _written(upload, path)
    size = path.stat().st_size
    if size > _most_bytes():
        raise _too_large()
    if size == 0:
        raise DocumentRejected("empty_file", "The file is empty. Check it and send it again.")
    return size, sha256


def _linked(upload: "UploadedFile[bytes]", path: Path) -> str:
    """Give an upload that Django wrote to a file of its own a second name; return its SHA-256.

    The file stays when Django removes the first name: a large document is neither written again so
    nor read. Returns "" where that is not possible.
    """
    if not isinstance(upload, DigestedFile):
        return ""
    try:
        upload.flush()
        os.link(upload.temporary_file_path(), path)
    except OSError:  # a file system without links, or another one than that of ``path``
        return ""
    return upload.sha256


def _written(upload: "UploadedFile[bytes]", path: Path) -> str:
    """Write an upload to disk piece by piece, no further than is accepted; return its SHA-256."""
    size, digest = 0, hashlib.sha256()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        for chunk in upload.chunks():
            size += len(chunk)
            if size > _most_bytes():
                raise _too_large()
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def _most_bytes() -> int:
    return int(settings.MAX_UPLOAD_MB) * 1024 * 1024


def _too_large() -> DocumentRejected:
    return DocumentRejected(
        "file_too_large",
        f"The file is larger than {settings.MAX_UPLOAD_MB} MB. Send a smaller one.",
        413,
    )


def _examine(path: Path, password: str) -> tuple[str, int]:
    """Return type and number of pages by content; name and Content-Type as sent say nothing."""
    most = settings.MAX_PAGES
    with path.open("rb") as file:
        media_type = media_type_by_magic(file.read(1024))
    if media_type == PDF:
        count = _count_pdf_pages(path, password)
        counted = str(count)
    else:
        media_type, count = examine_image(path, media_type, most)
        counted = f"more than {most}"
    if media_type is None:
        raise DocumentRejected(
            "unsupported_media_type",
            "The file is neither a PDF nor an image of a known kind. Send a PDF, JPEG, PNG, WebP, "
            "TIFF, GIF, BMP, AVIF or HEIC file.",
            415,
        )
    if count > most:
        raise DocumentRejected(
            "too_many_pages",
            f"The file has {counted} pages; at most {most} are accepted. Split it and send the "
            "parts.",
        )
    return media_type, count


def _count_pdf_pages(path: Path, password: str) -> int:
    """Return the number of pages, after unlocking a PDF that is locked."""
    try:
        return count_pdf_pages(path)
    except DocumentRejected as error:
        if error.code != "password_protected" or not password:
            raise
    unlock_pdf(path, password)
    return count_pdf_pages(path)


def _display_name(name: str) -> str:
    """Return the name as sent, without folders, control characters or excess length."""
    return shown_name(re.split(r"[/\\]", name)[-1])


def shown_name(name: str) -> str:
    """Return a name without control characters or excess length, never empty."""
    shown = "".join(
        letter
        for letter in name
        if unicodedata.category(letter) not in ("Cc", "Cs", "Zl", "Zp")
        and letter not in _BIDI_CONTROLS
    ).strip()
    # SQL Server counts UTF-16 units.
    units = shown.encode("utf-16-le")[: _FILE_NAME_LENGTH * 2]
    return units.decode("utf-16-le", "ignore") or "document"
