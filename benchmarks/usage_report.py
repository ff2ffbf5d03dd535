"""The usage report of a month, at 5 million usage rows of a year.

Twenty companies with two keys each, twelve requesters, three models; five calls for each document,
and a label of every third. The page is requested through
Django's test client, on SQLite, with the daily sums made and without. Measured is the processor's
time, the best of some: the others measure other load as well.
"""

import time
from datetime import timedelta
from typing import Any

from benchmarks.filling import filled, moment, multiply

ROWS = 5_000_000
DAYS = 365
COMPANIES = 20
CALLS = 5  # of a document
SECONDS_APART = DAYS * 86_400 / ROWS
LABEL = "project"
LABELLED = 3  # one document of so many
ROUNDS = 3
GROUPINGS = (
    ("company_id",),
    ("company_id", "model"),
    ("day",),
    ("token_id", "day"),
    ("branch", "requested_by"),
    (f"label:{LABEL}",),
    (f"label:{LABEL}", "day"),
)


def main() -> None:
    """Print the milliseconds of the page by what it is grouped by."""
    with filled("usage_report", fill):
        from tokens import usage_days
        from tokens.models import UsageDay

        UsageDay.objects.all().delete()
        without = measure()
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
    """Write the rows."""
    from django.contrib.auth.models import User
    from django.db import connection

    from extraction.models import Attempt, Label
    from tests.extraction.factories import make_extraction
    from tokens import services
    from tokens.models import TokenMaster, TokenUsageLog

    User.objects.create_superuser("root")
    for number in range(2 * COMPANIES):
        key = TokenMaster(company_id=f"C{number % COMPANIES}", api_key=f"key-{number}")
        services.create_token(token=key)
    first = key.pk - number
    document = make_extraction(state="succeeded")
    attempt = Attempt.objects.create(extraction=document, number=0, token=key, reserved=1)
    label = Label.objects.create(id=ROWS, extraction=document, key=LABEL)
    usage = TokenUsageLog.objects.create(
        usage_id=ROWS + 1,
        currency="USD",
        input_tokens=1000,
        output_tokens=300,
        thinking_tokens=400,
        total_tokens_used=1700,
    )
    # Calls of a document follow each other, with the keys of its company.
    token_id = f"{first} + n / {CALLS} % {COMPANIES} + {COMPANIES} * (n % 2)"
    company = f"'C' || (n / {CALLS} % {COMPANIES})"
    whose = {"branch": "'Branch ' || ({} % 7)", "requested_by": "'user' || ({} % 12)"}
    of_document, of_call = "printf('%032x', n)", f"printf('%032x', n / {CALLS})"
    of_labelled = f"printf('%032x', {LABELLED} * n)"
    multiply(
        label,
        ROWS // CALLS // LABELLED,
        {"id": "n", "extraction_id": of_labelled, "value": "'Project ' || (n % 20)"},
    )
    multiply(
        attempt,
        ROWS,
        {
            "id": "printf('%032x', n)",
            "extraction_id": of_call,
            "number": f"1 + n % {CALLS}",
            "token_id": token_id,
        },
    )
    multiply(
        document,
        ROWS // CALLS,
        {
            "id": of_document,
            "company_id": f"'C' || (n % {COMPANIES})",
            **{name: text.format("n") for name, text in whose.items()},
            "created_at": moment(f"{DAYS * 86_400} - n * {SECONDS_APART * CALLS}"),
        },
    )
    multiply(
        usage,
        ROWS,
        {
            "UsageID": "n + 1",
            "AttemptID": "printf('%032x', n)",
            "TokenID": token_id,
            "CompanyID": company,
            "Branch": whose["branch"].format(f"(n / {CALLS})"),
            "RequestedBy": whose["requested_by"].format(f"(n / {CALLS})"),
            "Model": "'gemini-' || (n % 3)",
            "Cost": "(n % 9973) / 1e6",
            "LoggedAt": moment(f"{DAYS * 86_400} - n * {SECONDS_APART}"),
        },
    )
    with connection.cursor() as cursor:
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
