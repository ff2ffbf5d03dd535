"""Corrections are kept, two reviewers do not overwrite each other, and all readers follow."""

import logging
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User

from extraction.access import Principal
from extraction.invoices.schema import Reason
from extraction.invoices.stored import current_invoice, original_invoice
from extraction.models import Correction, Extraction, ReviewState, State
from extraction.review.decisions import (
    REASON_MISSING,
    REASON_TOO_LONG,
    NeedsConfirmation,
    ReviewConflict,
    approve,
    correct,
    reject,
)
from extraction.review.edits import Edit, InvalidEdit
from tests.extraction.conftest import Integrator
from tests.extraction.factories import make_extraction
from tests.extraction.sample_invoices import make_invoice

pytestmark = pytest.mark.django_db

DOUBT = Reason(path="total_amount", code="not_printed", text="Not printed.")


@pytest.fixture
def asha(operator: User) -> Principal:
    return Principal(f"user:{operator.pk}", operator.username, operator)


def doubtful(**fields: Any) -> Extraction:
    """An invoice that needs review; its document doubts the total."""
    invoice = make_invoice(**{"reasons": [DOUBT], "needs_review": True, "checks": [], **fields})
    return make_extraction(
        state=State.SUCCEEDED,
        http_status=200,
        result=invoice.model_dump(mode="json"),
        needs_review=invoice.needs_review,
    )


def contradictory() -> Extraction:
    return doubtful(invoice_number=None, reasons=[DOUBT.model_copy(update={"code": "absent"})])


def stored(extraction: Extraction) -> Extraction:
    return Extraction.objects.get(pk=extraction.pk)


def test_correction_is_kept_beside_the_original(asha: Principal) -> None:
    extraction = doubtful()
    as_read = extraction.result

    correct(extraction, Edit({"total_amount": "120", "payment_terms": "x"}), by=asha, version=0)

    row = stored(extraction)
    assert current_invoice(row).total_amount == Decimal(120)
    assert row.original == as_read
    assert original_invoice(row).total_amount == Decimal("119.00")
    assert row.total_amount == Decimal(120)
    assert row.version == 1
    assert row.review_state == ReviewState.TO_REVIEW
    assert row.checks == (row.result or {})["checks"]
    assert list(
        Correction.objects.values_list(
            "path", "old_value", "new_value", "corrected_by", "client", "version"
        )
    ) == [
        ("total_amount", "119.00", "120", "asha", asha.label, 1),
        ("payment_terms", None, "x", "asha", asha.label, 1),
    ]

    correct(row, Edit({"total_amount": "121"}), by=asha, version=1)

    assert stored(row).original == as_read


def test_original_of_what_nobody_changed_is_the_result() -> None:
    extraction = doubtful()

    assert original_invoice(extraction) == current_invoice(extraction)


def test_wrong_value_stores_nothing(asha: Principal) -> None:
    extraction = doubtful()

    with pytest.raises(InvalidEdit):
        correct(extraction, Edit({"payment_terms": "DE1", "total_amount": "x"}), by=asha, version=0)

    assert stored(extraction).version == 0
    assert not Correction.objects.exists()


def test_edit_without_change_stores_nothing(asha: Principal) -> None:
    extraction = doubtful()

    correct(extraction, Edit({"total_amount": "119.00"}), by=asha, version=0)

    assert stored(extraction).version == 0


def test_second_reviewer_is_told_of_the_first(asha: Principal) -> None:
    extraction = doubtful()
    seen_by_second = stored(extraction)
    correct(extraction, Edit({"payment_terms": "DE1"}), by=asha, version=0)

    # Both the row as it was and, loaded since, as it is now.
    for row in (seen_by_second, stored(extraction)):
        with pytest.raises(ReviewConflict):
            correct(row, Edit({"payment_terms": "DE2"}), by=asha, version=0)
        with pytest.raises(ReviewConflict):
            approve(row, by=asha, version=0)
        with pytest.raises(ReviewConflict):
            reject(row, "blurred", by=asha, version=0)

    row = stored(extraction)
    assert (current_invoice(row).payment_terms, row.version) == ("DE1", 1)
    assert Correction.objects.count() == 1


