"""What must be right in a site's rows after a random run, whatever was killed or stopped in it."""

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from tests.chaos import PATIENCE, Query
from tests.emulator.ledger import Call
from tests.emulator.server import Emulator
from tests.running_site import RunningSite, eventually

# Every row of the ledger and of the extractions, whatever the database, and what is wrong there.
READ_ROWS = """
import json
from collections.abc import Callable, Sequence
from extraction.models import Attempt, Extraction
from logs.models import RetryAttempt
from tokens.ledger_audit import audit_ledger
from tokens.models import TokenReservation, TokenUsageLog, TokenUsageSummary
print(json.dumps({
    "extractions": list(Extraction.objects.values()),
    "attempts": list(Attempt.objects.values()),
    "charges": list(TokenUsageLog.objects.values()),
    "failures": list(RetryAttempt.objects.values()),
    "reservations": list(TokenReservation.objects.values()),
    "totals": list(TokenUsageSummary.objects.filter(total_used_tokens__gt=0).values()),
    "problems": audit_ledger(),
}, default=str))
"""
# They run for minutes.
END_LEASES_OF_RESERVATIONS = """
from django.utils import timezone
from tokens.models import TokenReservation
TokenReservation.objects.update(leased_until=timezone.now())
"""

Row = dict[str, Any]
# When, by the machine's clock, the site's told a time.
Moments = Callable[[float], list[float]]
# Processes of a worker.
WORKERS = 4


def as_told(told: float) -> list[float]:
    """The moments of a clock that nobody set."""
    return [told]


def shell(site: RunningSite, script: str) -> str:
    return site.manage("shell", "-v0", "-c", script)


def assert_all_is_right(
    site: RunningSite,
    emulator: Emulator,
    query: Query,
    names: list[str],
    victims: list[str],
    hostile: Sequence[str] = (),
    moments: Moments = as_told,
) -> None:
    """Assert that each document ended as it should, and each call is charged as it was billed.

    Those of ``hostile`` names were to be refused. ``moments`` tells of the site's clock, where it
    was set.
    """
    wait_for_dead_reservations(site, query)
    rows = read_rows(site)
    refused: list[Row] = []
    others: list[Row] = []
    for row in rows["extractions"]:
        is_hostile = row["file_name"].removesuffix(".pdf") in hostile
        (refused if is_hostile else others).append(row)
    assert_are_refused(refused)
    documents = assert_results_are_right(site, others, names)
    assert sum(row["deaths"] for row in rows["extractions"]) <= victims.count("process")
    assert_none_was_taken_for_dead(rows["attempts"], victims)
    assert_calls_are_in_the_ledger(rows, documents, emulator, moments)
    assert rows["reservations"] == []
    charged = sum(row["total_tokens_used"] for row in rows["charges"])
    assert [(row["total_used_tokens"], row["reserved_tokens"]) for row in rows["totals"]] == [
        (charged, 0)
    ]
    assert rows["problems"] == []


def assert_are_refused(extractions: list[Row]) -> None:
    """Each was refused for what is in it; where the machine was too busy to find out, put off."""
    ends = {(row["state"], row["http_status"], row["error_code"]) for row in extractions}
    others = [end for end in ends if end[:2] != ("failed", 422)]
    assert others in ([], [("failed", 503, "render_busy")])


def assert_none_was_taken_for_dead(attempts: list[Row], victims: list[str]) -> None:
    """No more calls were given up than processes were killed: a worker has WORKERS of them."""
    killed = victims.count("process") + WORKERS * (
        victims.count("sentinel") + victims.count("main")
    )
    assert sum(attempt["outcome"] == "unknown" for attempt in attempts) <= killed


