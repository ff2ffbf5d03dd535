"""What people do with documents stands in the audit list, and nothing of what documents say."""

import uuid
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client

from extraction import deletion, outcomes, submission
from extraction.access import Principal
from extraction.models import CompanyGrant, Extraction, State
from extraction.review import decisions
from extraction.review.edits import Edit
from logs.models import AuditedExtraction
from tests.extraction.conftest import Integrator
from tests.extraction.exports.made_up import make_succeeded
from tests.extraction.factories import make_extraction
from tests.logs.audited import entries, last

pytestmark = pytest.mark.django_db

Act = Callable[[Extraction, Principal], object]


@pytest.fixture
def asha(operator: User) -> Principal:
    return Principal(f"user:{operator.pk}", operator.username, operator)


@pytest.mark.parametrize(
    ("act", "made", "action", "before", "after"),
    [
        (
            lambda row, by: submission.retry(row, by=by, why="Paid again."),
            {"state": State.FAILED, "error_code": "timeout"},
            *("retried", "failed timeout", ""),
        ),
        (
            lambda row, by: submission.read_again(row, by=by, reader="pages"),
            {"state": State.CANCELLED},
            *("read-again", "cancelled", "by pages"),
        ),
        (lambda row, by: outcomes.cancel(row, by=by), {}, "cancelled", "queued", "cancelled"),
        (
            lambda row, by: deletion.delete(row, by=by),
            {"state": State.FAILED},
            *("deleted", "", ""),
        ),
    ],
)
def test_what_is_done_with_a_document_is_listed_with_its_change(
    asha: Principal, act: Act, made: dict[str, str], action: str, before: str, after: str
) -> None:
    extraction = make_extraction(**made)
    with transaction.atomic():
        assert act(extraction, asha)
        transaction.set_rollback(True)
    assert entries() == []

    assert act(extraction, asha)

    entry = last()
    assert (entry.actor_kind, entry.actor, entry.action) == ("user", "asha", action)
    assert (entry.before, entry.after) == (before, after)
    assert (entry.object_type, entry.object_id) == ("extraction", str(extraction.pk))
    assert (entry.company_id, entry.object_name) == ("NT047", "")
    act(Extraction.with_deleted.get(pk=extraction.pk), asha)
    assert len(entries()) == 1, "what is not done is not listed"


def test_reason_of_a_retry_is_kept(asha: Principal) -> None:
    submission.retry(make_extraction(state=State.FAILED), by=asha, why="The model was away.")

    assert last().why == "The model was away."


def test_a_deletion_that_is_undone_is_listed_twice(asha: Principal) -> None:
    extraction = make_succeeded()
    deletion.delete(extraction, by=asha)
    deletion.undo(Extraction.with_deleted.get(pk=extraction.pk), by=asha)

    assert [action for _, action, _, _ in entries()] == ["deleted", "restored"]


def test_decisions_are_listed_without_what_the_document_says(asha: Principal) -> None:
    extraction = make_succeeded(needs_review=True)
    decisions.correct(extraction, Edit({"invoice_number": "SECRET-1"}), by=asha, version=0)
    decisions.reject(extraction, "Not ours: SECRET-2", by=asha, version=1)
    decisions.approve(extraction, by=asha, version=2, anyway=True)

    assert [action for _, action, _, _ in entries()] == ["corrected", "rejected", "approved"]
    assert [last(action="corrected").after, last(action="rejected").after] == [
        "version 1, values: 1",
        "version 2",
    ]
    assert last().after.startswith("version 3")
    assert not any("SECRET" in str(vars(last(action=each[1]))) for each in entries())


def test_a_decision_that_came_too_late_is_not_listed(asha: Principal) -> None:
    extraction = make_succeeded()

    with pytest.raises(decisions.ReviewConflict):
        decisions.approve(extraction, by=asha, version=5, anyway=True)
    with pytest.raises(decisions.ReviewConflict):
        decisions.reject(extraction, "No.", by=asha, version=5)

    assert entries() == []


def test_an_api_client_is_named_by_its_name(integrator: Integrator) -> None:
    extraction = make_extraction()
    address = f"/api/v1/extractions/{extraction.pk}/cancel/"

    assert integrator.http.post(address).status_code == 200

    assert (last().actor_kind, last().actor) == ("client", "ERP")
    assert last().request_id
    assert integrator.key not in str(vars(last()))


@pytest.mark.parametrize("rows", [1, 3])
def test_an_export_names_its_documents(signed_in: Client, rows: int) -> None:
    made = {make_succeeded().pk for _ in range(rows)}

    b"".join(signed_in.get("/exports/csv/"))

    entry = last()
    assert (entry.actor, entry.action, entry.after) == (
        "asha",
        "exported",
        f"csv, documents: {rows}",
    )
    assert (entry.object_type, entry.company_id) == ("extractions", "NT047")
    named = AuditedExtraction.objects.filter(entry=entry).values_list("extraction_id", flat=True)
    assert set(named) == made


def test_an_export_of_several_companies_is_of_none(signed_in: Client, operator: User) -> None:
    CompanyGrant.objects.create(user=operator, company_id="OTHER")
    make_succeeded()
    make_succeeded(company_id="OTHER")

    b"".join(signed_in.get("/exports/jsonl/"))

    assert last().company_id is None
    assert last().after == "jsonl, documents: 2"


def test_a_refused_export_is_not_listed(signed_in: Client) -> None:
    assert signed_in.get("/exports/csv/", {"ids": str(uuid.uuid4())}).status_code == 404

    assert entries(action="exported") == []
