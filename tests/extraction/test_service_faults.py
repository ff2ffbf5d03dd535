"""What this installation cannot do is not the fault of the document: it waits, or is told 503."""

import contextlib
import errno
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from extraction import outcomes, pipeline
from extraction.documents import intake, rendering, sandbox
from extraction.documents.intake import folder_of
from extraction.documents.sandbox import Limits, OutOfTime
from extraction.exceptions import DocumentRejected
from extraction.models import Extraction, State
from extraction.readers.base import ReadingError
from extraction.readers.gemini.errors import reading_error
from ocrsite.lib import files
from ocrsite.lib.errors import StorageUnavailable
from ocrsite.web_server import LostBody
from tests.emulator.server import Emulator
from tests.extraction.conftest import Integrator
from tests.extraction.factories import make_extraction
from tests.extraction.sample_documents import pdf, upload
from tests.tokens.rows import make_token
from tokens.models import TokenMaster

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("data_dir", "emulator", "same_input"),
]

INVOICE = pdf("INVOICE 4711\nTotal 119.00")
ASYNC = {"Prefer": "respond-async"}


@pytest.fixture(autouse=True)
def _key(db: None) -> None:
    make_token()


def post(integrator: Integrator) -> tuple[int, str, str | None]:
    """Send an invoice; return status, code and Retry-After."""
    form = {"file": upload(INVOICE), "companyID": "NT047", "username": "asha"}
    answer = integrator.http.post("/extract", form, headers=ASYNC)
    return answer.status_code, answer.json().get("code", ""), answer.headers.get("Retry-After")


def stored_files() -> list[Path]:
    return [path for path in Path(settings.DATA_DIR).rglob("document*") if path.is_file()]


def process(extraction: Extraction) -> Extraction:
    pipeline.process(extraction.pk)
    extraction.refresh_from_db()
    return extraction


def be_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no tool end in time."""

    def miss_the_time() -> bool:
        raise OutOfTime

    monkeypatch.setattr(sandbox, "poppler_installed", miss_the_time)


def test_a_body_that_the_web_server_could_not_keep_is_answered_503_by_pages_too(
    signed_in: Client,
) -> None:
    browser = Client(enforce_csrf_checks=True, raise_request_exception=False)
    browser.cookies = signed_in.cookies
    browser.get("/")  # for the cookie of the CSRF check, which reads the form

    body: dict[str, Any] = {"wsgi.input": LostBody()}
    answer = browser.post("/", {"file": upload(INVOICE)}, headers={"Accept": "text/html"}, **body)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert b"The service cannot store files at the moment." in answer.content


FAULTS = [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EMFILE]


@contextmanager
def failing(number: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have nothing under DATA_DIR be opened for writing inside the block."""
    real_open = os.open

    def fail(path: Any, flags: int, *rest: Any, **named: Any) -> int:
        inside = str(path).startswith(str(settings.DATA_DIR))
        if inside and flags & (os.O_WRONLY | os.O_RDWR):
            raise OSError(number, os.strerror(number), str(path))
        return real_open(path, flags, *rest, **named)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", fail)
        patch.setattr(tempfile, "_os", os)
        yield


@contextmanager
def documents_away() -> Iterator[None]:
    """Take the folder of the documents away inside the block."""
    folder = Path(settings.DATA_DIR) / "files"
    elsewhere = folder.with_name("elsewhere")
    folder.rename(elsewhere)
    try:
        yield
    finally:
        assert not folder.exists()
        elsewhere.rename(folder)


@pytest.fixture
def small_disk(data_dir: Path) -> Iterator[Path]:
    """A DATA_DIR of three megabytes."""
    data_dir.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(data_dir)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk, and not in every container")
    try:
        yield data_dir
    finally:
        subprocess.run(["umount", "-l", str(data_dir)], check=True)


