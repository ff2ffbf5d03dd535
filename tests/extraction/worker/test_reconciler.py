"""The reconciler reads the rows, which are the truth: a lost message costs nothing."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import OrmQ

from extraction import liveness, tasks
from extraction.models import State
from extraction.models.extraction import LEASE
from extraction.worker.reconciler import LOST_AFTER, Reconciler
from tests.extraction.clock import standing_clock
from tests.extraction.factories import make_extraction

pytestmark = pytest.mark.django_db(transaction=True)

AN_HOUR_AGO = timezone.now() - timedelta(hours=1)


def messages() -> list[str]:
    """The ids that the queue would wake."""
    return [row.task["args"][0] for row in OrmQ.objects.order_by("pk")]


@pytest.fixture
def reconciler() -> Reconciler:
    return Reconciler(get_broker())


@pytest.fixture
def later_reconciler(reconciler: Reconciler) -> Reconciler:
    """One that is past its first round."""
    reconciler.round()
    return reconciler


def test_due_extraction_is_queued_and_woken_once(reconciler: Reconciler) -> None:
    extraction = make_extraction(state=State.WAITING)

    reconciler.round()
    reconciler.round()

    extraction.refresh_from_db()
    assert extraction.state == State.QUEUED
    assert messages() == [str(extraction.pk)]


def test_extraction_that_is_not_due_is_left_waiting(reconciler: Reconciler) -> None:
    make_extraction(state=State.WAITING, due_at=timezone.now() + timedelta(hours=1))

    reconciler.round()

    assert not messages()


def test_abandoned_extraction_is_taken_over_and_woken(reconciler: Reconciler) -> None:
    extraction = make_extraction(
        state=State.PROCESSING, lease_id=uuid.uuid4(), leased_until=AN_HOUR_AGO
    )

    reconciler.round()

    extraction.refresh_from_db()
    assert (extraction.state, extraction.deaths) == (State.QUEUED, 1)
    assert messages() == [str(extraction.pk)]


def test_only_the_own_worker_takes_over_as_soon_as_a_lease_runs_out(
    reconciler: Reconciler,
) -> None:
    own = liveness.begin()
    lapsed = {"state": State.PROCESSING, "leased_until": timezone.now() - timedelta(seconds=1)}
    ours = make_extraction(worker=own.name, lease_id=uuid.uuid4(), **lapsed)
    others = make_extraction(worker="elsewhere:1", lease_id=uuid.uuid4(), **lapsed)

    reconciler.round()

    ours.refresh_from_db()
    others.refresh_from_db()
    assert (ours.state, ours.deaths) == (State.QUEUED, 1)
    assert others.state == State.PROCESSING


def test_lease_that_could_not_be_renewed_is_spared_for_a_while(reconciler: Reconciler) -> None:
    with standing_clock() as clock:
        extraction = make_extraction(
            state=State.PROCESSING, lease_id=uuid.uuid4(), leased_until=AN_HOUR_AGO
        )
        reconciler.spare_leases()

        clock.shift(LEASE - timedelta(milliseconds=1))
        reconciler.round()
        extraction.refresh_from_db()
        assert extraction.state == State.PROCESSING

        clock.shift(timedelta(milliseconds=1))
        reconciler.round()
        extraction.refresh_from_db()
        assert extraction.state == State.QUEUED


def test_lost_message_is_sent_again(later_reconciler: Reconciler) -> None:
    extraction = make_extraction(due_at=AN_HOUR_AGO)

    later_reconciler.round()
    later_reconciler.round()

    assert messages() == [str(extraction.pk)]


def test_first_round_wakes_at_once_what_an_earlier_worker_left(reconciler: Reconciler) -> None:
    left = make_extraction()

    reconciler.round()
    assert messages() == [str(left.pk)]

    OrmQ.objects.all().delete()
    make_extraction()
    reconciler.round()
    assert not messages()


def test_lost_message_is_not_repeated_while_the_last_one_is_on_its_way(
    reconciler: Reconciler,
) -> None:
    extraction = make_extraction(due_at=AN_HOUR_AGO)
    with standing_clock() as clock:
        reconciler.round()
        OrmQ.objects.all().delete()  # a process holds it, and has not begun

        clock.shift(LOST_AFTER - timedelta(milliseconds=1))
        reconciler.round()
        assert not messages()

        clock.shift(timedelta(milliseconds=1))
        reconciler.round()
        assert messages() == [str(extraction.pk)]


def test_backlog_is_left_alone(reconciler: Reconciler) -> None:
    make_extraction(due_at=AN_HOUR_AGO)
    make_extraction(due_at=AN_HOUR_AGO)
    first = make_extraction()
    tasks.wake(first.pk)

    reconciler.round()

    assert messages() == [str(first.pk)]
