"""What differs between databases, and what to do when one cannot be reached."""

import contextlib
import functools
import logging
import random
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from django.db import Error, connection, connections, transaction
from django.db.models.functions import Now

from ocrsite.lib.database_errors import Fault, fault_of

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger(__name__)

SQLITE = "ocrsite.lib.sqlite"
SQL_SERVER = "ocrsite.lib.sqlserver"
POSTGRESQL = "django.db.backends.postgresql"

# Seconds after which a database that was unreachable is tried again.
RECHECK_SECONDS = 0.5
# How often a transaction that a deadlock undid is repeated at once, and the longest pauses before,
# in seconds. Each is random, so that those who met do not meet again.
DEADLOCK_PAUSES = (0.02, 0.1, 0.5)
EMPTYING_WAITS_MILLISECONDS = 100

dj_database_url.register("mssql", SQL_SERVER)
dj_database_url.register("sqlite", SQLITE)

# WAL and IMMEDIATE let web, workers and log writers share one file without "database is
# locked"; secure_delete overwrites what an UPDATE or DELETE leaves behind (provider keys).
_SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL;PRAGMA secure_delete=ON;",
}

# Without MARS_Connection=no a query inside .iterator() fails on Linux (mssql-django #614);
# without connection_timeout a refused port takes 15 s. connection_retries would make a request
# wait 25 s more; those who can wait try again by themselves. ConnectRetryCount=0: else the driver
# reconnects by itself and fails with states of its own (IMC01 to IMC06) when it cannot.
_SQL_SERVER_OPTIONS = {
    "driver": "ODBC Driver 18 for SQL Server",
    "connection_timeout": 5,
    "connection_retries": 0,
    "query_timeout": 60,
    "extra_params": (
        "Encrypt=yes;TrustServerCertificate=no;MARS_Connection=no;ConnectRetryCount=0"
    ),
}

# Without them a server that does not answer takes the minutes of TCP: the first in seconds, for a
# new connection; the second in milliseconds, for one that was open when the server vanished.
_POSTGRESQL_OPTIONS = {"connect_timeout": 5, "tcp_user_timeout": 20_000}


def database_settings(url: str, data_dir: Path) -> dict[str, Any]:
    """Return Django's ``DATABASES["default"]`` for a DATABASE_URL; empty means SQLite in data_dir.

    Query parameters of the URL override our options (``?driver=…&extra_params=…``).
    Raises ImproperlyConfigured for a URL that names no database engine we support.
    """
    if not url:
        settings: dict[str, Any] = {"ENGINE": SQLITE, "NAME": str(data_dir / "db.sqlite3")}
    else:
        try:
            settings = dict(dj_database_url.parse(url))
        except (dj_database_url.ParseError, dj_database_url.UnknownSchemeError) as error:
            raise ImproperlyConfigured(
                "DATABASE_URL cannot be read. Use mssql://user:password@host:1433/name, "
                "postgres://…, sqlite:///path, or leave it empty for SQLite under DATA_DIR."
            ) from error
    engine = settings["ENGINE"]
    defaults: dict[str, Any] = {}
    if engine == SQLITE:
        defaults = _SQLITE_OPTIONS
        # A file rather than shared memory: tests with threads and processes need real locking.
        settings["TEST"] = {"NAME": str(data_dir / "test.sqlite3")}
    elif engine == SQL_SERVER:
        defaults = _SQL_SERVER_OPTIONS
    elif engine == POSTGRESQL:
        defaults = _POSTGRESQL_OPTIONS
    else:
        raise ImproperlyConfigured(
            f"DATABASE_URL names {engine}. Use mssql://, postgres:// or sqlite://."
        )
    settings["OPTIONS"] = {**defaults, **settings.get("OPTIONS", {})}
    # Health checks matter to the log writer: without them it lost a batch per dropped connection.
    settings["CONN_MAX_AGE"] = 600
    settings["CONN_HEALTH_CHECKS"] = True
    return settings


def is_unreachable(error: BaseException) -> bool:
    """Whether an error means that the database cannot be used now, rather than was asked wrongly.

    The connection was refused, lost or timed out, or the file is locked or cannot be opened; or
    the transaction was a deadlock's victim.
    """
    # Whatever failed while connecting: SQL Server calls a database that is offline a
    # ProgrammingError (4060), SQLite a damaged file a DatabaseError.
    if isinstance(error, Error) and connection.connection is None:
        return True
    return fault_of(error) is not Fault.OTHER


