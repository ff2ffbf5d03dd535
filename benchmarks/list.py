"""The list of extractions at 10 thousand and at 1 million rows, with the same filters.

Both tables have equally many rows a day, nine in ten of one company. The pages are requested
through Django's test client, on SQLite, and must not take twice as long in the large table.
Measured is the processor's time, the best of many: the others measure other load as well.
"""

import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.db.models import Model

SIZES = (10_000, 1_000_000)
ROUNDS = 20
SECONDS_APART = 8.64  # 10 thousand rows a day
CHUNK = 10_000
SUPPLIERS = 500
RESULT = {"line_items": [{"description": "x" * 100}] * 5}  # about as long as an invoice of a page


def main() -> None:
    """Print the milliseconds of every page at both sizes, and the ratio."""
    results = []
    for size in SIZES:
        # A process each: settings are read once.
        measured = subprocess.run(
            [sys.executable, "-m", "benchmarks.list", str(size)],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout
        results.append(dict(line.split("\t") for line in measured.splitlines()))
    small, large = results
    print(f"\nPages of the list of extractions, the best of {ROUNDS}\n")
    print(f"| page | ms at {SIZES[0]:,} rows | ms at {SIZES[1]:,} rows | ratio |")
    print("|---|---|---|---|")
    for page, few in small.items():
        ratio = float(large[page]) / float(few)
        print(f"| {page} | {float(few):.1f} | {float(large[page]):.1f} | {ratio:.2f} |")


def labels(size: int) -> Iterator[dict[str, Any]]:
    """The columns of labels: a project of a third of the rows, a cost centre of one in 5,000."""
    for number in range(size):
        if number % 3 == 0:
            label = {"key": "project", "value": f"Project {number % 60}"}
        elif number % 5000 == 4:
            label = {"key": "cost centre", "value": f"C{number % 7}"}
        else:
            continue
        yield {"id": number + 1, "extraction": id_of(number), **label}


def id_of(number: int) -> uuid.UUID:
    """Return the id of a row: in another order than they were received."""
    return uuid.UUID(int=(number * 2_654_435_761) % 2**64 << 60)


def rows(size: int, now: datetime) -> Iterator[dict[str, Any]]:
    """The columns of extractions, oldest first."""
    for number in range(size):
        received = now - timedelta(seconds=(size - number) * SECONDS_APART)
        failed = number % 100 == 0
        read: dict[str, Any] = {
            "state": "succeeded",
            "result": RESULT,
            "document_type": "credit_note" if number % 50 == 1 else "invoice",
            "supplier_name": f"Supplier {number * 7919 % SUPPLIERS} Ltd",
            "supplier_tax_id": f"DE{number * 7919 % SUPPLIERS:09}",
            "invoice_number": f"RE-{number}",
            "invoice_date": received.date(),
            "due_date": received.date() + timedelta(days=number % 30),
            "currency": "EUR" if number % 5 else "USD",
            "total_amount": Decimal(number * 104729 % 10_000_000) / 100,
            "needs_review": number % 20 == 1,
            "duplicate_of": uuid.UUID(int=1) if number % 200 == 1 else None,
        }
        yield {
            "id": id_of(number),
            "company_id": "NT048" if number % 10 == 9 else "NT047",
            "branch": f"Branch {number % 7}",
            "requested_by": f"user{number % 12}",
            "client": "user:1",
            "file": "x",
            "file_name": f"scan-{number}.pdf",
            "sha256": f"{number:064}",
            "media_type": "application/pdf",
            "size": 1000,
            "page_count": 1,
            "created_at": received,
            "due_at": received,
            "state": "failed",
            **({} if failed else read),
        }


def fill(size: int) -> None:
    """Make a database with so many rows and three users."""
    from django.contrib.auth.models import Group, User
    from django.core.management import call_command
    from django.db import connection, transaction

    from extraction.models import CompanyGrant, Extraction, Label
    from extraction.roles import LEAD
    from tokens.models import Company

    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    # The indexes come last: rows are written faster without.
    with connection.schema_editor() as editor:
        for index in Extraction._meta.indexes:
            editor.remove_index(Extraction, index)
    now = datetime.now(UTC)
    with transaction.atomic():
        insert(Extraction, rows(size, now), {"result": RESULT})
        insert(Label, labels(size), {})
    with connection.schema_editor() as editor:
        for index in Extraction._meta.indexes:
            editor.add_index(Extraction, index)
    for number, time_zone in (("NT047", "Asia/Kathmandu"), ("NT048", "")):
        Company.objects.create(company_id=number, name=f"Company {number}", time_zone=time_zone)
    for name, companies in (("one", ["NT047"]), ("two", ["NT047", "NT048"]), ("all", [])):
        user = User.objects.create_user(name, is_superuser=not companies)
        user.groups.add(*Group.objects.filter(role__name=LEAD.name))
        for company_id in companies:
            CompanyGrant.objects.create(user=user, company_id=company_id)


def insert(model: "type[Model]", every: Iterator[dict[str, Any]], same: Mapping[str, Any]) -> None:
    """Write rows of a table without an object for each: a million take a minute, not ten.

    ``same``: values that all rows have that name them.
    """
    from django.db import connection

    fields = {field.name: field for field in model._meta.concrete_fields}
    template = model()

    def stored(name: str, value: Any) -> Any:
        return fields[name].get_db_prep_save(value, connection)

    unset = {name: stored(name, getattr(template, fields[name].attname)) for name in fields}
    shared = {name: stored(name, value) for name, value in same.items()}

    def values(row: dict[str, Any]) -> list[Any]:
        given = {name: stored(name, value) for name, value in row.items() if name not in shared}
        read = {name: shared[name] for name in row.keys() & shared}
        return list({**unset, **given, **read}.values())

    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields.values())
    marks = ", ".join(["%s"] * len(fields))
    # The names are the model's.
    statement = f"INSERT INTO {model._meta.db_table} ({columns}) VALUES ({marks})"
    with connection.cursor() as cursor:
        for chunk in batched(every, CHUNK):
            cursor.executemany(statement, [values(row) for row in chunk])


