import csv
import errno
import hashlib
import io
import os
import resource
import shutil
import struct
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any, NoReturn

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from PIL import Image
from pypdf import PdfReader, PdfWriter
from pypdf.generic import DictionaryObject, NameObject
from pytest_django import Settings

from extraction.documents import rendering, sandbox
from extraction.documents.intake import AcceptedDocument, folder_of, receive
from extraction.documents.upload_handlers import DigestedFile, DigestingHandler
from extraction.exceptions import DocumentRejected
from ocrsite.lib.errors import StorageUnavailable
from tests.extraction import sample_documents
from tests.shared_files import SHARED

pytestmark = pytest.mark.usefixtures("data_dir")

DOCUMENT_ID = uuid.UUID("0123abcd-0000-4000-8000-000000000000")

BAD_INPUTS = (
    []
    if SHARED is None
    else list(
        csv.DictReader((SHARED / "bad-inputs" / "manifest.csv").read_text("utf-8").splitlines())
    )
)
needs_bad_inputs = pytest.mark.skipif(not BAD_INPUTS, reason="../shared is not there")


def send(content: bytes, name: str = "invoice.pdf") -> AcceptedDocument:
    return receive(SimpleUploadedFile(name, content), DOCUMENT_ID)


def rejection_of(content: bytes, name: str = "invoice.pdf") -> tuple[int, str]:
    with pytest.raises(DocumentRejected) as rejected:
        send(content, name)
    return rejected.value.http_status, rejected.value.code


@pytest.mark.usefixtures("either_renderer")
def test_receive_stores_a_pdf_by_its_id_readable_by_us_alone(data_dir: Path) -> None:
    content = sample_documents.pdf("one", "two")

    accepted = send(content, "April.pdf")

    assert accepted == AcceptedDocument(
        file=f"01/{DOCUMENT_ID}/document.pdf",
        file_name="April.pdf",
        media_type="application/pdf",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        page_count=2,
    )
    stored = data_dir / "files" / accepted.file
    assert stored.parent == folder_of(DOCUMENT_ID)
    assert stored.read_bytes() == content
    assert (stored.stat().st_mode & 0o777, stored.parent.stat().st_mode & 0o777) == (0o600, 0o700)


