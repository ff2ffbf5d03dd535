import threading
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.db import DataError, connections
from django.utils import timezone

from logs.handler import bulk_insert, error_grouping, spool
from logs.handler.records import Row
from logs.handler.spool import Spool, ingest
from logs.models import ApplicationLog, EnteredFile

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.vendor]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(settings, "DATA_DIR", tmp_path)
    return tmp_path / "unwritten-logs"


def row(message: str, **fields: Any) -> Row:
    usual = Row(
        timestamp=datetime(2026, 11, 24, 12, 0, 0, 123456, UTC),
        message=message,
        exception="Traceback\nof two lines",
        line_number=7,
        level="ERROR",
        logger="test",
        module="spool",
        function_name="row",
        request_id="request-1",
        extraction_id=uuid.UUID("0b0e7a2e-6f0c-4a4b-9d0e-6a1f6f9f6a11"),
        company_id="NT047",
        user="asha",
        process_id=4711,
        host="here",
    )
    return usual._replace(**fields)


def written(*messages: str) -> None:
    """A file of a process that has ended."""
    one = Spool()
    one.write(map(row, messages))
    one.close()


def messages() -> list[str]:
    return list(ApplicationLog.objects.order_by("pk").values_list("message", flat=True))


def test_every_column_comes_through_the_file() -> None:
    nothing: dict[str, Any] = {
        name: None
        for name in Row._fields
        if name not in ("timestamp", "message", "level", "logger")
    }
    rows = [row("Größe"), row("bare", **nothing)]
    one = Spool()
    one.write(rows)
    one.close()

    assert ingest()

    stored = ApplicationLog.objects.order_by("pk").values_list(*Row._fields)
    assert [Row._make(values) for values in stored] == error_grouping.record(rows)


def test_files_are_entered_in_their_order_and_only_so_many_at_once(folder: Path) -> None:
    for message in ("1", "2", "3"):
        written(message)

    assert not ingest(at_most=2)
    assert messages() == ["1", "2"]
    assert ingest(at_most=2)
    assert messages() == ["1", "2", "3"]
    assert list(folder.iterdir()) == []


def test_file_of_a_process_that_died_after_its_commit_is_not_entered_again(
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


def test_processes_that_enter_the_same_file_at_the_same_time_enter_it_once(
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
    threads = [threading.Thread(target=enter_and_hang_up) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert messages() == ["once"]


def enter_and_hang_up() -> None:
    try:
        ingest()
    finally:
        connections.close_all()


def test_unreadable_lines_are_counted_and_block_nothing(folder: Path) -> None:
    written("before")
    [path] = folder.iterdir()
    path.write_bytes(b'{"torn": \n\xff\xfe\n' + path.read_bytes())

    ingest()

    assert messages() == [
        "before",
        f"2 log records on disk could not be read: {path.name}",
    ]


def test_row_that_the_database_refuses_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    written("good", "bad", "good too")
    insert = bulk_insert.insert

    def insert_good(rows: Sequence[Row]) -> None:
        if any(row.message == "bad" for row in rows):
            raise DataError("too long")
        insert(rows)

    monkeypatch.setattr(bulk_insert, "insert", insert_good)

    ingest()

    assert messages() == ["good", "A log record was refused by the database: too long", "good too"]


def test_open_file_is_left_to_its_process_until_it_has_rested(folder: Path) -> None:
    one = Spool()
    one.write([row("1")])
    ingest()
    assert messages() == []

    with time_machine.travel(timezone.now() + timedelta(seconds=spool.RESTED_SECONDS + 1)):
        ingest()
    assert messages() == ["1"]

    one._written_at -= spool.RESTED_SECONDS
    one.write([row("2")])  # in another file: the name of the first is taken
    one.close()
    ingest()
    assert messages() == ["1", "2"]


def test_full_file_is_entered_while_its_process_writes_the_next(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "FILE_BYTES", 1)
    one = Spool()
    one.write([row("1")])
    one.write([row("2")])

    assert sorted(path.suffix for path in folder.iterdir()) == [".jsonl", ".jsonl"]
    ingest()
    assert messages() == ["1", "2"]


def test_oldest_file_makes_room_and_a_warning_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "MOST_FILES", 2)
    written("1", "1")
    written("2")
    written("3")

    ingest()

    assert messages() == [
        "2",
        "2 log records were dropped because the database was away for too long",
        "3",
    ]


def test_names_of_entered_files_are_forgotten_after_a_day() -> None:
    EnteredFile.objects.create(name="old", entered_at=timezone.now() - timedelta(days=2))
    written("1")

    ingest()

    [kept] = EnteredFile.objects.all()
    assert kept.name != "old"


def test_file_that_cannot_be_read_holds_up_no_other(folder: Path) -> None:
    folder.mkdir()
    (folder / "0.jsonl").mkdir()
    written("1")

    ingest()

    assert messages() == ["1"]
