"""Unpacks a ZIP in a child process: it may be made to fill disks, memory and hours.

    ZIP FOLDER MOST_FILES MOST_EACH MOST_ALL

Writes each file of the ZIP into FOLDER under its number, and answers with one row for each. Run by
``extraction.documents.sandbox.run_child``. What is unpacked is counted as it comes: the sizes that
a ZIP states may be wrong.
"""

import re
import stat
import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import TypedDict
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from extraction.exceptions import DocumentRejected

# Folders count, too.
MOST_ENTRIES = 2000
# So much of a name is told, folders and all.
NAME_LENGTH = 255
# Deflate's most is 1032:1. Blank bitmaps come near it, so small files may.
MOST_RATIO = 200
SMALL = 4 * 1024**2
_CHUNK = 256 * 1024
# PKWARE's APPNOTE 6.3.10, 4.4.4: encrypted (bit 0), in a strong way (6), its headers, too (13).
_ENCRYPTED = 1 << 0 | 1 << 6 | 1 << 13
_UTF8_NAME = 1 << 11
# Signature, lengths of name and extra field (4.3.7).
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_DRIVE = re.compile(r"[A-Za-z]:")
# What macOS and Windows add to folders; nobody chose to send it.
_SYSTEM_FOLDER = "__MACOSX"
_SYSTEM_FILES = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
_BROKEN = (
    *(BadZipFile, zlib.error, EOFError, struct.error, ValueError, OverflowError),
    NotImplementedError,
)


class Unpacked(TypedDict):
    """A file of the ZIP: its number in the folder, or code, detail and HTTP status of a refusal."""

    name: str
    file: str | None
    refused: tuple[str, str, int] | None


class _Refused(Exception):
    """One file of the ZIP is not unpacked: code, detail, HTTP status."""


def answer(arguments: list[str]) -> list[Unpacked]:
    """Unpack a ZIP, the files in the order in which it lists them.

    Raises DocumentRejected: 413 ``too_many_files`` or ``archive_too_large``, 422
    ``corrupt_archive`` or ``empty_file``.
    """
    path, folder, most_files, most_each, most_all = arguments
    content = Path(path).read_bytes()
    try:
        archive = ZipFile(BytesIO(content))
    except MemoryError as error:
        raise _too_many_files(int(most_files)) from error
    except _BROKEN as error:
        raise _corrupt() from error
    if len(archive.infolist()) > MOST_ENTRIES:
        raise _too_many_files(int(most_files))
    _reject_overlaps(archive, content)
    files = [info for info in archive.infolist() if _is_sent(info)]
    if len(files) > int(most_files):
        raise _too_many_files(int(most_files))
    if not files:
        raise DocumentRejected("empty_file", "There are no files in the ZIP. Check it.")
    room = _Room(int(most_each), int(most_all))
    return [
        _unpacked(archive, info, Path(folder) / f"{number}", room)
        for number, info in enumerate(files)
    ]


class _Room:
    """How many bytes one file may have, and all of them together, with those of refused ones."""

    def __init__(self, each: int, every: int) -> None:
        self.each = each
        self.every = self.left = every

    def take(self, size: int) -> None:
        """Count bytes that were unpacked. Raises DocumentRejected."""
        self.left -= size
        if self.left < 0:
            raise DocumentRejected(
                "archive_too_large",
                f"The files of the ZIP have more than {_megabytes(self.every)} MB in all. "
                "Send them in several.",
                413,
            )


def _is_sent(info: ZipInfo) -> bool:
    """Whether it is a file, and one that somebody meant to send."""
    folder, _, name = info.filename.rpartition("/")
    is_folder = info.filename.endswith(("/", "\\"))
    return not (is_folder or _SYSTEM_FOLDER in folder.split("/") or name in _SYSTEM_FILES)


def _reject_overlaps(archive: ZipFile, content: bytes) -> None:
    """Raise DocumentRejected where files share bytes of the ZIP: few bytes would be many files.

    Nor may one reach into the directory, or begin before the ZIP.
    """
    end = 0
    for info in sorted(archive.infolist(), key=lambda info: info.header_offset):
        start = info.header_offset
        if start < end or start + _LOCAL_HEADER.size > archive.start_dir:
            raise _corrupt()
        signature, name, extra = _LOCAL_HEADER.unpack_from(content, start)
        end = start + _LOCAL_HEADER.size + name + extra + info.compress_size
        if signature != b"PK\3\4" or end > archive.start_dir:
            raise _corrupt()


def _unpacked(archive: ZipFile, info: ZipInfo, path: Path, room: _Room) -> Unpacked:
    name = _name_of(info)
    told = name[-NAME_LENGTH:]  # the end is what the file itself is called
    try:
        _reject_kind(info, name)
        _write(archive, info, path, room)
    except _Refused as error:
        code, detail, status = error.args
        return {"name": told, "file": None, "refused": (code, detail, status)}
    return {"name": told, "file": path.name, "refused": None}


def _name_of(info: ZipInfo) -> str:
    """The name; many programs write UTF-8 without saying so."""
    if not info.flag_bits & _UTF8_NAME:
        try:
            return info.filename.encode("cp437").decode()
        except UnicodeError:
            pass
    return info.filename


def _reject_kind(info: ZipInfo, name: str) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)  # 0 from systems that have none
    steps = name.replace("\\", "/").split("/")
    if not steps[0] or steps[-1] == "." or ".." in steps or _DRIVE.match(name):
        raise _Refused(
            "unsafe_path",
            "Its name in the ZIP leads out of the ZIP's folder. Pack it with a relative name.",
            422,
        )
    if kind not in (0, stat.S_IFREG):
        raise _Refused("not_a_file", "It is a link or device. Pack the document itself.", 422)
    if info.flag_bits & _ENCRYPTED:
        raise _Refused("password_protected", "It is encrypted. Pack it without a password.", 422)
    if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise _Refused(
            "unsupported_compression", "It is not packed with deflate. Pack it with that.", 422
        )


def _write(archive: ZipFile, info: ZipInfo, path: Path, room: _Room) -> None:
    """Write what a file unpacks to, as far as there is room for it."""
    size = 0
    with path.open("xb") as file:
        try:
            with archive.open(info) as packed:
                while chunk := packed.read(_CHUNK):
                    room.take(len(chunk))
                    size += len(chunk)
                    _reject_size(size, info.compress_size, room.each)
                    file.write(chunk)
        except _BROKEN as error:
            raise _Refused(
                "corrupt_file", "It cannot be unpacked. Check the ZIP, and pack it again.", 422
            ) from error


def _reject_size(size: int, packed: int, most: int) -> None:
    if size > most:
        raise _Refused(
            "file_too_large",
            f"The file is larger than {_megabytes(most)} MB. Send a smaller one.",
            413,
        )
    if size > SMALL and size > MOST_RATIO * packed:
        raise _Refused(
            "file_too_large",
            f"It unpacks to more than {MOST_RATIO} times its size in the ZIP. Send it by itself.",
            413,
        )


def _megabytes(size: int) -> int:
    return size // 1024**2


def _corrupt() -> DocumentRejected:
    return DocumentRejected(
        "corrupt_archive", "The ZIP cannot be opened. Check it, and send it again."
    )


def _too_many_files(most: int) -> DocumentRejected:
    return DocumentRejected(
        "too_many_files",
        f"The ZIP has more than {most} files. Send them in several.",
        413,
    )
