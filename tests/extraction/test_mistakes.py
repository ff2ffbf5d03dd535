"""Cancel, delete, undo and read again: what becomes of the row, its money and its callers."""

import os
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from extraction import deletion, outcomes, pipeline, submission
from extraction.access import Principal
from extraction.api.long_polling import poller
from extraction.documents.intake import folder_of
from extraction.documents.retention import ensure_schedules, purge_deleted, purge_orphans
from extraction.evidence.collection import collect, compare
from extraction.invoices.listed import listed_fields
from extraction.models import (
    Attempt,
    AttemptOutcome,
    Correction,
    Extraction,
    IdempotencyKey,
    ReaderChoice,
    ReviewState,
    State,
)
from extraction.models.extraction_queryset import dedup_key
from extraction.review import decisions
from extraction.review.edits import Edit
from logs.models import Kept, RetentionRun
from tests.emulator.server import Emulator
from tests.extraction.conftest import Integrator
from tests.extraction.factories import make_extraction
from tests.extraction.sample_documents import pdf, upload
from tests.extraction.sample_invoices import make_invoice
from tests.extraction.test_pipeline import process, process_to_end, submit, totals
from tests.tokens.rows import KEY, make_token
from tokens.models import Provider, TokenMaster, TokenReservation, TokenStatus, TokenUsageLog

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.vendor]


@pytest.fixture
def anna(django_user_model: Any) -> Principal:
    user = django_user_model.objects.create_superuser("anna")
    return Principal(f"user:{user.pk}", "anna", user)


def read_one(**fields: Any) -> Extraction:
    """One that succeeded, and answers for its bytes."""
    invoice = make_invoice(checks=[])
    sha256 = uuid.uuid4().hex * 2
    return make_extraction(
        **{
            "state": State.SUCCEEDED,
            "http_status": 200,
            "sha256": sha256,
            "dedup_key": dedup_key("NT047", sha256, "auto"),
            "result": invoice.model_dump(mode="json"),
            "finished_at": timezone.now(),
            **listed_fields(invoice),
            **fields,
        }
    )


def reload(extraction: Extraction) -> Extraction:
    return Extraction.with_deleted.get(pk=extraction.pk)


