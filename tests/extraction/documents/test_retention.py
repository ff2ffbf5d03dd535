"""Old documents and page images are removed; their extractions stay, and page and API say so.

Documents that no extraction knows are removed after a day.
"""

import os
import shutil
import time
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ, Schedule
from pytest_django import Settings

from extraction import submission
from extraction.documents import retention
from extraction.documents.intake import documents_folder, folder_of
from extraction.documents.retention import ensure_schedules, purge_files, purge_orphans
from extraction.models import Extraction, State
from logs.models import Kept, RetentionRun
from tests.extraction.conftest import Integrator
from tests.extraction.factories import make_extraction
from tests.extraction.sample_documents import pdf, upload
from tests.extraction.sample_invoices import make_invoice
from tokens.models import TokenMaster

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def thirty_days(settings: Settings, data_dir: Path) -> None:
    settings.FILE_RETENTION_DAYS = 30


def ended(days_ago: float, state: State = State.SUCCEEDED, **fields: Any) -> Extraction:
    """An extraction with a document of 5 bytes and a page of 7."""
    moment = timezone.now() - timedelta(days=days_ago)
    extraction = make_extraction(state=state, finished_at=moment, http_status=200, **fields)
    pages = folder_of(extraction.pk) / "pages"
    pages.mkdir(parents=True)
    (pages.parent / "document.pdf").write_bytes(b"%PDF-")
    (pages / "001.jpg").write_bytes(b"1234567")
    return extraction


def has_files(extraction: Extraction) -> bool:
    return folder_of(extraction.pk).exists()


def test_files_are_removed_when_their_extraction_ended_long_ago(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retention, "BATCH", 1)
    old = [ended(31, state) for state in State.ended()]
    young = ended(29)
    unfinished = ended(31, State.WAITING)

    assert [purge_files(), purge_files()] == [3, 0]

    assert [has_files(each) for each in (*old, young, unfinished)] == [False] * 3 + [True] * 2
    run = RetentionRun.objects.last()
    assert run is not None
    assert (run.what, run.deleted, run.size, run.is_complete) == (Kept.FILES, 3, 36, True)
    assert Extraction.objects.exclude(files_removed_at=None).count() == 3


def test_without_a_setting_files_stay_for_ever(settings: Settings) -> None:
    settings.FILE_RETENTION_DAYS = None
    extraction = ended(3650)

    assert purge_files() == 0

    assert has_files(extraction)
    assert not RetentionRun.objects.exists()


