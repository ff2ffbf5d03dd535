import os
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import pytest
import time_machine
from django.conf import settings
from django.db import connections
from django.utils import timezone

from logs.handler import error_grouping, spool
from logs.handler.records import Row
from logs.handler.spool import Batch, Spool, ingest, insert
from logs.models import ApplicationLog, IngestedFile
from tests.logs.handler.spooled import messages, row, written

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.vendor]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(settings, "DATA_DIR", tmp_path)
    return tmp_path / "unwritten-logs"


def ingest_rested() -> None:
    """Ingest as another process does that finds files of one that died."""
    with time_machine.travel(timezone.now() + timedelta(seconds=spool.RESTED_SECONDS + 1)):
        assert ingest()


def cut(one: Spool, *messages: str) -> Batch:
    """A batch of a process that is about to insert it."""
    one.append([row(message) for message in messages])
    batch = one.cut()
    assert batch
    return batch


def test_every_column_comes_through_the_file() -> None:
    nothing: dict[str, Any] = {
        name: None
        for name in Row._fields
        if name not in ("timestamp", "message", "level", "logger")
    }
    rows = [row("Größe"), row("bare", **nothing)]
    one = Spool()
    one.append(rows)
    one.finish()

    assert ingest()

    stored = ApplicationLog.objects.order_by("pk").values_list(*Row._fields)
    assert [Row._make(values) for values in stored] == error_grouping.record(rows)


def test_files_are_ingested_in_their_order_and_only_so_many_at_once(folder: Path) -> None:
    for message in ("1", "2", "3"):
        written(message)

    assert not ingest(at_most=2)
    assert messages() == ["1", "2"]
    assert ingest(at_most=2)
    assert messages() == ["1", "2", "3"]
    assert list(folder.iterdir()) == []


def test_file_whose_ingesting_process_died_after_its_commit_is_not_ingested_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written("once")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", lambda *_, **__: None)
        ingest()
    assert len(list(folder.iterdir())) == 1

    ingest()

    assert messages() == ["once"]
    assert list(folder.iterdir()) == []


def test_file_that_two_processes_ingest_at_the_same_time_is_ingested_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written("once")
    both_looked = threading.Barrier(2)
    read = spool._read

    def read_together(path: Path) -> list[Row]:
        rows = read(path)
        both_looked.wait(30)
        return rows

    monkeypatch.setattr(spool, "_read", read_together)
    threads = [threading.Thread(target=ingest_and_disconnect) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert messages() == ["once"]


def ingest_and_disconnect() -> None:
    try:
        ingest()
    finally:
        connections.close_all()


def test_open_file_is_left_to_its_process_for_a_minute(folder: Path) -> None:
    one = Spool()
    one.append([row("1")])
    ingest()
    assert messages() == []

    ingest_rested()
    assert messages() == ["1"]

    one._written_at -= spool.RESTED_SECONDS
    one.append([row("2")])  # in another file: the name of the first is taken
    one.finish()
    ingest()
    assert messages() == ["1", "2"]


def test_full_file_is_ingested_while_its_process_writes_the_next(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "FILE_BYTES", 1)
    one = Spool()
    one.append([row("1")])
    one.append([row("2")])

    assert sorted(path.suffix for path in folder.iterdir()) == [".jsonl", ".jsonl"]
    ingest()
    assert messages() == ["1", "2"]


def test_oldest_file_is_dropped_when_too_many_wait_and_a_warning_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spool, "MOST_FILES", 2)
    written("1", "1")
    written("2")
    written("3")

    ingest_rested()

    assert messages() == [
        "2",
        "3",
        "2 log records were dropped because the database was away for too long",
    ]


def test_names_of_ingested_files_are_forgotten_after_a_day_unless_files_wait() -> None:
    IngestedFile.objects.create(name="old", ingested_at=timezone.now() - timedelta(days=2))
    written("1")
    written("2")

    assert not ingest(at_most=1)
    assert IngestedFile.objects.filter(name="old").exists()
    assert ingest(at_most=1)

    assert not IngestedFile.objects.filter(name="old").exists()
    assert IngestedFile.objects.count() == 2


def test_batch_is_inserted_and_its_file_removed(folder: Path) -> None:
    insert(cut(Spool(), "1", "2"))

    assert messages() == ["1", "2"]
    assert list(folder.iterdir()) == []


def test_batch_of_a_process_that_died_before_its_commit_is_ingested_by_another() -> None:
    cut(Spool(), "1")

    ingest_rested()

    assert messages() == ["1"]


def test_batch_of_a_process_that_died_after_its_commit_is_not_ingested_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = cut(Spool(), "once")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", no_unlink)
        assert insert(batch) is None  # the name is needed as long as the file is there
    assert len(list(folder.iterdir())) == 1

    ingest_rested()

    assert messages() == ["once"]
    assert list(folder.iterdir()) == []


def no_unlink(*_: object, **__: object) -> None:
    raise PermissionError


def test_batch_that_another_process_ingested_meanwhile_is_not_inserted_again() -> None:
    """The database held up its own process for so long that the file counted as left behind."""
    batch = cut(Spool(), "once")
    ingest_rested()

    assert insert(batch) is None

    assert messages() == ["once"]


def test_name_of_a_removed_file_is_replaced_by_the_next() -> None:
    one = Spool()
    outdated = None
    for message in ("1", "2", "3"):
        batch = cut(one, message)
        outdated = insert(batch, outdated)

    assert batch.path
    assert [noted.name for noted in IngestedFile.objects.all()] == [batch.path.stem]
    assert insert(cut(one, "4"), "forgotten by now")
    assert messages() == ["1", "2", "3", "4"]


def test_name_of_a_file_that_another_process_may_have_read_is_kept() -> None:
    batch = cut(Spool(), "1")
    batch.written_at -= spool.RESTED_SECONDS

    assert insert(batch) is None


def test_batch_that_the_disk_did_not_take_is_inserted_without_a_name() -> None:
    assert insert(Batch([row("1")]), "last") == "last"

    assert messages() == ["1"]
    assert not IngestedFile.objects.exists()


def test_rows_of_a_batch_are_inserted_in_the_order_of_their_times() -> None:
    one = Spool()
    later = row("later")
    one.append([later, later._replace(message="earlier", timestamp=later.timestamp - timedelta(1))])
    batch = one.cut()
    assert batch
    insert(batch)

    assert messages() == ["earlier", "later"]
    assert one.cut() is None


def test_append_that_fails_leaves_no_part_of_a_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Spool()
    one.append([row("1")])
    with monkeypatch.context() as patched:
        patched.setattr(os, "fdopen", half_written)
        with pytest.raises(OSError, match="full"):
            one.append([row("2")])
    one.append([row("3")])
    one.finish()

    ingest()

    assert messages() == ["1", "3"]


class half_written:  # noqa: N801 - stands for a function
    """A file on a disk that is full after some bytes."""

    def __init__(self, descriptor: int, _: str) -> None:
        self._descriptor = descriptor

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def write(self, data: bytes) -> None:
        os.write(self._descriptor, data[:10])
        raise OSError("disk full")
