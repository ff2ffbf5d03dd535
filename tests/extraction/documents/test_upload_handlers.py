import hashlib
from contextlib import nullcontext
from pathlib import Path

import pytest
from django.core.files.uploadedfile import InMemoryUploadedFile, SimpleUploadedFile, UploadedFile
from django.core.files.uploadhandler import StopFutureHandlers
from django.test import RequestFactory
from pytest_django import Settings

from extraction.documents.upload_handlers import DigestedFile, DigestingHandler

PIECE = DigestingHandler.chunk_size


@pytest.fixture(autouse=True)
def _kept_in_its_own_folder(settings: Settings, tmp_path: Path) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path


def sent(content: bytes) -> UploadedFile[bytes]:
    """A file as a view gets it."""
    file = SimpleUploadedFile("scan.pdf", content, "application/pdf")
    request = RequestFactory().post("/", {"before": "a", "file": file, "after": "b"})
    received = request.FILES["file"]
    assert (request.POST["before"], request.POST["after"]) == ("a", "b")
    assert isinstance(received, UploadedFile)
    assert (received.name, received.content_type) == ("scan.pdf", "application/pdf")
    return received


@pytest.mark.parametrize("size", [3_000_000, 12 * PIECE, 12 * PIECE + 1])
def test_a_large_file_comes_with_its_digest(size: int, tmp_path: Path) -> None:
    content = bytes(range(256)) * (size // 256) + bytes(size % 256)

    with sent(content) as received:
        assert isinstance(received, DigestedFile)
        assert Path(received.temporary_file_path()).parent == tmp_path
        assert (received.size, received.read()) == (size, content)
        assert received.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("size", [0, 1, 100_000, 2_000_000])
def test_a_small_file_stays_in_memory(size: int) -> None:
    received = sent(bytes(size))

    assert isinstance(received, InMemoryUploadedFile)
    assert received.read() == bytes(size)


@pytest.mark.parametrize("is_small", [False, True])
def test_a_file_that_is_cut_off_leaves_nothing(is_small: bool, tmp_path: Path) -> None:
    handler = DigestingHandler()
    handler.activated = is_small
    with pytest.raises(StopFutureHandlers) if is_small else nullcontext():
        handler.new_file("file", "scan.pdf", "application/pdf", 3_000_000, None)
    handler.receive_data_chunk(bytes(PIECE), 0)
    assert len(list(tmp_path.iterdir())) == (0 if is_small else 1)

    handler.upload_interrupted()

    assert list(tmp_path.iterdir()) == []
