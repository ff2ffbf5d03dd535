"""The admin's pages of the log at 10 thousand and at 1 million rows, with the same filters.

Both tables have equally many rows a day: a service that has run for one day, and for a hundred. The
pages are requested through Django's test client, on SQLite, and must not take twice as long in
the large table. The best of many times counts, because the others measure other load as well.
"""

import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

SIZES = (10_000, 1_000_000)
ROUNDS = 20
SECONDS_APART = 8.64  # 10 thousand rows a day
COMPANIES = 20
ERRORS = 20  # one row of so many
GROUPS = 5
RECORDS_OF_AN_EXTRACTION = 50

Row = tuple[object, ...]


def main() -> None:
    """Print the milliseconds of every page at both sizes, and the ratio."""
    results = []
    for size in SIZES:
        # A process each: settings are read once.
        measured = subprocess.run(
            [sys.executable, "-m", "benchmarks.log_admin", str(size)],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout
        results.append(dict(line.split("\t") for line in measured.splitlines()))
    small, large = results
    print(f"\nPages of the log in the admin, the best of {ROUNDS}\n")
    print(f"| page | ms at {SIZES[0]:,} rows | ms at {SIZES[1]:,} rows | ratio |")
    print("|---|---|---|---|")
    for page, few in small.items():
        ratio = float(large[page]) / float(few)
        print(f"| {page} | {float(few):.1f} | {float(large[page]):.1f} | {ratio:.2f} |")


def rows(size: int, now: datetime) -> Iterator[Row]:
    """Log rows, oldest first."""
    for number in range(size):
        is_error = number % ERRORS == 0
        extraction = uuid.UUID(int=number // RECORDS_OF_AN_EXTRACTION)
        yield (
            f"{now - timedelta(seconds=(size - number) * SECONDS_APART):%Y-%m-%d %H:%M:%S.%f}",
            "ERROR" if is_error else "WARNING" if number % 10 == 0 else "INFO",
            f"extraction.module{number % 30}",
            f"Record {number}: something happened to page {number % 7} of the document.",
            "Traceback (most recent call last):\n" * 40 if is_error else None,
            str(uuid.UUID(int=number // 5)),
            extraction.hex,
            f"NT{number // RECORDS_OF_AN_EXTRACTION % COMPANIES:03}",
            f"{number // ERRORS % GROUPS:064}" if is_error else None,
        )


def measure(size: int) -> None:
    """Fill a database and print each page's best time; in a process of its own."""
    import django

    django.setup()

    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connection, transaction
    from django.test import Client
    from django.urls import reverse

    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    now = datetime.now(UTC)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(
            'INSERT INTO "ApplicationLogs" ("Timestamp", "LogLevel", "Logger", "Message",'
            ' "Exception", "RequestID", "ExtractionID", "CompanyID", "Fingerprint")'
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            rows(size, now),  # type: ignore[arg-type]  # sqlite3 takes an iterator
        )
        cursor.executemany(
            'INSERT INTO "ErrorGroups" ("Fingerprint", "ExceptionType", "Place", "Logger",'
            ' "Message", "RecordCount", "FirstSeen", "LastSeen")'
            " VALUES (%s, 'ValueError', 'extraction.pipeline:process:1', 'extraction', 'x', %s,"
            " %s, %s)",
            [(f"{number:064}", size // ERRORS // GROUPS, now, now) for number in range(GROUPS)],
        )
    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.create_superuser("root"))
    logs = reverse("admin:logs_applicationlog_changelist")
    extraction = uuid.UUID(int=(size - 1) // RECORDS_OF_AN_EXTRACTION)
    pages = {
        "log": logs,
        "log, level": f"{logs}?level=ERROR",
        "log, logger": f"{logs}?logger=extraction.module7",
        "log, company, last day": f"{logs}?company_id=NT003&range=1d",
        "log, company and level": f"{logs}?company_id=NT003&level=INFO",
        "log, extraction": f"{logs}?extraction_id={extraction}",
        "log, text, last day": f"{logs}?text=page+3&range=1d",
        "log, text that is nowhere, last day": f"{logs}?text=nowhere&range=1d",
        "log, text that is nowhere, any time": f"{logs}?text=nowhere&since=2000-01-01T00:00",
        "log, error group": f"{logs}?fingerprint={7:064}",
        "error groups": reverse("admin:logs_errorgroup_changelist"),
        "log, errors": f"{logs}?level=ERRORS",
    }
    for name, address in pages.items():
        times = []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            response = client.get(address)
            times.append(time.perf_counter() - start)
            assert response.status_code == 200, name
        print(f"{name}\t{1000 * min(times)}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as data_dir:
        os.environ["DATA_DIR"] = data_dir
        measure(int(sys.argv[1]))
