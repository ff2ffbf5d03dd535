import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from ocrsite.lib.files import Repair, close_to_others, make_folder, restrict_umask

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """Run with the umask that shows most, and give back the one that was."""
    before = os.umask(0)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, str]:
    """The modes in octal digits of a folder and of all it holds, by name."""
    return {
        path.name: f"{stat.S_IMODE(path.lstat().st_mode):o}"
        for path in [folder, *folder.rglob("*")]
        if not path.is_symlink()
    }


def test_what_is_made_under_the_restricted_umask_is_its_users_alone(tmp_path: Path) -> None:
    restrict_umask()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").touch()

    assert modes(tmp_path / "folder") == {"folder": "700", "file": "600"}


def test_a_made_folder_is_its_users_alone_and_may_be_there_already(tmp_path: Path) -> None:
    assert make_folder(tmp_path / "data") == make_folder(tmp_path / "data") == tmp_path / "data"

    assert modes(tmp_path / "data") == {"data": "700"}


def test_everything_that_was_open_to_others_is_closed_and_counted_once(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "files").mkdir(parents=True)
    (data / "files" / "document").touch()
    (data / "db.sqlite3").touch()
    (data / "wrapper").touch()
    (data / "wrapper").chmod(0o755)
    (data / "secrets.env").touch(0o600)

    assert [close_to_others(data), close_to_others(data)] == [Repair(5, 0), Repair(0, 0)]

    assert modes(data) == {
        "data": "700",
        "files": "700",
        "document": "600",
        "db.sqlite3": "600",
        "wrapper": "700",
        "secrets.env": "600",
    }


def test_what_a_symbolic_link_leads_to_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "site.css").touch()
    data = make_folder(tmp_path / "data")
    (data / "static").symlink_to(tmp_path / "static")
    (data / "site.css").symlink_to(tmp_path / "static" / "site.css")

    assert close_to_others(data) == Repair(0, 0)

    assert modes(tmp_path / "static") == {"static": "777", "site.css": "666"}


def test_what_cannot_be_closed_is_counted_apart(tmp_path: Path) -> None:
    data = make_folder(tmp_path / "data")
    for name in ("foreign", "no-modes", "gone", "own"):
        (data / name).touch()
    chmod = os.chmod

    def refuse(path: str, mode: int) -> None:
        if path.endswith("foreign"):
            raise PermissionError
        if path.endswith("gone"):
            Path(path).unlink()
        if not path.endswith("no-modes"):
            chmod(path, mode)

    with mock.patch("ocrsite.lib.files.os.chmod", refuse):
        assert close_to_others(data) == Repair(1, 2)
