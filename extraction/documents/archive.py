"""A ZIP that came in: its files, each as an upload of its own, or the reason why it is none."""

import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from extraction.documents import sandbox
from extraction.documents.sandbox import ChildDied, Limits, OutOfCpu, OutOfTime
from extraction.documents.storage import require_working, storage_faults
from extraction.documents.temp_dirs import temp_dir
from extraction.documents.zip_child import Unpacked
from extraction.exceptions import CANNOT_CONVERT, DocumentRejected
from ocrsite.lib.errors import ServiceFault

logger = logging.getLogger(__name__)

# At once in a process: each takes one of its threads, and room on its disk.
MOST_AT_ONCE = 4
# All files of a ZIP may have so many times MAX_UPLOAD_MB.
MOST_UNPACKED = 5
LIMITS = Limits(cpu=20, wall=60)
# The beginning of a ZIP, and of an empty one (PKWARE's APPNOTE 6.3.10, 4.3.7 and 4.3.16).
_MAGIC = (b"PK\3\4", b"PK\5\6")
_CHILD = "extraction.documents.zip_child"

_room = threading.BoundedSemaphore(MOST_AT_ONCE)


class UnpackBusy(ServiceFault):
    """Too many ZIPs are being unpacked, or the machine is too slow (503)."""

    def __init__(self) -> None:
        super().__init__(
            "unpack_busy", CANNOT_CONVERT, "The service unpacks too many ZIPs. Try again later."
        )


@dataclass(frozen=True, slots=True)
class Packed:
    """A file of a ZIP: an upload, or why it was not unpacked. ``name`` has its folders, too."""

    name: str
    upload: "UploadedFile[bytes] | None"
    refusal: DocumentRejected | None


def is_zip(upload: "UploadedFile[bytes]") -> bool:
    """Whether it begins as a ZIP does, whatever its name says."""
    upload.seek(0)
    head = upload.read(4)
    upload.seek(0)
    return head in _MAGIC


@contextmanager
def unpacked(upload: "UploadedFile[bytes]", most_files: int) -> Iterator[list[Packed]]:
    """Unpack a ZIP and give its files in its own order; they are gone at the end of the block.

    Folders, and what macOS and Windows put into them, are left out. Raises DocumentRejected: 413
    ``too_many_files`` or ``archive_too_large``, 422 ``corrupt_archive`` or ``empty_file``.
    Raises UnpackBusy and StorageUnavailable.
    """
    if not _room.acquire(blocking=False):
        raise UnpackBusy
    with ExitStack() as stack:
        stack.callback(_room.release)
        with storage_faults():
            folder = stack.enter_context(temp_dir())
            rows = _rows(upload, folder, most_files)
        yield [_packed(row, folder, stack) for row in rows]


def _rows(upload: "UploadedFile[bytes]", folder: Path, most_files: int) -> list[Unpacked]:
    path, megabyte = folder / "zip", 1024**2
    with path.open("xb") as file:
        for chunk in upload.chunks():
            file.write(chunk)
    each = min(settings.MAX_UPLOAD_MB * megabyte, sandbox.FILE_SIZE)
    every = settings.MAX_UPLOAD_MB * megabyte * MOST_UNPACKED
    arguments = (str(path), str(folder), str(most_files), str(each), str(every))
    try:
        rows: list[Unpacked] = sandbox.run_child(_CHILD, *arguments, limits=LIMITS)
    except OutOfTime as error:
        raise UnpackBusy from error
    except (OutOfCpu, ChildDied) as error:
        require_working(path, folder)
        logger.warning("A ZIP was not unpacked: %r", error)
        raise DocumentRejected(
            "corrupt_archive", "The ZIP cannot be unpacked within limits. Send the files in it."
        ) from error
    return rows


def _packed(row: Unpacked, folder: Path, stack: ExitStack) -> Packed:
    if row["refused"] is not None:
        return Packed(row["name"], None, DocumentRejected(*row["refused"]))
    path = folder / str(row["file"])
    file = stack.enter_context(path.open("rb"))
    upload = UploadedFile(file, name=row["name"], size=path.stat().st_size)
    return Packed(row["name"], upload, None)
