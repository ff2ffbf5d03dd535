"""Documents that a caller names by an address instead of sending them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from extraction.documents.temp_dirs import temp_dir
from extraction.exceptions import CANNOT_CONVERT, DocumentRejected
from ocrsite.lib import outbound
from ocrsite.lib.errors import ServiceFault
from ocrsite.lib.outbound import TooLarge, Unreachable
from ocrsite.lib.outbound_targets import RefusedTarget

# Seconds for everything, redirects included: the caller's request waits for it.
FETCH_SECONDS = 30.0
# At once in a process: each takes one of its threads.
MOST_AT_ONCE = 4

_room = threading.BoundedSemaphore(MOST_AT_ONCE)


class FetchBusy(ServiceFault):
    """Too many documents are being fetched (503)."""

    def __init__(self) -> None:
        super().__init__(
            "fetch_busy", CANNOT_CONVERT, "The service fetches too many documents. Try again later."
        )


@contextmanager
def fetched(url: str) -> Iterator["UploadedFile[bytes]"]:
    """Fetch a document and give it as an upload, which is gone at the end of the block.

    Raises DocumentRejected: 400 ``url_refused`` for an address that is not called, 413
    ``file_too_large``, 422 ``url_unreachable``. Raises FetchBusy, and OSError where it cannot
    be stored.
    """
    most = settings.MAX_UPLOAD_MB * 1024 * 1024
    with temp_dir() as folder, (folder / "fetched").open("w+b") as file:
        if not _room.acquire(blocking=False):
            raise FetchBusy
        try:
            answer = outbound.fetch(
                url, file, allowed=settings.FETCH_HOSTS, seconds=FETCH_SECONDS, at_most=most
            )
        except RefusedTarget as error:
            raise DocumentRejected("url_refused", f"pdf_url: {error}", 400) from error
        except Unreachable as error:
            raise DocumentRejected("url_unreachable", f"pdf_url: {error}") from error
        except TooLarge as error:
            raise DocumentRejected(
                "file_too_large",
                f"The file is larger than {settings.MAX_UPLOAD_MB} MB. Name a smaller one.",
                413,
            ) from error
        finally:
            _room.release()
        if answer.status != HTTPStatus.OK:
            told = f"pdf_url: The address answered {answer.status}. Check it, and try again."
            raise DocumentRejected("url_unreachable", told)
        size = file.tell()
        file.seek(0)
        yield UploadedFile(file, name=_name_of(url), size=size)


def _name_of(url: str) -> str:
    """What the document is called: the end of its address, without what may be a secret."""
    return PurePosixPath(unquote(urlsplit(url).path)).name or "document"