def test_run_killed_after_it_marked_a_row_is_completed_by_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended(31)
    assert purge_files() == 1
    extraction = ended(31)

    def kill(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", kill)
        with pytest.raises(KeyboardInterrupt):
            purge_files()
    assert has_files(extraction)

    assert purge_files() == 0

    assert not has_files(extraction)
    assert RetentionRun.objects.first().size == 12  # type: ignore[union-attr]


def test_folder_that_cannot_be_removed_is_recorded_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    extractions = [ended(31), ended(31)]
    rmtree, stuck = shutil.rmtree, folder_of(extractions[0].pk)

    def fail_for_one(folder: Path) -> None:
        if folder == stuck:
            raise PermissionError
        rmtree(folder)

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", fail_for_one)
        assert purge_files() == 2

    assert [has_files(each) for each in extractions] == [True, False]
    assert f"The files of {extractions[0].pk} cannot be removed." in caplog.text
    run = RetentionRun.objects.get()
    assert (run.error, run.is_complete) == ("PermissionError", False)
    assert not OrmQ.objects.exists()
    purge_files()
    assert not has_files(extractions[0])


def test_extraction_that_was_queued_again_meanwhile_keeps_its_files() -> None:
    extraction = ended(31, State.FAILED)
    assert Extraction.objects.requeue(extraction.pk)

    assert not Extraction.objects.mark_files_removed(extraction, timezone.now())


def test_run_that_takes_too_long_goes_on_in_another_task() -> None:
    ended(31)

    assert purge_files(seconds=0) == 0

    assert [message.task["func"] for message in OrmQ.objects.all()] == [
        "extraction.documents.retention.purge_files"
    ]


def test_api_says_that_the_images_were_removed(integrator: Integrator) -> None:
    extraction = ended(31, result=make_invoice().model_dump(mode="json"))
    page = f"/api/v1/extractions/{extraction.pk}/pages/1"
    assert b"".join(integrator.http.get(page)) == b"1234567"

    purge_files()

    answer = integrator.http.get(page)
    assert (answer.status_code, answer.json()["code"]) == (404, "files_removed")
    assert f"removed on {timezone.now():%Y-%m-%d}" in answer.json()["detail"]
    assert integrator.http.get(f"/api/v1/extractions/{extraction.pk}/").status_code == 200


def test_page_says_it_and_offers_no_retry(signed_in: Client) -> None:
    extraction = ended(31, State.FAILED)
    address = f"/extractions/{extraction.pk}/"
    assert "Try again" in signed_in.get(address).content.decode()

    purge_files()

    page = signed_in.get(address).content.decode()
    assert f'removed on <time datetime="{timezone.now():%Y-%m-%d}T' in page
    assert "Upload the document to have it read." in page
    assert "Try again" not in page
    retried = signed_in.post(f"{address}retry/", follow=True).content.decode()
    assert "The document was removed. Upload it again." in retried
    extraction.refresh_from_db()
    assert extraction.state == State.FAILED


@pytest.mark.parametrize(("state", "read_again"), [(State.SUCCEEDED, False), (State.FAILED, True)])
def test_same_bytes_are_read_again_only_where_nothing_was_read(
    token: TokenMaster, state: State, read_again: bool
) -> None:
    def submit() -> uuid.UUID:
        submitted = submission.submit(
            upload(pdf("INVOICE 1")),
            company_id="NT047",
            requested_by="asha",
            branch="",
            client="user:1",
        )
        return submitted.extraction.pk

    first = submit()
    long_ago = timezone.now() - timedelta(days=31)
    Extraction.objects.update(state=state, finished_at=long_ago)
    purge_files()

    assert (submit() != first) is read_again


def orphan(hours_ago: float = 25, name: str = "") -> Path:
    """A document folder without an extraction, of 5 bytes and a page of 7."""
    folder = folder_of(uuid.uuid4())
    if name:
        folder = folder.with_name(name)
    (folder / "pages").mkdir(parents=True)
    (folder / "document.pdf").write_bytes(b"%PDF-")
    (folder / "pages" / "001.jpg").write_bytes(b"1234567")
    moment = time.time() - 3600 * hours_ago
    os.utime(folder, (moment, moment))
    return folder


def test_documents_without_an_extraction_are_removed_after_a_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    stray = [orphan() for _ in range(5)]
    kept = [orphan(hours_ago=23), orphan(name="not-a-document"), folder_of(ended(31).pk)]
    os.utime(kept[2], (0, 0))

    assert [purge_orphans(), purge_orphans()] == [5, 0]

    assert [folder.exists() for folder in (*stray, *kept)] == [False] * 5 + [True] * 3
    run = RetentionRun.objects.last()
    assert run is not None
    assert (run.what, run.deleted, run.size, run.is_complete) == (Kept.ORPHANS, 5, 60, True)


def test_document_whose_web_process_died_before_its_row_was_written_is_removed(
    token: TokenMaster, monkeypatch: pytest.MonkeyPatch, data_dir: Path
) -> None:
    def die(*_: object, **__: object) -> None:
        raise SystemExit

    with monkeypatch.context() as killed:  # nothing tidies up then
        killed.setattr(Extraction, "save", die)
        killed.setattr(shutil, "rmtree", lambda *_, **__: None)
        with pytest.raises(SystemExit):
            submission.submit(
                upload(pdf("INVOICE 1")),
                company_id="NT047",
                requested_by="asha",
                branch="",
                client="user:1",
            )
    (folder,) = (data_dir / "files").glob("*/*")
    os.utime(folder, (0, 0))

    assert purge_orphans() == 1

    assert list((data_dir / "files").rglob("*.pdf")) == []


def test_nothing_is_removed_by_a_database_that_knows_too_few_documents(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(retention, "ORPHANS_EXPECTED", 2)
    stray = [orphan() for _ in range(4)]
    known = ended(1)

    assert purge_orphans() == 0

    assert all(folder.exists() for folder in stray)
    run = RetentionRun.objects.get()
    assert (run.error, run.is_complete) == ("UnknownFolders", False)
    assert caplog.messages[0].startswith(
        "DATA_DIR/files holds 5 documents, and the database knows 1: nothing is removed."
    )
    assert has_files(known)


def test_removal_of_orphans_that_takes_too_long_goes_on_where_it_ended() -> None:
    group = orphan().parent.name

    assert purge_orphans(after="", seconds=0) == 0
    (message,) = OrmQ.objects.all()
    assert (message.task["func"], message.task["args"]) == (
        "extraction.documents.retention.purge_orphans",
        ("",),
    )
    assert [purge_orphans(after=group), purge_orphans(after="")] == [0, 1]


def test_orphan_that_cannot_be_removed_is_recorded(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = orphan()

    def refuse(_: Path) -> None:
        raise PermissionError

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", refuse)
        assert purge_orphans() == 0

    assert f"The files of {folder.name} cannot be removed." in caplog.text
    run = RetentionRun.objects.get()
    assert (run.error, run.is_complete) == ("PermissionError", False)
    assert purge_orphans() == 1


@pytest.mark.parametrize("name", ["purge_files", "purge_orphans"])
def test_purges_are_scheduled_once(name: str) -> None:
    ensure_schedules()
    ensure_schedules()

    assert Schedule.objects.get(name=name).func == f"extraction.documents.retention.{name}"


@pytest.mark.parametrize("kept", [Kept.FILES, Kept.DELETED])
def test_files_whose_disk_is_away_are_removed_when_it_is_back(kept: Kept, data_dir: Path) -> None:
    deleted_at = timezone.now() - timedelta(days=100) if kept == Kept.DELETED else None
    old = ended(31, deleted_at=deleted_at)
    purge = purge_files if kept == Kept.FILES else retention.purge_deleted
    documents_folder()
    (data_dir / "files").rename(data_dir / "elsewhere")

    with pytest.raises(FileNotFoundError):
        purge()
    run = RetentionRun.objects.latest("pk")
    assert (run.what, run.error, run.is_complete) == (kept, "FileNotFoundError", False)

    (data_dir / "elsewhere").rename(data_dir / "files")
    assert purge() == 1
    assert not has_files(old)
