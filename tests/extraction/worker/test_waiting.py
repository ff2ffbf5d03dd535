"""Extractions that wait for a key are woken when, and as far as, there is room for their calls."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import OrmQ
from pytest_django import DjangoAssertNumQueries

from extraction.models import Attempt, Extraction, State
from extraction.worker import waiting
from extraction.worker.reconciler import Reconciler
from extraction.worker.waiting import Waiting
from tests.extraction.clock import standing_clock
from tests.extraction.factories import make_extraction
from tests.tokens.rows import make_token
from tokens import circuit_breaker, ledger
from tokens.models import Provider, TokenMaster

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.vendor]

A_MINUTE = timedelta(minutes=1)
AN_HOUR_AGO = timezone.now() - timedelta(hours=1)


def make_waiting(number: int, company_id: str = "NT047", **fields: object) -> list[uuid.UUID]:
    """Extractions that have waited, the first for the longest time."""
    return [
        make_extraction(
            company_id=company_id,
            state=State.WAITING,
            **{"due_at": AN_HOUR_AGO + timedelta(seconds=n), **fields},
        ).pk
        for n in range(number)
    ]


def reserve(token: TokenMaster, amount: int = 1) -> uuid.UUID:
    """A call under way."""
    attempt_id = uuid.uuid4()
    assert ledger.reserve(
        token.pk, attempt_id=attempt_id, amount=amount, output_budget=0, lease=A_MINUTE
    )
    return attempt_id


def woken_in_a_round() -> int:
    Reconciler(get_broker()).round()
    return len(OrmQ.objects.all())


def test_nothing_wakes_before_the_time_at_which_the_only_key_cools_down() -> None:
    with standing_clock() as clock:
        token = make_token()
        circuit_breaker.trip(token, timezone.now() + A_MINUTE, "429", whole_project=False)
        make_waiting(400, due_at=timezone.now() + A_MINUTE)

        clock.shift(A_MINUTE - timedelta(milliseconds=1))
        assert woken_in_a_round() == 0

        clock.shift(timedelta(milliseconds=1))
        assert woken_in_a_round() == 1  # the trial call
        assert woken_in_a_round() == 1


def test_row_that_is_due_is_not_woken_while_the_only_key_cools_down() -> None:
    token = make_token()
    make_waiting(3)
    circuit_breaker.trip(token, timezone.now() + A_MINUTE, "429", whole_project=False)

    assert Waiting().startable() == []


def test_as_many_are_woken_as_calls_may_run_at_once() -> None:
    token = make_token(max_concurrent_calls=3, total_token_limit=10**9)
    rows = make_waiting(10)
    first = reserve(token)

    assert Waiting().startable() == rows[:2]

    ledger.release(first)
    assert Waiting().startable() == rows[:3]


def test_as_many_are_woken_as_calls_may_begin_in_a_minute() -> None:
    token = make_token(requests_per_minute=4, total_token_limit=10**9)
    rows = make_waiting(10)
    for _ in range(3):
        ledger.reserve(
            token.pk,
            attempt_id=uuid.uuid4(),
            amount=1,
            output_budget=0,
            lease=A_MINUTE,
            limits=token.call_limits,
        )

    assert Waiting().startable() == rows[:1]


def test_as_many_are_woken_as_the_quota_that_no_call_holds_is_enough_for() -> None:
    token = make_token(total_token_limit=60_000)
    rows = make_waiting(10)
    held = reserve(token, 58_001)

    assert Waiting().startable() == []

    ledger.release(held)
    held = reserve(token, 25_000)
    assert Waiting().startable() == rows[:3]  # 35,000: two of 14,336 and one that is cut

    ledger.release(held)
    assert Waiting().startable() == rows[:5]


def test_those_on_their_way_to_a_call_take_the_room_first() -> None:
    token = make_token(max_concurrent_calls=4, total_token_limit=10**9)
    rows = make_waiting(10)
    make_extraction()
    make_extraction(state=State.PROCESSING)
    calling = make_extraction(state=State.PROCESSING)
    Attempt.objects.create(
        id=reserve(token), extraction=calling, number=1, token=token, model="m", reserved=1
    )

    assert Waiting().startable() == rows[:1]


def test_key_without_limits_lets_a_round_wake_what_it_may() -> None:
    make_token(provider=Provider.OFFLINE)
    rows = make_waiting(waiting.WOKEN_AT_ONCE + 50)

    assert Waiting().startable() == rows[: waiting.WOKEN_AT_ONCE]


def test_company_that_lost_its_keys_is_not_kept_waiting_for_one() -> None:
    token = make_token()
    rows = make_waiting(3)
    TokenMaster.objects.filter(pk=token.pk).update(status="Disabled")

    assert Waiting().startable() == rows


def test_row_past_its_deadline_is_woken_without_room() -> None:
    token = make_token(max_concurrent_calls=1)
    reserve(token)
    make_waiting(3)
    [late] = make_waiting(1, deadline=timezone.now())

    assert Waiting().startable() == [late]


def test_long_backlog_of_one_company_does_not_keep_another_waiting() -> None:
    make_token(provider=Provider.OFFLINE)
    make_token(provider=Provider.OFFLINE, company_id="NT048")
    make_waiting(300)
    [other] = make_waiting(1, "NT048")

    assert other in Waiting().startable()
    assert len(Waiting().startable()) <= waiting.WOKEN_AT_ONCE


def test_many_companies_are_looked_at_in_turn(
    monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    monkeypatch.setattr(waiting, "COMPANIES_AT_ONCE", 3)
    monkeypatch.setattr(waiting, "WOKEN_AT_ONCE", 6)
    rows = {}
    for number in range(7):
        token = make_token(company_id=f"C{number}", max_concurrent_calls=1)
        rows[number] = make_waiting(4, f"C{number}")
        if number in (1, 5):
            reserve(token)  # no room, for as long as the call lasts
    looks = Waiting()

    found = []
    for _ in range(3):
        with django_assert_max_num_queries(2 + 3 * 6):
            found.append(looks.startable())

    assert found == [[rows[0][0], rows[2][0]], [rows[3][0], rows[4][0]], [rows[6][0]]]
    assert looks.startable() == found[0]


def test_look_after_the_last_company_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "COMPANIES_AT_ONCE", 2)
    make_token(company_id="A")
    make_token(company_id="B")
    rows = make_waiting(1, "A") + make_waiting(1, "B")
    looks = Waiting()

    assert [looks.startable() for _ in range(3)] == [rows, [], rows]


def test_row_is_woken_as_soon_as_the_only_call_ends() -> None:
    token = make_token(max_concurrent_calls=1)
    attempt_id = reserve(token)
    [pk] = make_waiting(1)
    assert woken_in_a_round() == 0

    ledger.release(attempt_id)

    assert woken_in_a_round() == 1
    assert Extraction.objects.get(pk=pk).state == State.QUEUED
