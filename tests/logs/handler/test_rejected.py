"""Records on disk that cannot be ingested are kept apart and told of, and hold up no others."""

from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import pytest
from django.conf import settings
from django.db import DataError, IntegrityError, OperationalError

from logs.handler import bulk_insert
from logs.handler.records import Row
from logs.handler.spool import Batch, ingest, insert
from logs.models import ApplicationLog
from tests.logs.handler.spooled import messages, row, written

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(settings, "DATA_DIR", tmp_path)
    return tmp_path / "unwritten-logs"


def rejected(folder: Path) -> dict[str, bytes]:
    """What was set aside."""
    return {path.name: path.read_bytes() for path in (folder / "rejected").iterdir()}


def levels() -> list[str]:
    return list(ApplicationLog.objects.order_by("pk").values_list("level", flat=True))


def test_unreadable_lines_are_kept_and_told_and_block_nothing(folder: Path) -> None:
    written("before")
    [path] = folder.iterdir()
    path.write_bytes(b'{"torn": \n\xff\xfe\n' + path.read_bytes())

    ingest()

    name = f"{path.stem}-unreadable.jsonl"
    assert messages() == [
        "before",
        f"2 unreadable log records cannot be ingested: see unwritten-logs/rejected/{name}.",
    ]
    assert levels()[1] == "ERROR"
    assert rejected(folder) == {name: b'{"torn": \n\xff\xfe\n'}
    assert (folder / "rejected" / name).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("error", [DataError, IntegrityError, ValueError, OverflowError])
def test_row_that_the_database_refuses_is_kept_and_told_and_holds_up_no_other(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    written("good", "bad", "good too")
    [path] = folder.iterdir()
    insert = bulk_insert.insert

    def insert_good(rows: Sequence[Row]) -> None:
        if any(row.message == "bad" for row in rows):
            raise error("too long")
        insert(rows)

    monkeypatch.setattr(bulk_insert, "insert", insert_good)

    assert ingest()

    name = f"{path.stem}-refused.jsonl"
    assert messages() == [
        "good",
        "good too",
        f"1 log records that the database refused ({error.__name__}) cannot be ingested: "
        f"see unwritten-logs/rejected/{name}.",
    ]
    assert levels()[2] == "ERROR"
    assert b',"bad",' in rejected(folder)[name]


def test_row_of_a_batch_without_a_file_is_kept_as_well(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(rows: Sequence[Row]) -> None:
        if any(row.message == "bad" for row in rows):
            raise OverflowError

    monkeypatch.setattr(bulk_insert, "insert", refuse)

    insert(Batch([row("bad")]))

    [content] = rejected(folder).values()
    assert b',"bad",' in content


def test_file_that_cannot_be_ingested_is_set_aside_and_holds_up_no_other(folder: Path) -> None:
    written("1")
    written("2")
    (folder / "0-folder.jsonl").mkdir()

    assert not ingest(at_most=1)
    assert ingest(at_most=1)

    assert messages() == [
        "A file of log records (IsADirectoryError) cannot be ingested: "
        "see unwritten-logs/rejected/0-folder.jsonl.",
        "1",
        "2",
    ]
    assert levels()[0] == "ERROR"
    assert [path.name for path in folder.iterdir()] == ["rejected"]
    assert [path.name for path in (folder / "rejected").iterdir()] == ["0-folder.jsonl"]


def test_file_that_cannot_be_set_aside_is_passed_over(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written("1")
    (folder / "0-folder.jsonl").mkdir()
    (folder / "rejected").touch()

    assert ingest(at_most=1)

    assert messages() == ["1"]


def test_file_stays_while_the_database_takes_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written("1")

    def refuse(_: Sequence[Row]) -> NoReturn:
        raise OperationalError("no such table")

    with monkeypatch.context() as broken:
        broken.setattr(bulk_insert, "insert", refuse)
        with pytest.raises(OperationalError):
            ingest()

    assert len(list(folder.glob("*.jsonl"))) == 1
    assert ingest()
    assert messages() == ["1"]
