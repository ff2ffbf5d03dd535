"""Every change of state is one conditional UPDATE: only one process goes on."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from extraction.models import Extraction, State
from extraction.models.extraction_queryset import OTHERS_WAIT
from tests.extraction.factories import make_extraction

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]

A_MINUTE = timedelta(minutes=1)
OWN = "here:1"


def claimed(**fields: object) -> Extraction:
    extraction = Extraction.objects.claim(make_extraction(**fields).pk, worker=OWN)
    assert extraction is not None
    return extraction


def abandoned(**fields: object) -> Extraction:
    extraction = claimed(**fields)
    Extraction.objects.filter(pk=extraction.pk).update(leased_until=timezone.now() - A_MINUTE)
    extraction.refresh_from_db()
    return extraction


def test_claim_takes_a_queued_extraction_once() -> None:
    extraction = make_extraction()

    first = Extraction.objects.claim(extraction.pk, worker=OWN)
    second = Extraction.objects.claim(extraction.pk, worker=OWN)

    assert first is not None
    assert first.state == State.PROCESSING
    assert first.started_at is not None
    assert first.deadline == first.started_at + timedelta(seconds=600)
    assert second is None


def test_claim_records_its_worker() -> None:
    claimed = Extraction.objects.claim(make_extraction().pk, worker="host:1")

    assert claimed is not None
    assert claimed.worker == "host:1"
    assert Extraction.objects.held_by("host:1").get() == claimed


def test_claim_leaves_what_is_not_due() -> None:
    extraction = make_extraction(state=State.WAITING, due_at=timezone.now() + A_MINUTE)

    assert Extraction.objects.claim(extraction.pk, worker=OWN) is None


@pytest.mark.parametrize("state", State.ended())
def test_claim_leaves_what_has_ended(state: State) -> None:
    assert Extraction.objects.claim(make_extraction(state=state).pk, worker=OWN) is None


def test_second_claim_keeps_start_and_deadline_of_the_first() -> None:
    first = claimed()
    Extraction.objects.postpone(first, timedelta(0))

    second = Extraction.objects.claim(first.pk, worker=OWN)

    assert second is not None
    assert (second.started_at, second.deadline) == (first.started_at, first.deadline)
    assert second.lease_id != first.lease_id


def test_end_needs_the_lease() -> None:
    extraction = claimed()
    without_lease = Extraction.objects.get(pk=extraction.pk)
    without_lease.lease_id = uuid.uuid4()

    assert not Extraction.objects.end(without_lease, State.FAILED)
    assert Extraction.objects.end(extraction, State.SUCCEEDED, http_status=200)
    extraction.refresh_from_db()
    assert (extraction.state, extraction.http_status) == (State.SUCCEEDED, 200)
    assert extraction.ended


def test_renewed_lease_is_not_abandoned() -> None:
    extraction = abandoned()

    assert Extraction.objects.renew_lease(extraction)
    assert not Extraction.objects.abandoned(OWN).exists()


def test_take_over_counts_the_death_and_ends_the_lease_of_the_dead() -> None:
    extraction = abandoned()
    dead_worker = Extraction.objects.get(pk=extraction.pk)

    assert Extraction.objects.take_over(extraction, worker=OWN)
    assert extraction.deaths == 1
    assert not Extraction.objects.take_over(dead_worker, worker=OWN)
    assert not Extraction.objects.end(dead_worker, State.SUCCEEDED)
    assert Extraction.objects.postpone(extraction, timedelta(0))


def test_death_of_a_process_of_the_own_worker_counts() -> None:
    extraction = abandoned()

    assert Extraction.objects.take_over(extraction, worker=OWN)
    assert (extraction.worker, extraction.deaths) == (OWN, 1)


def test_death_counts_where_workers_have_no_name() -> None:
    extraction = abandoned()
    Extraction.objects.update(worker=None)
    extraction.refresh_from_db()

    assert Extraction.objects.take_over(extraction, worker=None)
    assert extraction.deaths == 1


def test_death_of_another_worker_does_not_count() -> None:
    extraction = abandoned_by_another()

    assert Extraction.objects.take_over(extraction, worker=OWN)
    assert extraction.deaths == 0


def test_past_the_deadline_every_death_counts() -> None:
    extraction = abandoned_by_another(deadline=timezone.now() - A_MINUTE)

    assert Extraction.objects.take_over(extraction, worker=OWN)
    assert extraction.deaths == 1


def test_other_workers_leave_it_to_the_own_one_first() -> None:
    extraction = abandoned_by_another()
    waits = Extraction.objects.filter(pk=extraction.pk)

    waits.update(leased_until=timezone.now() - OTHERS_WAIT + timedelta(seconds=2))
    assert not Extraction.objects.abandoned(OWN).exists()

    waits.update(leased_until=timezone.now() - OTHERS_WAIT)
    assert Extraction.objects.abandoned(OWN).exists()


def abandoned_by_another(**fields: object) -> Extraction:
    extraction = abandoned()
    Extraction.objects.filter(pk=extraction.pk).update(worker="elsewhere:1", **fields)
    extraction.refresh_from_db()
    return extraction


def test_due_extraction_is_requeued_once() -> None:
    extraction = make_extraction(state=State.WAITING)

    assert Extraction.objects.requeue_due(extraction.pk)
    assert not Extraction.objects.requeue_due(extraction.pk)


def test_requeue_begins_a_failed_extraction_anew() -> None:
    extraction = claimed()
    Extraction.objects.end(
        extraction,
        State.FAILED,
        http_status=502,
        error_code="server_error",
        error_message="Failed to process invoice",
        error_detail="Gemini did not answer.",
    )

    assert Extraction.objects.requeue(extraction.pk)
    assert not Extraction.objects.requeue(extraction.pk)
    extraction.refresh_from_db()
    assert (extraction.state, extraction.error_code, extraction.deadline) == ("queued", "", None)


def test_for_companies_limits_to_the_given_ones() -> None:
    ours = make_extraction()
    make_extraction(company_id="OTHER")

    assert list(Extraction.objects.for_companies(["NT047"])) == [ours]
    assert Extraction.objects.for_companies(None).count() == 2
    assert not Extraction.objects.for_companies([]).exists()
