import csv
import os
import re
import shutil
import subprocess
import uuid
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from extraction.documents import rendering, sandbox
from extraction.documents.document import PageImage
from extraction.documents.intake import folder_of, receive
from extraction.exceptions import DocumentRejected, RenderBusy
from tests.extraction import sample_documents
from tests.running_site import eventually
from tests.shared_files import SHARED

pytestmark = pytest.mark.usefixtures("data_dir")

INVOICES = (
    []
    if SHARED is None
    else list(
        csv.DictReader((SHARED / "invoices" / "manifest.csv").read_text("utf-8").splitlines())
    )
)
needs_invoices = pytest.mark.skipif(not INVOICES, reason="../shared is not there")
needs_prlimit = pytest.mark.skipif(
    shutil.which("prlimit") is None, reason="only Linux limits resources"
)
needs_poppler = pytest.mark.skipif(
    not sandbox.poppler_installed(), reason="poppler is not installed"
)


def draw(
    content: bytes, folder: Path, media_type: str = "application/pdf", page_count: int = 1
) -> tuple[PageImage, ...]:
    document = folder / "document"
    document.write_bytes(content)
    return rendering.render(document, media_type, page_count, folder)


def code_of(
    content: bytes, folder: Path, media_type: str = "application/pdf", page_count: int = 1
) -> str:
    with pytest.raises(DocumentRejected) as rejected:
        draw(content, folder, media_type, page_count)
    assert not (folder / "pages").exists()
    return rejected.value.code


def only_page(content: bytes, folder: Path, media_type: str) -> Image.Image:
    (page,) = draw(content, folder, media_type)
    with Image.open(page.path) as image:
        image.load()
        return image


def shades(image: Image.Image, *places: tuple[int, int]) -> list[int]:
    """Return the shades at some places, rounded to 16 against the noise of JPEG."""
    grey = image.convert("L")
    return [round(grey.getpixel(place) / 16) * 16 for place in places]  # type: ignore[operator]  # one band gives a number


@pytest.mark.usefixtures("either_renderer")
def test_render_draws_the_pages_of_a_pdf_in_order_and_bounded(tmp_path: Path) -> None:
    drawn = draw(sample_documents.pdf(*("I" * n for n in range(1, 13))), tmp_path, page_count=12)

    assert [page.number for page in drawn] == list(range(1, 13))
    assert [page.path.name for page in drawn][:2] == ["001.jpg", "002.jpg"]
    assert {page.path.parent for page in drawn} == {tmp_path / "pages"}
    sizes, ink = [], []
    for page in drawn:
        with Image.open(page.path) as image:
            sizes.append(image.size)
            ink.append(image.convert("L").point(lambda shade: shade < 128).histogram()[1])
    assert set(sizes) == {(1920, 1280)}
    assert ink == sorted(ink)
    assert not any(page.blank for page in drawn)


@pytest.mark.usefixtures("either_renderer")
def test_render_flags_blank_pages(tmp_path: Path) -> None:
    drawn = draw(sample_documents.pdf("text", "", "."), tmp_path, page_count=3)

    assert [page.blank for page in drawn] == [False, True, False]


@pytest.mark.usefixtures("either_renderer")
def test_render_bounds_a_page_of_any_shape(tmp_path: Path) -> None:
    (page,) = draw(sample_documents.pdf("wide", size=(14_000, 333.3)), tmp_path)

    with Image.open(page.path) as image:
        assert image.width == 1920
        assert image.height in (45, 46)  # the two renderers round differently


@pytest.mark.usefixtures("either_renderer")
def test_render_draws_once(data_dir: Path, tmp_path: Path) -> None:
    first = draw(sample_documents.pdf("one", ""), tmp_path, page_count=2)
    drawn_at = [page.path.stat().st_mtime_ns for page in first]

    assert draw(sample_documents.pdf("one", ""), tmp_path, page_count=2) == first
    assert [page.path.stat().st_mtime_ns for page in first] == drawn_at
    assert list((data_dir / "tmp").iterdir()) == []


