"""Keys and projects that are left alone for a while, and the probe that opens them again."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import IntegrityError

from tests.tokens.rows import make_token
from tokens import circuit_breaker, selection, services
from tokens.models import CoolDown, TokenMaster, TokenReservation
from tokens.selection import Cost, KeysBusy, Taken

pytestmark = pytest.mark.django_db

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


def cool(token: TokenMaster, *, whole_project: bool = True, until: datetime = NOW + MINUTE) -> None:
    circuit_breaker.cool(token, until, "Rate limit.", whole_project=whole_project)


@time_machine.travel(NOW, tick=False)
def test_a_cooling_key_is_left_alone_until_its_time() -> None:
    cool(make_token())

    assert busy_until() == NOW + MINUTE
    assert not TokenReservation.objects.exists()


@time_machine.travel(NOW, tick=False)
def test_the_keys_of_a_project_cool_together_and_others_serve() -> None:
    cooled, _sibling = make_token(project="erp"), make_token(project="erp")
    cool(cooled)
    assert busy_until() == NOW + MINUTE

    other = make_token(project="crm")

    assert {take().token for _ in range(20)} == {other}


@time_machine.travel(NOW, tick=False)
def test_what_concerns_one_key_leaves_the_others_of_its_project() -> None:
    cooled, sibling = make_token(project="erp"), make_token(project="erp")
    cool(cooled, whole_project=False)

    assert {take().token for _ in range(20)} == {sibling}


@time_machine.travel(NOW, tick=False)
def test_a_key_without_a_project_cools_alone() -> None:
    cooled, other = make_token(), make_token()
    cool(cooled)

    assert {take().token for _ in range(20)} == {other}


def test_after_a_cool_down_one_probe_goes_first() -> None:
    token, _sibling = make_token(project="erp"), make_token(project="erp")
    with time_machine.travel(NOW, tick=False) as clock:
        cool(token)
        clock.shift(MINUTE)

        probe = take()

        assert probe.probe
        assert busy_until() == NOW + MINUTE + circuit_breaker.PROBE_RECHECK
        assert TokenReservation.objects.count() == 1

        circuit_breaker.end_probe(probe.token, answered=True)
        assert not take().probe
        assert not CoolDown.objects.exists()


def test_a_probe_that_found_nothing_out_leaves_it_to_the_next() -> None:
    token = make_token()
    with time_machine.travel(NOW, tick=False) as clock:
        cool(token)
        clock.shift(MINUTE)

        circuit_breaker.end_probe(take().token, answered=False)

        assert take().probe


def test_a_probe_that_is_told_to_wait_sets_the_time_even_if_it_is_earlier() -> None:
    token = make_token()
    with time_machine.travel(NOW, tick=False) as clock:
        cool(token)
        clock.shift(MINUTE)
        take()

        cool(token, until=NOW + 2 * MINUTE)

        assert busy_until() == NOW + 2 * MINUTE


def test_a_probe_that_died_is_followed_by_another_when_its_lease_is_over() -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        cool(make_token())
        clock.shift(MINUTE)
        take()
        clock.shift(LEASE)

        assert take().probe


@time_machine.travel(NOW, tick=False)
def test_a_cool_down_is_never_shortened() -> None:
    token = make_token()
    cool(token, until=NOW + 2 * MINUTE)

    cool(token, until=NOW + MINUTE)

    assert busy_until() == NOW + 2 * MINUTE


def test_of_two_that_saw_the_end_of_a_cool_down_one_probes() -> None:
    token = make_token()

    def another_is_faster(_: TokenMaster) -> Cost:
        circuit_breaker.claim_probe(token, LEASE)
        return Cost(100, 50, 10)

    with time_machine.travel(NOW, tick=False) as clock:
        cool(token)
        clock.shift(MINUTE)

        with pytest.raises(KeysBusy) as busy:
            selection.take("NT047", attempt_id=uuid.uuid4(), cost_of=another_is_faster, lease=LEASE)

        assert busy.value.until == NOW + MINUTE + circuit_breaker.PROBE_RECHECK
        assert not TokenReservation.objects.exists()


def test_a_key_is_no_probe_while_its_project_is_closed_again() -> None:
    token = make_token(project="erp")
    with time_machine.travel(NOW, tick=False) as clock:
        cool(token, whole_project=False)
        clock.shift(MINUTE)
        cool(token, until=NOW + 2 * MINUTE)

        assert not circuit_breaker.claim_probe(token, LEASE)

        own = CoolDown.objects.get(token=token)
        assert (own.probing, own.closed_until) == (False, NOW + MINUTE)


@pytest.mark.parametrize("mended", ["api_key", "model", "project", "status"])
@time_machine.travel(NOW, tick=False)
def test_a_key_that_staff_mend_is_used_at_once(mended: str) -> None:
    token = make_token()
    cool(token)

    services.update_token(token=token, fields=[mended])

    assert take().token == token


@time_machine.travel(NOW, tick=False)
def test_a_change_that_mends_nothing_leaves_the_cool_down() -> None:
    token = make_token()
    cool(token)

    services.update_token(token=token, fields=["company_name"])

    assert busy_until() == NOW + MINUTE


@time_machine.travel(NOW, tick=False)
def test_another_is_free_only_when_it_needs_no_waiting() -> None:
    token = make_token(project="erp")
    make_token(project="erp")
    make_token(provider="Offline", api_key="")
    cool(token)
    assert not selection.another_is_free(token)

    make_token()

    assert selection.another_is_free(token)


def test_a_cool_down_is_of_a_key_or_of_a_project() -> None:
    with pytest.raises(IntegrityError):
        CoolDown.objects.create(closed_until=NOW, reason="")


def test_a_cool_down_says_whose_it_is() -> None:
    token = make_token(project="erp")
    cool(token)
    cool(token, whole_project=False)

    assert {str(row) for row in CoolDown.objects.all()} == {
        "project erp until 2026-11-24 12:01:00 UTC",
        f"token NT047 #{token.pk} (Gemini) until 2026-11-24 12:01:00 UTC",
    }
