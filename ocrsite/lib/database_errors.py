"""What an error of the database means, by its SQLSTATE and native number.

Not by Django's classes: pyodbc gives a deadlock's victim (40001) and a killed session (HY000)
``Error``, and a database that fails over (42000) ``ProgrammingError``, as a misspelt column.

Sources: [seen] met with Microsoft's driver 18.6, mssql-django 2.0.0 and a T-SQL server whose
connections were cut; [odbc] "Appendix A: ODBC error codes"; [resiliency] "Connection resiliency in
the ODBC driver"; [baseline] ``SqlConfigurableRetryFactory.BaselineTransientErrors`` of
Microsoft.Data.SqlClient; [ef] ``SqlServerTransientExceptionDetector`` of Entity Framework Core;
[azure] "Troubleshoot transient connection errors in Azure SQL Database"; [errors] "Database engine
events and errors"; [pg] "PostgreSQL error codes"; [sqlite] "Result and error codes".
"""

import re
import sqlite3
from enum import Enum, auto

from django.db import Error, InterfaceError, OperationalError


class Fault(Enum):
    """What to do about an error."""

    LOST = auto()
    """Connection, server or database are away, or going: connect again, later."""
    DEADLOCK = auto()
    """The server undid the transaction in favour of another: repeat it at once."""
    TIMEOUT = auto()
    """A lock, the query or the log-in took too long: repeat it later."""
    OTHER = auto()
    """The database was asked wrongly, or it is no error of a database: raise it."""


# The first two characters of a state are its class.
_SQL_SERVER_STATES = {
    "08": Fault.LOST,  # connection exceptions [odbc]; 08S01, 08001 [seen], 08S02 [mssql-django]
    "40001": Fault.DEADLOCK,  # serialization failure: a deadlock's victim [seen]
    "40003": Fault.LOST,  # statement completion unknown [odbc]
    "HYT00": Fault.TIMEOUT,  # the query's or the log-in's time is up [seen]
    "HYT01": Fault.TIMEOUT,  # the connection's time is up [odbc]
    "IMC01": Fault.LOST,  # the driver could not restore the connection [seen] [resiliency]
    "IMC02": Fault.LOST,
    "IMC03": Fault.LOST,
    "IMC04": Fault.LOST,
    "IMC05": Fault.LOST,
    "IMC06": Fault.LOST,
    # Their texts quote what users sent, which could look like a number.
    "22": Fault.OTHER,  # data exceptions
    "23": Fault.OTHER,  # constraint violations
}

# Errors of the server arrive as 42000, HY000 or 28000, whatever they are.
_SQL_SERVER_NUMBERS = {
    1205: Fault.DEADLOCK,  # chosen as the deadlock victim [baseline]
    1204: Fault.TIMEOUT,  # no lock can be had at this time [baseline]
    1222: Fault.TIMEOUT,  # lock request time-out [baseline]
    8645: Fault.TIMEOUT,  # waited too long for memory to execute the query [errors]
    8651: Fault.TIMEOUT,  # not enough memory to execute the query [errors]
    # The session or the server ends.
    596: Fault.LOST,  # the session is in the kill state [seen]
    3971: Fault.LOST,  # the server failed to resume the transaction [seen]
    6005: Fault.LOST,  # SHUTDOWN is in progress [seen]
    17142: Fault.LOST,  # the service is paused [errors]
    17197: Fault.LOST,  # the log-in took too long [errors]
    18401: Fault.LOST,  # log-in failed: the server upgrades its scripts [errors]
    18451: Fault.LOST,  # log-in failed: only administrators, at start or end [errors]
    18456: Fault.LOST,  # log-in failed: in a fail-over for its database, too [errors]
    # Transport, where the driver gives it as a number.
    64: Fault.LOST,  # the connection ended during the log-in [baseline] [ef]
    233: Fault.LOST,  # nobody at the other end [baseline] [ef]
    997: Fault.LOST,  # overlapped I/O in progress [baseline]
    10053: Fault.LOST,  # aborted by this machine [baseline] [ef]
    10054: Fault.LOST,  # closed by the server [baseline] [ef]
    10060: Fault.LOST,  # no answer [baseline] [ef]
    # The database is not there yet, or not any more: restart and fail-over.
    615: Fault.LOST,  # could not find the database [azure]
    921: Fault.LOST,  # not recovered yet [errors]
    922: Fault.LOST,  # is being recovered [seen]
    924: Fault.LOST,  # is open for one user only [errors]
    926: Fault.LOST,  # marked suspect by recovery [azure]
    927: Fault.LOST,  # in the middle of a restore [errors]
    942: Fault.LOST,  # offline [errors]
    945: Fault.LOST,  # files or memory are missing [errors]
    952: Fault.LOST,  # in transition [errors]
    976: Fault.LOST,  # this replica is not accessible for queries [seen]
    978: Fault.LOST,  # this replica takes read-only connections alone [errors]
    982: Fault.LOST,  # no replica takes this connection [errors]
    983: Fault.LOST,  # the replica's role is being resolved [seen]
    3906: Fault.LOST,  # read-only: a connection to what was the primary replica [errors]
    4060: Fault.LOST,  # cannot open the database of the log-in [baseline] [azure]
    4221: Fault.LOST,  # log-in to a secondary that waits for transactions to end [baseline]
    # Full: staff must make room.
    1105: Fault.LOST,  # the filegroup is full [errors]
    9002: Fault.LOST,  # the transaction log is full [errors]
    # Azure.
    10928: Fault.LOST,  # a limit of the database is reached [baseline] [ef]
    10929: Fault.LOST,  # the server is too busy [baseline] [ef]
    40143: Fault.LOST,  # the service met an error [baseline]
    40197: Fault.LOST,  # the service met an error [baseline] [ef]
    40501: Fault.LOST,  # the service is busy [seen] [baseline] [ef]
    40540: Fault.LOST,  # the service met an error [baseline]
    40613: Fault.LOST,  # the database is not available [seen] [baseline] [ef]
    42108: Fault.LOST,  # the pool is paused [baseline]
    42109: Fault.LOST,  # the pool is warming up [baseline]
    49918: Fault.LOST,  # not enough resources [baseline] [ef]
    49919: Fault.LOST,  # too many create or update operations [baseline] [ef]
    49920: Fault.LOST,  # too many operations [baseline] [ef]
}