def fill(folder: Path) -> Path:
    """Fill a disk to the last byte; return the file to remove for space."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass
    assert shutil.disk_usage(folder).free == 0
    return filler


@pytest.mark.parametrize("number", FAULTS, ids=errno.errorcode.get)
def test_an_upload_that_cannot_be_stored_is_told_to_come_back(
    number: int, integrator: Integrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert post(integrator)[0] == 202
    Extraction.objects.all().delete()
    with failing(number, monkeypatch):
        assert post(integrator) == (503, "storage_unavailable", "30")

    assert not Extraction.objects.exists()
    assert list((Path(settings.DATA_DIR) / "tmp").iterdir()) == []


def test_a_full_disk_takes_no_upload_and_blames_no_document(
    small_disk: Path, integrator: Integrator
) -> None:
    assert post(integrator)[0] == 202
    extraction = Extraction.objects.get()
    filler = fill(small_disk)

    assert post(integrator) == (503, "storage_unavailable", "30")
    assert process(extraction).state == State.WAITING
    assert len(stored_files()) == 1

    filler.unlink()
    with time_machine.travel(extraction.due_at):
        assert process(extraction).state == State.SUCCEEDED


def test_documents_that_are_away_take_no_upload_and_make_others_wait(
    integrator: Integrator,
) -> None:
    assert post(integrator)[0] == 202
    extraction = Extraction.objects.get()
    with documents_away():
        assert post(integrator) == (503, "storage_unavailable", "30")
        assert process(extraction).state == State.WAITING
        assert Client().get("/readyz").json()["checks"]["documents"] == "error"

    with time_machine.travel(extraction.due_at):
        assert process(extraction).state == State.SUCCEEDED


def test_a_process_that_starts_while_the_documents_are_away_makes_no_folder_for_them(
    integrator: Integrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert post(integrator)[0] == 202

    with documents_away():  # which sees that no other is there
        monkeypatch.setattr(files, "_seen", set())
        assert post(integrator) == (503, "storage_unavailable", "30")

    assert post(integrator)[0] == 202


def test_documents_that_go_away_in_mid_upload_get_no_new_folder(
    integrator: Integrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert post(integrator)[0] == 202
    monkeypatch.setattr(intake, "documents_folder", lambda: None)

    with documents_away():
        assert post(integrator) == (503, "storage_unavailable", "30")


def test_an_upload_that_the_form_parser_cannot_store_is_told_to_come_back(
    integrator: Integrator, signed_in: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("django.core.files.uploadhandler.MemoryFileUploadHandler.new_file", fail)
    signed_in.raise_request_exception = False

    assert post(integrator) == (503, "storage_unavailable", "30")
    page = signed_in.post("/", {"file": upload(INVOICE), "company_id": "NT047"})
    assert (page.status_code, page.headers["Retry-After"]) == (503, "30")
    assert "cannot store files" in page.content.decode()


@pytest.mark.parametrize("left", [b"", b"\xff\xd8\xff half a picture"])
def test_an_incomplete_page_image_is_drawn_again(left: bytes, integrator: Integrator) -> None:
    assert post(integrator)[0] == 202
    extraction = Extraction.objects.get()
    pages = folder_of(extraction.pk) / "pages"
    pages.mkdir()
    (pages / "001.jpg").write_bytes(left)

    assert process(extraction).state == State.SUCCEEDED
    assert (pages / "001.jpg").stat().st_size > 1000


def test_a_tool_that_does_not_see_that_the_disk_is_full_blames_nobody(
    integrator: Integrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert post(integrator)[0] == 202
    draw = rendering._draw_with_poppler

    def cut(document: Path, page_count: int, drawn: Path, limits: Limits) -> None:
        draw(document, page_count, drawn, limits)
        os.truncate(drawn / "001.jpg", 100)

    monkeypatch.setattr(rendering, "_draw_with_poppler", cut)
    monkeypatch.setattr(sandbox, "poppler_installed", lambda: True)

    assert process(Extraction.objects.get()).state == State.WAITING


def test_a_broken_document_is_blamed_only_where_the_disk_works(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = data_dir / "document"
    data_dir.mkdir(exist_ok=True)
    broken.write_bytes(b"%PDF-1.7 broken")

    with pytest.raises(DocumentRejected, match="corrupt_file"):
        rendering.count_pdf_pages(broken)
    with pytest.raises(OSError, match="No such file"):
        rendering.count_pdf_pages(data_dir / "missing")


def test_an_upload_that_a_busy_machine_cannot_open_is_told_to_come_back(
    integrator: Integrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    be_busy(monkeypatch)

    assert post(integrator) == (503, "render_busy", "30")
    assert not Extraction.objects.exists()
    assert stored_files() == []


def test_the_upload_page_says_that_the_machine_is_busy(
    signed_in: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    be_busy(monkeypatch)

    answer = signed_in.post(
        "/", {"file": upload(INVOICE), "company_id": "NT047", "branch": "North"}
    )

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert "Try again later" in answer.content.decode()


def test_a_document_that_is_not_drawn_in_time_waits_and_is_drawn_later(
    integrator: Integrator, emulator: Emulator
) -> None:
    assert post(integrator)[0] == 202
    extraction = Extraction.objects.get()
    with pytest.MonkeyPatch.context() as monkeypatch:
        be_busy(monkeypatch)
        process(extraction)

    assert (extraction.state, extraction.deaths, emulator.calls) == (State.WAITING, 0, ())
    with time_machine.travel(extraction.due_at):
        assert process(extraction).state == State.SUCCEEDED


def test_a_document_that_is_never_drawn_in_time_ends_with_503_at_its_deadline(
    integrator: Integrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert post(integrator)[0] == 202
    extraction = Extraction.objects.get()
    be_busy(monkeypatch)
    with time_machine.travel(timezone.now(), tick=True) as clock:
        while not process(extraction).ended:
            assert extraction.due_at - timezone.now() <= timedelta(seconds=30)
            clock.move_to(max(extraction.due_at, timezone.now()))

    assert (extraction.http_status, extraction.error_code) == (503, "render_busy")
    assert extraction.deadline is not None
    assert extraction.finished_at is not None
    assert extraction.deadline - extraction.finished_at < timedelta(seconds=30)
    assert extraction.retry_after_at is not None


def miss_the_time(*_: object, **__: object) -> NoReturn:
    raise OutOfTime


def miss_the_pages(*_: object, **__: object) -> ReadingError:
    return reading_error("pages_missing")


def fill_the_disk(*_: object, **__: object) -> NoReturn:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("provider", "fails", "fault", "code"),
    [
        ("Offline", "extraction.readers.offline._read", miss_the_time, "read_busy"),
        ("Offline", "extraction.readers.offline._read", fill_the_disk, "storage_unavailable"),
        ("Gemini", "extraction.readers.gemini.reader._read", miss_the_pages, "pages_missing"),
    ],
)
def test_a_reading_that_failed_for_our_faults_alone_ends_with_503_and_can_be_sent_again(
    integrator: Integrator,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    provider: str,
    fails: str,
    fault: Callable[..., object],
    code: str,
) -> None:
    settings.RETRY_LIMIT = 0
    TokenMaster.objects.update(provider=provider)
    assert post(integrator)[0] == 202
    extraction = Extraction.objects.get()

    with monkeypatch.context() as patch:
        patch.setattr(fails, fault)
        process(extraction)

    assert (extraction.state, extraction.http_status, extraction.error_code) == (
        State.FAILED,
        503,
        code,
    )
    answer = integrator.http.get(f"/api/v1/extractions/{extraction.pk}/")
    assert answer.json()["http_status"] == 503
    wait = (extraction.retry_after_at or timezone.now()) - timezone.now()
    assert timedelta(seconds=20) < wait <= timedelta(seconds=30)
    assert post(integrator)[0] == 202  # the same bytes are read again
    assert Extraction.objects.count() == 2


def test_a_clock_that_is_set_forward_ends_no_tries() -> None:
    with time_machine.travel(timezone.now(), tick=False) as day:
        for_jump, for_wait = (_claimed() for _ in range(2))
        for_jump.note_taken()
        day.shift(timedelta(hours=5))

        for extraction in (for_jump, for_wait):
            outcomes.wait_for_service(extraction, StorageUnavailable())
            outcomes.wait_for_key(extraction, timezone.now())

    states = [Extraction.objects.get(pk=each.pk).state for each in (for_jump, for_wait)]
    # Of the other one this process does not know how long it has been at work.
    assert states == [State.WAITING, State.FAILED]


def _claimed() -> Extraction:
    claimed: Extraction | None = Extraction.objects.claim(make_extraction().pk, worker=None)
    assert claimed is not None
    return claimed
