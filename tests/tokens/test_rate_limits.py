"""Limits of a key's calls: how many at once, how many in a minute."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connections

from tests.tokens.rows import make_token
from tokens import ledger, rate_limits, selection
from tokens.call_cost import Cost
from tokens.models import RecentCall, TokenMaster, TokenReservation
from tokens.selection import KeysBusy, Taken

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def take() -> Taken:
    return selection.take(
        "NT047",
        attempt_id=uuid.uuid4(),
        cost_of=lambda _: Cost(100, 50, 10),
        lease=timedelta(minutes=4),
    )


def busy_until() -> datetime:
    with pytest.raises(KeysBusy) as busy:
        take()
    return busy.value.until


@time_machine.travel(NOW, tick=False)
def test_a_limit_of_no_calls_in_a_minute_lets_every_call_wait() -> None:
    make_token(requests_per_minute=0)

    assert busy_until() == NOW + rate_limits.WINDOW
    with pytest.raises(KeysBusy) as busy:
        selection.require_free("NT047", cost_of=lambda _: Cost(100, 50, 10))
    assert busy.value.until == NOW + rate_limits.WINDOW


@time_machine.travel(NOW, tick=False)
def test_no_more_calls_at_once_than_the_key_allows() -> None:
    token = make_token(max_concurrent_calls=2)
    first, _second = take(), take()

    assert busy_until() == NOW + rate_limits.RECHECK

    assert TokenReservation.objects.count() == 2
    token.summary.refresh_from_db()
    assert token.summary.reserved_tokens == 300
    ledger.release(first.reservation.attempt_id)
    assert take().token == token


def test_no_more_calls_in_any_minute_than_the_key_allows() -> None:
    make_token(requests_per_minute=3)
    with time_machine.travel(NOW, tick=False) as clock:
        for _ in range(3):
            ledger.release(take().reservation.attempt_id)
            clock.shift(10 * SECOND)

        # The first was made at 0 s, the second at 10 s.
        assert busy_until() == NOW + rate_limits.WINDOW
        clock.move_to(NOW + rate_limits.WINDOW)
        take()
        assert busy_until() == NOW + rate_limits.WINDOW + 10 * SECOND
        assert RecentCall.objects.count() == 3
        assert not TokenReservation.objects.exclude(created_at=NOW + rate_limits.WINDOW).exists()


@time_machine.travel(NOW, tick=False)
def test_a_limit_that_staff_lower_counts_the_calls_made_before() -> None:
    token = make_token(requests_per_minute=10)
    for _ in range(4):
        take()
    token.requests_per_minute = 2
    token.save(update_fields=["requests_per_minute"])

    assert busy_until() == NOW + rate_limits.WINDOW


@time_machine.travel(NOW, tick=False)
def test_another_key_serves_while_one_is_at_its_limit() -> None:
    make_token(max_concurrent_calls=1)
    other = make_token()
    takers = [take().token for _ in range(20)]

    assert takers.count(other) >= 19


def test_a_key_without_limits_keeps_no_record_of_its_calls() -> None:
    make_token()

    take()

    assert not RecentCall.objects.exists()


def test_a_recent_call_says_when_it_began() -> None:
    token = make_token(requests_per_minute=3)

    assert str(RecentCall(token=token, began_at=NOW)) == "2026-11-24 12:00:00"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("limit", ["max_concurrent_calls", "requests_per_minute"])
def test_calls_that_begin_together_never_pass_a_limit(limit: str) -> None:
    limits: dict[str, Any] = {limit: 3}
    make_token(**limits)
    together = threading.Barrier(8)

    def take_one(_: int) -> bool:
        try:
            together.wait()
            take()
        except KeysBusy:
            return False
        else:
            return True
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(take_one, range(8)))

    assert taken.count(True) == TokenReservation.objects.count() == 3


def test_calls_before_the_clock_was_set_back_hold_nothing_up() -> None:
    make_token(requests_per_minute=1)
    with time_machine.travel(NOW, tick=False) as clock:
        ledger.release(take().reservation.attempt_id)

        clock.shift(-timedelta(seconds=1))
        busy_until()
        clock.shift(-timedelta(hours=1))
        limits = TokenMaster.objects.get().call_limits
        assert rate_limits.calls_left(TokenMaster.objects.get().pk, limits) == 1
        ledger.release(take().reservation.attempt_id)
        busy_until()
