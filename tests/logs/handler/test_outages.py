"""A database that is away, locked or slow, and a disk that takes nothing."""

import logging
import threading
import uuid
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import OperationalError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Sum
from django.utils import timezone

from logs import context
from logs.handler import bulk_insert, handler, spool
from logs.handler.handler import DatabaseHandler
from logs.handler.records import Row
from logs.models import ApplicationLog, ErrorGroup
from tests import pyodbc_errors
from tests.logs.handler.outages import flush, kept, no_log_table
from tests.running_site import eventually

EXTRACTION = "0b0e7a2e-6f0c-4a4b-9d0e-6a1f6f9f6a11"


@pytest.mark.django_db(transaction=True)
def test_records_of_an_outage_go_to_stderr_and_to_a_file_and_are_ingested_once_after_it(
    log: logging.Logger, capsys: pytest.CaptureFixture[str], data_dir: Path
) -> None:
    with no_log_table():
        with context.bound(extraction_id=EXTRACTION):
            log.warning("during the outage")
        flush(log)
        log.warning("still")
        flush(log)
        files = list((data_dir / "unwritten-logs").iterdir())
        assert sum(path.read_text().count("\n") for path in files) == 2
        assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    log.warning("after it")
    flush(log)

    first, second, third, *_ = capsys.readouterr().err.splitlines()
    assert first == (
        "ApplicationLogs cannot be written (OperationalError: no such table: ApplicationLogs)."
        " The records are:"
    )
    assert second.endswith(f" WARNING {log.name}: during the outage")
    assert third.endswith(": still")
    rows = ApplicationLog.objects.order_by("pk")
    assert [row.message for row in rows] == ["during the outage", "still", "after it"]
    assert rows[0].extraction_id == uuid.UUID(EXTRACTION)
    assert list((data_dir / "unwritten-logs").iterdir()) == []


