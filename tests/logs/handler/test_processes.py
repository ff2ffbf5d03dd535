"""Processes that end, are killed, or fork: what they logged is in the database exactly once."""

import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from logs.handler import spool
from logs.models import ApplicationLog
from tests.logs.site import run_site


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
    """It never flushes: the writer thread inserts the row by itself."""
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
def test_records_of_a_process_without_database_are_ingested_by_the_next(tmp_path: Path) -> None:
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
