"""Files that are written while they are sent.

Each takes one of the web server's threads for as long as its reader takes, so that a process sends
only so many at once.
"""

import threading
from collections.abc import Generator, Iterable, Iterator
from http import HTTPStatus

from ocrsite.lib.errors import ServiceFault

# At once in a process. With those that wait for a result (``extraction.api.long_polling``) and
# those that unpack or fetch, they leave some of its threads free.
MOST_AT_ONCE = 6
# Of a file that is written in small pieces so many bytes go out at a time.
CHUNK_BYTES = 64 * 1024

_places = threading.BoundedSemaphore(MOST_AT_ONCE)


class DownloadBusy(ServiceFault):
    """Too many files are being sent (503)."""

    def __init__(self) -> None:
        super().__init__(
            "download_busy",
            HTTPStatus.SERVICE_UNAVAILABLE.phrase,
            "The service sends too many files at once. Try again later.",
        )


def in_chunks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in pieces of about CHUNK_BYTES."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        if len(waiting) >= CHUNK_BYTES:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)


def begun(chunks: Iterable[bytes]) -> "Begun":
    """Return a file to send, whose first chunk is written now.

    So a fault of disk or database is answered as one, as long as nothing was sent. A later one
    breaks the answer off, which its reader notices. Raises DownloadBusy, and what writing raises.
    """
    written = _placed(chunks)
    return Begun(next(written, b""), written)


class Begun(Iterator[bytes]):
    """The chunks of a file. What ends it early closes it."""

    def __init__(self, first: bytes, rest: Generator[bytes]) -> None:
        self._first: bytes | None = first
        self._rest = rest

    def __next__(self) -> bytes:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        return next(self._rest)

    def close(self) -> None:
        """Write no more, and leave room for another."""
        self._rest.close()


def _placed(chunks: Iterable[bytes]) -> Generator[bytes]:
    if not _places.acquire(blocking=False):
        raise DownloadBusy
    try:
        yield from chunks
    finally:
        _places.release()
