"""The circuit breakers of keys and projects: open, half-open, closed."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import IntegrityError

from tests.tokens.rows import make_token
from tokens import circuit_breaker, selection, services
from tokens.call_cost import Cost
from tokens.models import CoolDown, TokenMaster, TokenReservation
from tokens.selection import KeysBusy, Taken

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LEASE = timedelta(minutes=4)


def take() -> Taken:
    return selection.take(
        "NT047", attempt_id=uuid.uuid4(), cost_of=lambda _: Cost(100, 50, 10), lease=LEASE
    )


def busy_until() -> datetime:
    with pytest.raises(KeysBusy) as busy:
        take()
    return busy.value.until


def trip(token: TokenMaster, *, whole_project: bool = True, until: datetime = NOW + MINUTE) -> None:
    circuit_breaker.trip(token, until, "Rate limit.", whole_project=whole_project)


@time_machine.travel(NOW, tick=False)
def test_a_key_is_not_called_while_its_breaker_is_open() -> None:
    trip(make_token())

    assert busy_until() == NOW + MINUTE
    assert not TokenReservation.objects.exists()


@time_machine.travel(NOW, tick=False)
def test_an_open_breaker_of_a_project_blocks_its_keys_and_no_others() -> None:
    blocked, _sibling = make_token(project="erp"), make_token(project="erp")
    trip(blocked)
    assert busy_until() == NOW + MINUTE

    other = make_token(project="crm")

    assert {take().token for _ in range(20)} == {other}


@time_machine.travel(NOW, tick=False)
def test_an_open_breaker_of_a_key_leaves_the_others_of_its_project() -> None:
    blocked, sibling = make_token(project="erp"), make_token(project="erp")
    trip(blocked, whole_project=False)

    assert {take().token for _ in range(20)} == {sibling}


@time_machine.travel(NOW, tick=False)
def test_a_key_without_a_project_is_blocked_alone() -> None:
    blocked, other = make_token(), make_token()
    trip(blocked)

    assert {take().token for _ in range(20)} == {other}


def test_a_half_open_breaker_passes_one_trial_call_and_closes_when_it_is_answered() -> None:
    token, _sibling = make_token(project="erp"), make_token(project="erp")
    with time_machine.travel(NOW, tick=False) as clock:
        trip(token)
        clock.shift(MINUTE)

        trial = take()

        assert trial.half_open
        assert busy_until() == NOW + MINUTE + circuit_breaker.HALF_OPEN_RECHECK
        assert TokenReservation.objects.count() == 1

        circuit_breaker.end_trial_call(trial.token, answered=True)
        assert not take().half_open
        assert not CoolDown.objects.exists()


def test_after_a_trial_call_without_an_answer_the_next_call_is_the_trial() -> None:
    token = make_token()
    with time_machine.travel(NOW, tick=False) as clock:
        trip(token)
        clock.shift(MINUTE)

        circuit_breaker.end_trial_call(take().token, answered=False)

        assert take().half_open


def test_a_trial_call_that_is_told_to_wait_opens_the_breaker_for_that_long() -> None:
    token = make_token()
    with time_machine.travel(NOW, tick=False) as clock:
        trip(token)
        clock.shift(MINUTE)
        take()

        trip(token, until=NOW + 2 * MINUTE)

        assert busy_until() == NOW + 2 * MINUTE


def test_a_trial_call_that_never_ends_is_followed_by_another_after_its_lease() -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        trip(make_token())
        clock.shift(MINUTE)
        take()
        clock.shift(LEASE)

        assert take().half_open


@time_machine.travel(NOW, tick=False)
def test_the_time_of_an_open_breaker_is_never_shortened() -> None:
    token = make_token()
    trip(token, until=NOW + 2 * MINUTE)

    trip(token, until=NOW + MINUTE)

    assert busy_until() == NOW + 2 * MINUTE


def test_of_two_callers_at_the_end_of_the_time_one_makes_the_trial_call() -> None:
    token = make_token()

    def another_is_faster(_: TokenMaster) -> Cost:
        circuit_breaker.claim_trial_call(token, LEASE)
        return Cost(100, 50, 10)

    with time_machine.travel(NOW, tick=False) as clock:
        trip(token)
        clock.shift(MINUTE)

        with pytest.raises(KeysBusy) as busy:
            selection.take("NT047", attempt_id=uuid.uuid4(), cost_of=another_is_faster, lease=LEASE)

        assert busy.value.until == NOW + MINUTE + circuit_breaker.HALF_OPEN_RECHECK
        assert not TokenReservation.objects.exists()


def test_there_is_no_trial_call_of_a_key_while_the_breaker_of_its_project_is_open() -> None:
    token = make_token(project="erp")
    with time_machine.travel(NOW, tick=False) as clock:
        trip(token, whole_project=False)
        clock.shift(MINUTE)
        trip(token, until=NOW + 2 * MINUTE)

        assert not circuit_breaker.claim_trial_call(token, LEASE)

        own = CoolDown.objects.get(token=token)
        assert (own.half_open, own.blocked_until) == (False, NOW + MINUTE)


@pytest.mark.parametrize("field", ["api_key", "model", "project", "status"])
@time_machine.travel(NOW, tick=False)
def test_a_change_that_may_make_a_key_work_closes_its_breaker(field: str) -> None:
    token = make_token()
    trip(token)

    services.update_token(token=token, fields=[field])

    assert take().token == token


@time_machine.travel(NOW, tick=False)
def test_another_change_of_a_key_leaves_its_breaker_open() -> None:
    token = make_token()
    trip(token)

    services.update_token(token=token, fields=["company_name"])

    assert busy_until() == NOW + MINUTE


@time_machine.travel(NOW, tick=False)
def test_another_key_is_free_only_when_its_breaker_is_closed() -> None:
    token = make_token(project="erp")
    make_token(project="erp")
    make_token(provider="Offline", api_key="")
    trip(token)
    assert not selection.another_is_free(token)

    make_token()

    assert selection.another_is_free(token)


def test_a_cool_down_belongs_to_a_key_or_to_a_project() -> None:
    with pytest.raises(IntegrityError):
        CoolDown.objects.create(blocked_until=NOW, reason="")


def test_a_cool_down_names_its_key_or_project() -> None:
    token = make_token(project="erp")
    trip(token)
    trip(token, whole_project=False)

    assert {str(row) for row in CoolDown.objects.all()} == {
        "project erp until 2026-11-24 12:01:00 UTC",
        f"key NT047 #{token.pk} (Gemini) until 2026-11-24 12:01:00 UTC",
    }


@time_machine.travel(NOW, tick=False)
def test_no_breaker_is_open_for_more_than_a_day() -> None:
    token = make_token()

    trip(token, until=NOW + timedelta(days=3650))

    assert busy_until() == NOW + circuit_breaker.LONGEST
    circuit_breaker.follow_clock()
    assert busy_until() == NOW + circuit_breaker.LONGEST
    CoolDown.objects.update(blocked_until=NOW + timedelta(days=2))
    circuit_breaker.follow_clock()
    assert take().half_open
