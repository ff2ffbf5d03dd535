"""Bytes on their way to a response."""

from collections.abc import Iterable, Iterator

# Of a response that is written in small pieces so many bytes go out at a time.
CHUNK_BYTES = 64 * 1024


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
