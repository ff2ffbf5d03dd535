"""What a disk that is full, broken or away does to a document: nothing that it is blamed for."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ocrsite.lib.errors import StorageUnavailable

logger = logging.getLogger(__name__)

_PROBE = bytes(1024 * 1024)


@contextmanager
def storage_faults() -> Iterator[None]:
    """Raise StorageUnavailable for an OSError inside the block.

    Whatever a document does to its parser happens in a child; an OSError of this process is ours.
    """
    try:
        yield
    except OSError as error:
        logger.exception("Documents cannot be read or stored.")
        raise StorageUnavailable from error


def require_working(document: Path, folder: Path) -> None:
    """Raise OSError when the document cannot be read, or the folder cannot be written to.

    Asked after a tool has failed, since tools say nothing of it.
    """
    with document.open("rb") as file:
        while file.read(len(_PROBE)):
            pass
    probe = folder / "probe"
    with probe.open("wb") as file:
        file.write(_PROBE)
        file.flush()
        os.fsync(file.fileno())
    probe.unlink()
