import logging
import os
import socket
import threading
import uuid
from pathlib import Path

import pytest

from logs import context
from logs.handler import handler
from logs.handler.handler import DatabaseHandler
from logs.models import ApplicationLog
from tests.logs.handler.outages import flush, no_log_table

EXTRACTION = "0b0e7a2e-6f0c-4a4b-9d0e-6a1f6f9f6a11"


@pytest.mark.django_db(transaction=True)
def test_record_fills_every_column(log: logging.Logger) -> None:
    with context.bound(
        request_id="request-1", extraction_id=EXTRACTION, company_id="NT047", user="asha"
    ):
        log.info("read %d pages", 3)
    flush(log)

    row = ApplicationLog.objects.get()
    assert (row.level, row.logger, row.message) == ("INFO", log.name, "read 3 pages")
    assert (row.module, row.function_name) == (
        "test_handler",
        "test_record_fills_every_column",
    )
    assert row.line_number == test_record_fills_every_column.__code__.co_firstlineno + 5
    assert (row.request_id, row.extraction_id) == ("request-1", uuid.UUID(EXTRACTION))
    assert (row.company_id, row.user) == ("NT047", "asha")
    assert (row.process_id, row.host) == (os.getpid(), socket.gethostname())
    assert row.exception is None


@pytest.mark.django_db(transaction=True)
def test_exception_is_stored_with_its_traceback(log: logging.Logger) -> None:
    try:
        raise LookupError("no such page")
    except LookupError:
        log.exception("reading failed", stack_info=True)
    flush(log)

    exception = ApplicationLog.objects.get().exception
    assert exception is not None
    assert exception.startswith("Traceback (most recent call last):\n")
    assert "LookupError: no such page\n" in exception
    assert "Stack (most recent call last):\n" in exception


@pytest.mark.django_db(transaction=True)
def test_exc_info_without_an_exception_is_no_exception(log: logging.Logger) -> None:
    log.error("nothing was raised", exc_info=True)
    flush(log)

    assert ApplicationLog.objects.get().exception is None


@pytest.mark.django_db(transaction=True)
def test_secrets_reach_neither_row_nor_stderr_nor_file(
    log: logging.Logger, capsys: pytest.CaptureFixture[str], data_dir: Path
) -> None:
    canary = "AIzaSyCanary0123456789abcdefghijklmnopq"
    try:
        raise ValueError(f"bad key {canary}")
    except ValueError:
        log.exception("call with %s and %r failed", canary, {"x-goog-api-key": canary})
    flush(log)
    row = ApplicationLog.objects.get()
    assert canary not in f"{row.message}{row.exception}"
    assert "[redacted]" in row.message

    with no_log_table():
        try:
            raise ValueError(f"bad key {canary}")
        except ValueError:
            log.exception("again %s", canary)
        flush(log)
        [file] = (data_dir / "unwritten-logs").iterdir()
        kept = file.read_text()
    assert "again [redacted]" in kept
    assert "ValueError: bad key [redacted]" in kept
    assert canary not in kept
    printed = capsys.readouterr().err
    assert "again [redacted]\nTraceback" in printed
    assert printed.endswith("ValueError: bad key [redacted]\n")
    assert canary not in printed


@pytest.mark.django_db(transaction=True)
def test_values_are_cut_to_what_every_database_takes(log: logging.Logger) -> None:
    with context.bound(request_id="r" * 50, extraction_id="no uuid"):
        log.log(35, "NUL \x00 and surrogate \ud800", stacklevel=1)
    flush(log)

    row = ApplicationLog.objects.get()
    assert row.message == "NUL \\x00 and surrogate \\ud800"
    assert (row.level, row.request_id, row.extraction_id) == ("Level 35", "r" * 36, None)


@pytest.mark.django_db(transaction=True)
def test_wrong_arguments_are_logged_and_not_raised(log: logging.Logger) -> None:
    log.info("%d pages", "three")
    flush(log)

    assert ApplicationLog.objects.get().message == "'%d pages' cannot be formatted with ('three',)"


@pytest.mark.django_db(transaction=True)
def test_record_that_cannot_even_be_shown_is_named_on_stderr(
    log: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    class Hostile:
        def __repr__(self) -> str:
            raise RuntimeError("secret")

    log.info("%s", Hostile())

    printed = capsys.readouterr().err
    assert printed.startswith(f"A log record from {__file__}:")
    assert "secret" not in printed


@pytest.mark.django_db(transaction=True)
def test_the_database_layers_own_records_are_not_written(log: logging.Logger) -> None:
    [database_handler] = log.handlers
    backends = logging.getLogger("django.db.backends.schema")
    backends.addHandler(database_handler)
    try:
        backends.warning("would cause another row")
        log.warning("a row")
        flush(log)
    finally:
        backends.removeHandler(database_handler)

    assert [row.message for row in ApplicationLog.objects.all()] == ["a row"]


@pytest.mark.django_db(transaction=True)
def test_fifty_threads_lose_no_record(log: logging.Logger) -> None:
    def work(thread: int) -> None:
        for number in range(100):
            log.info("%d-%d", thread, number)

    threads = [threading.Thread(target=work, args=[number]) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    flush(log)

    messages = list(ApplicationLog.objects.order_by("pk").values_list("message", flat=True))
    assert len(messages) == 5_000
    # Those of one thread keep their order.
    assert [each for each in messages if each.startswith("7-")] == [f"7-{n}" for n in range(100)]


@pytest.mark.django_db(transaction=True)
def test_full_queue_says_how_many_it_dropped_and_errors_are_never_among_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(handler, "CAPACITY", 2)
    database_handler = DatabaseHandler()
    with database_handler._changed:  # the writer cannot take anything
        for level in (
            *(logging.WARNING, logging.INFO, logging.DEBUG),
            *(logging.WARNING, logging.WARNING, logging.ERROR),
        ):
            database_handler.emit(logging.LogRecord("x", level, "", 1, "message", (), None))
    database_handler.close()

    rows = ApplicationLog.objects.order_by("pk").values_list("level", "logger", "message")
    assert list(rows) == [
        ("WARNING", "x", "message"),
        ("WARNING", "x", "message"),
        ("ERROR", "x", "message"),
        (
            "WARNING",
            "logs",
            "3 log records were dropped because the queue was full: 1 DEBUG, 1 INFO, 1 WARNING",
        ),
    ]
