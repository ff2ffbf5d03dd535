"""The retry policy, as the contract states it: 3 retries, 1 s × 2, cap 30 s."""

from dataclasses import replace
from datetime import timedelta

import pytest

from extraction.retry import RetryPolicy

CONTRACT = RetryPolicy(limit=3, initial=1.0, multiplier=2.0, cap=30.0, jitter=False)


def test_delays_double_from_one_second_and_stop_after_the_limit() -> None:
    delays = [CONTRACT.delay(made) for made in range(4)]

    assert delays == [timedelta(seconds=1), timedelta(seconds=2), timedelta(seconds=4), None]


def test_delay_never_exceeds_the_cap() -> None:
    assert replace(CONTRACT, limit=10).delay(9) == timedelta(seconds=30)


def test_wait_that_the_server_asks_for_may_exceed_the_cap() -> None:
    assert CONTRACT.delay(0, retry_after=47.5) == timedelta(seconds=47.5)


def test_shorter_wait_that_the_server_asks_for_changes_nothing() -> None:
    assert CONTRACT.delay(1, retry_after=0.5) == timedelta(seconds=2)


def test_wait_may_be_shorter_than_a_second() -> None:
    assert replace(CONTRACT, initial=0.25).delay(0) == timedelta(seconds=0.25)
    assert replace(CONTRACT, initial=0.25).wait_after(timedelta()) == timedelta(seconds=0.25)


def test_jitter_stays_in_the_upper_half_of_the_delay() -> None:
    delays = [replace(CONTRACT, jitter=True).delay(2) for _ in range(200)]

    assert all(delay and timedelta(seconds=2) <= delay <= timedelta(seconds=4) for delay in delays)
    assert len(set(delays)) > 1


@pytest.mark.parametrize("limit", [0, 1])
def test_no_retry_beyond_a_small_limit(limit: int) -> None:
    assert replace(CONTRACT, limit=limit).delay(limit) is None


def test_settings_hold_the_contract_defaults() -> None:
    assert RetryPolicy.from_settings() == CONTRACT


def test_waits_for_the_service_grow_with_the_time_gone_by() -> None:
    policy = RetryPolicy(limit=3, initial=1.0, multiplier=2.0, cap=30.0, jitter=False)

    waits = [policy.wait_after(timedelta(seconds=gone)) for gone in (0, 1, 3, 20, 500)]

    assert [wait.total_seconds() for wait in waits] == [1.0, 1.0, 3.0, 20.0, 30.0]


def test_waits_for_the_service_grow_by_the_multiplier() -> None:
    policy = RetryPolicy(limit=3, initial=1.0, multiplier=1.5, cap=30.0, jitter=False)

    assert policy.wait_after(timedelta(seconds=10)) == timedelta(seconds=5)


def test_waits_for_the_service_are_spread() -> None:
    policy = RetryPolicy(limit=3, initial=1.0, multiplier=2.0, cap=30.0, jitter=True)

    waits = {policy.wait_after(timedelta(seconds=100)).total_seconds() for _ in range(20)}

    assert len(waits) > 1
    assert all(15.0 <= wait <= 30.0 for wait in waits)
