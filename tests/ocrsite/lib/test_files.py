import os
import subprocess
import sys
from pathlib import Path

import pytest

from ocrsite.lib.files import atomic_write, sole_process, standing_folder
from tests.running_site import ROOT

HOLD = """
import sys, pathlib
from ocrsite.lib.files import sole_process
with sole_process(pathlib.Path(sys.argv[1])) as is_sole:
    print(is_sole, flush=True)
    sys.stdin.read()
"""


def holder(path: Path) -> subprocess.Popen[str]:
    """Another process that takes the lock and keeps it until its input ends."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_written_file_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    with atomic_write(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"

    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_write_that_fails_leaves_the_old_file_and_a_draft(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    with pytest.raises(TypeError), atomic_write(path) as file:
        file.writelines([b"new and much longer", None])  # type: ignore[list-item]

    assert path.read_bytes() == b"old"
    assert (tmp_path / ".file.draft").exists()
    with atomic_write(path) as file:
        file.write(b"short")
    assert path.read_bytes() == b"short"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")
def test_files_and_their_folders_are_the_owners_alone(tmp_path: Path) -> None:
    path, lock = tmp_path / "folder" / "file", tmp_path / "locks" / "lock"

    with atomic_write(path), sole_process(lock):
        pass

    assert [entry.stat().st_mode & 0o777 for entry in (path, lock)] == [0o600, 0o600]
    assert [entry.parent.stat().st_mode & 0o777 for entry in (path, lock)] == [0o700, 0o700]


def test_second_process_is_told_that_it_is_not_the_sole_one(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with holder(path) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        with sole_process(path) as is_sole:
            assert not is_sole
        with sole_process(tmp_path / "other lock") as is_sole:
            assert is_sole
        other.communicate()

    with sole_process(path) as is_sole:
        assert is_sole


def test_lock_ends_with_a_process_that_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with holder(path) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        other.kill()
        other.wait()

        with sole_process(path) as is_sole:
            assert is_sole


def test_folder_that_two_make_at_the_same_time_stands_for_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, made = tmp_path / "files", tmp_path / ".files.made"
    is_dir = Path.is_dir

    def overtaken(path: Path) -> bool:
        """Have another thread make the folder between a question for it and its answer's use."""
        found = is_dir(path)
        monkeypatch.setattr(Path, "is_dir", is_dir)
        standing_folder(folder, made)
        return found

    monkeypatch.setattr(Path, "is_dir", overtaken)

    assert standing_folder(folder, made) == folder


def test_folder_that_went_away_is_not_made_again(tmp_path: Path) -> None:
    folder = standing_folder(tmp_path / "files")
    folder.rmdir()

    with pytest.raises(FileNotFoundError):
        standing_folder(folder)
    assert not folder.exists()
