"""The lists of extractions at 10 thousand and at 1 million rows, with the same filters.

Both tables have equally many rows a day, nine in ten of one company. The pages of operators and
the API's are requested through Django's test client, on SQLite, and must not take twice as long in
the large table. Measured is the processor's time, the best of many: the others measure other load
as well.
"""

import subprocess
import sys
import time
from datetime import date, timedelta
from functools import partial

from benchmarks.filling import filled, moment, multiply

SIZES = (10_000, 1_000_000)
ROUNDS = 20
SECONDS_APART = 8.64  # 10 thousand rows a day
SUPPLIERS = 500
# One of so many rows, which one, key, and the SQL of the value: by the row's number.
LABELS = (
    (3, 0, "project", "'Project ' || (number % 60)"),
    (5000, 4, "cost centre", "'C' || (number % 7)"),
)
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


def fill(size: int) -> None:
    """Write so many rows, and three users."""
    from django.contrib.auth.models import Group, User

    from extraction.models import CompanyGrant
    from extraction.roles import LEAD
    from tokens.models import Company

    extractions(size)
    for number, time_zone in (("NT047", "Asia/Kathmandu"), ("NT048", "")):
        Company.objects.create(company_id=number, name=f"Company {number}", time_zone=time_zone)
    for name, companies in (("one", ["NT047"]), ("two", ["NT047", "NT048"]), ("all", [])):
        user = User.objects.create_user(name, is_superuser=not companies)
        user.groups.add(*Group.objects.filter(role__name=LEAD.name))
        for company_id in companies:
            CompanyGrant.objects.create(user=user, company_id=company_id)


def extractions(size: int) -> None:
    """Write so many extractions, the oldest first and their ids in another order, with labels."""
    from extraction.models import Label
    from tests.extraction.factories import make_extraction

    row = make_extraction(file="x", result=RESULT)
    for number, (every, of, key, value) in enumerate(LABELS):
        label = Label.objects.create(id=number * size + size, extraction=row, key=key)
        columns = {
            "id": f"{number * size} + n",
            "extraction_id": _id_of(f"({every} * n + {of})"),
            "value": value,
        }
        multiply(label, (size - of - 1) // every + 1, columns, {"number": f"{every} * n + {of}"})
    multiply(
        row,
        size,
        {
            "id": _id_of("n"),
            "company_id": "CASE WHEN n % 10 = 9 THEN 'NT048' ELSE 'NT047' END",
            "branch": "'Branch ' || (n % 7)",
            "requested_by": "'user' || (n % 12)",
            "file_name": "'scan-' || n || '.pdf'",
            "sha256": "printf('%064d', n)",
            "created_at": "received",
            "due_at": "received",
            "state": _read("'succeeded'", "'failed'"),
            "result": _read('one."result"'),
            "document_type": _read("CASE WHEN n % 50 = 1 THEN 'credit_note' ELSE 'invoice' END"),
            "supplier_name": _read(f"'Supplier ' || (n * 7919 % {SUPPLIERS}) || ' Ltd'"),
            "supplier_tax_id": _read(f"printf('DE%09d', n * 7919 % {SUPPLIERS})"),
            "invoice_number": _read("'RE-' || n"),
            "invoice_date": _read("date(received)"),
            "due_date": _read("date(received, '+' || (n % 30) || ' days')"),
            "currency": _read("CASE WHEN n % 5 THEN 'EUR' ELSE 'USD' END"),
            "total_amount": _read("n * 104729 % 10000000 / 100.0"),
            "needs_review": "n % 20 = 1",
            "duplicate_of": f"CASE WHEN n % 200 = 1 THEN '{1:032x}' END",
        },
        {"received": moment(f"({size} - n) * {SECONDS_APART}")},
    )


def _read(value: str, failed: str = "NULL") -> str:
    """The SQL of a column that failed extractions, one in a hundred, do not have."""
    return f"CASE WHEN n % 100 THEN {value} ELSE {failed} END"


def _id_of(number: str) -> str:
    return f"printf('0%016x000000000000000', {number} * 2654435761)"


def measure() -> None:
    """Print each page's best time."""
    from django.contrib.auth.models import User
    from django.test import Client

    day = date.today()
    pages = {
        "newest": "",
        "page 150": "page=150",
        "by supplier": "sort=supplier",
        "by tax id": "sort=tax-id",
        "by total, largest first": "sort=-total",
        "by decision": "sort=-reviewed",
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
    addresses = {name: f"/extractions/?{query}" for name, query in pages.items()}
    addresses |= {
        f"API: {name}": f"/api/v1/extractions/?{pages[name]}"
        for name in ("newest", "failed", "to review", "branch", "label", "label that is rare")
    }
    for user in User.objects.order_by("pk"):
        client = Client(SERVER_NAME="localhost")
        client.force_login(user)
        for name, address in addresses.items():
            times = []
            for _ in range(ROUNDS):
                start = time.process_time()
                response = client.get(address)
                times.append(time.process_time() - start)
                assert response.status_code == 200, name
                assert b"notice error" not in response.content, name
            print(f"{name}; companies: {user.username}\t{1000 * min(times)}", flush=True)


if __name__ == "__main__":
    rows = int(sys.argv[1])
    with filled(f"list-{rows}", partial(fill, rows)):
        measure()
