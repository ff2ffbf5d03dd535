"""What a backup holds, whom it is for, and that it is there as a whole or not at all."""

import logging
import os
import shutil
import sqlite3
import stat
from contextlib import closing
from datetime import timedelta
from io import StringIO
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from extraction import backup
from extraction.models import Extraction
from ocrsite.lib.files import sole_process
from tests.extraction.factories import make_extraction
from tests.tokens.rows import KEY, insert_by_sql, make_token
from tokens import encryption

MINUTES = count()

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="its database is a file"),
]


@pytest.fixture(autouse=True)
def data_dir(data_dir: Path) -> Path:
    for name in ("files/ab", "archive", "journal/rejected", "unwritten-logs", "tmp", "static"):
        (data_dir / name).mkdir(parents=True)
        (data_dir / name / "one").write_bytes(name.encode())
    for name in ("secrets.env", "appSetting.txt", "initial-credentials.json", "installation"):
        (data_dir / name).write_text(name)
    return data_dir


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "backups"


def run(target: Path, **options: Any) -> str:
    """Back up, each time a minute later."""
    output = StringIO()
    now = timezone.now() + timedelta(minutes=next(MINUTES))
    with time_machine.travel(now, tick=False):
        call_command("backup", to=str(target), stdout=output, stderr=output, **options)
    return output.getvalue()


def backups(target: Path) -> list[Path]:
    return sorted(path for path in target.iterdir() if path.is_dir())


