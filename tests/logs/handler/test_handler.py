import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.models import Sum
from django.utils import timezone

from logs import context
from logs.handler import bulk_insert, handler, spool
from logs.handler.handler import DatabaseHandler
from logs.handler.records import Row
from logs.models import ApplicationLog, ErrorGroup
from tests.logs.site import run_site
from tests.running_site import eventually

EXTRACTION = "0b0e7a2e-6f0c-4a4b-9d0e-6a1f6f9f6a11"


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the test's own, so that no other's unwritten records are entered."""
    monkeypatch.setattr(settings, "DATA_DIR", tmp_path)
    return tmp_path


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    """A logger with a database handler of its own."""
    database_handler = DatabaseHandler()
    # Unknown to logging's manager, so that pytest adds no handlers to it.
    logger = logging.Logger("test")
    logger.addHandler(database_handler)
    yield logger
    database_handler.close()


def flush(logger: logging.Logger) -> None:
    for each in logger.handlers:
        each.flush()


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
def test_exception_is_kept_with_its_traceback(log: logging.Logger) -> None:
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


class no_log_table:  # noqa: N801 - reads as what it does
    """While it lasts, the database cannot take log records."""

    def __enter__(self) -> None:
        self._rename("ApplicationLogs", "Elsewhere")

    def __exit__(self, *_: object) -> None:
        self._rename("Elsewhere", "ApplicationLogs")

    def _rename(self, old: str, new: str) -> None:
        with connection.cursor() as cursor:
            # Or SQLite refuses: the view names the table.
            cursor.execute("PRAGMA legacy_alter_table = ON")
            cursor.execute(f'ALTER TABLE "{old}" RENAME TO "{new}"')


@pytest.mark.django_db(transaction=True)
def test_records_of_an_outage_go_to_stderr_and_to_a_file_and_are_entered_once_after_it(
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
def test_what_an_open_transaction_kept_out_at_the_end_is_diverted_and_entered_once(
    log: logging.Logger, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer waits for the caller's transaction, and the caller for the writer: bounded."""
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
    database_handler._writer.join()  # whose insert goes on, and finds its rows taken away
    log.warning("after the end")
    assert capsys.readouterr().err.endswith(": after the end\n")
    database_handler._batch_writer.catch_up(at_once=True)
    rows = ApplicationLog.objects.order_by("pk")
    assert [row.message for row in rows] == ["at the end", "after the end"]


@pytest.mark.django_db(transaction=True)
def test_rows_that_close_took_over_are_not_diverted_again(
    log: logging.Logger, monkeypatch: pytest.MonkeyPatch, data_dir: Path
) -> None:
    """The writer's insert fails only after the end: as when a lock is waited for in vain."""
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


def kept(data_dir: Path) -> str:
    """What the files hold that are to be entered later."""
    return "".join(path.read_text() for path in (data_dir / "unwritten-logs").glob("*"))


