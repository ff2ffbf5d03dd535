"""Page images for a closer look: as large as asked for, drawn once, and never at any cost."""

import io
import logging
import shutil
from pathlib import Path

import pytest
from PIL import Image

from extraction.documents import enlarged, sandbox
from extraction.documents.enlarged import StoredDocument, page_image
from extraction.documents.media_types import PDF
from extraction.documents.rendering import render
from extraction.documents.sandbox import OutOfCpu, OutOfTime
from tests.extraction import sample_documents
from tests.extraction.documents.pages import invoice, pdf


def stored(folder: Path, content: bytes, media_type: str = PDF, pages: int = 1) -> StoredDocument:
    path = folder / "document"
    path.write_bytes(content)
    render(path, media_type, pages, folder)
    return StoredDocument(folder, path, media_type, pages)


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def side_of(path: Path) -> int:
    return max(size_of(path))


@pytest.fixture
def document(data_dir: Path, tmp_path: Path) -> StoredDocument:
    folder = tmp_path / "folder"
    folder.mkdir()
    return stored(folder, pdf(invoice, invoice), pages=2)


@pytest.mark.parametrize(
    ("asked", "side"), [(0, 1920), (1920, 1920), (1921, 2560), (2561, 3840), (9999, 3840)]
)
def test_image_has_the_next_larger_size(document: StoredDocument, asked: int, side: int) -> None:
    assert side_of(page_image(document, 2, asked)) == side


def test_pdfium_draws_where_poppler_is_missing(
    document: StoredDocument, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "poppler_installed", lambda: False)

    assert side_of(page_image(document, 2, 2560)) == 2560


def test_image_is_drawn_once(document: StoredDocument, monkeypatch: pytest.MonkeyPatch) -> None:
    first = page_image(document, 1, 2560)
    monkeypatch.setattr(enlarged, "_run", None)

    assert page_image(document, 1, 2000) == first


def test_scan_shows_no_more_than_it_has(data_dir: Path, tmp_path: Path) -> None:
    sheets = [Image.new("L", (3000, 1500), shade) for shade in (0, 200)]
    file = io.BytesIO()
    sheets[0].save(file, "TIFF", save_all=True, append_images=sheets[1:])
    document = stored(tmp_path, file.getvalue(), "image/tiff", pages=2)

    assert size_of(page_image(document, 2, 2560)) == (2560, 1280)
    assert size_of(page_image(document, 2, 3840)) == (3000, 1500)


def test_part_of_a_long_page_stays_as_it_is(data_dir: Path, tmp_path: Path) -> None:
    receipt = sample_documents.saved(Image.new("L", (500, 4000), 255), "PNG")
    document = stored(tmp_path, receipt, "image/png", pages=3)

    assert size_of(page_image(document, 2, 2560)) == size_of(page_image(document, 2))


def test_page_without_an_image_has_none(document: StoredDocument) -> None:
    assert not page_image(document, 3, 2560).exists()
    shutil.rmtree(document.folder / "pages")
    assert not page_image(document, 1, 2560).exists()


def test_page_that_takes_too_much_is_not_tried_again(
    document: StoredDocument, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*_: object) -> None:
        tries.append(1)
        raise OutOfCpu

    tries: list[int] = []
    monkeypatch.setattr(enlarged, "_run", run)

    assert side_of(page_image(document, 1, 2560)) == 1920
    assert side_of(page_image(document, 1, 2560)) == 1920
    assert tries == [1]


@pytest.mark.parametrize("error", [OutOfTime, OSError])
def test_fault_of_the_machine_is_tried_again(
    error: type[Exception],
    document: StoredDocument,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def run(*_: object) -> None:
        raise error

    with monkeypatch.context() as patch, caplog.at_level(logging.ERROR):
        patch.setattr(enlarged, "_run", run)
        assert side_of(page_image(document, 1, 2560)) == 1920

    assert "could not be enlarged now" in caplog.text
    assert side_of(page_image(document, 1, 2560)) == 2560


def test_who_waits_too_long_gets_what_there_is(
    document: StoredDocument, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enlarged, "PATIENCE", 0.01)
    with enlarged._drawing:
        assert side_of(page_image(document, 1, 2560)) == 1920
