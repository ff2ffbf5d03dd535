"""How Django takes files out of a form: in larger pieces than by default, and with their SHA-256.

A large document need not be read again for that.
"""

import hashlib
from typing import Any

from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.core.files.uploadhandler import (
    FileUploadHandler,
    MemoryFileUploadHandler,
    TemporaryFileUploadHandler,
)

# Bytes; all handlers of a form get pieces of the smallest size that one of them names.
PIECE = 256 * 1024


class DigestedFile(TemporaryUploadedFile):
    """A file of its own on disk, and the SHA-256 of what was written to it."""

    sha256: str = ""


class SmallFileHandler(MemoryFileUploadHandler):
    """Keeps files up to FILE_UPLOAD_MAX_MEMORY_SIZE in memory."""

    chunk_size = PIECE


class LargeFileHandler(TemporaryFileUploadHandler):
    """Writes the others to files under FILE_UPLOAD_TEMP_DIR: each is a DigestedFile."""

    chunk_size = PIECE

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin a file."""
        FileUploadHandler.new_file(self, *args, **kwargs)
        self._digested = self.file = DigestedFile(
            self.file_name or "", self.content_type or "", 0, self.charset, self.content_type_extra
        )
        self._digest = hashlib.sha256()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Write a piece."""
        self._digest.update(raw_data)
        return super().receive_data_chunk(raw_data, start)

    def file_complete(self, file_size: int) -> "UploadedFile[Any] | None":
        """Return the file."""
        self._digested.sha256 = self._digest.hexdigest()
        return super().file_complete(file_size)
