"""A ZIP file that is sent while it is written."""

import io
import zipfile
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO

from ocrsite.lib.downloads import CHUNK_BYTES

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

# Documents are compressed already, and XML shrinks well at any level. Yet nothing is merely stored:
# then a program that reads the file as it arrives could not tell where one ends.
_LEVEL = 1


class ZipStream(zipfile.ZipFile):
    """A ZIP file from which is taken what it has written so far."""

    def __init__(self) -> None:
        self._sink = _Sink()
        super().__init__(self._sink, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL)

    def take(self) -> bytes:
        """Return what was written since the last time."""
        return self._sink.take()

    def add(self, name: str, content: Iterable[bytes]) -> Iterator[bytes]:
        """Add a file of at most 2 GiB; each step yields what it has written."""
        with self.open(name, "w") as entry:
            for chunk in content:
                entry.write(chunk)
                yield self.take()
        yield self.take()

    def end(self) -> bytes:
        """Add the list of what it holds, and return what was written since the last time."""
        self.close()
        return self.take()


def chunks_of(file: BinaryIO) -> Iterator[bytes]:
    """Yield what a file holds."""
    while chunk := file.read(CHUNK_BYTES):
        yield chunk


class _Sink(io.RawIOBase):
    """A file to write to that cannot be read or sought; what was written is taken from it."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def write(self, data: "ReadableBuffer") -> int:
        """Keep it until it is taken."""
        self._waiting += data
        return memoryview(data).nbytes

    def take(self) -> bytes:
        """Return what was written since the last time."""
        taken = bytes(self._waiting)
        self._waiting.clear()
        return taken