def test_render_keeps_the_pages_that_another_worker_drew_meanwhile(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_image = rendering._draw_image

    def after_another(*args: Any) -> None:
        draw_image(*args)
        monkeypatch.setattr(rendering, "_draw_image", draw_image)
        rendering.render(args[0], args[1], args[2], tmp_path)

    monkeypatch.setattr(rendering, "_draw_image", after_another)
    document = tmp_path / "document.png"
    document.write_bytes(sample_documents.saved(sample_documents.halves(), "PNG"))

    (page,) = rendering.render(document, "image/png", 1, tmp_path)

    assert page.path.exists()
    assert list((data_dir / "tmp").iterdir()) == []


def test_render_raises_when_the_pages_cannot_be_moved_to_the_folder(tmp_path: Path) -> None:
    document = tmp_path / "document.png"
    document.write_bytes(sample_documents.saved(sample_documents.halves(), "PNG"))

    with pytest.raises(FileNotFoundError):
        rendering.render(document, "image/png", 1, tmp_path / "missing")


@pytest.mark.usefixtures("either_renderer")
def test_render_rejects_a_document_with_fewer_pages_than_counted(tmp_path: Path) -> None:
    assert code_of(sample_documents.pdf("one"), tmp_path, page_count=2) == "corrupt_file"


@pytest.mark.usefixtures("either_renderer")
def test_render_rejects_a_locked_document(tmp_path: Path) -> None:
    locked = sample_documents.locked_pdf(user="user", owner="owner")

    assert code_of(locked, tmp_path) == "password_protected"


PICTURE = sample_documents.saved(sample_documents.halves(), "PNG")


def allow(monkeypatch: pytest.MonkeyPatch, *, cpu: int = 1, wall: float) -> None:
    """Draw and count within such limits."""
    limits = sandbox.Limits(cpu=cpu, wall=wall)
    monkeypatch.setattr(rendering, "render_limits", lambda _pages: limits)
    monkeypatch.setattr(rendering, "COUNT_LIMITS", limits)


def fake_tool(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, first: str) -> None:
    """Put a tool first on PATH that does something and then what the real one does."""
    path = folder / "tools" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'#!/bin/sh\n{first}\nexec {shutil.which(name)} "$@"\n')
    path.chmod(0o700)
    monkeypatch.setenv("PATH", str(path.parent), prepend=":")


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """A document whose end no tool gets to, however fast it is: a pipe that nobody writes to."""
    document = tmp_path / "document"
    os.mkfifo(document)
    return document


@needs_prlimit
@pytest.mark.usefixtures("either_renderer")
@pytest.mark.parametrize("media_type", ["application/pdf", "image/png"])
def test_document_that_is_not_drawn_in_time_is_not_to_blame(
    endless: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, media_type: str
) -> None:
    allow(monkeypatch, wall=0.1)

    with pytest.raises(RenderBusy):
        rendering.render(endless, media_type, 1, tmp_path)


