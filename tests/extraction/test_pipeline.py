"""From a queued row to its result, over real HTTP against the Gemini emulator."""

import json
import uuid
from collections import Counter
from datetime import timedelta
from types import SimpleNamespace

import pytest
import time_machine
from django.db import connection
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django import Settings

from extraction import idempotency, outcomes, pipeline, submission
from extraction.documents.document import Document
from extraction.documents.intake import folder_of
from extraction.documents.kept_words import kept_words
from extraction.evidence.collection import collect, compare
from extraction.invoices.listed import listed_fields
from extraction.invoices.schema import Invoice
from extraction.models import Attempt, AttemptOutcome, Extraction, State
from extraction.readers.base import ReadingError
from logs.models import FailedRetry, RetryAttempt
from tests.emulator.server import Emulator
from tests.extraction.factories import ASHA
from tests.extraction.sample_documents import pdf, upload
from tests.tokens.rows import make_token
from tokens import candidates, circuit_breaker, ledger
from tokens.models import (
    Provider,
    TokenMaster,
    TokenReservation,
    TokenStatus,
    TokenUsageLog,
    TokenUsageSummary,
)
from tokens.selection import NoUsableKey

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.vendor,
    pytest.mark.usefixtures("same_input"),
]

INVOICE = pdf("INVOICE 4711\nTotal 119.00")


def submit(
    content: bytes = INVOICE,
    *,
    client: str = "user:1",
    force: bool = False,
    idempotency_key: str | None = None,
) -> Extraction:
    return submission.submit(
        upload(content),
        company_id="NT047",
        requested_by="asha",
        branch="North",
        client=client,
        force=force,
        idempotency_key=idempotency_key,
    ).extraction


def process(extraction: Extraction) -> Extraction:
    """One run of the pipeline, as a worker does it."""
    pipeline.process(extraction.pk)
    extraction.refresh_from_db()
    return extraction


def process_to_end(extraction: Extraction) -> Extraction:
    """Every run, each at the moment that it is due."""
    with time_machine.travel(timezone.now(), tick=True) as clock:
        while not process(extraction).ended:
            clock.move_to(max(extraction.due_at, timezone.now()))
    return extraction


def totals(token: TokenMaster) -> tuple[int, int, int]:
    """Used, reserved and remaining tokens."""
    row = TokenUsageSummary.objects.get(token=token)
    return row.total_used_tokens, row.reserved_tokens, row.total_remaining_tokens


def billed(emulator: Emulator) -> int:
    return sum(
        int(str(call.usage["totalTokenCount"])) for call in emulator.calls if call.usage is not None
    )


def test_invoice_is_read_checked_and_charged_as_billed(emulator: Emulator) -> None:
    token = make_token()

    extraction = process(submit())

    assert extraction.state == State.SUCCEEDED
    assert extraction.http_status == 200
    assert extraction.result is not None
    assert extraction.result["document_type"] == "invoice"
    assert extraction.result["usage"]["total_tokens"] == billed(emulator)
    assert extraction.checks == extraction.result["checks"]
    invoice = Invoice.model_validate(extraction.result)
    listed = listed_fields(invoice)
    assert {name: getattr(extraction, name) for name in listed} == listed
    assert invoice.total_amount is not None
    assert (extraction.timings or {}).keys() == {"pages", "read", "evidence"}
    words = json.loads(kept_words(folder_of(extraction.pk), 1))
    assert {"4711", "119.00"} <= {text for text, *_ in words}
    usage = TokenUsageLog.objects.get()
    assert usage.total_tokens_used == billed(emulator)
    assert (usage.branch, usage.requested_by, usage.request_count) == ("North", "asha", 1)
    assert totals(token) == (billed(emulator), 0, 100_000 - billed(emulator))
    assert Attempt.objects.get().outcome == AttemptOutcome.SUCCEEDED


def test_second_delivery_of_the_message_does_nothing(emulator: Emulator) -> None:
    make_token()
    extraction = process(submit())

    process(extraction)

    assert len(emulator.calls) == 1
    assert TokenUsageLog.objects.count() == 1


