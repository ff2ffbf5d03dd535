"""How Django takes files out of a form: in larger pieces than by default, and with their SHA-256.

A large document need not be read again for that.
"""

import hashlib
from typing import Any

from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.core.files.uploadhandler import MemoryFileUploadHandler


class DigestedFile(TemporaryUploadedFile):
    """A file of its own on disk, and the SHA-256 of what was written to it."""

    sha256: str = ""


class DigestingHandler(MemoryFileUploadHandler):
    """Keeps the files of small forms in memory, and writes those of others to disk.

    Small is what has at most FILE_UPLOAD_MAX_MEMORY_SIZE bytes; the others are DigestedFiles under
    FILE_UPLOAD_TEMP_DIR.
    """

    # Bytes of a piece.
    chunk_size = 256 * 1024
    _digested: DigestedFile | None = None

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin a file. Raises StopFutureHandlers where it is kept in memory."""
        super().new_file(*args, **kwargs)
        self._digested = DigestedFile(
            self.file_name or "", self.content_type or "", 0, self.charset, self.content_type_extra
        )
        self._digest = hashlib.sha256()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Keep a piece."""
        if self._digested is None:
            return super().receive_data_chunk(raw_data, start)
        self._digest.update(raw_data)
        self._digested.write(raw_data)
        return None

    def file_complete(self, file_size: int) -> "UploadedFile[Any] | None":
        """Return the file."""
        if self._digested is None:
            return super().file_complete(file_size)
        self._digested.seek(0)
        self._digested.size = file_size
        self._digested.sha256 = self._digest.hexdigest()
        return self._digested

    def upload_interrupted(self) -> None:
        """Remove the file that is not complete."""
        if self._digested is not None:
            self._digested.close()
