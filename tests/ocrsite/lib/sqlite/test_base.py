"""A database file that is replaced or removed under a process is refused, and not written to."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

from ocrsite.lib import database_guard
from ocrsite.lib.database import database_settings, is_unreachable
from ocrsite.lib.database_guard import DatabaseRefused, when_refused
from ocrsite.lib.sqlite import base

pytestmark = pytest.mark.django_db  # for connections of the tests' own


@pytest.fixture(autouse=True)
def nothing_refused_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_guard, "_reason", None)
    monkeypatch.setattr(database_guard, "_when_refused", [])
    monkeypatch.setattr(base, "_opened", {})
    monkeypatch.setattr(base, "_may_create", True)
    monkeypatch.setattr(base, "_said_missing", set())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "site.sqlite3"


def connect(path: Path) -> BaseDatabaseWrapper:
    settings = {
        **database_settings(f"sqlite:///{path}", path.parent),
        "NAME": str(path),  # whatever characters it has
        "TIME_ZONE": None,
        "AUTOCOMMIT": True,
    }
    return base.DatabaseWrapper(settings, "own")


@pytest.fixture
def connection(path: Path) -> Iterator[BaseDatabaseWrapper]:
    opened = connect(path)
    write(opened, "CREATE TABLE t (name TEXT)")
    write(opened, "INSERT INTO t VALUES ('first')")
    yield opened
    if opened.connection is not None:
        opened.connection.close()


def write(connection: BaseDatabaseWrapper, sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def names(path: Path) -> list[str]:
    """What is in a file, for someone who has nothing but that file."""
    alone = path.with_name("alone.sqlite3")
    shutil.copy(path, alone)
    with closing(sqlite3.connect(alone)) as other:
        return [name for (name,) in other.execute("SELECT name FROM t")]


def other_database(path: Path) -> None:
    """Put another database in the place of a file, as ``mv`` does."""
    other = path.with_name("other.sqlite3")
    with closing(sqlite3.connect(other)) as writer, writer:
        writer.execute("CREATE TABLE t (name TEXT)")
        writer.execute("INSERT INTO t VALUES ('other')")
    other.replace(path)


def test_open_connection_writes_to_a_file_as_long_as_it_is_there(
    path: Path, connection: BaseDatabaseWrapper
) -> None:
    write(connection, "INSERT INTO t VALUES ('second')")
    with closing(connect(path)) as another:
        write(another, "INSERT INTO t VALUES ('third')")

    assert not database_guard.is_refused()


def test_replaced_file_is_refused_by_open_and_by_new_connections_and_said_once(
    path: Path,
    connection: BaseDatabaseWrapper,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    acted: list[bool] = []
    when_refused(lambda: acted.append(True))
    old = path.with_name("old.sqlite3")
    path.rename(old)
    other_database(path)

    for _ in range(2):
        with pytest.raises(DatabaseRefused) as refused:
            write(connection, "INSERT INTO t VALUES ('lost')")
        with pytest.raises(DatabaseRefused):
            connect(path).ensure_connection()
    assert is_unreachable(refused.value)

    sentence = (
        f"The database {path} was replaced while the site used it. Nothing is written to it any "
        "more; web and worker start again by themselves."
    )
    assert (caplog.messages, acted) == ([sentence], [True])
    assert caplog.records[0].levelname == "CRITICAL"
    assert capsys.readouterr().err == f"CRITICAL: {sentence}\n"
    assert names(path) == ["other"]


def test_log_of_the_replaced_file_is_not_applied_to_the_new_one(
    path: Path, connection: BaseDatabaseWrapper
) -> None:
    """SQLite would do so: the log bears the name that the new file has."""
    log = Path(f"{path}-wal")
    assert b"first" in log.read_bytes()
    other_database(path)

    with pytest.raises(DatabaseRefused):
        write(connection, "SELECT 1")

    assert not log.exists()
    (kept,) = path.parent.glob("*-wal.of-replaced-*")
    assert b"first" in kept.read_bytes()
    with closing(sqlite3.connect(path)) as reader:
        assert reader.execute("SELECT name FROM t").fetchall() == [("other",)]


def test_log_that_came_with_the_new_file_stays(path: Path, connection: BaseDatabaseWrapper) -> None:
    other_database(path)
    log = Path(f"{path}-wal")
    log.rename(f"{log}.away")
    log.write_bytes(b"came with the new file")

    with pytest.raises(DatabaseRefused):
        write(connection, "SELECT 1")

    assert log.read_bytes() == b"came with the new file"


def test_file_that_is_gone_is_refused_and_not_made_anew(
    path: Path, connection: BaseDatabaseWrapper, caplog: pytest.LogCaptureFixture
) -> None:
    path.unlink()

    with pytest.raises(DatabaseRefused):
        write(connection, "INSERT INTO t VALUES ('lost')")
    with pytest.raises(DatabaseRefused):
        connect(path).ensure_connection()

    assert not path.exists()
    assert caplog.messages[0].startswith(f"The database {path} is gone while the site used it.")


def test_transaction_that_was_open_cannot_go_on(
    path: Path, connection: BaseDatabaseWrapper
) -> None:
    cursor = connection.cursor()
    cursor.execute("BEGIN IMMEDIATE")
    other_database(path)

    with pytest.raises(DatabaseRefused):
        write(connection, "INSERT INTO t VALUES ('lost')")


def test_server_makes_no_file_where_there_is_none_and_says_so_once(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    base.require_existing_file()

    for _ in range(2):
        with pytest.raises(OperationalError, match=r"Restore it, or .* manage.py migrate"):
            connect(path).ensure_connection()
    assert (path.exists(), len(caplog.messages)) == (False, 1)

    other_database(path)
    with closing(connect(path)) as restored:
        write(restored, "INSERT INTO t VALUES ('second')")


@pytest.mark.parametrize("used_before", [True, False])
def test_file_removed_between_the_look_at_it_and_the_connection_is_not_made_anew(
    path: Path,
    connection: BaseDatabaseWrapper,
    monkeypatch: pytest.MonkeyPatch,
    used_before: bool,
) -> None:
    """Many processes connect many times a second: one of them is between the two."""
    if not used_before:
        monkeypatch.setattr(base, "_opened", {})
    connect_to_file = sqlite3.connect

    def remove_and_connect(*arguments: object, **options: object) -> sqlite3.Connection:
        path.unlink(missing_ok=True)
        return connect_to_file(*arguments, **options)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(sqlite3.dbapi2, "connect", remove_and_connect)

    with pytest.raises(OperationalError) as failed:
        connect(path).ensure_connection()

    assert is_unreachable(failed.value)
    assert not path.exists()


def test_file_replaced_between_the_look_at_it_and_the_connection_is_refused(
    path: Path, connection: BaseDatabaseWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect_to_file = sqlite3.connect

    def connect_and_replace(*arguments: object, **options: object) -> sqlite3.Connection:
        connected = connect_to_file(*arguments, **options)  # type: ignore[call-overload]
        other_database(path)
        return connected  # type: ignore[no-any-return]

    monkeypatch.setattr(sqlite3.dbapi2, "connect", connect_and_replace)
    with closing(connect(path)) as opened, pytest.raises(DatabaseRefused):
        write(opened, "INSERT INTO t VALUES ('lost')")


@pytest.mark.parametrize(
    "name", ["50 % of it?.sqlite3", "a#b.sqlite3", "Rechnungen für äöü.sqlite3"]
)
def test_path_may_have_any_characters(tmp_path: Path, name: str) -> None:
    for _ in range(2):  # once to make it, once to find it
        with closing(connect(tmp_path / name)) as connected:
            write(connected, "CREATE TABLE IF NOT EXISTS t (name TEXT)")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_database_in_memory_has_no_file_to_be_replaced() -> None:
    with closing(connect(Path(":memory:"))) as memory:
        write(memory, "SELECT 1")
        write(memory, "SELECT 1")


def test_a_statement_costs_one_look_at_the_file(
    path: Path, connection: BaseDatabaseWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    stat = os.stat

    def count(file: str) -> os.stat_result:
        looks.append(file)
        return stat(file)

    monkeypatch.setattr("ocrsite.lib.sqlite.base.os.stat", count)

    write(connection, "SELECT 1")

    assert looks == [str(path)]
