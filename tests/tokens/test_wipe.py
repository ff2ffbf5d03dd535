"""A key that came in clear leaves no byte on SQLite's disk, whoever dies or reads meanwhile."""

import shutil
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from django.db import connection

from tests import processes
from tests.extraction.killed import housekeep_until
from tests.made_once import migrate, migrated_database
from tests.tokens.rows import KEY, insert_by_sql, make_token
from tokens import key_rotation, services
from tokens.models import PendingWipe, TokenMaster

pytestmark = pytest.mark.vendor

sqlite_only = pytest.mark.skipif(
    connection.vendor != "sqlite", reason="only SQLite has a log on our disk"
)

CANARY = "canary0c7e51f3e9canary"


def housekeeping(data_dir: Path, target: str = "", when: str = "") -> int | None:
    """Run one round in a process of its own and return how it ended."""
    database = str(data_dir / "db.sqlite3")
    process = processes.start(housekeep_until, database, target, when, DATA_DIR=data_dir)
    process.join()
    return process.exitcode


def on_disk(data_dir: Path) -> list[str]:
    """The files that hold the canary, all that is under DATA_DIR searched byte by byte."""
    files = (path for path in sorted(data_dir.rglob("*")) if path.is_file())
    return [path.name for path in files if CANARY.encode() in path.read_bytes()]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    shutil.copy(migrated_database(), folder)
    return folder


@contextmanager
def opened(data_dir: Path) -> Iterator[sqlite3.Connection]:
    """Another process, such as a web, that has the database open: SQLite leaves the log to it.

    Without it, whoever closes the database last would empty the log.
    """
    with closing(sqlite3.connect(data_dir / "db.sqlite3", isolation_level=None)) as connected:
        connected.execute("SELECT COUNT(*) FROM TokenMaster").fetchall()
        yield connected


@pytest.fixture
def other(data_dir: Path) -> Iterator[sqlite3.Connection]:
    with opened(data_dir) as connected:
        yield connected


def insert_clear(other: sqlite3.Connection) -> None:
    for number in range(3):
        other.execute(
            "INSERT INTO TokenMaster (CompanyID, CompanyName, ApiKey, Provider, TotalTokenLimit,"
            " Status) VALUES ('A', 'A', ?, 'Gemini', 1000, 'Active')",
            [f"{CANARY}-{number}"],
        )


def encrypted(other: sqlite3.Connection) -> int:
    (count,) = other.execute(
        "SELECT COUNT(*) FROM TokenMaster WHERE ApiKey LIKE 'enc:%'"
    ).fetchone()
    return int(count)


@sqlite_only
@pytest.mark.crash
@pytest.mark.parametrize(
    ("target", "when", "encrypted_by_then"),
    [
        ("tokens.encryption.encrypt", "before", 0),
        ("tokens.models.PendingWipe.objects.remember", "before", 0),
        ("tokens.models.PendingWipe.objects.remember", "after", 0),
        ("tokens.key_rotation._overwrite", "after", 1),
        ("tokens.key_rotation.empty_write_ahead_log", "before", 3),
        ("tokens.key_rotation.empty_write_ahead_log", "after", 3),
    ],
)
def test_no_byte_stays_after_kill_9_at_any_step(
    data_dir: Path, other: sqlite3.Connection, target: str, when: str, encrypted_by_then: int
) -> None:
    insert_clear(other)

    assert housekeeping(data_dir, target, when) == -signal.SIGKILL
    assert encrypted(other) == encrypted_by_then
    assert housekeeping(data_dir) == 0

    assert encrypted(other) == 3
    assert on_disk(data_dir) == []
    assert other.execute("SELECT COUNT(*) FROM PendingWipes").fetchone() == (0,)


@sqlite_only
@pytest.mark.crash
def test_no_byte_stays_after_a_reader_held_a_transaction_meanwhile(
    data_dir: Path, other: sqlite3.Connection
) -> None:
    insert_clear(other)
    other.execute("BEGIN")
    other.execute("SELECT COUNT(*) FROM TokenMaster").fetchall()

    assert housekeeping(data_dir) == 0
    killed = housekeeping(data_dir, "tokens.key_rotation.empty_write_ahead_log", "after")
    assert killed == -signal.SIGKILL
    assert on_disk(data_dir) != []
    other.execute("COMMIT")
    assert housekeeping(data_dir) == 0

    assert on_disk(data_dir) == []


@sqlite_only
@pytest.mark.crash
def test_what_a_crash_left_before_the_upgrade_is_wiped_after_it(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    migrate(data_dir, "tokens", "0008")
    with opened(data_dir) as other:
        other.execute("PRAGMA secure_delete = ON")
        insert_clear(other)
        other.execute("UPDATE TokenMaster SET ApiKey = 'enc:12345678:abc'")

        migrate(data_dir)
        assert on_disk(data_dir) != []
        assert housekeeping(data_dir) == 0

        assert on_disk(data_dir) == []


@sqlite_only
@pytest.mark.django_db(transaction=True)
def test_key_that_staff_replace_before_it_was_encrypted_is_wiped_as_well() -> None:
    token = insert_by_sql()
    token.api_key = "another-key-of-some-length"

    services.update_token(token=token, fields=["api_key"])

    assert PendingWipe.objects.count() == 1
    assert key_rotation.encrypt_clear_keys() == 0
    assert not PendingWipe.objects.exists()
    database = Path(str(connection.settings_dict["NAME"]))
    files = database.parent.glob(f"{database.name}*")
    assert not any(KEY.encode() in file.read_bytes() for file in files)


@pytest.mark.django_db(transaction=True)
def test_nothing_is_to_be_wiped_when_an_encrypted_key_changes() -> None:
    token = make_token()
    token.api_key = "another-key-of-some-length"

    services.update_token(token=token, fields=["api_key"])

    assert not PendingWipe.objects.exists()


@sqlite_only
@pytest.mark.django_db(transaction=True)
def test_wipe_that_was_held_up_is_said_twice_only_when_it_is_held_up_and_when_it_is_done(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "tokens.key_rotation")
    insert_by_sql()
    reader = connection.copy()
    try:
        with reader.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
            cursor.execute("SELECT COUNT(*) FROM TokenMaster")
            assert [key_rotation.encrypt_clear_keys() for _ in range(3)] == [1, 0, 0]
    finally:
        reader.close()
    assert [key_rotation.encrypt_clear_keys() for _ in range(2)] == [0, 0]

    assert caplog.messages == [
        "A long read kept overwritten keys in the database's write-ahead log.",
        "Overwritten keys have left the database's write-ahead log.",
    ]
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA busy_timeout").fetchone() == (20_000,)
    assert TokenMaster.objects.get().api_key.startswith("enc:")