@pytest.mark.parametrize("is_large", [False, True])
def test_document_is_on_disk_with_its_folders_before_it_is_accepted(
    is_large: bool, data_dir: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[int] = set()

    def sync(descriptor: int) -> None:
        synced.add(os.fstat(descriptor).st_ino)

    content = sample_documents.pdf("INVOICE 4711")
    file = large(content, settings) if is_large else sample_documents.upload(content)
    monkeypatch.setattr("ocrsite.lib.files.os.fsync", sync)

    stored = data_dir / "files" / receive(file, uuid.uuid4()).file

    written = (stored, stored.parent, stored.parent.parent, data_dir / "files")
    assert {path.stat().st_ino for path in written} <= synced


def large(content: bytes, settings: Settings) -> DigestedFile:
    """An upload that Django wrote to a file of its own."""
    settings.FILE_UPLOAD_TEMP_DIR = settings.DATA_DIR / "tmp"
    settings.FILE_UPLOAD_TEMP_DIR.mkdir(parents=True, exist_ok=True)
    handler = DigestingHandler()
    handler.activated = False  # the form is not small
    handler.new_file("file", "scan.pdf", "application/pdf", len(content), None)
    for start in range(0, len(content), 1000):
        handler.receive_data_chunk(content[start : start + 1000], start)
    upload = handler.file_complete(len(content))
    assert isinstance(upload, DigestedFile)
    return upload


def no_links(*_: object) -> NoReturn:
    raise OSError(errno.EXDEV, "another file system")


@pytest.mark.parametrize("can_link", [True, False])
def test_receive_keeps_a_large_upload_when_django_removes_it(
    can_link: bool, settings: Settings, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not can_link:
        monkeypatch.setattr(os, "link", no_links)
    content = sample_documents.pdf("one")

    with large(content, settings) as upload:
        accepted = receive(upload, DOCUMENT_ID)
        inode = Path(upload.temporary_file_path()).stat().st_ino

    stored = data_dir / "files" / accepted.file
    assert stored.read_bytes() == content
    assert stored.stat().st_mode & 0o777 == 0o600
    assert (stored.stat().st_ino == inode) is can_link
    assert (accepted.size, accepted.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    kept = {path for path in data_dir.rglob("*") if path.is_file()}
    assert kept == {stored, data_dir / ".files.made"}


@pytest.mark.parametrize("can_link", [True, False])
def test_receive_rejects_a_large_upload_above_the_limit(
    can_link: bool, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not can_link:
        monkeypatch.setattr(os, "link", no_links)
    settings.MAX_UPLOAD_MB = 1

    with (
        large(b"%PDF" + bytes(1024**2), settings) as upload,
        pytest.raises(DocumentRejected) as rejected,
    ):
        receive(upload, DOCUMENT_ID)

    assert (rejected.value.code, rejected.value.http_status) == ("file_too_large", 413)


def test_receive_leaves_nothing_on_disk_when_it_rejects(data_dir: Path) -> None:
    assert rejection_of(b"hello") == (415, "unsupported_media_type")

    assert [path for path in data_dir.rglob("*") if path.is_file()] == []
    assert not folder_of(DOCUMENT_ID).exists()


@pytest.mark.parametrize(
    ("format_", "media_type", "extension"),
    [
        ("JPEG", "image/jpeg", "jpg"),
        ("PNG", "image/png", "png"),
        ("WEBP", "image/webp", "webp"),
        ("TIFF", "image/tiff", "tiff"),
        ("GIF", "image/gif", "gif"),
        ("BMP", "image/bmp", "bmp"),
        ("AVIF", "image/avif", "avif"),
    ],
)
def test_receive_goes_by_content_and_not_by_name(
    format_: str, media_type: str, extension: str
) -> None:
    accepted = send(sample_documents.saved(sample_documents.halves(), format_), "invoice.pdf")

    assert (accepted.media_type, accepted.page_count) == (media_type, 1)
    assert accepted.file.endswith(f"/document.{extension}")


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"mif1", b"heim"])
def test_receive_takes_a_photo_of_a_phone(brand: bytes) -> None:
    content = sample_documents.heic(sample_documents.halves())

    accepted = send(content.replace(b"ftypheic", b"ftyp" + brand, 1), "IMG_0001.HEIC")

    assert (accepted.media_type, accepted.page_count) == ("image/heic", 1)
    assert accepted.file.endswith("/document.heic")


def test_receive_tells_avif_from_heic_in_a_container_that_may_hold_either() -> None:
    content = sample_documents.saved(sample_documents.halves(), "AVIF")

    assert send(content.replace(b"ftypavif", b"ftypmif1", 1)).media_type == "image/avif"


def _resized(content: bytes, width: int, height: int) -> bytes:
    """A HEIC whose header (ispe) claims another size than its picture has."""
    found = content.index(b"ispe") + 8
    return content[:found] + struct.pack(">II", width, height) + content[found + 8 :]


_HEIC = sample_documents.heic(sample_documents.halves())


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (_HEIC[: len(_HEIC) - 20], "corrupt_file"),
        (_HEIC[: len(_HEIC) // 2], "corrupt_file"),
        (_HEIC[:40], "corrupt_file"),
        (_HEIC[:24], "corrupt_file"),
        (_HEIC[:40] + bytes(10_000), "corrupt_file"),
        (_HEIC.replace(b"hvc1", b"av01"), "corrupt_file"),
        (_resized(_HEIC, 0, 0), "corrupt_file"),
        (_resized(_HEIC, 7000, 7000), "image_too_large"),
        (_resized(_HEIC, 2**32 - 1, 2**32 - 1), "corrupt_file"),
    ],
    ids=["cut", "half", "header", "brands", "zeros", "codec", "empty", "large", "immense"],
)
def test_receive_rejects_a_heic_that_cannot_be_drawn(content: bytes, code: str) -> None:
    assert rejection_of(content) == (422, code)


def test_receive_finds_a_pdf_after_leading_bytes() -> None:
    assert send(b"\r\n" * 100 + sample_documents.pdf("one")).media_type == "application/pdf"


@pytest.mark.parametrize(("leading", "accepted"), [(1019, True), (1020, False)])
def test_receive_finds_a_pdf_within_the_first_1024_bytes(leading: int, accepted: bool) -> None:
    content = b" " * leading + sample_documents.pdf("one")

    if accepted:
        assert send(content).media_type == "application/pdf"
    else:
        assert rejection_of(content) == (415, "unsupported_media_type")


def test_receive_takes_an_upload_chunk_by_chunk(settings: Settings) -> None:
    settings.MAX_UPLOAD_MB = 1
    content = sample_documents.saved(sample_documents.halves(), "BMP").ljust(1024 * 1024, b"\0")

    def in_chunks(content: bytes) -> TemporaryUploadedFile:
        upload = TemporaryUploadedFile("invoice.bmp", "image/bmp", len(content), None)
        upload.write(content)
        assert upload.multiple_chunks()
        return upload

    with in_chunks(content) as upload:
        accepted = receive(upload, DOCUMENT_ID)
    assert (accepted.size, accepted.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    with in_chunks(content + b"\0") as upload, pytest.raises(DocumentRejected) as rejected:
        receive(upload, DOCUMENT_ID)
    assert rejected.value.detail == "The file is larger than 1 MB. Send a smaller one."


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"", "The file is empty. Check it and send it again."),
        (
            b"hello",
            "The file is neither a PDF nor an image of a known kind. Send a PDF, JPEG, PNG, WebP, "
            "TIFF, GIF, BMP, AVIF or HEIC file.",
        ),
    ],
)
def test_rejection_says_what_to_do(content: bytes, detail: str) -> None:
    with pytest.raises(DocumentRejected) as rejected:
        send(content)

    assert rejected.value.detail == detail


