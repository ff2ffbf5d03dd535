"""Pages are counted as pdfinfo counts them, without starting it."""

import ctypes
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from extraction.documents import poppler_child, rendering, sandbox
from extraction.documents.sandbox import Limits
from extraction.exceptions import DocumentRejected
from tests.extraction import sample_documents
from tests.extraction.documents.test_rendering import fake_tool
from tests.extraction.readers.einvoice.einvoices import pdf
from tests.shared_files import SHARED

pytestmark = pytest.mark.usefixtures("library")

EMPTY = poppler_child._EMPTY
SEED = 20_261_128
CUT_OR_CHANGED = 60


@pytest.fixture
def library() -> Iterator[None]:
    try:
        ctypes.CDLL(poppler_child._LIBRARY)
    except OSError:
        pytest.skip("the library of poppler is not installed")
    poppler_child._poppler.cache_clear()
    yield
    poppler_child._poppler.cache_clear()


def written(folder: Path, content: bytes) -> Path:
    document = folder / "document.pdf"
    document.write_bytes(content)
    return document


@pytest.mark.parametrize(
    ("content", "count"),
    [
        (sample_documents.pdf("one", "two"), 2),
        (sample_documents.locked_pdf(user="", owner="owner"), 1),
        (sample_documents.locked_pdf(user="user", owner="owner"), None),
        (b"%PDF-1.7", None),
        (EMPTY, 0),
    ],
)
def test_pages_are_counted_where_poppler_opens_the_document(
    content: bytes, count: int | None, tmp_path: Path
) -> None:
    assert poppler_child.answer([str(written(tmp_path, content))]) == count


def test_no_document_stays_open(tmp_path: Path) -> None:
    poppler_child.prepare()
    before = list(Path("/dev/fd").iterdir())
    for content in (sample_documents.pdf("one"), b"%PDF-1.7"):
        for _ in range(3):
            poppler_child.answer([str(written(tmp_path, content))])

    assert len(list(Path("/dev/fd").iterdir())) == len(before)


@pytest.mark.parametrize("name", ["libno-such-library.so.8", poppler_child._OBJECTS])
def test_a_library_that_is_missing_or_too_old_counts_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poppler_child, "_LIBRARY", name)

    assert poppler_child.answer([str(written(tmp_path, sample_documents.pdf("one")))]) is None


def test_pdfinfo_is_started_only_where_pages_cannot_be_counted(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_tool(monkeypatch, tmp_path, "pdfinfo", "echo 'Pages: 17'; exit")

    counts = [
        rendering.count_pdf_pages(written(tmp_path, content))
        for content in (sample_documents.pdf("one", "two"), b"%PDF-1.7", EMPTY)
    ]

    assert counts == [2, 17, 17]


def contents(folder: Path) -> Iterator[bytes]:
    """PDFs that are as they should be, then such that were cut off or changed somewhere."""
    whole = [sample_documents.pdf("one", "two"), pdf(folder, attachments={}).read_bytes(), EMPTY]
    if SHARED is not None:
        files = sorted((SHARED / "invoices").glob("*.pdf"))
        whole += [path.read_bytes() for path in files if path.stat().st_size < 200_000]
    yield from whole
    chance = random.Random(SEED)
    for number in range(CUT_OR_CHANGED):
        changed = bytearray(chance.choice(whole))
        if number % 2:
            del changed[chance.randrange(1, len(changed)) :]
        for _ in range(chance.randrange(1, 40)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        yield bytes(changed)


def test_pages_are_counted_as_pdfinfo_counts_them(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What never ends with the one does not with the other.
    monkeypatch.setattr(rendering, "COUNT_LIMITS", Limits(cpu=1, wall=60))
    outcomes = []
    for content in contents(tmp_path):
        document = written(tmp_path, content)
        both = []
        for can_fork in (True, False):
            monkeypatch.setattr(sandbox, "CAN_FORK", can_fork)
            try:
                both.append(str(rendering.count_pdf_pages(document)))
            except DocumentRejected as rejected:
                both.append(rejected.code)
        outcomes.append(both)

    assert [ours for ours, _ in outcomes] == [theirs for _, theirs in outcomes]
    assert {"1", "2", "no_pages", "corrupt_file"} <= {ours for ours, _ in outcomes}
