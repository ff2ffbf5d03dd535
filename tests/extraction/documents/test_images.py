"""The work of the image child, done in this process; that it runs as a child others test."""

from pathlib import Path

import pytest
from PIL import Image

from extraction.documents import image_child, images
from extraction.exceptions import DocumentRejected
from tests.extraction import sample_documents


def stored(folder: Path, content: bytes) -> str:
    path = folder / "document"
    path.write_bytes(content)
    return str(path)


def rejection_of(document: str, media_type: str) -> str:
    with pytest.raises(DocumentRejected) as rejected:
        image_child.answer(["examine", document, "50", media_type])
    return rejected.value.code


@pytest.mark.parametrize("format_", ["JPEG", "BMP"])
def test_examine_answers_with_type_and_pages(format_: str, tmp_path: Path) -> None:
    document = stored(tmp_path, sample_documents.saved(sample_documents.halves(), format_))

    assert image_child.answer(["examine", document, "50"]) == (f"image/{format_.lower()}", 1)


def test_examine_does_not_name_what_is_no_image(tmp_path: Path) -> None:
    assert image_child.answer(["examine", stored(tmp_path, b"hello"), "50"]) == (None, 0)


def test_draw_saves_the_pages(tmp_path: Path) -> None:
    sheets = [sample_documents.halves()] * 2
    document = stored(
        tmp_path,
        sample_documents.saved(sheets[0], "TIFF", save_all=True, append_images=sheets[1:]),
    )

    image_child.answer(["draw", document, "image/tiff", "2", str(tmp_path), "90", "78"])

    assert sorted(path.name for path in tmp_path.glob("*.jpg")) == ["001.jpg", "002.jpg"]
    with Image.open(tmp_path / "002.jpg") as image:
        assert (image.format, image.size) == ("JPEG", (90, 45))


def test_draw_keeps_the_shape_of_a_single_page(tmp_path: Path) -> None:
    document = stored(tmp_path, sample_documents.saved(sample_documents.halves(), "JPEG"))

    image_child.answer(["draw", document, "image/jpeg", "1", str(tmp_path), "90", "78"])

    with Image.open(tmp_path / "001.jpg") as image:
        assert image.size == (90, 45)


def test_an_unknown_command_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown command: print"):
        image_child.answer(["print", "document.png"])


def test_too_many_pixels_are_rejected_by_the_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = stored(tmp_path, sample_documents.saved(sample_documents.halves((200, 100)), "PNG"))
    monkeypatch.setattr(images, "MAX_PIXELS", 19_999)

    assert rejection_of(document, "image/png") == "image_too_large"


def test_what_pillow_calls_a_decompression_bomb_is_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = stored(tmp_path, sample_documents.saved(sample_documents.halves((200, 100)), "BMP"))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 9_999)  # Pillow raises at twice its limit

    assert rejection_of(document, "image/bmp") == "image_too_large"
    with pytest.raises(DocumentRejected, match="image_too_large"):
        image_child.answer(["examine", document, "50"])


def test_a_picture_that_does_not_fit_into_memory_is_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    document = stored(tmp_path, sample_documents.saved(sample_documents.halves(), "PNG"))
    monkeypatch.setattr(images, "count_frames", fail)

    assert rejection_of(document, "image/png") == "image_too_large"


def test_a_disk_that_cannot_be_read_is_not_the_fault_of_the_image(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")

    for arguments in (["50"], ["50", "image/png"]):
        with pytest.raises(FileNotFoundError):
            image_child.answer(["examine", missing, *arguments])


def test_scans_are_counted_up_to_the_end_of_the_picture() -> None:
    most = sample_documents.jpeg_of_scans(images.MAX_JPEG_SCANS)

    images.reject_endless_jpeg(most)
    images.reject_endless_jpeg(most + most)  # a preview after the picture
    images.reject_endless_jpeg(most[:-2])  # without an end
    with pytest.raises(DocumentRejected, match="render_timeout"):
        images.reject_endless_jpeg(sample_documents.jpeg_of_scans(images.MAX_JPEG_SCANS + 1))


def test_what_looks_like_a_scan_inside_of_metadata_is_none() -> None:
    looks = b"\xff\xda" * 1_000
    picture = sample_documents.saved(sample_documents.halves(), "JPEG", comment=looks)

    images.reject_endless_jpeg(picture)


def test_a_jpeg_of_endless_headers_is_rejected() -> None:
    with pytest.raises(DocumentRejected, match="render_timeout"):
        images.reject_endless_jpeg(b"\xff\xd8" + b"\xff\xe0\0\2" * 10_000)