def test_receive_leaves_no_folder_where_the_document_cannot_be_moved_to_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", fail)

    with pytest.raises(StorageUnavailable):
        send(sample_documents.pdf("one"))

    assert not folder_of(DOCUMENT_ID).exists()


def test_receive_accepts_a_file_of_exactly_the_limit_and_not_one_byte_more(
    settings: Settings,
) -> None:
    settings.MAX_UPLOAD_MB = 1
    content = sample_documents.saved(sample_documents.halves(), "BMP")
    exactly = content.ljust(1024 * 1024, b"\0")

    assert send(exactly).size == 1024 * 1024
    assert rejection_of(exactly + b"\0") == (413, "file_too_large")


def test_receive_writes_no_more_of_an_upload_than_is_accepted(settings: Settings) -> None:
    settings.MAX_UPLOAD_MB = 1
    upload = SimpleUploadedFile("endless.pdf", b"")
    pieces = iter([bytes(512 * 1024)] * 9)
    upload.chunks = lambda chunk_size=None: pieces  # type: ignore[method-assign]

    with pytest.raises(DocumentRejected, match="file_too_large"):
        receive(upload, DOCUMENT_ID)

    assert len(list(pieces)) == 6  # the third was one too many


def test_receive_rejects_an_empty_file() -> None:
    assert rejection_of(b"") == (422, "empty_file")


@pytest.mark.usefixtures("either_renderer")
@pytest.mark.parametrize(
    ("content", "code"),
    [
        (sample_documents.locked_pdf(user="user", owner="owner"), "password_protected"),
        (sample_documents.pdf("one")[:300], "corrupt_file"),
        (b"%PDF-1.7\n", "corrupt_file"),
        (sample_documents.pdf_without_pages(), "no_pages"),
    ],
    ids=["locked", "cut", "header only", "no pages"],
)
def test_receive_rejects_a_pdf_that_cannot_be_drawn(content: bytes, code: str) -> None:
    assert rejection_of(content) == (422, code)


@pytest.mark.usefixtures("either_renderer")
def test_receive_accepts_a_pdf_that_only_its_owners_password_restricts() -> None:
    assert send(sample_documents.locked_pdf(user="", owner="owner")).page_count == 1


