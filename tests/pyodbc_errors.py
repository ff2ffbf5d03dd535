"""Errors of SQL Server as pyodbc raises them, and as Django passes them on."""

from typing import NamedTuple

import django.db
import pyodbc

DRIVER = "[Microsoft][ODBC Driver 18 for SQL Server]"
SERVER = f"{DRIVER}[SQL Server]"


class DriverError(NamedTuple):
    """One error of pyodbc: its class, its SQLSTATE, and the text with the native number."""

    kind: type[pyodbc.Error]
    state: str
    text: str

    def raised(self) -> pyodbc.Error:
        """The exception of the driver."""
        return self.kind(self.state, f"[{self.state}] {self.text} (SQLExecDirectW)")

    def wrapped(self) -> django.db.Error:
        """The exception that Django makes of it, which has the driver's as its cause."""
        cause = self.raised()
        error: django.db.Error = getattr(django.db, self.kind.__name__)(*cause.args)
        error.__cause__ = cause
        return error


LINK_LOST = DriverError(pyodbc.OperationalError, "08S01", f"{DRIVER}Communication link failure (0)")
NO_ANSWER = DriverError(pyodbc.OperationalError, "HYT00", f"{DRIVER}Login timeout expired (0)")
REFUSED = DriverError(
    pyodbc.OperationalError, "08001", f"{DRIVER}TCP Provider: Error code 0x2749 (10057)"
)
QUERY_TOO_LONG = DriverError(pyodbc.OperationalError, "HYT00", f"{DRIVER}Query timeout expired (0)")
DEADLOCK = DriverError(
    pyodbc.Error,
    "40001",
    f"{SERVER}Transaction (Process ID 58) was deadlocked on lock resources with another process "
    "and has been chosen as the deadlock victim. Rerun the transaction. (1205)",
)
BROKEN = DriverError(
    pyodbc.Error, "IMC06", f"{DRIVER}The connection is broken and recovery is not possible. (0)"
)
KILLED = DriverError(
    pyodbc.Error,
    "HY000",
    f"{SERVER}Cannot continue the execution because the session is in the kill state. (596)",
)
SHUTDOWN = DriverError(pyodbc.ProgrammingError, "42000", f"{SERVER}SHUTDOWN is in progress. (6005)")
FAIL_OVER = DriverError(
    pyodbc.ProgrammingError,
    "42000",
    f"{SERVER}Unable to access availability database 'ocr' because the database replica is not in "
    "the PRIMARY or SECONDARY role. (983)",
)
LOG_IN_FAILED = DriverError(
    pyodbc.InterfaceError, "28000", f"{SERVER}Login failed for user 'ocrsite'. (18456)"
)
WRONG_COLUMN = DriverError(
    pyodbc.ProgrammingError, "42S22", f"{SERVER}Invalid column name 'Nowhere'. (207)"
)
WRONG_SYNTAX = DriverError(
    pyodbc.ProgrammingError, "42000", f"{SERVER}Incorrect syntax near 'FORM'. (102)"
)
DUPLICATE = DriverError(
    pyodbc.IntegrityError,
    "23000",
    f"{SERVER}Cannot insert duplicate key row. The duplicate key value is (a (1205) (b). (2601)",
)
TOO_LONG = DriverError(
    pyodbc.DataError,
    "22001",
    f"{SERVER}String or binary data would be truncated. Truncated value: '(596) (x)'. (2628)",
)
