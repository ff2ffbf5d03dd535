"""The work of the image child, done in this process; that it runs as a child others test."""

from pathlib import Path

import pytest
from PIL import Image, ImageStat

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


def test_draw_saves_one_page_alone(tmp_path: Path) -> None:
    sheets = [sample_documents.halves()] * 3
    document = stored(
        tmp_path,
        sample_documents.saved(sheets[0], "TIFF", save_all=True, append_images=sheets[1:]),
    )

    image_child.answer(["draw", document, "image/tiff", "3", str(tmp_path), "90", "78", "2"])

    assert [path.name for path in tmp_path.glob("*.jpg")] == ["002.jpg"]


def test_draw_saves_no_part_of_a_long_page_alone(tmp_path: Path) -> None:
    document = stored(tmp_path, sample_documents.saved(sample_documents.halves(), "PNG"))

    image_child.answer(["draw", document, "image/png", "3", str(tmp_path), "90", "78", "2"])

    assert not list(tmp_path.glob("*.jpg"))


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


def receipt(width: int, height: int, step: int = 40) -> Image.Image:
    """Return a picture of lines of text, each half a step high."""
    image = Image.new("L", (width, height), "white")
    for top in range(10, height - step, step):
        image.paste("black", (width // 10, top, width * 9 // 10, top + step // 2))
    return image


def drawn(folder: Path, content: bytes, media_type: str) -> list[Image.Image]:
    """Return the page images of a document, after counting them."""
    document = stored(folder, content)
    answer = image_child.answer(["examine", document, "50"])
    assert answer is not None
    found, count = answer
    assert found == media_type
    image_child.answer(["draw", document, media_type, str(count), str(folder), "1920", "90"])
    pages = []
    for path in sorted(folder.glob("*.jpg")):
        with Image.open(path) as image:
            pages.append(image.copy())
    assert len(pages) == count
    return pages


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "TIFF"])
def test_a_long_receipt_is_cut_between_two_lines(format_: str, tmp_path: Path) -> None:
    content = sample_documents.saved(receipt(600, 8700), format_)

    pages = drawn(tmp_path, content, f"image/{format_.lower()}")

    assert [page.width for page in pages] == [600] * 6
    assert sum(page.height for page in pages) == 8700
    assert all(page.height <= images.SIDE for page in pages)
    for page in pages:
        rows = [page.convert("L").crop((0, row, 600, row + 1)) for row in (0, page.height - 1)]
        assert all(min(row.tobytes()) > 200 for row in rows)


def test_a_wide_photograph_of_a_receipt_is_scaled_and_cut(tmp_path: Path) -> None:
    content = sample_documents.saved(receipt(1920, 9600, 120), "JPEG")

    pages = drawn(tmp_path, content, "image/jpeg")

    assert [page.width for page in pages] == [960] * 3


def test_a_receipt_without_gaps_is_cut_all_the_same(tmp_path: Path) -> None:
    noise = Image.effect_noise((300, 4000), 200)

    pages = drawn(tmp_path, sample_documents.saved(noise, "PNG"), "image/png")

    assert sum(page.height for page in pages) == 4000