@pytest.mark.usefixtures("either_renderer")
@pytest.mark.parametrize("algorithm", ["RC4-40", "RC4-128", "AES-128", "AES-256-R5", "AES-256"])
def test_receive_stores_a_locked_pdf_unlocked(algorithm: str, data_dir: Path) -> None:
    content = sample_documents.locked_pdf(user=" pässwörd ", owner="owner", algorithm=algorithm)

    accepted = receive(SimpleUploadedFile("a.pdf", content), DOCUMENT_ID, password=" pässwörd ")

    stored = data_dir / "files" / accepted.file
    assert not PdfReader(stored).is_encrypted
    assert PdfReader(stored).pages[0].extract_text().strip() == "secret"
    assert stored.stat().st_mode & 0o777 == 0o600
    assert (accepted.size, accepted.page_count) == (len(content), 1)
    assert accepted.sha256 == hashlib.sha256(content).hexdigest()
    kept = {path for path in data_dir.rglob("*") if path.is_file()}
    assert kept == {stored, data_dir / ".files.made"}


@pytest.mark.usefixtures("either_renderer")
@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("", "password_protected"),
        ("pässwörd", "wrong_password"),
        ("user ", "wrong_password"),
        ("USER", "wrong_password"),
        ("p" * 127, "wrong_password"),
    ],
)
def test_receive_rejects_a_password_that_does_not_open_the_pdf(
    password: str, code: str, data_dir: Path
) -> None:
    content = sample_documents.locked_pdf(user="user", owner="owner")

    with pytest.raises(DocumentRejected) as rejected:
        receive(SimpleUploadedFile("a.pdf", content), DOCUMENT_ID, password=password)

    assert (rejected.value.http_status, rejected.value.code) == (422, code)
    assert [path for path in data_dir.rglob("*") if path.is_file()] == []


def test_receive_opens_with_the_owners_password_and_needs_none_for_what_is_not_locked() -> None:
    locked = sample_documents.locked_pdf(user="user", owner="owner")
    image = sample_documents.saved(sample_documents.halves(), "PNG")

    for content, password in [(locked, "owner"), (sample_documents.pdf("one"), "x"), (image, "x")]:
        upload = SimpleUploadedFile("a.pdf", content)
        assert receive(upload, DOCUMENT_ID, password=password).page_count == 1


def test_receive_judges_a_locked_pdf_by_what_is_inside(settings: Settings) -> None:
    settings.MAX_PAGES = 1
    writer = PdfWriter(clone_from=io.BytesIO(sample_documents.pdf("1", "2")))
    writer.encrypt(user_password="user", algorithm="AES-256")
    file = io.BytesIO()
    writer.write(file)

    with pytest.raises(DocumentRejected, match="too_many_pages"):
        receive(SimpleUploadedFile("a.pdf", file.getvalue()), DOCUMENT_ID, password="user")


