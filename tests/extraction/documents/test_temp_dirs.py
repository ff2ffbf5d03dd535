import os
import time
from pathlib import Path

import pytest
from django.core.files.uploadedfile import TemporaryUploadedFile

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
    for path in (old / "page.jpg", old):
        os.utime(path, (long_ago, long_ago))

    assert remove_stale_temp_dirs() == 1
    assert list((data_dir / "tmp").iterdir()) == [young]


def test_temp_dir_of_a_file_that_is_written_for_hours_stays(data_dir: Path) -> None:
    """Such as a workbook of a million invoices."""
    folder = data_dir / "tmp" / "export"
    folder.mkdir(parents=True)
    (folder / "Invoices.xml").write_text("<row/>")
    os.utime(folder, (0, 0))

    assert remove_stale_temp_dirs() == 0
    assert folder.exists()


def test_upload_that_a_killed_process_left_is_removed_after_an_hour(data_dir: Path) -> None:
    (data_dir / "tmp").mkdir(parents=True)
    old, young = data_dir / "tmp" / "old.upload.pdf", data_dir / "tmp" / "young.upload.pdf"
    for path in (old, young):
        path.touch()
    os.utime(old, (0, 0))

    assert remove_stale_temp_dirs() == 1
    assert list((data_dir / "tmp").iterdir()) == [young]


def test_nothing_is_removed_where_there_is_no_temp_dir() -> None:
    assert remove_stale_temp_dirs() == 0


def test_large_upload_comes_in_under_the_data_folder() -> None:
    # The settings of the test run: ``data_dir`` came after they were read.
    upload = TemporaryUploadedFile("invoice.pdf", "application/pdf", 3_000_000, None)

    with upload:
        path = Path(upload.temporary_file_path())
        assert path.parent == Path(os.environ["DATA_DIR"]) / "tmp"
        assert path.stat().st_mode & 0o777 == 0o600