@pytest.mark.django_db(transaction=True)
def test_error_that_the_database_does_not_take_at_once_is_kept_and_entered_once(
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
def test_records_of_every_level_are_kept_while_the_writer_is_stuck(
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
def test_records_kept_while_the_writer_waited_in_vain_are_printed_once(
    log: logging.Logger,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    data_dir: Path,
) -> None:
    """As when the server has vanished: the first INSERT ends only with its time-out."""
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
def test_error_survives_kill_9_at_once_while_another_process_locks_the_database() -> None:
    with transaction.atomic():
        ended = run_site(
            "import signal; log.error('last words'); os.kill(os.getpid(), signal.SIGKILL)",
            check=False,
        )

    assert ended.returncode == -signal.SIGKILL
    with time_machine.travel(timezone.now() + timedelta(seconds=spool.RESTED_SECONDS + 1)):
        assert spool.ingest()
    assert ApplicationLog.objects.get().message == "last words"


@pytest.mark.django_db(transaction=True)
def test_records_of_a_process_that_is_killed_while_the_database_is_locked_survive() -> None:
    with transaction.atomic():
        ended = run_site(
            """
import signal, time
from pathlib import Path
folder = Path(os.environ["DATA_DIR"], "unwritten-logs")
log.info("before")
while not any("before" in each.read_text() for each in folder.glob("*")):
    time.sleep(0.005)
log.info("while the writer waits")
os.kill(os.getpid(), signal.SIGKILL)
""",
            check=False,
        )

    assert ended.returncode == -signal.SIGKILL
    with time_machine.travel(timezone.now() + timedelta(seconds=spool.RESTED_SECONDS + 1)):
        assert spool.ingest()
    rows = ApplicationLog.objects.order_by("timestamp").values_list("message", flat=True)
    assert list(rows) == ["before", "while the writer waits"]


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
    assert "second" not in kept(data_dir)  # the transaction should end at any moment
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


@pytest.mark.django_db(transaction=True)
def test_clean_exit_loses_no_record_and_prints_nothing() -> None:
    ended = run_site("for number in range(3000): log.info('record %d', number)")

    assert (ended.stdout, ended.stderr) == ("", "")
    messages = ApplicationLog.objects.order_by("pk").values_list("message", flat=True)
    assert list(messages) == [f"record {number}" for number in range(3000)]


@pytest.mark.django_db(transaction=True)
def test_forked_processes_write_their_own_records_once() -> None:
    ended = run_site(
        """
import multiprocessing, sys
log.info("parent before")
child = os.fork()
if child == 0:
    log.info("forked child")
    sys.exit()
os.waitpid(child, 0)
process = multiprocessing.get_context("fork").Process(target=log.info, args=["worker"])
process.start()
process.join()
log.info("parent after")
"""
    )

    assert ended.stderr == ""
    messages = ApplicationLog.objects.values_list("message", flat=True)
    assert sorted(messages) == ["forked child", "parent after", "parent before", "worker"]


@pytest.mark.django_db(transaction=True)
def test_sigterm_ends_a_process_after_a_flush() -> None:
    ended = run_site(
        """
import signal, time
for number in range(3000): log.info("record %d", number)
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(60)
""",
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (-signal.SIGTERM, "")
    assert ApplicationLog.objects.count() == 3000


@pytest.mark.django_db(transaction=True)
def test_sigterm_is_left_to_processes_that_handle_it() -> None:
    ended = run_site(
        "assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN",
        before_setup="import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)",
    )

    assert ended.stderr == ""


@pytest.mark.django_db(transaction=True)
def test_recycled_workers_lose_no_record() -> None:
    """Children of multiprocessing, as django-q's workers are: they end without atexit."""
    ended = run_site(
        """
import multiprocessing
def work(number):
    for record in range(1000): log.info("%d-%d", number, record)
for number in range(3):
    process = multiprocessing.get_context("fork").Process(target=work, args=[number])
    process.start()
    process.join()
"""
    )

    assert ended.stderr == ""
    rows = ApplicationLog.objects.values_list("message", "process_id")
    assert {message for message, _ in rows} == {f"{n}-{m}" for n in range(3) for m in range(1000)}
    assert len({process_id for _, process_id in rows}) == 3


@pytest.mark.django_db(transaction=True)
def test_forks_of_a_process_that_writes_lose_no_record() -> None:
    ended = run_site(
        """
import sys, threading
def work():
    for number in range(5000): log.info("parent %d", number)
thread = threading.Thread(target=work)
thread.start()
children = []
for number in range(5):
    child = os.fork()
    if child == 0:
        log.info("child %d", number)
        sys.exit()
    children.append(child)
for child in children:
    assert os.waitpid(child, 0)[1] == 0
thread.join()
"""
    )

    assert ended.stderr == ""
    messages = list(ApplicationLog.objects.values_list("message", flat=True))
    assert sorted(each for each in messages if each.startswith("child")) == [
        f"child {number}" for number in range(5)
    ]
    assert len(messages) == 5005


@pytest.mark.django_db(transaction=True)
def test_error_is_in_the_database_before_a_killed_process_ends() -> None:
    """It never flushes: only the writer thread's own haste brings the row in."""
    ended = run_site(
        """
import time
from logs.models import ApplicationLog
log.error("last words")
while not ApplicationLog.objects.exists():
    time.sleep(0.005)
os._exit(0)
"""
    )

    assert ended.stderr == ""
    assert ApplicationLog.objects.get().message == "last words"


@pytest.mark.django_db(transaction=True)
def test_info_is_in_the_database_before_a_killed_process_ends() -> None:
    ended = run_site(
        """
import time
from logs.models import ApplicationLog
log.info("last words")
while not ApplicationLog.objects.exists():
    time.sleep(0.005)
os._exit(0)
"""
    )

    assert ended.stderr == ""
    assert ApplicationLog.objects.get().message == "last words"


@pytest.mark.django_db(transaction=True)
def test_records_of_a_process_without_database_are_entered_by_the_next(tmp_path: Path) -> None:
    ended = run_site("log.info('unheard')", DATABASE_URL=f"sqlite:///{tmp_path}/none/db.sqlite3")

    first, second = ended.stderr.splitlines()
    assert first == (
        "ApplicationLogs cannot be written (OperationalError: unable to open database file)."
        " The records are:"
    )
    assert second.endswith(" INFO script: unheard")

    assert run_site("log.info('heard')").stderr == ""
    messages = ApplicationLog.objects.values_list("message", flat=True)
    assert sorted(messages) == ["heard", "unheard"]


def test_process_that_ends_before_the_apps_are_ready_prints_its_records() -> None:
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            "import logging; from logs.handler.handler import DatabaseHandler;"
            "logging.basicConfig(handlers=[DatabaseHandler()]); logging.warning('too early')",
        ],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert ended.stderr.endswith(" WARNING root: too early\n")