def test_approval_settles_what_the_document_doubts(asha: Principal) -> None:
    extraction = approve(doubtful(), Edit({"payment_terms": "DE1"}), by=asha, version=0)

    row = stored(extraction)
    assert row.review_state == ReviewState.APPROVED
    assert (row.needs_review, row.reviewed_by, row.version) == (False, "asha", 1)
    assert row.reviewed_at is not None
    assert (current_invoice(row).needs_review, current_invoice(row).payment_terms) == (False, "DE1")
    assert Correction.objects.get().path == "payment_terms"


def test_approval_of_a_contradiction_asks_once(asha: Principal) -> None:
    extraction = contradictory()

    with pytest.raises(NeedsConfirmation) as caught:
        approve(extraction, Edit({"payment_terms": "DE1"}), by=asha, version=0)

    assert [reason.code for reason in caught.value.reasons] == ["absent"]
    assert stored(extraction).version == 0

    approve(extraction, Edit({"payment_terms": "DE1"}), by=asha, version=0, anyway=True)

    assert stored(extraction).review_state == ReviewState.APPROVED


def test_rejected_invoice_stays_marked(asha: Principal) -> None:
    extraction = reject(doubtful(needs_review=False), " Blurred \n", by=asha, version=0)

    row = stored(extraction)
    assert (row.review_state, row.rejection) == (ReviewState.REJECTED, "Blurred")
    assert row.needs_review
    assert current_invoice(row).needs_review


@pytest.mark.parametrize(
    ("reason", "told"),
    [(" ", REASON_MISSING), ("x" * 501, REASON_TOO_LONG), ("a\x00b", "Remove the control")],
)
def test_rejection_needs_a_reason(asha: Principal, reason: str, told: str) -> None:
    extraction = doubtful()

    with pytest.raises(InvalidEdit) as caught:
        reject(extraction, reason, by=asha, version=0)

    assert caught.value.errors["rejection"].startswith(told)
    assert stored(extraction).version == 0


@pytest.mark.parametrize("decided", ["approved", "rejected"])
def test_correction_after_the_decision_opens_the_review_again(
    asha: Principal, decided: str
) -> None:
    extraction = doubtful()
    if decided == "approved":
        approve(extraction, by=asha, version=0)
    else:
        reject(extraction, "blurred", by=asha, version=0)

    correct(extraction, Edit({"payment_terms": "DE1"}), by=asha, version=1)

    row = stored(extraction)
    assert (row.review_state, row.reviewed_by, row.rejection) == (ReviewState.TO_REVIEW, None, "")
    assert current_invoice(row).needs_review


def test_what_needs_no_review_has_no_state() -> None:
    assert doubtful(needs_review=False).review_state is None


def test_failed_extraction_cannot_be_reviewed(asha: Principal) -> None:
    failed = make_extraction(state=State.FAILED)

    with pytest.raises(ReviewConflict):
        approve(failed, by=asha, version=0)


def test_decisions_are_logged_without_values(
    asha: Principal, caplog: pytest.LogCaptureFixture
) -> None:
    extraction = doubtful()
    with caplog.at_level(logging.INFO, "extraction.review"):
        correct(extraction, Edit({"payment_terms": "DE-SECRET"}), by=asha, version=0)
        approve(extraction, by=asha, version=1)
        reject(extraction, "SECRET", by=asha, version=2)

    pk = extraction.pk
    assert [record.getMessage() for record in caplog.records] == [
        f"{asha.label} corrected {pk}: payment_terms",
        f"{asha.label} approved {pk}",
        f"{asha.label} rejected {pk}",
    ]


def test_api_follows(asha: Principal, integrator: Integrator) -> None:
    extraction = doubtful()

    def answer() -> Any:
        return integrator.http.get(f"/api/v1/extractions/{extraction.pk}/").json()

    assert (answer()["reviewed"], answer()["original"]) == (None, None)
    approve(extraction, Edit({"invoice_number": "5"}), by=asha, version=0)

    body = answer()
    assert body["reviewed"].keys() == {"by", "at", "decision", "reason"}
    assert body["reviewed"]["by"] == "asha"
    assert (body["reviewed"]["decision"], body["reviewed"]["reason"]) == ("approved", None)
    assert body["original"]["invoice_number"] == "4711"
    assert (body["data"]["invoice_no"], body["invoice"]["invoice_number"]) == ("5", "5")
    assert (body["needs_review"], body["invoice"]["needs_review"]) == (False, False)

    reject(extraction, "blurred", by=asha, version=1)

    assert answer()["reviewed"]["reason"] == "blurred"
    assert answer()["needs_review"] is True
