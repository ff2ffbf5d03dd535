import logging
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from unittest import mock

import pytest
from pytest_django import Settings

from ocrsite.checks import check_data_dir
from tests.running_site import eventually, running_site

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")


def open_to_others(folder: Path) -> list[str]:
    """What other users of the machine could open or enter, with modes."""
    modes = {}
    for path in [folder, *folder.rglob("*")]:
        with suppress(FileNotFoundError):  # a running site removes files meanwhile
            modes[path] = path.lstat().st_mode
    return [f"{path} {mode:o}" for path, mode in modes.items() if mode & 0o077]


@pytest.fixture
def umask_of_zero() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def test_open_files_are_closed_and_that_is_logged_once(
    tmp_path: Path, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.DATA_DIR = tmp_path
    (tmp_path / "db.sqlite3").touch()
    (tmp_path / "db.sqlite3").chmod(0o644)

    assert [check_data_dir(), check_data_dir()] == [[], []]

    assert open_to_others(tmp_path) == []
    assert [(record.levelno, record.message) for record in caplog.records] == [
        (
            logging.WARNING,
            "1 files and folders in DATA_DIR were open to other users of this machine; now they "
            "are closed to them.",
        )
    ]


def test_files_that_stay_open_are_warned_of(tmp_path: Path, settings: Settings) -> None:
    settings.DATA_DIR = tmp_path
    (tmp_path / "db.sqlite3").touch()
    (tmp_path / "db.sqlite3").chmod(0o644)

    with mock.patch("ocrsite.lib.files.os.chmod", side_effect=PermissionError):
        messages = check_data_dir()

    assert [message.id for message in messages] == ["ocrsite.W001"]
    assert messages[0].msg.startswith("1 files and folders in DATA_DIR are open to other users")


@pytest.mark.crash
@pytest.mark.usefixtures("umask_of_zero")
def test_nothing_that_a_site_makes_is_open_to_others_whatever_the_umask(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    document = tmp_path / "invoice.bin"
    document.write_bytes(b"%PDF-" + b"0" * 3_000_000)  # larger than what stays in memory
    with running_site(data_dir, fresh=True, LOG_LEVEL="DEBUG") as site:
        made_first = open_to_others(data_dir)
        site.start_web()
        site.start_worker()
        assert site.post(Path("samples/acme-invoice.pdf")).status_code == 200
        assert site.post(document).status_code == 422
        site.query("SELECT 1")
        made = open_to_others(data_dir)
        names = {path.name for path in data_dir.rglob("*")}

    assert made_first == made == []
    assert {"db.sqlite3", "db.sqlite3-wal", "db.sqlite3-shm", "static", "001.jpg"} <= names


@pytest.mark.crash
def test_a_starting_worker_closes_what_was_open(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with running_site(data_dir) as site:
        data_dir.chmod(0o755)
        (data_dir / "db.sqlite3").chmod(0o666)
        site.start_worker()
        for _ in eventually(30):
            if not open_to_others(data_dir):
                break
        assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