def wait_for_dead_reservations(site: RunningSite, query: Query) -> None:
    """Have reservations freed whose process died before it made an attempt of them."""
    reservations = query('SELECT "AttemptID" FROM "TokenReservations"')
    assert set(reservations).isdisjoint(query("SELECT id FROM extraction_attempt"))
    if reservations:
        shell(site, END_LEASES_OF_RESERVATIONS)
    for _ in eventually(PATIENCE):
        if query('SELECT count(*) FROM "TokenReservations"') == [(0,)]:
            return


def read_rows(site: RunningSite) -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = json.loads(shell(site, READ_ROWS))
    return rows


def assert_results_are_right(
    site: RunningSite, extractions: list[Row], names: list[str]
) -> dict[str, str]:
    """Each document has one extraction, with what was answered to it; return its id by digest."""
    unread = [
        (row["file_name"], row["state"], row["error_code"], row["error_detail"], row["deaths"])
        for row in extractions
        if row["state"] != "succeeded" or row["error_code"]
    ]
    assert unread == []
    assert sorted(row["file_name"] for row in extractions) == sorted(f"{n}.pdf" for n in names)
    documents = {}
    for row in extractions:
        page = (site.data_dir / "files" / row["file"]).parent / "pages" / "001.jpg"
        digest = hashlib.sha256(page.read_bytes()).hexdigest()
        assert row["result"]["invoice_number"] == f"EMU-{digest[:8].upper()}"
        documents[digest] = row["id"]
    assert len(documents) == len(names)
    return documents


def assert_calls_are_in_the_ledger(
    rows: dict[str, list[Row]], documents: dict[str, str], emulator: Emulator, moments: Moments
) -> None:
    """Each call is an attempt, and charged as it was billed: exactly where that was heard."""
    charges = {row["attempt_id"]: row for row in rows["charges"]}
    failures = {(row["extraction_id"], row["attempt"]) for row in rows["failures"]}
    assert len(charges) == len(rows["charges"])
    assert len(failures) == len(rows["failures"])
    calls_of: dict[str, list[Call]] = {}
    for call in emulator.calls:
        calls_of.setdefault(documents[call.document], []).append(call)
    for attempt in rows["attempts"]:
        calls = [
            call
            for call in calls_of.get(attempt["extraction_id"], [])
            if within(attempt, call, moments)
        ]
        for call in calls:
            calls_of[attempt["extraction_id"]].remove(call)
        failed = (attempt["extraction_id"], attempt["number"]) in failures
        assert failed == (attempt["outcome"] == "failed")
        assert_charge_is_right(attempt, calls, charges.pop(attempt["id"], None))
    assert not any(calls_of.values())  # no call without an attempt
    assert not charges  # no charge without an attempt


def within(attempt: Row, call: Call, moments: Moments) -> bool:
    """Whether a call reached Gemini while this attempt of its document was under way."""
    began, ended = (
        moments(datetime.fromisoformat(attempt[name]).timestamp())
        for name in ("started_at", "finished_at")
    )
    return min(began) <= call.received_at <= max(ended)


def assert_charge_is_right(attempt: Row, calls: list[Call], charge: Row | None) -> None:
    assert len(calls) <= 1
    bill = calls[0].bill.total if calls and calls[0].bill else 0
    if attempt["outcome"] == "unknown":  # killed before its outcome was recorded, or its call made
        assert charge is not None
        # Exact where the bill was heard of after all, by a process that had seemed dead.
        assert charge["estimated"] or charge["total_tokens_used"] == bill
        assert charge["total_tokens_used"] >= bill
    elif attempt["outcome"] == "succeeded":
        assert charge is not None
        assert (charge["total_tokens_used"], charge["estimated"]) == (bill, False)
    elif bill:  # answered, but the answer was lost
        assert charge is not None
        assert charge["estimated"]
        assert charge["total_tokens_used"] >= bill
    else:
        # The documents may have gone away after the attempt had begun: then no call is made.
        made = attempt["code"] != "pages_missing"
        assert len(calls) == int(made), attempt["code"]  # not all of a row is shown
        assert charge is None