def test_the_password_is_no_argument_and_no_variable_of_the_child(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[str] = []
    popen = subprocess.Popen

    def noted(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        started.append(repr((command, options.get("env"))))
        return popen(command, **options)

    monkeypatch.setattr(subprocess, "Popen", noted)
    content = sample_documents.locked_pdf(user="canary77", owner="owner")

    receive(SimpleUploadedFile("a.pdf", content), DOCUMENT_ID, password="canary77")

    assert any("unlock" in call for call in started)
    assert "canary77" not in "".join(started)


def test_receive_says_how_many_pages_a_pdf_has_too_many(settings: Settings) -> None:
    settings.MAX_PAGES = 2

    assert send(sample_documents.pdf("1", "2")).page_count == 2
    with pytest.raises(DocumentRejected) as rejected:
        send(sample_documents.pdf("1", "2", "3"))
    assert rejected.value.code == "too_many_pages"
    assert rejected.value.detail == (
        "The file has 3 pages; at most 2 are accepted. Split it and send the parts."
    )


def test_receive_counts_the_pages_of_a_tiff_no_further_than_the_limit(settings: Settings) -> None:
    settings.MAX_PAGES = 2
    page = sample_documents.halves()

    two = sample_documents.saved(page, "TIFF", save_all=True, append_images=[page])
    four = sample_documents.saved(page, "TIFF", save_all=True, append_images=[page] * 3)

    assert send(two).page_count == 2
    with pytest.raises(DocumentRejected) as rejected:
        send(four)
    assert rejected.value.detail.startswith("The file has more than 2 pages;")


def test_receive_rejects_a_bitmap_of_too_many_pixels_by_the_header() -> None:
    content = bytearray(sample_documents.saved(sample_documents.halves(), "BMP"))
    content[18:26] = (30_000).to_bytes(4, "little") * 2

    assert rejection_of(bytes(content)) == (422, "image_too_large")


def test_receive_rejects_a_bitmap_with_an_unknown_header() -> None:
    content = bytearray(sample_documents.saved(sample_documents.halves(), "BMP"))
    content[14:18] = (99).to_bytes(4, "little")

    assert rejection_of(bytes(content)) == (415, "unsupported_media_type")


def test_receive_rejects_a_tiff_with_one_page_of_too_many_pixels() -> None:
    large = Image.new("1", (8_000, 5_001))
    content = sample_documents.saved(
        sample_documents.halves(), "TIFF", save_all=True, append_images=[large]
    )

    assert rejection_of(content) == (422, "image_too_large")


def test_receive_rejects_a_jpeg_of_a_thousand_scans_without_decoding_it() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)

    assert rejection_of(sample_documents.jpeg_of_scans(1_000)) == (422, "render_timeout")

    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime - before.ru_utime < 3  # decoding it takes ten times as long


def test_receive_accepts_a_progressive_jpeg() -> None:
    content = sample_documents.saved(sample_documents.halves(), "JPEG", progressive=True)

    assert send(content).media_type == "image/jpeg"


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="only Linux limits resources")
def test_receive_rejects_an_image_that_takes_more_memory_than_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limits = sandbox.Limits(cpu=10, wall=60, memory=150_000_000)
    monkeypatch.setattr(rendering, "COUNT_LIMITS", limits)
    content = sample_documents.saved(Image.new("RGB", (6_000, 6_000)), "PNG")

    assert rejection_of(content) == (422, "image_too_large")