@pytest.mark.parametrize("state", [State.QUEUED, State.WAITING])
def test_what_no_process_has_taken_is_cancelled(
    state: State, anna: Principal, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    extraction = make_extraction(state=state, dedup_key="NT047:x")

    assert outcomes.cancel(extraction, by=anna)

    row = reload(extraction)
    assert (row.state, row.http_status, row.error_code) == (State.CANCELLED, 409, "cancelled")
    assert row.error_detail == (
        "It was cancelled by anna before it was read. Send it again to have it read."
    )
    assert row.finished_at
    assert row.dedup_key is None
    assert f"{anna.label} cancelled {extraction.pk}" in caplog.text
    assert not outcomes.cancel(extraction, by=anna)


def test_message_of_a_cancelled_one_claims_nothing(emulator: Emulator, anna: Principal) -> None:
    make_token()
    extraction = submit()
    outcomes.cancel(extraction, by=anna)

    assert process(extraction).state == State.CANCELLED
    assert not emulator.calls


@pytest.mark.parametrize("state", [State.PROCESSING, *State.ended()])
def test_what_is_being_read_or_has_ended_is_not_cancelled(state: State, anna: Principal) -> None:
    extraction = make_extraction(state=state)

    assert not outcomes.cancel(extraction, by=anna)

    assert reload(extraction).state == state


def test_call_left_open_is_charged_and_its_reservation_freed(
    emulator: Emulator, anna: Principal
) -> None:
    token = make_token()
    extraction = submit()
    claimed = Extraction.objects.claim(extraction.pk, worker=None)
    assert claimed is not None
    call = pipeline.begin_attempt(claimed, pipeline.prepare_pages(claimed))
    Extraction.objects.postpone(claimed, timedelta(hours=1))
    assert TokenReservation.objects.count() == 1

    assert outcomes.cancel(extraction, by=anna)

    assert not TokenReservation.objects.exists()
    assert Attempt.objects.get().outcome == AttemptOutcome.UNKNOWN
    usage = TokenUsageLog.objects.get()
    assert (usage.estimated, usage.total_tokens_used) == (True, call.attempt.reserved)
    assert totals(token)[:2] == (call.attempt.reserved, 0)


def test_process_that_lost_it_to_a_cancellation_charges_its_bill_and_changes_nothing(
    emulator: Emulator, anna: Principal
) -> None:
    make_token()
    extraction = submit()
    claimed = Extraction.objects.claim(extraction.pk, worker=None)
    assert claimed is not None
    document = pipeline.prepare_pages(claimed)
    call = pipeline.begin_attempt(claimed, document)
    reading = pipeline.read(document, call)
    Extraction.objects.postpone(claimed, timedelta(0))  # another process took it over
    outcomes.cancel(extraction, by=anna)
    comparison = compare(reading, collect(document))

    outcomes.finish(claimed, call, reading, comparison, timings={})

    assert reload(extraction).state == State.CANCELLED
    usage = TokenUsageLog.objects.get()
    assert (usage.estimated, usage.total_tokens_used) == (False, reading.usage.total)


def test_cancelled_one_is_read_when_tried_again_or_sent_again(
    token: TokenMaster, anna: Principal
) -> None:
    content = pdf("INVOICE 4711\nTotal 119.00")
    extraction = submit(content)
    outcomes.cancel(extraction, by=anna)

    second = submit(content)
    assert second.pk != extraction.pk
    assert submission.retry(reload(extraction), by=anna)

    assert process_to_end(extraction).state == State.SUCCEEDED
    assert reload(extraction).error_code == ""


def test_waiting_caller_is_told(integrator: Integrator, anna: Principal) -> None:
    extraction = make_extraction()
    outcomes.cancel(extraction, by=anna)
    IdempotencyKey.objects.create(
        client=f"client:{integrator.record.prefix}", key="k", extraction=extraction
    )

    answer = integrator.http.get(f"/api/v1/extractions/{extraction.pk}/").json()

    assert (answer["state"], answer["http_status"]) == ("cancelled", 409)
    assert answer["status"] == "error"
    assert (answer["code"], answer["message"]) == ("cancelled", "Invoice processing was cancelled")


@pytest.mark.parametrize("delete", [False, True])
def test_request_that_waits_for_one_that_is_cancelled_or_deleted_ends_with_409(
    integrator: Integrator,
    token: TokenMaster,
    anna: Principal,
    monkeypatch: pytest.MonkeyPatch,
    delete: bool,
) -> None:
    def cancelled_meanwhile(extraction_id: uuid.UUID, seconds: float) -> None:
        extraction = Extraction.objects.get(pk=extraction_id)
        assert (deletion.delete if delete else outcomes.cancel)(extraction, by=anna)

    monkeypatch.setattr(poller, "wait", cancelled_meanwhile)
    response = integrator.http.post(
        "/extract", {"file": upload(pdf("x")), "companyID": "NT047", "username": "asha"}
    )

    assert response.status_code == 409
    assert response.json()["code"] == "cancelled"
    assert response.json()["data"] is None


def test_deleted_one_is_nowhere_and_comes_back(
    integrator: Integrator, anna: Principal, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    extraction = read_one()

    assert deletion.delete(extraction, by=anna)

    row = reload(extraction)
    assert (row.deleted_by, row.dedup_key) == ("anna", None)
    assert not Extraction.objects.exists()
    address = f"/api/v1/extractions/{extraction.pk}/"
    assert integrator.http.get(address).status_code == 404
    assert not deletion.delete(extraction, by=anna)

    assert deletion.undo(row, by=anna)

    row = reload(extraction)
    assert (row.deleted_at, row.deleted_by) == (None, None)
    assert row.dedup_key == extraction.dedup_key
    assert integrator.http.get(address).status_code == 200
    assert not deletion.undo(row, by=anna)
    assert f"{anna.label} deleted {extraction.pk}" in caplog.text
    assert f"{anna.label} undid the deletion of {extraction.pk}" in caplog.text


def test_what_waits_is_cancelled_before_it_is_deleted(anna: Principal) -> None:
    waiting, running = make_extraction(), make_extraction(state=State.PROCESSING)

    assert deletion.delete(waiting, by=anna)
    assert not deletion.delete(running, by=anna)

    assert reload(waiting).state == State.CANCELLED
    assert reload(running).deleted_at is None


def test_bytes_and_idempotency_key_of_a_deleted_one_are_read_again(
    token: TokenMaster, anna: Principal
) -> None:
    content = pdf("INVOICE 4711\nTotal 119.00")
    first = process_to_end(submit(content, idempotency_key="k"))
    deletion.delete(first, by=anna)

    second = process_to_end(submit(content, idempotency_key="k"))

    assert second.pk != first.pk
    assert second.duplicate_of is None
    # What came meanwhile goes on answering for the bytes.
    assert deletion.undo(reload(first), by=anna)
    assert submit(content).pk == second.pk


def test_reviewer_of_a_deleted_one_is_told(anna: Principal) -> None:
    extraction = read_one(needs_review=True)
    deletion.delete(extraction, by=anna)

    with pytest.raises(decisions.ReviewConflict):
        decisions.approve(extraction, by=anna, version=0, anyway=True)


def with_files(extraction: Extraction) -> Path:
    folder = folder_of(extraction.pk)
    (folder / "pages").mkdir(parents=True)
    (folder / "document.pdf").write_bytes(b"%PDF-")
    return folder


def test_deleted_ones_are_removed_for_good_after_their_time(
    data_dir: Path, anna: Principal
) -> None:
    old, young, kept = read_one(rejection="Why"), read_one(), read_one()
    folders = [with_files(each) for each in (old, young, kept)]
    decisions.correct(old, Edit({"invoice_number": "4712"}), by=anna, version=0)
    IdempotencyKey.objects.create(client="c", key="k", extraction=old)
    for each in (old, young):
        deletion.delete(each, by=anna)
    Extraction.with_deleted.filter(pk=old.pk).update(deleted_at=timezone.now() - timedelta(days=31))

    assert [purge_deleted(), purge_deleted()] == [1, 0]

    assert [folder.exists() for folder in folders] == [False, True, True]
    row = reload(old)
    assert (row.result, row.original, row.checks, row.supplier_name) == (None,) * 4
    assert (row.file_name, row.sha256, row.rejection) == ("", "", "")
    assert (row.company_id, row.requested_by, row.deleted_by) == ("NT047", "asha", "anna")
    assert row.files_removed_at
    assert not Correction.objects.exists()
    assert not IdempotencyKey.objects.exists()
    assert not deletion.undo(row, by=anna)
    assert reload(young).result
    run = RetentionRun.objects.get(what=Kept.DELETED, deleted=1)
    assert run.is_complete


def test_files_of_one_that_a_killed_run_had_marked_go_with_the_next(
    data_dir: Path, anna: Principal
) -> None:
    extraction = read_one()
    folder = with_files(extraction)
    deletion.delete(extraction, by=anna)
    assert Extraction.with_deleted.purge(extraction.pk, timezone.now())

    assert purge_deleted() == 0

    assert not folder.exists()


def test_documents_of_deleted_ones_are_no_orphans(data_dir: Path, anna: Principal) -> None:
    extraction = read_one()
    folder = with_files(extraction)
    long_ago = (timezone.now() - timedelta(days=3)).timestamp()
    os.utime(folder, (long_ago, long_ago))
    deletion.delete(extraction, by=anna)

    assert purge_orphans() == 0

    assert folder.exists()


def test_removal_is_left_to_another_task_when_the_time_is_up(
    data_dir: Path, anna: Principal
) -> None:
    extraction = read_one()
    deletion.delete(extraction, by=anna)
    Extraction.with_deleted.update(deleted_at=timezone.now() - timedelta(days=31))

    assert purge_deleted(seconds=0) == 0

    assert OrmQ.objects.count() == 1
    assert reload(extraction).purged_at is None
    assert not RetentionRun.objects.get().is_complete


def test_removal_is_done_every_night() -> None:
    ensure_schedules()

    assert Schedule.objects.filter(func="extraction.documents.retention.purge_deleted").exists()


def corrected_and_approved(extraction: Extraction, by: Principal) -> Extraction:
    edit = Edit({"invoice_number": "MINE"})
    return decisions.approve(extraction, edit, by=by, version=extraction.version, anyway=True)


def test_new_reading_replaces_the_earlier_one_which_stays_in_the_history(
    token: TokenMaster, anna: Principal, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    extraction = corrected_and_approved(process_to_end(submit()), anna)
    before, original = extraction.result, extraction.original

    assert submission.read_again(extraction, by=anna, reader=ReaderChoice.MODEL)

    waiting = reload(extraction)
    assert (waiting.state, waiting.result) == (State.QUEUED, before)
    assert waiting.review_state is ReviewState.APPROVED
    done = process_to_end(waiting)
    assert done.state == State.SUCCEEDED
    assert done.result is not None
    assert done.result["invoice_number"] == "4711"
    assert (done.original, done.reviewed_at, done.reviewed_by) == (None, None, None)
    assert done.version == 2
    assert done.duplicate_of is None
    last = done.corrections.order_by("pk").last()
    assert last is not None
    assert (last.path, last.version, last.corrected_by) == ("", 2, "anna")
    assert last.old_value == {"result": before, "original": original}
    assert [each.path for each in done.corrections.order_by("pk")] == ["invoice_number", ""]
    assert f"{anna.label} had {extraction.pk} read again by model" in caplog.text


def test_earlier_result_is_back_when_it_cannot_be_read_again(
    token: TokenMaster, anna: Principal
) -> None:
    extraction = corrected_and_approved(process_to_end(submit()), anna)
    before = extraction.result

    submission.read_again(extraction, by=anna, reader=ReaderChoice.EINVOICE)
    done = process_to_end(extraction)

    assert (done.state, done.http_status, done.result) == (State.SUCCEEDED, 200, before)
    assert done.review_state is ReviewState.APPROVED
    assert (done.error_code, done.version) == ("no_einvoice", 2)
    assert done.dedup_key


def test_earlier_result_is_back_when_the_new_reading_is_cancelled(
    token: TokenMaster, anna: Principal
) -> None:
    extraction = process_to_end(submit())
    submission.read_again(extraction, by=anna)

    assert outcomes.cancel(reload(extraction), by=anna)

    row = reload(extraction)
    assert (row.state, row.http_status, row.error_code) == (State.SUCCEEDED, 200, "")
    assert row.result == extraction.result
    assert row.dedup_key


@pytest.mark.parametrize("changed", ["version", "deleted", "queued", "files"])
def test_nothing_is_read_again_that_is_not_as_it_was_shown(anna: Principal, changed: str) -> None:
    extraction = read_one()
    match changed:
        case "version":
            corrected_and_approved(reload(extraction), anna)
        case "deleted":
            deletion.delete(extraction, by=anna)
        case "queued":
            submission.read_again(reload(extraction), by=anna)
        case "files":
            Extraction.objects.update(files_removed_at=timezone.now())
    messages = OrmQ.objects.count()

    assert not submission.read_again(extraction, by=anna)

    assert OrmQ.objects.count() == messages


def test_chosen_key_is_the_one_that_is_called(emulator: Emulator, anna: Principal) -> None:
    make_token()
    chosen = make_token(f"{KEY}2")
    extraction = process(submit())
    for _ in range(3):
        submission.read_again(extraction, by=anna, reader=ReaderChoice.MODEL, key=chosen)
        assert process(extraction).token_id == chosen.pk

    chosen.refresh_from_db()
    TokenMaster.objects.filter(pk=chosen.pk).update(status=TokenStatus.DISABLED)
    submission.read_again(extraction, by=anna, key=chosen)
    done = process_to_end(extraction)

    assert (done.state, done.error_code) == (State.SUCCEEDED, "token_exceeded")
    assert done.error_detail.startswith("The key that was chosen cannot be used")


def test_offline_key_that_was_chosen_is_used_beside_others(
    emulator: Emulator, anna: Principal
) -> None:
    make_token()
    offline = make_token("none", provider=Provider.OFFLINE)
    extraction = process(submit())
    calls = len(emulator.calls)

    submission.read_again(extraction, by=anna, reader=ReaderChoice.MODEL, key=offline)

    assert process(extraction).token_id == offline.pk
    assert len(emulator.calls) == calls


def test_later_copy_does_not_make_the_first_one_a_duplicate(
    token: TokenMaster, anna: Principal
) -> None:
    first = process_to_end(submit())
    copy = process_to_end(submit(force=True))
    assert copy.duplicate_of == first.pk

    submission.read_again(first, by=anna)

    assert process_to_end(first).duplicate_of is None