def retry_deadlocks(act: Callable[[], T]) -> T:
    """Call ``act``, again where it was a deadlock's victim, and return its result.

    The server has undone the victim's whole transaction, so within one of the caller's the error
    is raised at once. Raised as well is what a deadlock undid four times, and any other error.
    """
    for longest_pause in () if connection.in_atomic_block else DEADLOCK_PAUSES:
        try:
            return act()
        except Error as error:
            if fault_of(error) is not Fault.DEADLOCK:
                raise
        time.sleep(random.random() * longest_pause)  # noqa: S311 - guards no secret
    return act()


def deadlocks_retried(act: Callable[P, T]) -> Callable[P, T]:
    """Have every call of a function be one of ``retry_deadlocks``."""

    @functools.wraps(act)
    def retried(*args: P.args, **kwargs: P.kwargs) -> T:
        return retry_deadlocks(functools.partial(act, *args, **kwargs))

    return retried


def retry_while_unreachable(act: Callable[[], T]) -> T:
    """Call ``act`` until the database answers it, however long that takes; return its result.

    ``act`` must be safe to repeat: the database may go away after it committed and before it
    confirms that. The hard end of a worker's task is the only limit of time.
    """
    waits = False
    while True:
        try:
            return retry_deadlocks(act)
        except Error as error:
            if not is_unreachable(error):
                raise
            if not waits:  # once, not twice a second
                logger.exception("The work waits for the database.")
            waits = True
            drop_connections()
        time.sleep(RECHECK_SECONDS)


@contextlib.contextmanager
def dispensable(what: str) -> Iterator[None]:
    """Do in the block what the transaction around it can do without.

    An exception undoes the block alone and is logged with ``what``. Raises those that mean that the
    database is unreachable, since the whole transaction is lost then.
    """
    try:
        with transaction.atomic():
            yield
    except Exception as error:
        if is_unreachable(error):
            raise
        logger.exception("Left out, since it failed: %s.", what)


def each_for_itself(act: Callable[[T], int], rows: Iterable[T]) -> int:
    """Call ``act`` for each row, whichever fails, and return the sum of what it returned.

    Raises the first error at the end; at once one that means that the database is unreachable.
    """
    number, errors = 0, []
    for row in rows:
        try:
            number += act(row)
        except Exception as error:
            if is_unreachable(error):
                raise
            errors.append(error)
    if errors:
        raise errors[0]
    return number


def drop_connections() -> None:
    """Close this thread's connections, so that the next query makes a new one. Never raises."""
    for each in connections.all(initialized_only=True):
        with contextlib.suppress(
            Exception
        ):  # a lost one may refuse; Django forgets it all the same
            each.close()


def empty_write_ahead_log() -> bool:
    """On SQLite, move the log into the database file, so that overwritten text leaves the disk.

    Must run outside a transaction. False when somebody who reads or writes held it up.
    """
    if connection.vendor != "sqlite":
        return True
    with connection.cursor() as cursor:
        (timeout,) = cursor.execute("PRAGMA busy_timeout").fetchone()
        # While it waits for readers, a backup for example, nobody can write.
        cursor.execute(f"PRAGMA busy_timeout = {EMPTYING_WAITS_MILLISECONDS}")
        try:
            (busy, _, _) = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {timeout}")
    return not busy


class UtcNow(Now):
    """The database's clock in UTC, comparable with what ``timezone.now`` stores.

    SQLite gets the three zeros that Django writes too, or a row is missed by ``__gte`` of its
    own instant; SQL Server's own ``Now`` would carry the server's offset.
    """

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """Microseconds as Django formats them."""
        # Escaped twice: the template and the statement are each %-formatted.
        template = "STRFTIME('%%%%Y-%%%%m-%%%%d %%%%H:%%%%M:%%%%f', 'NOW') || '000'"
        return self.as_sql(compiler, connection, template=template, **extra)

    def as_microsoft(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """UTC whatever the server's time zone."""
        return self.as_sql(compiler, connection, template="SYSUTCDATETIME()", **extra)