def test_server_error_is_retried_and_not_charged(emulator: Emulator) -> None:
    token = make_token()
    emulator.faults.add("internal", call=1)

    extraction = process(submit())

    assert extraction.state == State.WAITING
    assert extraction.due_at > timezone.now()
    row = RetryAttempt.objects.get()
    assert (row.attempt, row.is_retryable, row.delay_seconds) == (1, True, 1.0)
    assert totals(token) == (0, 0, 100_000)
    assert process_to_end(extraction).state == State.SUCCEEDED
    assert totals(token)[0] == billed(emulator)


def test_failure_after_every_retry_has_the_contract_message(emulator: Emulator) -> None:
    make_token()
    emulator.faults.add("internal")

    extraction = process_to_end(submit())

    assert len(emulator.calls) == 4
    assert (extraction.state, extraction.http_status) == (State.FAILED, 502)
    assert extraction.error_message == "Failed to process invoice"
    assert RetryAttempt.objects.count() == 4
    assert FailedRetry.objects.get().extraction_id == extraction.pk
    assert not TokenUsageLog.objects.exists()
    assert not TokenReservation.objects.exists()


def test_retry_by_hand_begins_the_policy_anew(emulator: Emulator) -> None:
    make_token()
    for call in range(1, 6):
        emulator.faults.add("internal", call=call)
    extraction = process_to_end(submit())

    assert submission.retry(extraction, by=ASHA)
    assert not submission.retry(extraction, by=ASHA)

    assert process_to_end(extraction).state == State.SUCCEEDED
    assert len(emulator.calls) == 6