@pytest.mark.django_db(transaction=True)
def test_records_that_cannot_be_written_before_the_end_are_printed_and_ingested_once(
    log: logging.Logger, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer waits for the caller's transaction, and the caller for the writer: for a time."""
    [database_handler] = log.handlers
    assert isinstance(database_handler, DatabaseHandler)
    monkeypatch.setattr(handler, "EXIT_SECONDS", 0.2)
    with transaction.atomic():
        ApplicationLog.objects.count()
        log.warning("at the end")
        database_handler.close()

    first, second = capsys.readouterr().err.splitlines()
    assert first == "ApplicationLogs could not be written before the end:"
    assert second.endswith(": at the end")
    assert database_handler._writer is not None
    database_handler._writer.join()  # its insert goes on
    log.warning("after the end")
    assert capsys.readouterr().err.endswith(": after the end\n")
    database_handler._batch_writer.catch_up(at_once=True)
    rows = ApplicationLog.objects.order_by("pk")
    assert [row.message for row in rows] == ["at the end", "after the end"]


@pytest.mark.django_db(transaction=True)
def test_records_that_close_released_are_not_printed_or_kept_twice(
    log: logging.Logger, monkeypatch: pytest.MonkeyPatch, data_dir: Path
) -> None:
    """The writer's insert fails after the end, as when a lock is not granted in time."""
    [database_handler] = log.handlers
    assert isinstance(database_handler, DatabaseHandler)
    monkeypatch.setattr(handler, "EXIT_SECONDS", 0.2)
    closed = threading.Event()

    def insert(_: object) -> None:
        closed.wait(30)
        raise OperationalError("database is locked")

    with monkeypatch.context() as patched:
        patched.setattr(bulk_insert, "insert", insert)
        log.warning("once")
        database_handler.close()
        closed.set()
        assert database_handler._writer is not None
        database_handler._writer.join()

    [file] = (data_dir / "unwritten-logs").iterdir()
    assert file.read_text().count("\n") == 1


@pytest.mark.django_db(transaction=True)
def test_error_is_on_disk_when_the_call_returns_and_in_the_database_once(
    log: logging.Logger, capsys: pytest.CaptureFixture[str], data_dir: Path
) -> None:
    with transaction.atomic():  # nobody else can write to SQLite meanwhile
        for message in ("first", "second"):
            log.error(message)
            assert message in kept(data_dir)
        log.critical("third")
        assert "third" in kept(data_dir)
    flush(log)

    rows = ApplicationLog.objects.order_by("timestamp").values_list("message", flat=True)
    assert list(rows) == ["first", "second", "third"]
    assert ErrorGroup.objects.aggregate(Sum("count"))["count__sum"] == 3
    assert kept(data_dir) == ""
    assert capsys.readouterr().err == ""


@pytest.mark.django_db(transaction=True)
def test_records_of_every_level_are_on_disk_while_the_database_is_locked(
    log: logging.Logger, data_dir: Path
) -> None:
    with transaction.atomic():
        for message in ("taken by the writer", "in the queue"):
            log.info(message)
            for _ in eventually(30):
                if message in kept(data_dir):
                    break
    flush(log)

    rows = ApplicationLog.objects.order_by("timestamp").values_list("message", flat=True)
    assert list(rows) == ["taken by the writer", "in the queue"]


@pytest.mark.django_db(transaction=True)
def test_records_logged_before_a_query_timed_out_are_printed_once(
    log: logging.Logger,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    data_dir: Path,
) -> None:
    """As when the server cannot be reached any more: the INSERT ends with a time-out."""
    timed_out = threading.Event()

    def insert(_: object) -> None:
        timed_out.wait(30)
        raise OperationalError("timeout")

    with monkeypatch.context() as patched:
        patched.setattr(bulk_insert, "insert", insert)
        log.error("while it waits")
        for _ in eventually(30):
            if "while it waits" in kept(data_dir):
                break
        assert capsys.readouterr().err == ""
        timed_out.set()
        log.error("afterwards")
        flush(log)
    flush(log)

    headline, *records = capsys.readouterr().err.splitlines()
    assert headline.startswith("ApplicationLogs cannot be written (OperationalError: timeout)")
    assert [each.rpartition(": ")[2] for each in records] == ["while it waits", "afterwards"]


@pytest.mark.django_db(transaction=True)
def test_error_while_the_database_is_known_to_be_away_is_on_disk_at_once_and_printed(
    log: logging.Logger, capsys: pytest.CaptureFixture[str], data_dir: Path
) -> None:
    with no_log_table():
        log.warning("first")
        flush(log)
        capsys.readouterr()

        log.error("second")
        assert "second" in kept(data_dir)
        flush(log)

    assert capsys.readouterr().err.endswith(f" ERROR {log.name}: second\n")


@pytest.mark.django_db(transaction=True)
def test_transaction_that_is_held_up_after_it_began_keeps_no_record_in_memory(
    log: logging.Logger, monkeypatch: pytest.MonkeyPatch, data_dir: Path
) -> None:
    [database_handler] = log.handlers
    assert isinstance(database_handler, DatabaseHandler)
    began, answers = threading.Event(), threading.Event()
    insert = bulk_insert.insert

    def insert_late(rows: Sequence[Row]) -> None:
        began.set()
        answers.wait(30)
        insert(rows)

    monkeypatch.setattr(bulk_insert, "insert", insert_late)
    log.info("first")
    assert began.wait(30)
    log.info("second")
    assert "second" not in kept(data_dir)  # the transaction is expected to end soon
    with monkeypatch.context() as patched:
        patched.setattr(database_handler, "_safe_until", 0)
        log.info("third")
    assert "second" in kept(data_dir)
    assert "third" in kept(data_dir)
    answers.set()
    flush(log)

    rows = ApplicationLog.objects.order_by("timestamp").values_list("message", flat=True)
    assert list(rows) == ["first", "second", "third"]
    assert kept(data_dir) == ""


@pytest.mark.django_db(transaction=True)
def test_records_that_the_disk_does_not_take_reach_the_database(
    log: logging.Logger, capsys: pytest.CaptureFixture[str], data_dir: Path
) -> None:
    (data_dir / "unwritten-logs").write_text("no folder")
    log.error("first")
    log.info("second")
    flush(log)
    log.error("third")
    flush(log)

    rows = ApplicationLog.objects.order_by("pk").values_list("message", flat=True)
    assert list(rows) == ["first", "second", "third"]
    assert capsys.readouterr().err == "Log records cannot be kept on disk: FileExistsError\n"


@pytest.mark.django_db(transaction=True)
def test_outage_leaves_few_files_however_often_the_database_is_tried(
    log: logging.Logger, data_dir: Path
) -> None:
    with no_log_table():
        for number in range(20):
            log.warning("%d", number)
            flush(log)
        assert len(list((data_dir / "unwritten-logs").iterdir())) == 2
    log.warning("20")
    flush(log)

    rows = ApplicationLog.objects.order_by("pk").values_list("message", flat=True)
    assert list(rows) == [str(number) for number in range(21)]


@pytest.mark.django_db(transaction=True)
def test_signal_handler_that_logs_during_an_append_loses_and_repeats_nothing(
    log: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = spool._append

    def interrupted(*arguments: Any) -> None:
        monkeypatch.setattr(spool, "_append", append)
        log.error("of the signal handler")
        append(*arguments)

    monkeypatch.setattr(spool, "_append", interrupted)
    log.error("interrupted")
    flush(log)

    with time_machine.travel(timezone.now() + timedelta(seconds=spool.RESTED_SECONDS + 1)):
        assert spool.ingest()
    rows = ApplicationLog.objects.values_list("message", flat=True)
    assert sorted(rows) == ["interrupted", "of the signal handler"]


@pytest.mark.django_db(transaction=True)
def test_process_has_one_thread_that_writes(log: logging.Logger) -> None:
    before = threading.active_count()
    log.error("an error")
    log.info("anything else")

    assert threading.active_count() == before + 1
    assert [each.name for each in threading.enumerate()].count("log-writer") == 1


@pytest.mark.django_db(transaction=True)
def test_writer_outlives_a_connection_that_cannot_be_closed(
    log: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    close: Any = getattr(BaseDatabaseWrapper, "_close")  # noqa: B009 - not in the stubs
    refusals = iter([pyodbc_errors.LINK_LOST.raised(), pyodbc_errors.KILLED.wrapped()])

    def refuse(self: BaseDatabaseWrapper) -> None:
        close(self)
        for error in refusals:
            raise error

    monkeypatch.setattr(BaseDatabaseWrapper, "_close", refuse)
    for message in ("first", "second", "third"):
        log.info(message)
        flush(log)

    assert [row.message for row in ApplicationLog.objects.order_by("pk")] == [
        "first",
        "second",
        "third",
    ]
