"""Each kind of row as events."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils.translation import override

from extraction.invoices.schema import Check, Evidence, Reason
from extraction.models import Attempt, AttemptOutcome, Correction, Extraction, State
from extraction.trace.events import events
from extraction.trace.rows import Rows
from extraction.trace.timeline import Event, Tone, elapsed
from logs.models import AuditEntry, RetryAttempt
from tests.extraction.sample_invoices import make_invoice
from tokens.models import Provider, TokenMaster, TokenUsageLog

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
KEY = TokenMaster(token_id=7, company_id="NT047", provider=Provider.OFFLINE)


def row(**fields: Any) -> Extraction:
    defaults = {
        "company_id": "NT047",
        "requested_by": "asha",
        "client": "user:1",
        "media_type": "application/pdf",
        "size": 12_345,
        "page_count": 2,
        "created_at": NOON,
    }
    return Extraction(**{**defaults, **fields})


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def attempt(extraction: Extraction, number: int = 1, **fields: Any) -> Attempt:
    defaults: dict[str, Any] = {
        "started_at": after(1),
        "finished_at": after(2),
        "outcome": AttemptOutcome.FAILED,
        "model": "gemini",
        "reserved": 2_000,
    }
    return Attempt(extraction=extraction, number=number, token=KEY, **{**defaults, **fields})


def failure(**fields: Any) -> RetryAttempt:
    defaults: dict[str, Any] = {
        "attempt": 1,
        "error_class": "retry",
        "error_message": "The model is overloaded.",
        "provider_code": "503 UNAVAILABLE",
        "delay_seconds": 1.5,
    }
    return RetryAttempt(**{**defaults, **fields})


def titled(rows: Rows, title: str) -> Event:
    """The one event of this title."""
    [found] = [event for event in events(rows) if event.title == title]
    return found


def titles(rows: Rows) -> list[str]:
    return [event.title for event in events(rows)]


def test_a_document_that_waits_was_received() -> None:
    extraction = row(channel="extract", received_from="192.0.2.7")

    [event] = events(Rows(extraction))

    assert (event.at, event.title) == (NOON, "Received and stored")
    assert dict(event.facts) == {
        "By": "asha",
        "As": "user:1",
        "Through": "POST /extract",
        "From": "192.0.2.7",
        "Document": "application/pdf, 12,345 bytes",
        "Pages": "2",
    }


@pytest.mark.parametrize(("channel", "shown"), [("", None), ("a-new-way", "a-new-way")])
def test_a_way_in_that_is_not_known_is_shown_as_it_is(channel: str, shown: str | None) -> None:
    event = titled(Rows(row(channel=channel)), "Received and stored")

    assert dict(event.facts).get("Through") == shown


def test_pages_are_made_so_long_after_it_was_taken() -> None:
    extraction = row(
        started_at=after(1), claimed_at=after(5), worker="host 1", timings={"pages": 0.25}
    )

    taken, made = (
        titled(Rows(extraction), "Taken by a worker"),
        titled(Rows(extraction), "Pages made"),
    )

    assert (taken.at, dict(taken.facts)) == (after(1), {"Worker": "host 1"})
    assert (made.at, dict(made.facts)) == (after(5.25), {"Took": "0.250 s"})


def test_a_call_tells_its_key_masked_and_what_it_reserved() -> None:
    extraction = row()
    call = titled(Rows(extraction, attempts=[attempt(extraction)]), "Call 1")

    assert call.at == after(1)
    told = dict(call.facts)
    assert told["Model"] == "gemini"
    assert told["Key"].startswith("NT047 #7 (Offline)")
    assert told["Reserved"] == "2,000 LLM tokens"


@pytest.mark.parametrize(
    ("fields", "asked", "wait"),
    [
        ({}, None, "1.500 s (the retry policy)"),
        ({"delay_seconds": 20.0}, 20.0, "20.000 s (the provider asked for 20 s)"),
        # A key that is free takes it without the wait that concerns another one.
        ({"delay_seconds": 1.0}, 20.0, "1.000 s (the retry policy)"),
        ({"error_class": "other_key", "delay_seconds": 0.0}, 20.0, "0.000 s (another key)"),
        ({"error_class": "repair", "delay_seconds": 0.0}, None, "0.000 s (the answer is mended)"),
        ({"delay_seconds": None}, None, "none: no further call"),
    ],
)
def test_a_failed_call_tells_the_providers_words_and_the_wait(
    fields: dict[str, Any], asked: float | None, wait: str
) -> None:
    extraction = row()
    call = attempt(extraction, code="server_error", asked_wait=asked)

    ended = titled(
        Rows(extraction, attempts=[call], failures=[failure(**fields)]), "Call 1 ended: failed"
    )

    assert (ended.at, ended.tone) == (after(2), Tone.BAD)
    assert dict(ended.facts) == {
        "Code": "server_error",
        "HTTP code": "503 UNAVAILABLE",
        "Provider's words": "The model is overloaded.",
        "Wait": wait,
        "LLM tokens": "not charged",
    }


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, {"LLM tokens": "1,300: 1,000 in, 200 out, 100 thinking"}),
        (
            {"cost": Decimal("0.0012500000"), "currency": "USD", "estimated": True},
            {
                "LLM tokens": "1,300: 1,000 in, 200 out, 100 thinking, estimated",
                "Cost": "0.00125 USD",
            },
        ),
    ],
)
def test_a_call_tells_what_it_cost(fields: dict[str, Any], told: dict[str, str]) -> None:
    extraction = row()
    call = attempt(extraction, outcome=AttemptOutcome.SUCCEEDED)
    usage = TokenUsageLog(
        attempt_id=call.pk,
        input_tokens=1_000,
        output_tokens=200,
        thinking_tokens=100,
        total_tokens_used=1_300,
        **fields,
    )

    ended = titled(Rows(extraction, attempts=[call], usage=[usage]), "Call 1 ended: succeeded")

    assert dict(ended.facts) == told
    assert ended.tone is Tone.GOOD


def test_a_call_under_way_has_no_end_and_a_repair_names_what_it_mends() -> None:
    extraction = row()
    first = attempt(extraction)
    second = attempt(extraction, 2, outcome=AttemptOutcome.PENDING, finished_at=None, repairs=first)

    rows = Rows(extraction, attempts=[first, second])

    assert titles(rows)[1:] == ["Call 1", "Call 1 ended: failed", "Call 2"]
    assert dict(titled(rows, "Call 2").facts)["Mends the answer to"] == "Call 1"


def test_an_end_tells_evidence_checks_and_stages_but_no_value() -> None:
    invoice = make_invoice(
        invoice_number="SECRET-1",
        checks=[
            Check(code="sum_of_lines", passed=False, expected="1", actual="2"),
            Check(code="dates", passed=True, expected=None, actual=None),
        ],
        reasons=[Reason(path="total_amount", code="not_printed", text="SECRET-2")],
        evidence={
            "total_amount": Evidence(source="text", page=1),
            "currency": Evidence(source="text", page=1),
            "due_date": Evidence(source="model"),
        },
    )
    extraction = row(
        state=State.SUCCEEDED,
        http_status=200,
        finished_at=after(9),
        model="gemini",
        result=invoice.model_dump(mode="json"),
        timings={"pages": 1.0, "read": 2.5},
    )

    checked = titled(Rows(extraction), "Compared with the document and checked")
    ended = titled(Rows(extraction), "Succeeded")

    assert checked.tone is Tone.DOUBTFUL
    assert dict(checked.facts) == {
        "Values by evidence": "page: 2, reader only: 1",
        "Checks passed": "1 / 2",
        "Checks failed": "Sum of lines",
        "Reasons for review": "1",
    }
    assert dict(ended.facts)["Stages"] == "pages 1.000 s, read 2.500 s"
    assert ended.tone is Tone.GOOD
    assert "SECRET" not in str(events(Rows(extraction)))


def test_a_failure_tells_its_code_and_a_wait_when_it_goes_on() -> None:
    failed = row(
        state=State.FAILED, finished_at=after(9), http_status=502, error_code="timeout",
        error_detail="Too slow.",
    )  # fmt: skip
    told = titled(Rows(failed), "Failed")
    assert dict(told.facts) == {
        "Status of the answer": "502",
        "Code": "timeout",
        "Told": "Too slow.",
    }
    assert told.tone is Tone.BAD

    waiting = row(state=State.WAITING, due_at=after(30))
    assert titled(Rows(waiting), "Is tried again, at the earliest").at == after(30)


def test_numbers_and_failures_are_told_in_the_readers_language() -> None:
    failed = row(
        state=State.FAILED,
        size=12_345,
        finished_at=after(9),
        error_detail="The file is larger than 50 MB. Send a smaller one.",
        timings={"pages": 1.0, "read": 2.5},
    )
    call = attempt(failed)

    with override("de"):
        told = {
            name: value
            for event in events(Rows(failed, attempts=[call]))
            for name, value in event.facts
        }
        change = Correction(extraction=failed, version=1, path="line_items.0.amount")
        [corrected] = [
            event
            for event in events(Rows(failed, corrections=[change]))
            if event.title == "Berichtigt"
        ]
        after_a_minute = elapsed(timedelta(seconds=61.5))

    assert told["Dokument"] == "application/pdf, 12.345 Bytes"
    assert told["Vorgemerkt"] == "2.000 LLM-Tokens"
    assert told["Abschnitte"] == "Seiten 1,000 s, Lesen 2,500 s"
    assert told["Mitgeteilt"] == "Die Datei ist größer als 50 MB. Senden Sie eine kleinere."
    assert dict(corrected.facts)["Werte"] == "Betrag in Zeile 1"
    assert after_a_minute == "+1 min 1,500 s"


def test_corrections_of_a_version_are_one_event_without_their_values() -> None:
    extraction = row()
    changes = [
        Correction(
            extraction=extraction, version=version, path=path, old_value="SECRET-1",
            new_value="SECRET-2", corrected_by="sita", created_at=after(version),
        )
        for version, path in [(1, "total_amount"), (1, "currency"), (2, ""), (3, "due_date")]
    ]  # fmt: skip
    rows = Rows(extraction, corrections=changes)

    corrected = [event for event in events(rows) if event.title == "Corrected"]

    assert [dict(event.facts) for event in corrected] == [
        {"By": "sita", "Values": "total, currency"},
        {"By": "sita", "Values": "due date"},
    ]
    assert "SECRET" not in str(events(rows))


def test_many_corrected_values_are_cut() -> None:
    extraction = row()
    changes = [
        Correction(extraction=extraction, version=1, path=f"line_items.{number}.amount")
        for number in range(21)
    ]

    event = titled(Rows(extraction, corrections=changes), "Corrected")

    assert dict(event.facts)["Values"].endswith("amount of line 20 …")


def test_entries_of_the_audit_list_say_who_and_why() -> None:
    entries = [
        AuditEntry(
            timestamp=after(1), actor_kind="user", actor="sita", action="retried",
            before="failed timeout", why="Paid.",
        ),
        AuditEntry(timestamp=after(2), actor_kind="client", actor="ERP", action="cancelled"),
        AuditEntry(timestamp=after(3), actor_kind="user", actor="sita", action="corrected"),
        AuditEntry(timestamp=after(4), actor_kind="user", actor="sita", action="exported",
                   after="csv, documents: 3"),
    ]  # fmt: skip
    rows = Rows(row(), entries=entries)

    assert titles(rows)[1:] == ["Retried", "Cancelled", "Exported"]
    assert dict(titled(rows, "Retried").facts) == {
        "By": "sita",
        "Before": "failed timeout",
        "Why": "Paid.",
    }
    assert dict(titled(rows, "Cancelled").facts) == {"By": "API client ERP"}


@pytest.mark.parametrize(("rejection", "title"), [("", "Approved"), ("Not ours.", "Rejected")])
def test_what_was_decided_before_the_list_began_is_told_once(rejection: str, title: str) -> None:
    extraction = row(reviewed_at=after(5), reviewed_by="sita", rejection=rejection)
    entry = AuditEntry(timestamp=after(5), actor="sita", action=title.lower(), actor_kind="user")

    assert titles(Rows(extraction)) == ["Received and stored", title]
    assert titles(Rows(extraction, entries=[entry])) == ["Received and stored", title]


def test_deletion_and_removal_are_told() -> None:
    extraction = row(
        deleted_at=after(5), deleted_by="sita", files_removed_at=after(6), purged_at=after(6)
    )

    assert titles(Rows(extraction))[1:] == [
        "Deleted",
        "Document and page images removed",
        "Removed for good, but for what it cost",
    ]