# What else PostgreSQL gives an OperationalError for is LOST. [pg]
_POSTGRESQL_STATES = {
    "40001": Fault.DEADLOCK,  # serialization failure
    "40P01": Fault.DEADLOCK,  # deadlock detected
    "55P03": Fault.TIMEOUT,  # lock not available
    "57014": Fault.TIMEOUT,  # query cancelled: statement_timeout
}

# What else SQLite gives an OperationalError for is LOST: a file that cannot be opened, a full
# disk. Extended codes hold these in their lowest byte. [sqlite]
_SQLITE_CODES = {
    sqlite3.SQLITE_ERROR: Fault.OTHER,  # a wrong statement or a missing table
    sqlite3.SQLITE_BUSY: Fault.TIMEOUT,
    sqlite3.SQLITE_LOCKED: Fault.TIMEOUT,
}

# pyodbc: "[42000] [Microsoft][…][SQL Server]… (976) (SQLDriverConnect); [42000] … (4060)".
_NATIVE_NUMBER = re.compile(r"\((\d+)\)(?= \(\w+\)|;|$)")


def fault_of(error: BaseException) -> Fault:
    """Return what an error of Django, or of the driver under it, means.

    Errors without a driver's under them are judged by Django's class alone.
    """
    cause = judged = error
    while isinstance(cause, Error) and cause.__cause__ is not None:
        # Not only once: Django's error about a broken transaction stands before the one that
        # broke it.
        judged, cause = cause, cause.__cause__
    if type(cause).__module__.partition(".")[0] == "pyodbc":
        return _of_sql_server(cause.args)
    if not isinstance(judged, (OperationalError, InterfaceError)):
        return Fault.OTHER
    code = getattr(cause, "sqlite_errorcode", None)
    if code is not None:
        return _SQLITE_CODES.get(code & 0xFF, Fault.LOST)
    return _POSTGRESQL_STATES.get(getattr(cause, "sqlstate", None) or "", Fault.LOST)


def _of_sql_server(args: tuple[object, ...]) -> Fault:
    """What pyodbc's error means: (SQLSTATE, text), or a text of its own alone."""
    if len(args) < 2:
        return _of_pyodbc(str(args[0]) if args else "")
    state, text = str(args[0]), str(args[1])
    for key in (state, state[:2]):
        if key in _SQL_SERVER_STATES:
            return _SQL_SERVER_STATES[key]
    for number in _NATIVE_NUMBER.findall(text):
        if int(number) in _SQL_SERVER_NUMBERS:
            return _SQL_SERVER_NUMBERS[int(number)]
    return Fault.OTHER


def _of_pyodbc(text: str) -> Fault:
    """What pyodbc says when it is asked to use a connection that is closed. [seen]"""
    return Fault.LOST if "connection" in text and "closed" in text else Fault.OTHER
