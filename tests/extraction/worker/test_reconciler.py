"""The reconciler reads the rows, which are the truth: a lost message costs nothing."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import OrmQ
from pytest_django import Settings

from extraction import liveness, tasks
from extraction.models import Extraction, State
from extraction.models.extraction_queryset import HEARTBEAT, LEASE, OTHERS_WAIT, ExtractionQuerySet
from extraction.worker.reconciler import (
    LOST_AFTER,
    RECOVERED_AT_ONCE,
    WOKEN_AT_ONCE,
    WOKEN_TOGETHER,
    Reconciler,
)
from tests.extraction.clock import Clock, standing_clock
from tests.extraction.factories import make_extraction
from tests.tokens.rows import make_token
from tokens import circuit_breaker
from tokens.models import CoolDown

pytestmark = pytest.mark.django_db(transaction=True)

AN_HOUR_AGO = timezone.now() - timedelta(hours=1)


def messages() -> list[str]:
    """The ids that the queue would wake."""
    return [row.task["args"][0] for row in OrmQ.objects.order_by("pk")]


def work(reconciler: Reconciler, clock: Clock, seconds: timedelta) -> None:
    """Do rounds, as often as a worker that nothing disturbs at least does, for so long."""
    while seconds > timedelta(0):
        step = min(seconds, HEARTBEAT / 2)
        clock.shift(step)
        reconciler.round()
        seconds -= step


def leased(**fields: Any) -> Extraction:
    """One that a process of another worker works on, which renewed its lease a moment ago."""
    lease = {"lease_id": uuid.uuid4(), "leased_until": timezone.now() + LEASE}
    return make_extraction(state=State.PROCESSING, **{**lease, **fields})


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

        work(reconciler, clock, LEASE - timedelta(milliseconds=1))
        extraction.refresh_from_db()
        assert extraction.state == State.PROCESSING

        work(reconciler, clock, timedelta(milliseconds=1))
        extraction.refresh_from_db()
        assert extraction.state == State.QUEUED


PAUSE, AN_HOUR = timedelta(seconds=40), timedelta(hours=1)


@pytest.mark.parametrize(
    "disturb",
    [
        lambda clock: clock.shift(PAUSE),
        lambda clock: clock.set_wall_clock(AN_HOUR),
    ],
    ids=["paused", "set forward"],
)
def test_living_process_keeps_its_lease_after_a_pause_or_a_jump(
    disturb: Callable[[Clock], None],
) -> None:
    with standing_clock() as clock:
        reconciler = Reconciler(get_broker())
        extraction = leased()
        reconciler.round()

        disturb(clock)
        reconciler.round()
        clock.shift(HEARTBEAT)
        assert Extraction.objects.renew_lease(extraction)
        work(reconciler, clock, LEASE)

        extraction.refresh_from_db()
        assert (extraction.state, extraction.deaths) == (State.PROCESSING, 0)


def test_dead_process_is_found_one_lease_after_a_pause() -> None:
    with standing_clock() as clock:
        reconciler = Reconciler(get_broker())
        extraction = leased()

        clock.shift(PAUSE)
        reconciler.round()
        work(reconciler, clock, LEASE)

        extraction.refresh_from_db()
        assert (extraction.state, extraction.deaths) == (State.QUEUED, 1)


@pytest.mark.parametrize("wait", [timedelta(seconds=1), timedelta(seconds=31)])
def test_nothing_is_recovered_that_waited_for_the_same_lock(
    wait: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    with standing_clock() as clock:
        reconciler = Reconciler(get_broker())
        extraction = leased(leased_until=AN_HOUR_AGO)
        take_over = ExtractionQuerySet.take_over

        def wait_and_take_over(*arguments: Any, **named: Any) -> bool:
            clock.shift(wait)
            return take_over(*arguments, **named)

        monkeypatch.setattr(ExtractionQuerySet, "take_over", wait_and_take_over)
        reconciler.round()

        extraction.refresh_from_db()
        assert (extraction.state, extraction.deaths) == (State.PROCESSING, 0)
        assert Extraction.objects.renew_lease(extraction)


def test_deadline_that_a_jump_passed_is_set_anew(settings: Settings) -> None:
    with standing_clock() as clock:
        reconciler = Reconciler(get_broker())
        waiting = make_extraction(state=State.WAITING, deadline=timezone.now())
        ended = make_extraction(state=State.FAILED, deadline=timezone.now())
        reconciler.round()

        clock.set_wall_clock(AN_HOUR)
        reconciler.round()

        waiting.refresh_from_db()
        latest = timezone.now() + timedelta(seconds=settings.JOB_DEADLINE_SECONDS)
        assert waiting.deadline == latest
        assert Extraction.objects.get(pk=ended.pk).deadline == ended.deadline


def test_deadline_that_passed_by_itself_stays(reconciler: Reconciler) -> None:
    extraction = make_extraction(state=State.WAITING, deadline=AN_HOUR_AGO)

    reconciler.round()

    extraction.refresh_from_db()
    assert extraction.deadline == AN_HOUR_AGO


def test_clock_that_is_set_back_holds_nothing_up() -> None:
    with standing_clock() as clock:
        reconciler = Reconciler(get_broker())
        reconciler.round()
        queued = make_extraction()
        waiting = make_extraction(
            state=State.WAITING, due_at=timezone.now() + timedelta(seconds=30)
        )
        dead = leased(worker="elsewhere:1", deadline=timezone.now())
        token = make_token(company_id="ACME")  # its trial call is no room for those that wait
        circuit_breaker.trip(token, timezone.now() + AN_HOUR, "429", whole_project=False)

        clock.set_wall_clock(-AN_HOUR)
        woken = []
        for _ in range(2):  # lost messages are repeated when the queue is empty
            reconciler.round()
            woken += messages()
            OrmQ.objects.all().delete()

        assert woken == [str(waiting.pk), str(queued.pk)]
        assert Extraction.objects.claim(queued.pk, worker=None)
        assert Extraction.objects.claim(waiting.pk, worker=None)
        assert CoolDown.objects.get().blocked_until == timezone.now()
        work(reconciler, clock, LEASE + OTHERS_WAIT + HEARTBEAT)
        dead.refresh_from_db()
        assert (dead.state, dead.deaths) == (State.QUEUED, 0)


@pytest.mark.parametrize("set_by", [-AN_HOUR, AN_HOUR])
def test_time_that_is_written_after_the_clock_was_set_and_read_before_holds_nothing_up(
    set_by: timedelta, settings: Settings
) -> None:
    with standing_clock() as clock:
        reconciler = Reconciler(get_broker())
        reconciler.round()
        read = timezone.now()
        clock.set_wall_clock(set_by)
        reconciler.round()

        deadline = read + timedelta(seconds=settings.JOB_DEADLINE_SECONDS)
        waiting = make_extraction(
            state=State.WAITING, due_at=read + timedelta(seconds=2), deadline=deadline
        )
        work(reconciler, clock, LEASE + HEARTBEAT)

        waiting.refresh_from_db()
        assert waiting.state == State.QUEUED
        assert waiting.deadline is not None
        assert timezone.now() < waiting.deadline <= timezone.now() + (deadline - read)


def test_clock_that_was_set_back_while_no_worker_ran_holds_nothing_up(
    reconciler: Reconciler,
) -> None:
    tomorrow = timezone.now() + timedelta(days=1)
    queued = make_extraction(due_at=tomorrow)
    waiting = make_extraction(state=State.WAITING, due_at=tomorrow, deadline=tomorrow)
    dead = leased(leased_until=tomorrow)
    woken = []

    for _ in range(2):
        reconciler.round()
        woken += messages()
        OrmQ.objects.all().delete()

    assert woken == [str(waiting.pk), str(queued.pk)]
    waiting.refresh_from_db()
    assert waiting.deadline is not None
    assert waiting.deadline < tomorrow
    dead.refresh_from_db()
    assert dead.leased_until is not None
    assert dead.leased_until <= timezone.now() + LEASE


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


def test_round_wakes_so_many_due_extractions_in_few_transactions_the_oldest_first(
    reconciler: Reconciler,
) -> None:
    now = timezone.now()
    due = [
        make_extraction(state=State.WAITING, due_at=now - timedelta(seconds=second))
        for second in range(WOKEN_AT_ONCE + 20)
    ]

    with CaptureQueriesContext(connection) as captured:
        reconciler.round()

    oldest_first = [str(extraction.pk) for extraction in reversed(due)]
    assert messages() == oldest_first[:WOKEN_AT_ONCE]
    begun = [query for query in captured if query["sql"].startswith("BEGIN")]
    assert len(begun) <= WOKEN_AT_ONCE // WOKEN_TOGETHER

    OrmQ.objects.all().delete()
    reconciler.round()
    assert messages() == oldest_first[WOKEN_AT_ONCE:]


def test_round_recovers_so_many_abandoned_extractions_the_oldest_first(
    reconciler: Reconciler,
) -> None:
    for second in range(RECOVERED_AT_ONCE + 1):
        leased(leased_until=AN_HOUR_AGO + timedelta(seconds=second))

    reconciler.round()

    left = Extraction.objects.get(state=State.PROCESSING)
    assert left.leased_until == AN_HOUR_AGO + timedelta(seconds=RECOVERED_AT_ONCE)


def test_due_extractions_are_found_by_an_index() -> None:
    due = Extraction.objects.due().order_by("due_at").values_list("pk", flat=True)

    plan = due[:WOKEN_AT_ONCE].explain()

    if connection.vendor == "sqlite":
        assert "extraction_due" in plan
        assert "TEMP B-TREE" not in plan