def test_a_long_receipt_that_lies_on_its_side_is_turned_first(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    content = sample_documents.saved(
        receipt(600, 8700).transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif
    )

    pages = drawn(tmp_path, content, "image/jpeg")

    assert [page.width for page in pages] == [600] * 6


@pytest.mark.parametrize("size", [(2480, 3508), (1000, 1900), (400, 1500), (4000, 600)])
def test_other_pages_are_whole(size: tuple[int, int], tmp_path: Path) -> None:
    [page] = drawn(tmp_path, sample_documents.saved(receipt(*size), "PNG"), "image/png")

    assert max(page.size) == min(1920, max(size))


def test_a_long_page_that_was_counted_as_one_is_drawn_as_one(tmp_path: Path) -> None:
    # Before long pages were cut.
    document = stored(tmp_path, sample_documents.saved(receipt(600, 8700), "PNG"))

    image_child.answer(["draw", document, "image/png", "1", str(tmp_path), "1920", "90"])

    with Image.open(tmp_path / "001.jpg") as page:
        assert page.size == (132, 1920)


@pytest.mark.parametrize(
    ("format_", "mode", "options"),
    [
        ("TIFF", "1", {"dpi": (204, 98), "compression": "group4"}),
        ("TIFF", "L", {"dpi": (204, 98)}),
        ("PNG", "1", {"dpi": (204, 98)}),
        ("JPEG", "L", {"dpi": (204, 98)}),
    ],
)
def test_a_fax_of_standard_resolution_is_as_high_as_its_paper(
    format_: str, mode: str, options: dict[str, object], tmp_path: Path
) -> None:
    fax = receipt(1728, 600).convert(mode)

    [page] = drawn(
        tmp_path, sample_documents.saved(fax, format_, **options), f"image/{format_.lower()}"
    )

    assert page.size == (1728, 1249)


def test_a_picture_that_is_coarser_across_is_made_wider(tmp_path: Path) -> None:
    content = sample_documents.saved(receipt(500, 1000), "PNG", dpi=(100, 200))

    [page] = drawn(tmp_path, content, "image/png")

    assert page.size == (1000, 1000)


@pytest.mark.parametrize("dpi", [(204, 196), (200, 200), (1, 300), (300, 1)])
def test_other_resolutions_change_nothing(dpi: tuple[int, int], tmp_path: Path) -> None:
    content = sample_documents.saved(receipt(600, 900), "TIFF", dpi=dpi)

    [page] = drawn(tmp_path, content, "image/tiff")

    assert page.size == (600, 900)


@pytest.mark.parametrize("dpi", ["no numbers", (0, 0), (1,), (0, 98), (98, 0)])
def test_a_resolution_that_is_none_changes_nothing(dpi: object) -> None:
    picture = sample_documents.halves()
    picture.info["dpi"] = dpi

    [page] = images.pages_of(picture, 1920)

    assert page.size == picture.size


def drawn_heic(folder: Path, content: bytes) -> Image.Image:
    """The page that is drawn of a HEIC file."""
    document = stored(folder, content)
    assert image_child.answer(["examine", document, "50", "image/heic"]) == ("image/heic", 1)
    image_child.answer(["draw", document, "image/heic", "1", str(folder), "1920", "78"])
    with Image.open(folder / "001.jpg") as page:
        return page.convert("L")


@pytest.mark.parametrize(
    "options", [{}, {"quality": -1}, {"tile_size": 64}], ids=["lossy", "lossless", "tiles"]
)
def test_heic_is_drawn(options: dict[str, int], tmp_path: Path) -> None:
    page = drawn_heic(tmp_path, sample_documents.heic(sample_documents.halves(), **options))

    assert page.size == (200, 100)
    assert page.getpixel((40, 50)) < 20  # type: ignore[operator]  # one shade, not several
    assert page.getpixel((160, 50)) > 235  # type: ignore[operator]


def test_heic_of_more_bits_and_of_transparency_is_drawn(tmp_path: Path) -> None:
    deep = sample_documents.halves().convert("L").convert("I;16").point(lambda shade: shade * 257)
    clear = Image.new("RGBA", (200, 100), (0, 0, 0, 0))

    [(darkest, lightest)] = ImageStat.Stat(
        drawn_heic(tmp_path, sample_documents.heic(deep))
    ).extrema
    assert (darkest < 20, lightest > 235) == (True, True)
    [(darkest, _)] = ImageStat.Stat(drawn_heic(tmp_path, sample_documents.heic(clear))).extrema
    assert darkest > 235


def test_heic_is_drawn_upright_once(tmp_path: Path) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6  # to be turned by 90° to the right
    content = sample_documents.heic(sample_documents.halves(), exif=turned.tobytes())

    page = drawn_heic(tmp_path, content)

    assert page.size == (100, 200)
    assert page.getpixel((50, 40)) < 20  # type: ignore[operator]


def test_of_several_pictures_of_a_heic_the_primary_is_drawn(tmp_path: Path) -> None:
    other = Image.new("RGB", (64, 64), "white")
    content = sample_documents.heic(other, sample_documents.halves(), primary_index=1)

    assert drawn_heic(tmp_path, content).size == (200, 100)


def test_the_preview_inside_a_heic_is_never_the_page(tmp_path: Path) -> None:
    content = sample_documents.heic(sample_documents.halves((2400, 1200)), thumbnails=[1930])

    with images.open_image(Path(stored(tmp_path, content)), "image/heic") as image:
        assert image.draft(None, (images.SIDE, images.SIDE)) is None


def test_too_many_pixels_of_a_heic_are_rejected_by_the_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = stored(tmp_path, sample_documents.heic(sample_documents.halves((200, 100))))
    monkeypatch.setattr(images, "MAX_PIXELS", 19_999)

    assert rejection_of(document, "image/heic") == "image_too_large"
