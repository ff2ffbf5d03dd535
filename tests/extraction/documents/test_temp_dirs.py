import os
import time
from pathlib import Path

import pytest

from extraction.documents.temp_dirs import STALE_SECONDS, remove_stale_temp_dirs, temp_dir

pytestmark = pytest.mark.usefixtures("data_dir")


def test_temp_dir_is_private_and_removed_after_use(data_dir: Path) -> None:
    with temp_dir() as folder:
        (folder / "file").write_text("x")
        assert folder.stat().st_mode & 0o777 == 0o700

    assert list((data_dir / "tmp").iterdir()) == []


def test_temp_dir_is_removed_after_an_error(data_dir: Path) -> None:
    with pytest.raises(RuntimeError), temp_dir():
        raise RuntimeError

    assert list((data_dir / "tmp").iterdir()) == []


def test_only_temp_dirs_older_than_an_hour_are_removed(data_dir: Path) -> None:
    old, young = data_dir / "tmp" / "old", data_dir / "tmp" / "young"
    for folder in (old, young):
        folder.mkdir(parents=True)
        (folder / "page.jpg").write_text("x")
    long_ago = time.time() - STALE_SECONDS - 10
    os.utime(old, (long_ago, long_ago))

    assert remove_stale_temp_dirs() == 1
    assert list((data_dir / "tmp").iterdir()) == [young]


def test_nothing_is_removed_where_there_is_no_temp_dir() -> None:
    assert remove_stale_temp_dirs() == 0