def test_this_process_never_decodes_an_image() -> None:
    decoding = (
        "import sys, uuid, django; django.setup();"
        "from django.core.files.uploadedfile import SimpleUploadedFile as Upload;"
        "from extraction.documents.intake import receive;"
        "receive(Upload('x', sys.stdin.buffer.read()), uuid.uuid4());"
        "sys.exit('PIL.JpegImagePlugin' in sys.modules)"
    )
    content = sample_documents.saved(sample_documents.halves(), "JPEG")

    done = subprocess.run([sys.executable, "-c", decoding], input=content, timeout=60)

    assert done.returncode == 0


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "AVIF"])
def test_receive_rejects_an_image_that_is_cut_off(format_: str) -> None:
    content = sample_documents.saved(Image.effect_noise((200, 200), 90).convert("RGB"), format_)

    assert rejection_of(content[: len(content) // 2]) == (422, "corrupt_file")


@pytest.mark.parametrize("format_", ["GIF", "WEBP", "PNG"])
def test_receive_rejects_an_animation(format_: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    content = sample_documents.saved(frames[0], format_, save_all=True, append_images=frames[1:])

    assert rejection_of(content) == (415, "unsupported_media_type")


def test_receive_accepts_a_jpeg_with_a_preview_beside_the_picture() -> None:
    content = sample_documents.saved(
        sample_documents.halves(),
        "MPO",
        save_all=True,
        append_images=[sample_documents.halves((20, 10))],
    )

    accepted = send(content)

    assert (accepted.media_type, accepted.page_count) == ("image/jpeg", 1)


def test_receive_rejects_a_tiff_whose_page_list_loops() -> None:
    # Little-endian TIFF: byte 4 points to the page list, whose last four bytes point on.
    content = bytearray(sample_documents.saved(Image.new("L", (1, 1)), "TIFF"))
    start = int.from_bytes(content[4:8], "little")
    entries = int.from_bytes(content[start : start + 2], "little")
    onward = start + 2 + 12 * entries
    content[onward : onward + 4] = start.to_bytes(4, "little")

    with pytest.raises(DocumentRejected, match="corrupt_file"):
        send(bytes(content))


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Scans\\May.pdf", "May.pdf"),
        ("a\x00b\r\nc\x1b.pdf", "abc.pdf"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("बीजक २०८२.pdf", "बीजक २०८२.pdf"),
        ("\x07", "document"),
        ("in\ud800voice\u2028.p\u2029df", "invoice.pdf"),
    ],
)
def test_receive_shows_a_name_without_folders_and_control_characters(sent: str, shown: str) -> None:
    upload = SimpleUploadedFile("x.pdf", sample_documents.pdf("one"))
    upload.__dict__["_name"] = sent  # past Django's own cleaning, which receive does not rely on

    assert receive(upload, DOCUMENT_ID).file_name == shown


@pytest.mark.parametrize("before", ["a", ""], ids=["between letters", "within a letter"])
def test_receive_cuts_a_name_at_what_the_column_holds_on_sql_server(before: str) -> None:
    upload = SimpleUploadedFile("x.pdf", sample_documents.pdf("one"))
    upload.__dict__["_name"] = before + "\N{RECEIPT}" * 200

    assert receive(upload, DOCUMENT_ID).file_name == before + "\N{RECEIPT}" * 127


def test_receive_names_a_document_that_came_without_a_name() -> None:
    upload = SimpleUploadedFile("x.pdf", sample_documents.pdf("one"))
    upload.__dict__["_name"] = None

    assert receive(upload, DOCUMENT_ID).file_name == "document"


@needs_bad_inputs
@pytest.mark.parametrize("row", BAD_INPUTS, ids=[row["file"] for row in BAD_INPUTS])
def test_every_bad_input_gets_the_answer_of_its_manifest(
    row: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert SHARED is not None
    limits = sandbox.Limits(cpu=3, wall=60)  # one file would use up all ten
    monkeypatch.setattr(rendering, "COUNT_LIMITS", limits)
    content = (SHARED / "bad-inputs" / row["file"]).read_bytes()

    try:
        accepted = send(content, row["file"])
        folder = folder_of(DOCUMENT_ID)
        document = folder.parent.parent / accepted.file
        drawn = rendering.render(document, accepted.media_type, accepted.page_count, folder)
    except DocumentRejected as rejected:
        answer, code = str(rejected.http_status), rejected.code
    else:
        answer, code = "2xx", row["expect_code"]
        assert len(drawn) == accepted.page_count
        # The pipeline answers no_content for a document of blank pages.
        assert drawn[0].blank == (row["file"] in ("17_blank_page.pdf", "36_tiff_ifd_loop.tiff"))

    assert answer in row["expect_http"].split(" or ")
    assert code == row["expect_code"]


def portfolio(*names: str) -> bytes:
    """Return a PDF whose page is the cover of other files."""
    writer = PdfWriter(clone_from=io.BytesIO(sample_documents.pdf("Open this in Acrobat")))
    for name in names:
        writer.add_attachment(name, sample_documents.pdf("invoice"))
    writer.root_object[NameObject("/Collection")] = DictionaryObject()
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


@pytest.mark.parametrize("names", [("invoice.pdf",), ("invoice.pdf", "terms.pdf")])
def test_a_portfolio_is_rejected_by_name(names: tuple[str, ...]) -> None:
    with pytest.raises(DocumentRejected, match="PDF portfolio") as rejected:
        send(portfolio(*names))

    assert (rejected.value.code, rejected.value.http_status) == ("portfolio", 422)
    assert "save the invoice by itself" in rejected.value.detail


@pytest.mark.parametrize("attached", ["terms.pdf", "factur-x.xml"])
def test_a_pdf_with_attachments_is_no_portfolio(attached: str) -> None:
    writer = PdfWriter(clone_from=io.BytesIO(sample_documents.pdf("invoice")))
    writer.add_attachment(attached, b"%PDF-")
    file = io.BytesIO()
    writer.write(file)

    assert send(file.getvalue() + b"\n% /Collection").page_count == 1


def test_a_portfolio_that_takes_too_long_to_look_into_is_a_pdf_like_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise sandbox.OutOfCpu

    monkeypatch.setattr(sandbox, "run_pdf_child", fail)

    assert send(portfolio("invoice.pdf")).page_count == 1