def test_rejected_key_is_disabled_and_another_takes_over(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = make_token("AIza-bad-key"), make_token("AIza-good-key")
    # The bad one is tried first, instead of perhaps never.
    by_id = SimpleNamespace(shuffle=lambda tokens: tokens.sort(key=lambda token: token.pk))
    monkeypatch.setattr(candidates, "random", by_id)
    emulator.faults.add("key_invalid", key="AIza-bad-key")

    states = [process_to_end(submit(pdf(f"INVOICE {n}"))).state for n in range(8)]

    assert set(states) == {State.SUCCEEDED}
    bad.refresh_from_db()
    good.refresh_from_db()
    assert (bad.status, good.status) == (TokenStatus.DISABLED, TokenStatus.ACTIVE)
    assert [call.key for call in emulator.calls].count("AIza-bad-key") == 1


def test_only_key_rejected_answers_the_disabled_message(emulator: Emulator) -> None:
    make_token()
    emulator.faults.add("key_invalid")

    extraction = process_to_end(submit())

    assert (extraction.http_status, extraction.error_message) == (
        402,
        "Your AI token is no longer available or has been disabled. Please contact support.",
    )


@pytest.mark.usefixtures("quota_day_begins_later")
def test_daily_quota_on_the_only_key_ends_without_asking_it_again(emulator: Emulator) -> None:
    token = make_token()
    emulator.faults.add("per_day")

    extraction = process_to_end(submit())

    assert len(emulator.calls) == 1
    assert (extraction.http_status, extraction.error_code) == (503, "no_key_free")
    token.refresh_from_db()
    assert token.status == TokenStatus.ACTIVE


def test_blocked_document_is_final(emulator: Emulator) -> None:
    make_token()
    emulator.faults.add("safety")

    extraction = process(submit())

    assert (extraction.state, extraction.http_status) == (State.FAILED, 422)
    assert extraction.error_message == "Failed to process invoice"
    assert len(emulator.calls) == 1


def test_unusable_answer_is_charged_as_billed_and_retried(emulator: Emulator) -> None:
    token = make_token()
    emulator.faults.add("wrong_schema", call=1)

    extraction = process_to_end(submit())

    assert extraction.state == State.SUCCEEDED
    assert totals(token)[0] == billed(emulator)
    assert TokenUsageLog.objects.count() == 2


def test_answer_that_is_cut_off_is_charged_at_the_reserve(emulator: Emulator) -> None:
    token = make_token()
    emulator.faults.add("drop_mid_body", call=1)

    extraction = process_to_end(submit())

    assert extraction.state == State.SUCCEEDED
    estimated = TokenUsageLog.objects.get(estimated=True)
    assert estimated.total_tokens_used == Attempt.objects.get(number=1).reserved
    assert totals(token)[0] >= billed(emulator)


def test_death_of_a_worker_in_mid_call_is_charged_once_and_taken_over(emulator: Emulator) -> None:
    token = make_token()
    extraction = Extraction.objects.claim(submit().pk, worker=None)
    assert extraction is not None
    call = pipeline.begin_attempt(extraction, pipeline.prepare_pages(extraction))
    Extraction.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    abandoned = Extraction.objects.abandoned(None).get()

    outcomes.recover(abandoned)
    outcomes.recover(Extraction.objects.get())

    assert totals(token) == (call.attempt.reserved, 0, 100_000 - call.attempt.reserved)
    assert TokenUsageLog.objects.get().estimated
    assert Attempt.objects.get().outcome == AttemptOutcome.UNKNOWN
    assert process_to_end(abandoned).state == State.SUCCEEDED
    assert totals(token)[0] == call.attempt.reserved + billed(emulator)


def test_beginning_a_call_reads_no_keys_of_earlier_ones(emulator: Emulator) -> None:
    make_token()
    extraction = Extraction.objects.claim(submit().pk, worker=None)
    assert extraction is not None
    document = pipeline.prepare_pages(extraction)

    with CaptureQueriesContext(connection) as captured:
        pipeline.begin_attempt(extraction, document)

    selects = [query["sql"] for query in captured if query["sql"].startswith("SELECT")]
    [earlier] = [sql for sql in selects if 'FROM "extraction_attempt"' in sql]
    assert "JOIN" not in earlier


def test_finishing_a_call_costs_few_queries(emulator: Emulator) -> None:
    make_token()
    process(submit())  # makes the day's sum
    extraction = Extraction.objects.claim(submit(pdf("INVOICE 2")).pk, worker=None)
    assert extraction is not None
    document = pipeline.prepare_pages(extraction)
    call = pipeline.begin_attempt(extraction, document)
    reading = pipeline.read(document, call)
    comparison = compare(reading, collect(document))

    with CaptureQueriesContext(connection) as captured:
        outcomes.finish(extraction, call, reading, comparison, timings={})

    kinds = Counter(query["sql"].split()[0] for query in captured)
    # The first of the same bytes; reservation, price and usage row; the totals for alerts. The
    # attempt; the totals locked, and moved; the day's sum; the extraction.
    read, changed = kinds["SELECT"], kinds["UPDATE"]
    assert (read, changed, kinds["INSERT"], kinds["DELETE"]) == (5, 5, 1, 1)


def test_result_of_a_worker_whose_extraction_was_taken_over_changes_nothing_but_the_ledger(
    emulator: Emulator,
) -> None:
    token = make_token()
    extraction = Extraction.objects.claim(submit().pk, worker=None)
    assert extraction is not None
    document = pipeline.prepare_pages(extraction)
    call = pipeline.begin_attempt(extraction, document)
    outdated = Extraction.objects.get(pk=extraction.pk)
    reading = pipeline.read(document, call)
    Extraction.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    outcomes.recover(extraction)

    comparison = compare(reading, collect(document))
    outcomes.finish(outdated, call, reading, comparison, timings={})

    outdated.refresh_from_db()
    assert outdated.state == State.WAITING
    charge = TokenUsageLog.objects.get()
    assert (charge.total_tokens_used, charge.estimated) == (billed(emulator), False)
    assert totals(token) == (billed(emulator), 0, 100_000 - billed(emulator))


def test_failure_of_a_worker_whose_extraction_was_taken_over_changes_nothing_but_the_ledger(
    emulator: Emulator,
) -> None:
    token = make_token()
    emulator.faults.add("internal")
    extraction = Extraction.objects.claim(submit().pk, worker=None)
    assert extraction is not None
    document = pipeline.prepare_pages(extraction)
    call = pipeline.begin_attempt(extraction, document)
    outdated = Extraction.objects.get(pk=extraction.pk)
    with pytest.raises(ReadingError) as failed:
        pipeline.read(document, call)
    Extraction.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    outcomes.recover(extraction)

    outcomes.fail_attempt(outdated, call, failed.value)

    assert not RetryAttempt.objects.exists()
    assert Extraction.objects.get().state == State.WAITING
    assert totals(token) == (0, 0, 100_000)


def test_worker_whose_lease_was_lost_makes_no_call(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_token()
    extraction = submit()
    prepare_pages = pipeline.prepare_pages

    def slowly(claimed: Extraction) -> Document:
        document = prepare_pages(claimed)
        Extraction.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
        outcomes.recover(Extraction.objects.abandoned(None).get())
        return document

    monkeypatch.setattr(pipeline, "prepare_pages", slowly)

    assert process(extraction).state == State.WAITING
    assert not emulator.calls
    assert not TokenReservation.objects.exists()


def test_attempt_whose_commit_was_not_heard_of_is_the_one_that_is_made() -> None:
    token = make_token()
    extraction = Extraction.objects.claim(submit().pk, worker=None)
    assert extraction is not None
    document = pipeline.prepare_pages(extraction)

    first = pipeline.begin_attempt(extraction, document)
    again = pipeline.begin_attempt(extraction, document)

    assert (again.attempt, again.token) == (first.attempt, token)
    assert TokenReservation.objects.get().attempt_id == first.attempt.pk


def test_document_that_kills_two_workers_is_failed() -> None:
    make_token()
    extraction = submit()
    for _ in range(2):
        assert Extraction.objects.claim(extraction.pk, worker=None) is not None
        Extraction.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
        outcomes.recover(Extraction.objects.abandoned(None).get())

    extraction.refresh_from_db()
    assert (extraction.state, extraction.error_code) == (State.FAILED, "worker_died")


def test_blank_document_is_rejected_without_a_call(emulator: Emulator) -> None:
    make_token()

    extraction = process(submit(pdf("", "")))

    assert (extraction.http_status, extraction.error_code) == (422, "no_content")
    assert extraction.error_message == "Failed to convert PDF"
    assert not emulator.calls


def test_key_exceeded_while_queued_answers_402(emulator: Emulator) -> None:
    token = make_token()
    extraction = submit()
    TokenMaster.objects.update(status=TokenStatus.EXPIRED)

    process(extraction)

    assert extraction.http_status == 402
    assert extraction.error_code == "token_expired"
    assert token.pk


def test_quota_held_by_other_calls_makes_it_wait_and_then_give_up(
    emulator: Emulator, settings: Settings
) -> None:
    settings.JOB_DEADLINE_SECONDS = 5
    token = make_token(total_token_limit=20_000)
    TokenUsageSummary.objects.update_or_create(token=token, defaults={"reserved_tokens": 19_000})
    extraction = submit()

    assert process(extraction).state == State.WAITING
    process_to_end(extraction)

    assert (extraction.http_status, extraction.error_code) == (503, "no_key_free")
    assert not emulator.calls


@pytest.mark.parametrize("reason", ["cools down", "at its limit", "quota is reserved"])
def test_document_without_a_free_key_costs_no_page_work(
    reason: str, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = make_token(max_concurrent_calls=1)
    extraction = submit()
    a_minute = timedelta(minutes=1)
    if reason == "cools down":
        circuit_breaker.trip(token, timezone.now() + a_minute, "429", whole_project=False)
    else:
        amount = 99_000 if reason == "quota is reserved" else 1
        ledger.reserve(
            token.pk, attempt_id=uuid.uuid4(), amount=amount, output_budget=0, lease=a_minute
        )
    if reason == "quota is reserved":
        TokenMaster.objects.update(max_concurrent_calls=None)
    drawn: list[Extraction] = []
    monkeypatch.setattr(pipeline, "prepare_pages", drawn.append)

    assert process(extraction).state == State.WAITING

    assert not drawn
    assert not emulator.calls


def test_documents_that_wait_for_a_key_are_due_when_it_has_cooled_down(
    emulator: Emulator,
) -> None:
    token = make_token()
    until = timezone.now() + timedelta(minutes=1)
    circuit_breaker.trip(token, until, "429", whole_project=False)
    extractions = [submit(pdf(f"INVOICE {n}")) for n in range(3)]

    with time_machine.travel(timezone.now(), tick=False):
        assert [process(extraction).due_at for extraction in extractions] == [until] * 3


def test_same_bytes_are_read_once_until_forced(emulator: Emulator) -> None:
    make_token()
    first = process(submit())

    again = submit()
    forced = process(submit(force=True))

    assert again.pk == first.pk
    assert forced.pk != first.pk
    assert forced.result is not None
    assert forced.result["duplicate_of"] == str(first.pk)
    assert len(emulator.calls) == 2


def test_failed_bytes_may_be_sent_again(emulator: Emulator) -> None:
    make_token()
    emulator.faults.add("safety", call=1)
    failed = process(submit())

    assert submit().pk != failed.pk


def test_bytes_are_answered_from_a_retry_that_succeeded(emulator: Emulator) -> None:
    make_token()
    emulator.faults.add("invalid_argument", call=1)
    extraction = process(submit())
    assert extraction.state == State.FAILED

    assert submission.retry(extraction, by=ASHA)
    assert process(extraction).state == State.SUCCEEDED

    assert submit() == extraction
    assert len(emulator.calls) == 2


def test_bytes_are_answered_from_the_newest_success(emulator: Emulator) -> None:
    make_token()
    first = process(submit())
    forced = process(submit(force=True))

    assert forced != first
    assert submit() == forced
    first.refresh_from_db()
    assert (first.state, first.dedup_key) == (State.SUCCEEDED, None)


def test_bytes_stay_with_the_extraction_that_still_runs(emulator: Emulator) -> None:
    make_token()
    running = submit()
    claimed = Extraction.objects.claim(running.pk, worker=None)
    assert claimed is not None

    forced = process(submit(force=True))

    assert forced.state == State.SUCCEEDED
    assert submit() == running
    Extraction.objects.postpone(claimed, timedelta(0))
    assert process(running).state == State.SUCCEEDED
    assert submit() == running


def test_offline_reading_gives_way_once_the_company_has_a_key(emulator: Emulator) -> None:
    make_token("offline", provider=Provider.OFFLINE)
    offline = process(submit())
    assert submit().pk == offline.pk

    make_token()

    assert process(submit()).model != offline.model
    assert TokenUsageLog.objects.aggregate(total=Sum("total_tokens_used"))["total"] == billed(
        emulator
    )


def test_idempotency_key_returns_its_extraction_and_rejects_other_content() -> None:
    make_token()
    first = submit(idempotency_key="order-1")

    assert submit(idempotency_key="order-1", force=True).pk == first.pk
    assert submit(idempotency_key="order-1", client="user:2").pk == first.pk
    with pytest.raises(idempotency.IdempotencyConflict):
        submit(pdf("another"), idempotency_key="order-1")


def test_rejected_submission_leaves_nothing_behind(settings: Settings) -> None:
    files = settings.DATA_DIR / "files"
    before = set(files.rglob("*.*"))

    with pytest.raises(NoUsableKey):
        submit()

    assert not Extraction.objects.exists()
    assert not OrmQ.objects.exists()
    assert set(files.rglob("*.*")) == before


def test_submission_queues_the_id_and_nothing_else() -> None:
    make_token()

    extraction = submit()

    task = OrmQ.objects.get().task
    assert (task["args"], task["kwargs"]) == ((str(extraction.pk),), {})


def test_unknown_id_is_nothing_to_do() -> None:
    pipeline.process(uuid.uuid4())
