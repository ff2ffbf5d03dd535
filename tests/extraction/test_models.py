"""Every change of state is one conditional UPDATE: only one process goes on."""

import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from extraction import liveness
from extraction.models import Extraction, State
from extraction.models.extraction import OTHERS_WAIT
from tests.extraction.factories import make_extraction

pytestmark = pytest.mark.django_db

A_MINUTE = timedelta(minutes=1)


def claimed(**fields: object) -> Extraction:
    extraction = Extraction.objects.claim(make_extraction(**fields).pk)
    assert extraction is not None
    return extraction


def abandoned(**fields: object) -> Extraction:
    extraction = claimed(**fields)
    Extraction.objects.filter(pk=extraction.pk).update(leased_until=timezone.now() - A_MINUTE)
    extraction.refresh_from_db()
    return extraction


def test_claim_takes_a_queued_extraction_once() -> None:
    extraction = make_extraction()

    first = Extraction.objects.claim(extraction.pk)
    second = Extraction.objects.claim(extraction.pk)

    assert first is not None
    assert first.state == State.PROCESSING
    assert first.started_at is not None
    assert first.deadline == first.started_at + timedelta(seconds=600)
    assert second is None


def test_claim_leaves_what_is_not_due() -> None:
    extraction = make_extraction(state=State.WAITING, due_at=timezone.now() + A_MINUTE)

    assert Extraction.objects.claim(extraction.pk) is None


@pytest.mark.parametrize("state", State.ended())
def test_claim_leaves_what_has_ended(state: State) -> None:
    assert Extraction.objects.claim(make_extraction(state=state).pk) is None


def test_second_claim_keeps_start_and_deadline_of_the_first() -> None:
    first = claimed()
    Extraction.objects.postpone(first, timedelta(0))

    second = Extraction.objects.claim(first.pk)

    assert second is not None
    assert (second.started_at, second.deadline) == (first.started_at, first.deadline)
    assert second.lease_id != first.lease_id


def test_end_needs_the_lease() -> None:
    extraction = claimed()
    zombie = Extraction.objects.get(pk=extraction.pk)
    zombie.lease_id = uuid.uuid4()

    assert not Extraction.objects.end(zombie, State.FAILED)
    assert Extraction.objects.end(extraction, State.SUCCEEDED, http_status=200)
    extraction.refresh_from_db()
    assert (extraction.state, extraction.http_status) == (State.SUCCEEDED, 200)
    assert extraction.ended


def test_renewed_lease_is_not_abandoned() -> None:
    extraction = abandoned()

    assert Extraction.objects.renew_lease(extraction)
    assert not Extraction.objects.abandoned().exists()


def test_take_over_counts_the_death_and_shuts_the_dead_worker_out() -> None:
    extraction = abandoned()
    dead_worker = Extraction.objects.get(pk=extraction.pk)

    assert Extraction.objects.take_over(extraction)
    assert extraction.deaths == 1
    assert not Extraction.objects.take_over(dead_worker)
    assert not Extraction.objects.end(dead_worker, State.SUCCEEDED)
    assert Extraction.objects.postpone(extraction, timedelta(0))


@pytest.fixture
def own() -> Iterator[liveness.Liveness]:
    """Make this process a worker's main process."""
    yield liveness.begin()
    liveness._own = None


def test_process_of_the_own_worker_that_died_counts(own: liveness.Liveness) -> None:
    extraction = abandoned()

    assert Extraction.objects.take_over(extraction)
    assert (extraction.worker, extraction.deaths) == (own.name, 1)


def test_worker_that_is_gone_is_not_held_against_the_document(own: liveness.Liveness) -> None:
    extraction = abandoned_by_another()

    assert Extraction.objects.take_over(extraction)
    assert extraction.deaths == 0


def test_past_the_deadline_every_death_counts(own: liveness.Liveness) -> None:
    extraction = abandoned_by_another(deadline=timezone.now() - A_MINUTE)

    assert Extraction.objects.take_over(extraction)
    assert extraction.deaths == 1


def test_other_workers_let_the_own_one_go_first(own: liveness.Liveness) -> None:
    extraction = abandoned_by_another()
    waits = Extraction.objects.filter(pk=extraction.pk)

    waits.update(leased_until=timezone.now() - OTHERS_WAIT + timedelta(seconds=2))
    assert not Extraction.objects.abandoned().exists()

    waits.update(leased_until=timezone.now() - OTHERS_WAIT)
    assert Extraction.objects.abandoned().exists()


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
