"""The usage report of a month, at 5 million usage rows of a year.

Twenty companies with two keys each, twelve requesters, three models. The page is requested through
Django's test client, on SQLite, with the daily sums made and without. Measured is the processor's
time, the best of some: the others measure other load as well.
"""

import os
import tempfile
import time
from datetime import timedelta
from typing import Any

from benchmarks.filling import without_indexes

ROWS = 5_000_000
DAYS = 365
COMPANIES = 20
ROUNDS = 3
GROUPINGS = (
    ("company_id",),
    ("company_id", "model"),
    ("day",),
    ("token_id", "day"),
    ("branch", "requested_by"),
)
INSERT = f"""
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {ROWS})
INSERT INTO TokenUsageLogs (
    LoggedAt, TokenID, CompanyID, Branch, RequestedBy, Model, Cost, Currency,
    InputTokens, OutputTokens, ThinkingTokens, TotalTokensUsed, RequestCount
)
SELECT strftime('%Y-%m-%d %H:%M:%f', 'now', '-' || (i * {DAYS * 86_400 / ROWS}) || ' seconds')
           || '000',
       1 + i % {2 * COMPANIES}, 'C' || (i % {COMPANIES}), 'Branch ' || (i % 7), 'user' || (i % 12),
       'gemini-' || (i % 3), (i % 9973) / 1e6, 'USD', 1000, 300, 400, 1700, 1
FROM n
"""


def main() -> None:
    """Print the milliseconds of the page by what it is grouped by."""
    with tempfile.TemporaryDirectory() as data_dir:
        os.environ["DATA_DIR"] = data_dir
        import django

        django.setup()
        fill()
        without = measure()
        from tokens import usage_days

        usage_days.correct(seconds=3_600)
        with_sums = measure()
    print(f"\nUsage report of a month, {ROWS:,} usage rows of a year, the best of {ROUNDS}\n")
    print("| grouped by | ms, from the rows | ms, with daily sums | ms, the calls of a row |")
    print("|---|---|---|---|")
    for name, (milliseconds, _) in without.items():
        print(
            f"| {name} | {milliseconds:.0f} | {with_sums[name][0]:.0f} | {with_sums[name][1]:.0f} |"
        )


def fill() -> None:
    """Make the database."""
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connection

    from tokens import services
    from tokens.models import TokenMaster

    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    User.objects.create_superuser("root")
    for number in range(2 * COMPANIES):
        key = TokenMaster(company_id=f"C{number % COMPANIES}", api_key=f"key-{number}")
        services.create_token(token=key)
    with connection.cursor() as cursor:
        with without_indexes(cursor, "TokenUsageLogs"):
            cursor.execute(INSERT)
        cursor.execute("ANALYZE")


def measure() -> dict[str, tuple[float, float]]:
    """Return the best times of the page of last month, by what it is grouped by.

    The second one is that of the list of calls to which its last row leads.
    """
    from django.contrib.auth.models import User
    from django.test import Client

    from tokens.company_days import today

    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.get())
    month = f"{today().replace(day=1) - timedelta(days=1):%Y-%m}"
    found = {}
    for groups in GROUPINGS:
        asked = dict(zip(("by", "then_by"), groups, strict=False)) | {"month": month}
        page, response = _best(client, "/admin/usage-report/", asked)
        assert response.context_data["report"].sums.calls > ROWS / 14
        calls, listed = _best(client, response.context_data["lines"][-1][1])
        assert listed.context_data["cl"].result_count
        found[", ".join(groups)] = page, calls
    return found


def _best(client: Any, address: str, asked: Any = None) -> tuple[float, Any]:
    """Return the best time of a page in milliseconds, and its last answer."""
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        response = client.get(address, asked)
        times.append(time.process_time() - start)
        assert response.status_code == 200
    return 1000 * min(times), response


if __name__ == "__main__":
    main()