def held(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_it_holds_database_documents_and_records_and_no_secret(target: Path) -> None:
    make_token()
    extraction = make_extraction()

    told = run(target)

    (folder,) = backups(target)
    found = held(folder)
    database = found.pop("db.sqlite3")
    assert found == {
        **{
            f"{name}/one": name.encode()
            for name in ("files/ab", "archive", "journal/rejected", "unwritten-logs")
        },
        "installation": b"installation",
    }
    assert KEY.encode() not in database
    with closing(sqlite3.connect(folder / "db.sqlite3")) as copy:
        assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        (row,) = copy.execute("SELECT id FROM extraction_extraction")
        assert row == (extraction.pk.hex,)
    assert f"{folder}: database and 5 files, 0 of them as in the backup before." in told


def test_it_is_its_users_alone_whatever_the_files_were(target: Path, data_dir: Path) -> None:
    (data_dir / "files" / "ab" / "one").chmod(0o644)

    run(target)

    modes = {stat.S_IMODE(path.stat().st_mode) for path in target.rglob("*") if not path.is_dir()}
    folders = {stat.S_IMODE(path.stat().st_mode) for path in target.rglob("*") if path.is_dir()}
    assert (modes, folders, stat.S_IMODE(target.stat().st_mode)) == ({0o600}, {0o700}, 0o700)


def test_a_key_that_was_inserted_in_clear_is_encrypted_first(target: Path) -> None:
    token = insert_by_sql()

    run(target)

    (folder,) = backups(target)
    assert KEY.encode() not in (folder / "db.sqlite3").read_bytes()
    with closing(sqlite3.connect(folder / "db.sqlite3")) as copy:
        (stored,) = copy.execute("SELECT ApiKey FROM TokenMaster").fetchone()
    assert encryption.decrypt(stored, token.pk) == KEY


def test_no_backup_holds_a_key_in_clear(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup, "encrypt_clear_keys", lambda: 0)
    insert_by_sql()

    with pytest.raises(CommandError, match="inserted in clear"):
        run(target)

    assert list(target.glob(backup.NAMES)) == []


def test_what_is_unchanged_is_linked_to_the_backup_before(target: Path, data_dir: Path) -> None:
    run(target)
    document = data_dir / "files" / "ab" / "one"
    (data_dir / "files" / "ab" / "two").write_bytes(b"new")
    document.unlink()
    document.write_bytes(b"FILES/ab")  # as long as before
    os.utime(document, ns=(1, 1))

    told = run(target)

    first, second = backups(target)
    assert (first / "files/ab/one").read_bytes() == b"files/ab"
    assert (second / "files/ab/one").read_bytes() == b"FILES/ab"
    assert (second / "archive/one").samefile(first / "archive/one")
    assert not (second / "journal/rejected/one").samefile(first / "journal/rejected/one")
    assert "6 files, 1 of them as in the backup before" in told


def test_the_newest_are_kept(target: Path) -> None:
    (target / "ocrsite-notes").mkdir(parents=True)
    for _ in range(4):
        run(target, keep=2)

    names = [path.name for path in backups(target)]
    assert len(names) == 3
    assert names[-1] == "ocrsite-notes"


def test_a_fault_leaves_those_of_before_and_no_other(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(target)
    before = backups(target)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfileobj", full)
        with pytest.raises(CommandError, match=r"There is no new backup\. .*No space left"):
            run(target, keep=1)
    assert backups(target) == before  # and no draft, which would fill the disk on

    run(target)

    assert len(backups(target)) == 2


def test_what_a_killed_one_left_is_removed(target: Path) -> None:
    draft = target / "ocrsite-20260101T000000Z.draft"
    draft.mkdir(parents=True)

    run(target)

    assert not draft.exists()


def test_a_copy_that_cannot_be_read_is_no_backup(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.connect

    def cut_off(path: Path, **options: Any) -> sqlite3.Connection:
        os.truncate(path, 5000)
        connection: sqlite3.Connection = connect(path, **options)
        return connection

    monkeypatch.setattr(sqlite3, "connect", cut_off)

    with pytest.raises(CommandError, match=r"There is no new backup\. .*cannot be read"):
        run(target)
    assert backups(target) == []


def test_a_new_one_stays_whatever_those_of_a_clock_ahead_are_called(target: Path) -> None:
    with time_machine.travel(timezone.now() + timedelta(days=30)):
        ahead = [run(target) for _ in range(2)]
    assert len(ahead) == 2

    told = run(target, keep=2)

    first, second = backups(target)
    assert f"{first}: database" in told
    assert second.name > first.name


def test_two_at_a_time_are_one(target: Path) -> None:
    with (
        sole_process(target / ".backup.lock"),
        pytest.raises(CommandError, match="is under way"),
    ):
        run(target)


def test_documents_whose_disk_is_away_are_missed(target: Path, data_dir: Path) -> None:
    run(target)
    shutil.rmtree(data_dir / "files")

    with pytest.raises(CommandError, match="There is no new backup"):
        run(target)


def test_what_others_remove_meanwhile_is_left_out(
    target: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = os.walk

    def removing(folder: Path, **options: Any) -> Any:
        for where, folders, names in walk(folder, **options):
            (data_dir / "files" / "ab" / "one").unlink(missing_ok=True)
            yield where, folders, names

    monkeypatch.setattr(os, "walk", removing)

    run(target)

    assert "files/ab/one" not in held(backups(target)[0])


def test_documents_that_cannot_be_read_are_missed(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(folder: Path, *, onerror: Any) -> Any:
        onerror(FileNotFoundError(2, "gone meanwhile"))
        onerror(PermissionError(13, "Permission denied"))
        yield from ()

    monkeypatch.setattr(os, "walk", forbidden)

    with pytest.raises(CommandError, match="Permission denied"):
        run(target)


def test_damaged_copy_is_no_backup(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = sqlite3.connect

    class Damaged(sqlite3.Connection):
        """A connection to a copy in which SQLite finds something."""

        def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
            found = "SELECT 'row 3 missing'" if "quick_check" in sql else sql
            return super().execute(found, *parameters)

    def damaged(path: Path, **options: Any) -> sqlite3.Connection:
        return connect(path, factory=Damaged, **options)

    monkeypatch.setattr(sqlite3, "connect", damaged)

    with pytest.raises(CommandError, match="damaged: row 3 missing"):
        run(target)


def test_it_needs_a_folder_and_keeps_one(settings: Settings, target: Path) -> None:
    settings.BACKUP_FOLDER = ""
    with pytest.raises(CommandError, match="BACKUP_FOLDER"):
        call_command("backup")
    with pytest.raises(CommandError, match="At least one"):
        run(target, keep=0)

    settings.BACKUP_FOLDER = str(target)
    call_command("backup", stdout=StringIO())
    assert len(backups(target)) == 1


@pytest.mark.parametrize(
    ("vendor", "tool"), [("postgresql", "pg_dump"), ("microsoft", "BACKUP DATABASE")]
)
def test_of_a_database_server_it_holds_the_rest_and_says_so(
    target: Path, monkeypatch: pytest.MonkeyPatch, vendor: str, tool: str
) -> None:
    monkeypatch.setattr(connection, "vendor", vendor)

    told = run(target)

    (folder,) = backups(target)
    assert not (folder / "db.sqlite3").exists()
    assert (folder / "files" / "ab" / "one").exists()
    assert "The database is not in it" in told
    assert tool in told


def test_it_is_logged(target: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "extraction.backup"):
        run(target)

    assert "is written: 5 files." in caplog.text
    assert Extraction.objects.count() == 0
