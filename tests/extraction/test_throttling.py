"""How failures add up to locks."""

from datetime import timedelta

import pytest
import time_machine
from django.core.cache import caches
from django.test import RequestFactory
from pytest_django import Settings
from pytest_django.fixtures import DjangoAssertNumQueries

from extraction import throttling
from extraction.models import FailedAttempts
from extraction.throttling import Subject, TooManyAttempts, delay_after

START = "2026-11-27T10:00:00+00:00"
pytestmark = pytest.mark.django_db


@pytest.fixture
def subject() -> Subject:
    return throttling.account("asha")


def fail(subject: Subject, times: int) -> None:
    for _ in range(times):
        throttling.count_attempt([subject])


def seconds_left(subject: Subject) -> float:
    try:
        throttling.require_unlocked([subject])
    except TooManyAttempts as error:
        return (error.retry_after or timedelta()).total_seconds()
    return 0.0


def test_delays_grow_to_a_quarter_of_an_hour() -> None:
    delays = [delay_after(failures, free=5).total_seconds() for failures in (5, 6, 7, 8, 14, 15)]

    assert delays == [0, 2, 4, 8, 512, 900]
    assert delay_after(10_000, free=5) == timedelta(minutes=15)


def test_five_failures_are_free_and_each_further_one_locks_for_longer(subject: Subject) -> None:
    with time_machine.travel(START, tick=False) as clock:
        fail(subject, 5)
        assert seconds_left(subject) == 0

        for seconds in (2, 4, 8):
            fail(subject, 1)
            assert seconds_left(subject) == seconds
            with pytest.raises(TooManyAttempts):
                throttling.count_attempt([subject])
            clock.shift(seconds)
            assert seconds_left(subject) == 0


def test_an_attempt_while_locked_does_not_count(subject: Subject) -> None:
    fail(subject, 6)
    for _ in range(10):
        with pytest.raises(TooManyAttempts):
            throttling.count_attempt([subject])

    assert FailedAttempts.objects.get().failures == 6


def test_another_process_knows_the_lock(subject: Subject) -> None:
    fail(subject, 6)
    caches[throttling.CACHE].clear()

    assert seconds_left(subject) > 0


def test_the_database_is_not_asked_for_each_guess(
    subject: Subject, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    fail(subject, 6)
    assert seconds_left(subject) > 0

    with django_assert_num_queries(0):
        assert seconds_left(subject) > 0
        with pytest.raises(TooManyAttempts):
            throttling.count_attempt([subject])


def test_when_one_is_locked_no_other_is_counted(subject: Subject) -> None:
    fail(subject, 6)
    other = throttling.account("ben")
    caches[throttling.CACHE].clear()

    with pytest.raises(TooManyAttempts):
        throttling.count_attempt([other, subject])

    assert not FailedAttempts.objects.filter(subject=other.name).exists()


def test_success_clears_the_account_and_takes_the_attempt_back(subject: Subject) -> None:
    address = Subject("address:1.2.3.4", "1.2.3.4", free=1)
    throttling.count_attempt([subject, address])
    throttling.count_attempt([subject, address])
    throttling.forget(subject)
    throttling.take_back([address])

    row = FailedAttempts.objects.get()
    assert (row.subject, row.failures) == ("address:1.2.3.4", 1)
    assert seconds_left(address) == 0


def test_failures_are_forgotten_after_a_day(subject: Subject) -> None:
    with time_machine.travel(START, tick=False) as clock:
        fail(subject, 6)
        clock.shift(timedelta(days=1, seconds=1))
        fail(subject, 5)

        assert seconds_left(subject) == 0


def test_an_account_is_named_by_a_digest_of_its_letters() -> None:
    assert throttling.account(" Asha").name == throttling.account("asha").name
    assert "asha" not in throttling.account("asha").name


def test_strangers_cannot_fill_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttling, "MOST_ROWS", 5)
    with time_machine.travel(START) as clock:
        for number in range(20):
            clock.shift(1)
            fail(throttling.account(f"user {number}"), 1)

    newest = {throttling.account(f"user {number}").name for number in range(15, 20)}
    assert set(FailedAttempts.objects.values_list("subject", flat=True)) == newest


def test_rows_of_yesterday_go_with_the_next_new_one() -> None:
    with time_machine.travel(START) as clock:
        fail(throttling.account("a"), 1)
        clock.shift(timedelta(days=2))
        fail(throttling.account("b"), 1)

    assert FailedAttempts.objects.count() == 1


def test_the_address_of_a_proxy_is_nobodys(settings: Settings) -> None:
    request = RequestFactory().get("/", headers={"X-Forwarded-For": "1.2.3.4"})
    assert [subject.shown for subject in throttling.address_of(request)] == ["127.0.0.1"]

    settings.BEHIND_PROXY = True
    assert throttling.address_of(request) == []

    settings.TRUSTED_PROXIES = 1
    assert [subject.shown for subject in throttling.address_of(request)] == ["1.2.3.4"]


@pytest.mark.parametrize(
    ("wait", "words"),
    [(0.2, "a second"), (2, "2 seconds"), (119, "119 seconds"), (899, "15 minutes")],
)
def test_people_are_told_when_to_try_again(wait: float, words: str) -> None:
    assert TooManyAttempts(timedelta(seconds=wait)).detail == (
        f"Too many attempts have failed. Try again in {words}."
    )