def batched(every: Iterator[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows in lists of so many."""
    while chunk := list(islice(every, size)):
        yield chunk


def measure() -> None:
    """Print each page's best time."""
    from django.contrib.auth.models import User
    from django.test import Client

    day = date.today()
    pages = {
        "newest": "",
        "page 150": "page=150",
        "by supplier": "sort=supplier",
        "by total, largest first": "sort=-total",
        "by file, page 150": "sort=file&page=150",
        "failed": "state=failed",
        "to review": "review=needed",
        "to review, by total": "review=needed&sort=-total",
        "to review, by supplier": "review=needed&sort=supplier",
        "dates": f"since={day - timedelta(days=1)}&until={day}",
        "dates, by supplier": f"since={day - timedelta(days=1)}&sort=supplier",
        "branch": "branch=Branch+3",
        "requester, by due date": "requester=user7&sort=due",
        "label": "label=project%3DProject+3",
        "label of any value": "label=project",
        "label that is rare": "label=cost+centre%3DC1",
        "duplicates": "duplicates=only",
        "text that is frequent": "text=supplier+33",
        "text that is nowhere": "text=nowhere+at+all",
        "text of the oldest": "text=RE-3",
        "total": "text=1.047,29",
        "everything at once": "text=supplier&review=needed&branch=Branch+3&sort=due",
    }
    pages |= {
        f"{name}, of a company": f"company=NT047&{pages[name]}"
        for name in ("newest", "by supplier", "label", "everything at once")
    }
    for user in User.objects.order_by("pk"):
        client = Client(SERVER_NAME="localhost")
        client.force_login(user)
        for name, query in pages.items():
            times = []
            for _ in range(ROUNDS):
                start = time.process_time()
                response = client.get(f"/extractions/?{query}")
                times.append(time.process_time() - start)
                assert response.status_code == 200, name
                assert b"notice error" not in response.content, name
            print(f"{name}; companies: {user.username}\t{1000 * min(times)}", flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as data_dir:
        os.environ["DATA_DIR"] = data_dir
        import django

        django.setup()
        fill(int(sys.argv[1]))
        measure()