@pytest.fixture
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing limits CPU time."""
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda tool: None if tool == "prlimit" else which(tool))
    allow(monkeypatch, wall=0.1)


@pytest.mark.usefixtures("unlimited")
def test_where_nothing_limits_cpu_time_the_wall_clock_rejects_an_image(
    endless: Path, tmp_path: Path
) -> None:
    with pytest.raises(DocumentRejected, match="render_timeout"):
        rendering.render(endless, "image/png", 1, tmp_path)


@needs_poppler
@pytest.mark.usefixtures("unlimited")
def test_where_nothing_limits_cpu_time_the_wall_clock_rejects_a_pdf(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_tool(monkeypatch, tmp_path, "pdftoppm", '[ "$1" = -v ] || exec tail -f /dev/null')

    assert code_of(sample_documents.pdf("one"), tmp_path) == "render_timeout"


@needs_prlimit
@pytest.mark.usefixtures("either_renderer")
def test_counting_that_does_not_end_in_time_is_not_the_pdfs_fault(
    endless: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(monkeypatch, wall=0.1)

    with pytest.raises(RenderBusy):
        rendering.count_pdf_pages(endless)


@needs_poppler
@needs_prlimit
def test_used_up_cpu_time_rejects_the_pdf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_tool(monkeypatch, tmp_path, "pdftoppm", '[ "$1" = -v ] || while :; do :; done')
    allow(monkeypatch, wall=60)

    assert code_of(sample_documents.pdf("one"), tmp_path) == "render_timeout"


@needs_poppler
@needs_prlimit
def test_used_up_cpu_time_rejects_the_pdf_that_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "CAN_FORK", False)  # else pdfinfo is not asked
    fake_tool(monkeypatch, tmp_path, "pdfinfo", "while :; do :; done")
    allow(monkeypatch, wall=60)
    document = tmp_path / "document"
    document.write_bytes(sample_documents.pdf("one"))

    with pytest.raises(DocumentRejected, match="render_timeout"):
        rendering.count_pdf_pages(document)


@needs_poppler
@needs_prlimit
@pytest.mark.parametrize(("failures", "is_drawn"), [(1, True), (2, False)])
def test_a_document_is_drawn_twice_before_it_is_to_blame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failures: int, is_drawn: bool
) -> None:
    tries = tmp_path / "tries"
    # As where the disk is full: nothing is drawn, and nothing said.
    fail = f'[ "$1" = -v ] || {{ echo >>{tries}; [ $(wc -l <{tries}) -gt {failures} ] || exit 1; }}'
    fake_tool(monkeypatch, tmp_path, "pdftoppm", fail)
    content = sample_documents.pdf("one")

    if is_drawn:
        assert len(draw(content, tmp_path)) == 1
    else:
        assert code_of(content, tmp_path) == "corrupt_file"
    assert len(tries.read_text().splitlines()) == 2


@needs_poppler
@needs_prlimit
def test_poppler_whose_version_is_not_known_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a tool says is lost where the disk is full, as when the version is first asked for.
    monkeypatch.setattr(sandbox, "_version", lambda _path: "")

    assert len(draw(sample_documents.pdf("one"), tmp_path)) == 1


@needs_poppler
@needs_prlimit
def test_poppler_is_started_once_to_draw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = tmp_path / "started"
    for tool in sandbox.POPPLER_TOOLS:
        folder = tmp_path / tool
        folder.mkdir()
        fake_tool(monkeypatch, folder, tool, f'echo {tool} "$1" >>{started}')
    for number in ("one", "two"):
        folder = tmp_path / number
        folder.mkdir()
        assert len(draw(sample_documents.pdf(number, number), folder, page_count=2)) == 2

    # Its version is asked for once in the life of a process.
    assert started.read_text().splitlines() == ["pdftoppm -v", "pdftoppm -r", "pdftoppm -r"]


@needs_poppler
@needs_prlimit
def test_drawing_is_limited_in_memory_cpu_time_and_written_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "limits"
    fake_tool(monkeypatch, tmp_path, "pdftoppm", f"cat /proc/self/limits >{told}")

    draw(sample_documents.pdf("one"), tmp_path)

    limits = dict(re.findall(r"^(Max [a-z ]+?) {2,}(\d+ +\d+)", told.read_text(), re.MULTILINE))
    assert limits["Max address space"].split() == [str(sandbox.MEMORY)] * 2
    assert limits["Max cpu time"].split() == ["22", "27"]
    assert limits["Max file size"].split() == [str(sandbox.FILE_SIZE)] * 2
    assert limits["Max core file size"].split() == ["0", "0"]


@needs_poppler
@needs_prlimit
def test_waiting_for_the_neighbours_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_tool(monkeypatch, tmp_path, "pdftoppm", "sleep 1.5")
    allow(monkeypatch, cpu=1, wall=60)

    assert len(draw(sample_documents.pdf("one"), tmp_path)) == 1


@needs_poppler
@needs_prlimit
def test_a_tool_ends_with_the_wrapper_that_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = tmp_path / "pid"
    # Not when it is asked for its version, for which nobody sets a time.
    hang = f'[ "$1" = -v ] || {{ echo $$ >{pid}; exec sleep 60; }}'
    fake_tool(monkeypatch, tmp_path, "pdftoppm", hang)
    allow(monkeypatch, wall=1)

    with pytest.raises(RenderBusy):
        draw(sample_documents.pdf("one"), tmp_path)

    tool = int(pid.read_text())
    for _ in eventually(30):  # much sooner than it would end by itself
        if not psutil.pid_exists(tool) or psutil.Process(tool).status() == "zombie":
            break


def test_cpu_time_is_allowed_by_pages_up_to_a_bound() -> None:
    limits = [rendering.render_limits(pages) for pages in (1, 5, 50)]

    assert [limit.cpu for limit in limits] == [22, 30, 60]
    assert all(limit.wall >= 2 * limit.cpu for limit in limits)


@needs_poppler
def test_count_pdf_pages_rejects_a_count_of_zero(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Some versions of pdfinfo fail on such a document, others count.
    fake_tool(monkeypatch, tmp_path, "pdfinfo", "echo 'Pages: 0'; exit")

    document = tmp_path / "document"
    document.write_bytes(sample_documents.pdf_without_pages())

    with pytest.raises(DocumentRejected, match="no_pages"):
        rendering.count_pdf_pages(document)


@needs_poppler
@pytest.mark.skipif(shutil.which("prlimit") is None, reason="only Linux limits resources")
def test_render_rejects_a_page_that_lost_a_picture_to_the_memory_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    complaining = tmp_path / "tools" / "pdftoppm"
    complaining.parent.mkdir()
    real = shutil.which("pdftoppm")
    complaining.write_text(f'#!/bin/sh\necho "Out of memory" >&2\nexec {real} "$@"\n')
    complaining.chmod(0o700)
    monkeypatch.setenv("PATH", str(complaining.parent), prepend=":")

    assert code_of(sample_documents.pdf("one"), tmp_path) == "render_timeout"


@needs_poppler
def test_render_works_where_nothing_can_be_limited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda tool: None if tool == "prlimit" else which(tool))

    assert len(draw(sample_documents.pdf("one"), tmp_path)) == 1


@pytest.mark.usefixtures("no_poppler")
def test_render_survives_the_death_of_pdfium(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(
        *command: str, limits: sandbox.Limits, stdin: bytes = b""
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.CompletedProcess(command, -6, b"1", b"")

    monkeypatch.setattr(sandbox, "run", die)

    assert code_of(sample_documents.pdf("one"), tmp_path) == "corrupt_file"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("format_", "media_type"),
    [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp"), ("TIFF", "image/tiff")],
)
def test_render_turns_an_image_upright(
    format_: str, media_type: str, orientation: int, tmp_path: Path
) -> None:
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    upright = sample_documents.halves()
    upright.paste("black", (100, 0, 200, 50))  # black but for the lower right quarter
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation

    page = only_page(sample_documents.saved(stored, format_, exif=exif), tmp_path, media_type)

    assert page.size == (200, 100)
    assert shades(page, (50, 25), (150, 25), (50, 75), (150, 75)) == [0, 0, 0, 256]


def test_render_bounds_a_large_image(tmp_path: Path) -> None:
    content = sample_documents.saved(sample_documents.halves((3000, 1000)), "PNG")

    assert only_page(content, tmp_path, "image/png").size == (1920, 640)


def test_render_does_not_enlarge_a_small_image(tmp_path: Path) -> None:
    content = sample_documents.saved(sample_documents.halves((20, 10)), "PNG")

    assert only_page(content, tmp_path, "image/png").size == (20, 10)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_render_puts_a_transparent_image_on_white(mode: str, tmp_path: Path) -> None:
    image = sample_documents.halves().convert("RGBA")
    image.putalpha(image.convert("L").point(lambda shade: 255 - shade))
    image.paste((0, 0, 0, 0), (100, 0, 200, 100))

    page = only_page(sample_documents.saved(image.convert(mode), "PNG"), tmp_path, "image/png")

    assert shades(page, (50, 50), (150, 50)) == [0, 256]


def test_render_scales_sixteen_bits_instead_of_clipping(tmp_path: Path) -> None:
    image = Image.new("I", (300, 100))
    for column, shade in enumerate((0, 32_768, 65_535)):
        image.paste(shade, (column * 100, 0, column * 100 + 100, 100))
    content = sample_documents.saved(image.convert("I;16"), "PNG")

    page = only_page(content, tmp_path, "image/png")

    assert shades(page, (50, 50), (150, 50), (250, 50)) == [0, 128, 256]


def test_render_converts_cmyk_without_inverting(tmp_path: Path) -> None:
    content = sample_documents.saved(sample_documents.halves().convert("CMYK"), "JPEG")

    page = only_page(content, tmp_path, "image/jpeg")

    assert page.mode == "RGB"
    assert shades(page, (50, 50), (150, 50)) == [0, 256]


def test_render_scales_a_fax_smoothly(tmp_path: Path) -> None:
    stripes = Image.new("1", (3840, 100), 1)
    for column in range(0, 3840, 2):
        stripes.paste(0, (column, 0, column + 1, 100))
    content = sample_documents.saved(stripes, "TIFF", compression="group4")

    page = only_page(content, tmp_path, "image/tiff")

    assert shades(page, (960, 25)) == [128]


def test_render_draws_every_page_of_a_tiff(tmp_path: Path) -> None:
    sheets = [Image.new("L", (60, 40), shade) for shade in (0, 128, 255)]
    content = sample_documents.saved(sheets[0], "TIFF", save_all=True, append_images=sheets[1:])

    drawn = draw(content, tmp_path, "image/tiff", page_count=3)

    middles = []
    for page in drawn:
        with Image.open(page.path) as image:
            middles += shades(image, (30, 20))
    assert middles == [0, 128, 256]


def test_render_rejects_a_tiff_that_is_cut_off_after_its_first_page(tmp_path: Path) -> None:
    noise = Image.effect_noise((200, 200), 90)
    content = sample_documents.saved(noise, "TIFF", save_all=True, append_images=[noise])

    broken = content[: len(content) - 20_000]

    assert code_of(broken, tmp_path, "image/tiff", page_count=2) == "corrupt_file"


@needs_invoices
@pytest.mark.parametrize("row", INVOICES, ids=[row["file"] for row in INVOICES])
def test_every_shared_invoice_becomes_upright_bounded_pages(row: dict[str, str]) -> None:
    assert SHARED is not None
    content = (SHARED / "invoices" / row["file"]).read_bytes()
    document_id = uuid.uuid4()
    folder = folder_of(document_id)

    accepted = receive(SimpleUploadedFile(row["file"], content), document_id)
    drawn = rendering.render(
        folder.parent.parent / accepted.file, accepted.media_type, accepted.page_count, folder
    )

    assert [page.number for page in drawn] == list(range(1, int(row["pages"]) + 1))
    for page in drawn:
        with Image.open(page.path) as image:
            assert image.format == "JPEG"
            # All of them are portrait; one is stored sideways.
            assert image.width < image.height <= 1920
            assert image.getexif().get(0x0112, 1) == 1
        assert not page.blank
