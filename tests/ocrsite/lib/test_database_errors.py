"""What errors mean: by SQLSTATE and native number, whatever class they have."""

import sqlite3

import psycopg
import pyodbc
import pytest
from django.db import (
    Error,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    connection,
    transaction,
)

from ocrsite.lib import database_errors
from ocrsite.lib.database_errors import Fault, fault_of
from tests import pyodbc_errors
from tests.pyodbc_errors import SERVER, DriverError


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (pyodbc_errors.LINK_LOST, Fault.LOST),
        (DriverError(pyodbc.Error, "08S02", "Lost (0)"), Fault.LOST),
        (DriverError(pyodbc.OperationalError, "08003", "Not open (0)"), Fault.LOST),
        (DriverError(pyodbc.Error, "40003", "Completion unknown (0)"), Fault.LOST),
        (pyodbc_errors.REFUSED, Fault.LOST),
        (pyodbc_errors.BROKEN, Fault.LOST),
        (pyodbc_errors.KILLED, Fault.LOST),
        (pyodbc_errors.SHUTDOWN, Fault.LOST),
        (pyodbc_errors.FAIL_OVER, Fault.LOST),
        (pyodbc_errors.LOG_IN_FAILED, Fault.LOST),
        (pyodbc_errors.NO_ANSWER, Fault.TIMEOUT),
        (pyodbc_errors.QUERY_TOO_LONG, Fault.TIMEOUT),
        (pyodbc_errors.DEADLOCK, Fault.DEADLOCK),
        (pyodbc_errors.WRONG_COLUMN, Fault.OTHER),
        (pyodbc_errors.WRONG_SYNTAX, Fault.OTHER),
        (pyodbc_errors.DUPLICATE, Fault.OTHER),
        (pyodbc_errors.TOO_LONG, Fault.OTHER),
        (DriverError(pyodbc.Error, "IM002", "Data source name not found (0)"), Fault.OTHER),
    ],
)
def test_error_of_sql_server_means_what_state_and_number_say(
    error: DriverError, fault: Fault
) -> None:
    assert fault_of(error.raised()) is fault
    assert fault_of(error.wrapped()) is fault


@pytest.mark.parametrize("kind", [pyodbc.Error, pyodbc.OperationalError, pyodbc.ProgrammingError])
@pytest.mark.parametrize(("number", "fault"), database_errors._SQL_SERVER_NUMBERS.items())
def test_number_counts_whatever_the_class(
    number: int, fault: Fault, kind: type[pyodbc.Error]
) -> None:
    for state in ("42000", "HY000"):
        assert fault_of(DriverError(kind, state, f"{SERVER}Text. ({number})").wrapped()) is fault


def test_every_record_of_a_log_in_counts() -> None:
    text = (
        f"[28000] {SERVER}Text. (18461) (SQLDriverConnect); [42000] {SERVER}Cannot open. (4060); "
        f"[01S00] {SERVER}Invalid attribute (0)"
    )

    assert fault_of(pyodbc.InterfaceError("28000", text)) is Fault.LOST
    assert fault_of(pyodbc.InterfaceError("28000", text.replace("4060", "4061"))) is Fault.OTHER


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("The cursor's connection has been closed.", Fault.LOST),
        ("Attempt to use a closed connection.", Fault.LOST),
        ("Attempt to use a closed cursor.", Fault.OTHER),
        ("The SQL contains 1 parameter markers, but 2 parameters were supplied", Fault.OTHER),
    ],
)
def test_pyodbc_says_that_a_connection_is_closed(text: str, fault: Fault) -> None:
    assert fault_of(pyodbc.ProgrammingError(text)) is fault


def test_error_without_arguments_means_nothing() -> None:
    assert fault_of(pyodbc.Error()) is Fault.OTHER


def caused(error: Error, cause: BaseException) -> Error:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("state", "fault"),
    [
        ("40P01", Fault.DEADLOCK),
        ("40001", Fault.DEADLOCK),
        ("55P03", Fault.TIMEOUT),
        ("57014", Fault.TIMEOUT),
        ("57P01", Fault.LOST),
        ("53300", Fault.LOST),
    ],
)
def test_error_of_postgresql_means_what_its_state_says(state: str, fault: Fault) -> None:
    error = psycopg.errors.lookup(state)("text")

    assert fault_of(caused(OperationalError("text"), error)) is fault


def test_connection_of_postgresql_that_ended_is_lost() -> None:
    cause = psycopg.OperationalError("the connection is closed")

    assert fault_of(caused(OperationalError("text"), cause)) is Fault.LOST
    assert fault_of(InterfaceError("connection already closed")) is Fault.LOST


def test_wrong_query_of_postgresql_is_no_fault_of_the_database() -> None:
    cause = psycopg.errors.UndefinedColumn("text")

    assert fault_of(caused(ProgrammingError("text"), cause)) is Fault.OTHER


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        (sqlite3.SQLITE_BUSY, Fault.TIMEOUT),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, Fault.TIMEOUT),
        (sqlite3.SQLITE_LOCKED, Fault.TIMEOUT),
        (sqlite3.SQLITE_FULL, Fault.LOST),
        (sqlite3.SQLITE_CANTOPEN, Fault.LOST),
        (sqlite3.SQLITE_ERROR, Fault.OTHER),
        (sqlite3.SQLITE_ERROR_MISSING_COLLSEQ, Fault.OTHER),
    ],
)
def test_error_of_sqlite_means_what_its_code_says(code: int, fault: Fault) -> None:
    cause = sqlite3.OperationalError("text")
    cause.sqlite_errorcode = code

    assert fault_of(caused(OperationalError("text"), cause)) is fault


@pytest.mark.django_db(transaction=True)
def test_broken_transaction_means_what_broke_it() -> None:
    with pytest.raises(Error) as caught, transaction.atomic():  # noqa: PT012
        with pytest.raises(Error), transaction.mark_for_rollback_on_error("default"):
            raise pyodbc_errors.DEADLOCK.wrapped()
        connection.cursor().execute("SELECT 1")

    assert fault_of(caught.value) is Fault.DEADLOCK


@pytest.mark.parametrize("error", [ValueError(), IntegrityError("twice"), KeyboardInterrupt()])
def test_what_does_not_concern_the_database_is_no_fault_of_it(error: BaseException) -> None:
    assert fault_of(error) is Fault.OTHER
