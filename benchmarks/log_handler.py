"""What a log record costs its caller, and how many reach ApplicationLogs in a second.

The call is compared with that of django-db-logger, which makes one INSERT for each record; the
writer with the limit: the same rows, made before, in multi-row INSERTs. In the first line of
the second table the statements' parameters are made before, too. SQLite is the fastest database.
"""

import gc
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

ROUNDS = 9
CALLS = 2_000
PEER_CALLS = 200
ROWS = 10_000


def main() -> None:
    """Measure in a process with a database of its own, and print two tables."""
    with tempfile.TemporaryDirectory() as data_dir:
        subprocess.run(
            [sys.executable, "-m", __name__],
            env={**os.environ, "DATA_DIR": data_dir, "DATABASE_URL": ""},
            check=True,
        )


def measure() -> None:
    """Measure all in turns, so that other load on the machine affects all alike."""
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from logs.handler.handler import DatabaseHandler

    ours, peer, nobody = DatabaseHandler(), peer_handler(), logging.NullHandler()
    cost: dict[str, list[float]] = {"nobody": [], "ours": [], "peer": []}
    rows: dict[str, list[float]] = {"bare": [], "limit": [], "writer": [], "whole": []}
    for _ in range(ROUNDS):
        cost["nobody"].append(seconds(lambda: log(nobody, CALLS)) / CALLS)
        cost["ours"].append(seconds(lambda: log(ours, CALLS)) / CALLS)
        ours.flush()
        cost["peer"].append(seconds(lambda: log(peer, PEER_CALLS)) / PEER_CALLS)
        empty_table()
        rows["bare"].append(ROWS / raw_insert(bare=True))
        empty_table()
        rows["limit"].append(ROWS / raw_insert(bare=False))
        empty_table()
        rows["writer"].append(ROWS / drain(ours))
        empty_table()
        rows["whole"].append(ROWS / seconds(lambda: log_and_flush(ours)))
    print(f"\nA log record at its caller, median of {ROUNDS} rounds\n")
    print("| | µs per call | ratio |")
    print("|---|---|---|")
    for name, label in (
        ("peer", "one INSERT a record (django-db-logger)"),
        ("ours", "DatabaseHandler"),
        ("nobody", "logging alone, no handler"),
    ):
        print(
            f"| {label} | {1e6 * median(cost[name]):.1f} | {ratio(cost['peer'], cost[name]):.0f} |"
        )
    print(f"\nRows of ApplicationLogs per second, {ROWS} records, median of {ROUNDS} rounds\n")
    print("| | rows/s | share of the limit |")
    print("|---|---|---|")
    for name, label in (
        ("bare", "parameters made before, multi-row INSERTs"),
        ("limit", "the limit: rows made before, multi-row INSERTs"),
        ("writer", "DatabaseHandler, from a full queue to the last commit"),
        ("whole", "DatabaseHandler, from the first call to the last commit"),
    ):
        share = 100 * ratio(rows[name], rows["limit"])
        print(f"| {label} | {median(rows[name]):.0f} | {share:.0f} % |")


def median(values: list[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def ratio(one: list[float], other: list[float]) -> float:
    """The median of the rounds' ratios: rounds differ more than what is compared in each."""
    return statistics.median(a / b for a, b in zip(one, other, strict=True))


def seconds(act: Callable[[], object]) -> float:
    """How long it takes, after a garbage collection."""
    gc.collect()
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def log(handler: logging.Handler, calls: int) -> None:
    """Log as the pipeline does, in the context of an extraction."""
    from logs import context

    logger = logging.Logger("extraction.pipeline")
    logger.addHandler(handler)
    with context.bound(
        extraction_id="0b0e7a2e-6f0c-4a4b-9d0e-6a1f6f9f6a11", company_id="NT047", user="asha"
    ):
        for number in range(calls):
            logger.info("Extracted %s pages with %s.", number, "gemini-3.8-flash")


def log_and_flush(handler: logging.Handler) -> None:
    """Log while the writer writes, and wait for it."""
    log(handler, ROWS)
    handler.flush()


def drain(handler: logging.Handler) -> float:
    """Fill the queue while the writer is kept out, then let it work."""
    from logs.handler.handler import DatabaseHandler

    assert isinstance(handler, DatabaseHandler)
    with handler._changed:
        log(handler, ROWS)
        gc.collect()
        start = time.perf_counter()
    handler.flush()
    return time.perf_counter() - start


def raw_insert(*, bare: bool) -> float:
    """The same rows, in transactions and statements of the sizes that we use."""
    from django.db import connections, transaction

    from logs.handler import bulk_insert
    from logs.handler.records import row_of
    from logs.handler.writer import BATCH

    records: list[logging.LogRecord] = []
    collector = logging.NullHandler()
    collector.handle = records.append  # type: ignore[assignment,method-assign]  # a list instead
    log(collector, ROWS)
    rows = [row_of(record) for record in records]
    connection = connections["default"]
    batches = [rows[start : start + BATCH] for start in range(0, ROWS, BATCH)]
    made = [list(bulk_insert.statements(batch, connection)) for batch in batches] if bare else None

    def insert() -> None:
        for number, batch in enumerate(batches):
            with transaction.atomic(), connection.cursor() as cursor:
                statements = made[number] if made else bulk_insert.statements(batch, connection)
                for sql, parameters in statements:
                    for each in parameters:
                        cursor.execute(sql, each)

    return seconds(insert)


def empty_table() -> None:
    """Empty it: a row costs more in a large table."""
    from logs.models import ApplicationLog

    ApplicationLog.objects.all().delete()


def peer_handler() -> logging.Handler:
    """The emit and the table of django-db-logger 0.1.13, which itself would need six."""
    from django.db import connection, models

    class StatusLog(models.Model):  # noqa: DJ008 - nobody prints it
        logger_name = models.CharField(max_length=100)
        level = models.PositiveSmallIntegerField(default=logging.ERROR, db_index=True)
        msg = models.TextField()
        trace = models.TextField(blank=True, null=True)
        create_datetime = models.DateTimeField(auto_now_add=True)

        class Meta:
            app_label = "benchmarks"

    class DatabaseLogHandler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            trace = None
            if record.exc_info:
                trace = logging.Formatter().formatException(record.exc_info)
            StatusLog._default_manager.create(
                logger_name=record.name, level=record.levelno, msg=record.getMessage(), trace=trace
            )

    with connection.schema_editor() as editor:
        editor.create_model(StatusLog)
    return DatabaseLogHandler()


if __name__ == "__main__":
    measure()
