import logging
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import reverse

from logs import levels
from logs.models import LoggerLevel
from tests.logs.site import run_site

NAME = "tests.levels"


@pytest.fixture(autouse=True)
def _configured() -> Iterator[None]:
    root = logging.getLogger().level
    logging.getLogger(NAME).setLevel(logging.WARNING)
    yield
    logging.getLogger(NAME).setLevel(logging.NOTSET)
    logging.getLogger().setLevel(root)
    levels._configured.clear()


@pytest.mark.django_db
def test_a_row_sets_the_level_and_its_removal_restores_the_configured_one() -> None:
    logger = logging.getLogger(NAME)
    row = LoggerLevel.objects.create(logger=NAME, level="DEBUG")
    levels.apply()
    assert logger.isEnabledFor(logging.DEBUG)

    row.level = "ERROR"
    row.save()
    levels.apply()
    levels.apply()
    assert logger.level == logging.ERROR

    row.delete()
    levels.apply()
    assert logger.level == logging.WARNING


@pytest.mark.django_db
def test_root_is_the_level_of_all_others() -> None:
    LoggerLevel.objects.create(logger="root", level="CRITICAL")
    levels.apply()
    assert logging.getLogger().level == logging.CRITICAL


@pytest.mark.django_db(transaction=True)
def test_a_change_takes_effect_in_running_and_in_forked_processes() -> None:
    """Neither process has logged anything, so that neither has a writer thread."""
    LoggerLevel.objects.create(logger="quiet", level="DEBUG")

    ended = run_site(
        """
import signal, sys, time
quiet = logging.getLogger("quiet")
child = os.fork()
signal.alarm(50)  # ends both if the test fails
while not quiet.isEnabledFor(logging.DEBUG):
    time.sleep(0.005)
if child:
    _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status))
""",
        before_setup="from logs import levels; levels.READ_SECONDS = 0.01",
    )

    assert ended.stderr == ""


def test_reading_goes_on_after_a_failure() -> None:
    ended = run_site(
        """
import threading
failed = threading.Semaphore(0)
def fail():
    failed.release()
    raise RuntimeError
levels.apply = fail
assert failed.acquire(timeout=30)
assert failed.acquire(timeout=30)
""",
        before_setup="from logs import levels; levels.READ_SECONDS = 0.01",
    )

    assert ended.stderr == ""


def test_levels_come_from_the_environment() -> None:
    ended = run_site(
        "print(logging.getLogger('a.b').level, logging.getLogger('httpx2').level,"
        " logging.getLogger('django').level)",
        LOG_LEVELS="a.b=ERROR, httpx2=DEBUG",
    )

    assert ended.stdout == "40 10 20\n"


def test_staff_set_a_level_in_the_admin(admin_client: Client) -> None:
    url = reverse("admin:logs_loggerlevel_add")

    admin_client.post(url, {"logger": NAME, "level": "DEBUG"})

    assert list(LoggerLevel.objects.values_list("logger", "level")) == [(NAME, "DEBUG")]
    page = admin_client.get(reverse("admin:logs_loggerlevel_changelist")).content.decode()
    assert NAME in page


def test_no_connection_is_open_while_a_process_forks_and_reading_goes_on_after_it() -> None:
    ended = run_site(
        """
import threading, time
read = threading.Semaphore(0)
apply = levels.apply
def count():
    apply()
    read.release()
levels.apply = count
for _ in range(5):
    assert read.acquire(timeout=30)
    assert read.acquire(timeout=30)  # it has a connection
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
print(open_at_forks)
""",
        before_setup="""
import os
from logs import levels
levels.READ_SECONDS = 0.01
levels.FORK_PATIENCE_SECONDS = 60  # a busy machine may take longer than is waited for elsewhere
open_at_forks = []
# Those that are registered first are called last.
os.register_at_fork(before=lambda: open_at_forks.append(levels._reader._connected))
""",
    )

    assert ended.stdout == "[False, False, False, False, False]\n"
    assert ended.stderr == ""


def test_levels_are_read_over_one_connection() -> None:
    ended = run_site(
        """
import threading
from django.db.backends.signals import connection_created
made = []
connection_created.connect(lambda **_: made.append(1), weak=False)
read = threading.Semaphore(0)
apply = levels.apply
def count():
    apply()
    read.release()
levels.apply = count
for _ in range(20):
    assert read.acquire(timeout=30)
print(len(made))
""",
        before_setup="from logs import levels; levels.READ_SECONDS = 0.01",
    )

    assert int(ended.stdout) <= 1  # perhaps before we counted


def test_failure_is_said_once_and_only_after_a_success() -> None:
    ended = run_site(
        """
import sys, threading
said = []
class Said(logging.Handler):
    def emit(self, record):
        said.append(record.getMessage())
logging.getLogger("logs.levels").addHandler(Said())
logging.getLogger("logs.levels").propagate = False
turn = threading.Semaphore(0)
outcomes = iter([RuntimeError, RuntimeError, None, RuntimeError, RuntimeError, None, ValueError])
def fail():
    outcome = next(outcomes, None)
    turn.release()
    if outcome:
        raise outcome
levels.apply = fail
for _ in range(9):
    assert turn.acquire(timeout=30)
print(said)
""",
        before_setup="from logs import levels; levels.READ_SECONDS = 0.01",
    )

    assert ended.stdout == f"{['Could not read the levels of loggers; trying again.'] * 2}\n"
