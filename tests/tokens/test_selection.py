import math
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tests.tokens.rows import insert_by_sql, make_token
from tokens import circuit_breaker, ledger, rate_limits, selection
from tokens.call_cost import Cost
from tokens.ledger import Reservation
from tokens.models import Company, CoolDown, TokenChange, TokenMaster, TokenReservation
from tokens.rate_limits import WINDOW
from tokens.selection import (
    KeysBusy,
    NoUsableKey,
    Taken,
    disable_key,
    require_free,
    require_usable,
    room,
    take,
)
from tokens.usage import Usage

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LEASE = timedelta(minutes=5)
PAGE = Cost(fixed=4000, output_max=8192, output_floor=2000)
NOTHING = Cost(0, 0, 0)

EXPIRED = "Your AI token has expired. Please renew your subscription."
EXCEEDED = "Your AI token is no longer available or has been disabled. Please contact support."
MISSING = "No active token found for your company. Please contact support."
RENEW = "A key of the company has expired and none is active. Renew the subscription to go on."
NOT_STORED = "No key is stored for this company. Check the company id, or ask support for a key."
NO_GOOD = (
    "The company's keys are used up, disabled, unreadable or of an unknown provider. "
    "Ask support to check them."
)
TOO_LARGE = (
    "No key of the company has enough quota left for this document. Ask support to raise the limit."
)


def cost_of(token: TokenMaster) -> Cost:
    return NOTHING if token.provider == "Offline" else PAGE


def take_one(company_id: str = "NT047") -> TokenMaster:
    return take_all(company_id).token


def take_all(company_id: str = "NT047") -> Taken:
    return take(company_id, attempt_id=uuid.uuid4(), cost_of=cost_of, lease=LEASE)


def spend(token: TokenMaster, amount: int) -> None:
    ledger.settle(
        uuid.uuid4(), token.pk, Usage(amount), company_id="NT047", branch="", requested_by=""
    )


def assert_no_usable_key(code: str, message: str, detail: str, company_id: str = "NT047") -> None:
    """``require_usable`` and ``take`` raise the same."""
    for ask in (require_usable, take_one):
        with pytest.raises(NoUsableKey) as raised:
            ask(company_id)
        error = raised.value
        assert (error.code, error.message, error.detail) == (code, message, detail)
        assert error.http_status == 402


@pytest.mark.parametrize("status", ["Active", "Exceeded"])
def test_require_unblocked_asks_for_a_key_whatever_its_quota(status: str) -> None:
    make_token(status="Disabled")
    make_token(status=status)

    selection.require_unblocked("NT047")


@pytest.mark.parametrize(
    ("company_id", "key", "code"),
    [
        ("NT047", {"status": "Disabled"}, "token_exceeded"),
        ("NT047", {"status": "Expired"}, "token_expired"),
        ("NT047", {"expires_at": NOW}, "token_expired"),
        ("NT048", {"status": "Active"}, "token_missing"),
    ],
)
@time_machine.travel(NOW, tick=False)
def test_require_unblocked_says_why_a_company_has_no_such_key(
    company_id: str, key: dict[str, Any], code: str
) -> None:
    make_token(**key)

    with pytest.raises(NoUsableKey) as raised:
        selection.require_unblocked(company_id)

    assert raised.value.code == code


def test_take_reserves_the_largest_cost_of_the_call() -> None:
    token = make_token()
    attempt_id = uuid.uuid4()

    taken, reservation, half_open = take(
        "NT047", attempt_id=attempt_id, cost_of=cost_of, lease=LEASE
    )

    assert (taken, half_open) == (token, False)
    assert reservation == Reservation(attempt_id, token.pk, 12_192, 8192)
    row = TokenReservation.objects.get()
    assert (row.attempt_id, row.token_id, row.amount) == (attempt_id, token.pk, 12_192)


def test_take_trims_the_company_id() -> None:
    token = make_token()

    require_usable(" NT047 ")
    assert take_one(" NT047 ") == token


def test_take_serves_a_key_inserted_by_sql() -> None:
    token = insert_by_sql("YOUR_API_KEY")

    assert take_one().reveal_key() == "YOUR_API_KEY"
    token.refresh_from_db()
    assert token.free == 100_000 - 12_192


def test_take_chooses_among_all_keys() -> None:
    tokens = {make_token(total_token_limit=10_000_000).pk for _ in range(4)}

    assert {take_one().pk for _ in range(100)} == tokens


def test_take_tries_last_what_failed_before() -> None:
    failed, other = make_token(), make_token(total_token_limit=10_000_000)
    tried = {failed.pk}

    def take_untried() -> TokenMaster:
        return take(
            "NT047", attempt_id=uuid.uuid4(), cost_of=cost_of, lease=LEASE, tried=tried
        ).token

    assert {take_untried() for _ in range(20)} == {other}
    TokenMaster.objects.filter(pk=other.pk).update(status="Disabled")
    assert take_untried() == failed


@pytest.mark.parametrize("keys", [1, 30])
def test_take_needs_one_read_and_one_reserve(
    keys: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(keys):
        make_token()

    # SELECT; SAVEPOINT, UPDATE, INSERT, RELEASE
    with django_assert_num_queries(5):
        take_one()


def test_the_output_budget_shrinks_to_what_the_key_has_left() -> None:
    make_token(total_token_limit=6500)

    assert take_all().reservation.output_budget == 2500


def test_a_key_serves_until_the_floor_no_longer_fits() -> None:
    token = make_token(total_token_limit=6001)
    spend(token, 1)

    assert take_all().reservation.output_budget == 2000


def test_a_key_on_which_the_floor_does_not_fit_is_exceeded() -> None:
    token = make_token(total_token_limit=6000)
    spend(token, 1)

    with pytest.raises(NoUsableKey) as raised:
        take_one()

    assert (raised.value.code, raised.value.message) == ("token_exceeded", EXCEEDED)
    token.refresh_from_db()
    assert token.status == "Exceeded"


def test_a_document_too_large_for_a_key_leaves_it_to_smaller_ones() -> None:
    token = make_token(total_token_limit=20_000)
    large = Cost(fixed=57_000, output_max=8192, output_floor=2000, smallest_call=6000)

    with pytest.raises(NoUsableKey) as raised:
        take("NT047", attempt_id=uuid.uuid4(), cost_of=lambda _: large, lease=LEASE)

    error = raised.value
    assert (error.code, error.message, error.detail) == ("token_exceeded", EXCEEDED, TOO_LARGE)
    assert take_one() == token


def test_a_key_whose_quota_is_reserved_by_other_calls_is_busy() -> None:
    token = make_token(total_token_limit=17_000)
    first = take_all().reservation
    with pytest.raises(KeysBusy):
        take_one()

    token.refresh_from_db()
    assert token.status == "Active"
    ledger.release(first.attempt_id)
    assert take_one() == token


@time_machine.travel(NOW, tick=False)
def test_a_key_with_as_much_unspent_as_the_call_costs_is_waited_for() -> None:
    token = make_token(total_token_limit=PAGE.floor)
    take_all()

    with pytest.raises(KeysBusy, match=f"no key before {NOW + selection.QUOTA_RECHECK:%F}") as busy:
        take_one()

    assert busy.value.until == NOW + selection.QUOTA_RECHECK
    token.refresh_from_db()
    assert token.status == "Active"


def test_a_busy_key_counts_more_than_an_exceeded_one() -> None:
    make_token(total_token_limit=10_000)
    exceeded = make_token(total_token_limit=5000)
    take_one()

    with pytest.raises(KeysBusy):
        take_one()

    exceeded.refresh_from_db()
    assert exceeded.status == "Exceeded"


def test_a_call_that_reserves_first_shrinks_the_output_budget_of_the_next() -> None:
    make_token(total_token_limit=20_000)

    def cost_after_another(token: TokenMaster) -> Cost:
        take_one()
        return PAGE

    _, reservation, _ = take(
        "NT047", attempt_id=uuid.uuid4(), cost_of=cost_after_another, lease=LEASE
    )

    assert reservation.output_budget == 20_000 - 12_192 - 4000


def test_a_key_disabled_while_it_is_chosen_is_passed_over() -> None:
    make_token(total_token_limit=12_192)

    def cost_after_another(token: TokenMaster) -> Cost:
        take_one()
        disable_key(token, "API key not valid.")
        return PAGE

    with pytest.raises(NoUsableKey, match="token_exceeded"):
        take("NT047", attempt_id=uuid.uuid4(), cost_of=cost_after_another, lease=LEASE)


def test_a_company_without_a_key_gets_token_missing() -> None:
    make_token(company_id="NT048")

    assert_no_usable_key("token_missing", MISSING, NOT_STORED)


def test_a_company_whose_keys_all_expired_gets_token_expired() -> None:
    make_token(status="Expired")
    make_token(expires_at=timezone.now())

    assert_no_usable_key("token_expired", EXPIRED, RENEW)


@pytest.mark.parametrize("statuses", [["Exceeded"], ["Disabled"], ["Exceeded", "Disabled"]])
def test_a_company_whose_keys_are_exceeded_or_disabled_gets_token_exceeded(
    statuses: list[str],
) -> None:
    for status in statuses:
        make_token(status=status)

    assert_no_usable_key("token_exceeded", EXCEEDED, NO_GOOD)


@pytest.mark.parametrize("other", ["Exceeded", "Disabled"])
def test_an_expired_key_counts_more_than_an_exceeded_or_disabled_one(other: str) -> None:
    make_token(status="Expired")
    make_token(status=other)

    assert_no_usable_key("token_expired", EXPIRED, RENEW)


def test_an_active_key_wins_over_all_others() -> None:
    for status in ("Expired", "Exceeded", "Disabled"):
        make_token(status=status)
    token = make_token(expires_at=timezone.now() + timedelta(days=1))

    require_usable("NT047")
    assert take_one() == token


@pytest.mark.parametrize("key", ["", "  ", "enc:00000000:abc"])
def test_a_key_that_cannot_be_presented_is_never_used(key: str) -> None:
    insert_by_sql(key)

    assert_no_usable_key("token_exceeded", EXCEEDED, NO_GOOD)


def test_a_key_of_an_unknown_provider_is_never_used() -> None:
    insert_by_sql(provider="Oracle")

    assert_no_usable_key("token_exceeded", EXCEEDED, NO_GOOD)


def test_offline_serves_only_while_there_is_no_other_active_key() -> None:
    offline = make_token(provider="Offline", api_key="")
    assert take_one() == offline

    gemini = make_token(total_token_limit=10_000_000)
    assert {take_one() for _ in range(20)} == {gemini}

    disable_key(gemini, "API key not valid.")
    assert take_one() == offline


def test_offline_does_not_stand_in_for_a_busy_key() -> None:
    make_token(provider="Offline", api_key="")
    make_token(total_token_limit=10_000)
    take_one()

    with pytest.raises(KeysBusy):
        take_one()


def test_offline_serves_the_call_on_which_the_last_other_key_is_exceeded() -> None:
    offline = make_token(provider="Offline", api_key="")
    make_token(total_token_limit=5000)

    taken, reservation, _ = take_all()

    assert (taken, reservation.amount, reservation.output_budget) == (offline, 0, 0)


def test_the_offline_key_that_serves_then_is_not_the_one_that_failed_before() -> None:
    failed, other = (make_token(provider="Offline", api_key="") for _ in range(2))
    for _ in range(10):
        make_token(total_token_limit=5000)

        taken = take(
            "NT047", attempt_id=uuid.uuid4(), cost_of=cost_of, lease=LEASE, tried={failed.pk}
        )

        assert taken.token == other


def take_while_it_is_lost(gemini: TokenMaster) -> TokenMaster:
    """Take a key; as soon as ``gemini`` is chosen, it is used up by another call and disabled."""

    def cost_meanwhile(token: TokenMaster) -> Cost:
        if token == gemini:
            ledger.reserve(
                gemini.pk, attempt_id=uuid.uuid4(), amount=9000, output_budget=0, lease=LEASE
            )
            TokenMaster.objects.filter(pk=gemini.pk).update(status="Disabled")
        return cost_of(token)

    return take("NT047", attempt_id=uuid.uuid4(), cost_of=cost_meanwhile, lease=LEASE).token


def test_offline_serves_the_call_whose_key_was_lost_meanwhile() -> None:
    offline = make_token(provider="Offline", api_key="")

    assert take_while_it_is_lost(make_token(total_token_limit=10_000)) == offline


def test_company_whose_only_key_was_lost_meanwhile_has_none() -> None:
    with pytest.raises(NoUsableKey) as refused:
        take_while_it_is_lost(make_token(total_token_limit=10_000))

    assert (refused.value.code, refused.value.detail) == ("token_exceeded", NO_GOOD)


def test_only_the_chosen_key_is_taken() -> None:
    make_token()
    chosen = make_token()

    for _ in range(5):
        taken = take("NT047", attempt_id=uuid.uuid4(), cost_of=cost_of, lease=LEASE, only=chosen.pk)
        assert taken.token == chosen


def test_chosen_offline_key_is_taken_beside_others() -> None:
    make_token()
    offline = make_token("none", provider="Offline")

    taken = take("NT047", attempt_id=uuid.uuid4(), cost_of=cost_of, lease=LEASE, only=offline.pk)

    assert taken.token == offline


@pytest.mark.parametrize("fields", [{"status": "Disabled"}, {"company_id": "NT048"}], ids=str)
def test_chosen_key_that_cannot_be_used_is_not_replaced_by_another(fields: dict[str, Any]) -> None:
    make_token()
    chosen = make_token(**fields)

    with pytest.raises(NoUsableKey) as refused:
        take("NT047", attempt_id=uuid.uuid4(), cost_of=cost_of, lease=LEASE, only=chosen.pk)

    assert (refused.value.code, refused.value.message) == ("token_exceeded", EXCEEDED)
    assert refused.value.detail == selection.CHOSEN_KEY_UNUSABLE
    require_free("NT047", cost_of=cost_of, only=chosen.pk)  # the call tells why


def test_chosen_key_on_which_the_call_is_the_last_straw_is_not_replaced() -> None:
    make_token()
    chosen = make_token(total_token_limit=5000)

    with pytest.raises(NoUsableKey) as refused:
        take("NT047", attempt_id=uuid.uuid4(), cost_of=cost_of, lease=LEASE, only=chosen.pk)

    assert refused.value.detail == selection.CHOSEN_KEY_UNUSABLE


def test_chosen_key_is_waited_for_although_others_are_free() -> None:
    make_token()
    chosen = make_token()
    until = timezone.now() + timedelta(minutes=3)
    circuit_breaker.trip(chosen, until, "429", whole_project=False)

    with pytest.raises(KeysBusy):
        require_free("NT047", cost_of=cost_of, only=chosen.pk)
    with pytest.raises(KeysBusy):
        take("NT047", attempt_id=uuid.uuid4(), cost_of=cost_of, lease=LEASE, only=chosen.pk)


def busy_until(cost: Cost = PAGE) -> datetime:
    with pytest.raises(KeysBusy) as busy:
        require_free("NT047", cost_of=lambda _: cost)
    return busy.value.until


@time_machine.travel(NOW, tick=False)
def test_require_free_says_when_the_first_of_several_blocked_keys_is_free() -> None:
    for minutes in (5, 3, 9):
        until = NOW + timedelta(minutes=minutes)
        circuit_breaker.trip(make_token(), until, "429", whole_project=False)

    assert busy_until() == NOW + timedelta(minutes=3)

    make_token()
    require_free("NT047", cost_of=cost_of)


@time_machine.travel(NOW, tick=False)
def test_require_free_waits_for_quota_that_calls_have_reserved() -> None:
    token = make_token(total_token_limit=17_000)
    first = take_all().reservation

    assert busy_until() == NOW + selection.QUOTA_RECHECK

    ledger.release(first.attempt_id)
    require_free("NT047", cost_of=cost_of)
    spend(token, 12_000)  # too little for any document: take says so
    require_free("NT047", cost_of=cost_of)


@time_machine.travel(NOW, tick=False)
@pytest.mark.parametrize(
    ("limits", "wait"),
    [({"max_concurrent_calls": 1}, rate_limits.RECHECK), ({"requests_per_minute": 1}, WINDOW)],
)
def test_require_free_waits_at_the_limits_of_calls(limits: dict[str, Any], wait: timedelta) -> None:
    make_token(**limits)
    take_one()

    assert busy_until(NOTHING) == NOW + wait


@pytest.mark.parametrize("known_open", [True, False])
def test_require_usable_asks_for_no_circuit_breaker_nor_for_what_is_known(known_open: bool) -> None:
    make_token()

    with CaptureQueriesContext(connection) as asked:
        require_usable("NT047", known_open=known_open)

    sql = " ".join(query["sql"] for query in asked.captured_queries)
    assert TokenMaster._meta.db_table in sql
    assert CoolDown._meta.db_table not in sql
    assert (f'"{Company._meta.db_table}"' in sql) is not known_open


def test_require_free_leaves_a_company_without_a_usable_key_to_take() -> None:
    make_token(status="Exceeded")
    make_token(provider="Offline", status="Disabled")

    require_free("NT047", cost_of=cost_of)


def test_require_free_writes_nothing_and_needs_one_read(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(30):
        make_token()

    with django_assert_num_queries(1):
        require_free("NT047", cost_of=cost_of)
    assert not TokenReservation.objects.exists()


def test_room_is_that_of_all_keys_together() -> None:
    make_token(max_concurrent_calls=2, total_token_limit=10**9)
    make_token(requests_per_minute=3, total_token_limit=10**9)
    make_token(total_token_limit=6000)
    circuit_breaker.trip(make_token(), timezone.now() + LEASE, "429", whole_project=False)
    make_token(total_token_limit=5999)
    cooled_down = make_token(total_token_limit=10**9)
    circuit_breaker.trip(cooled_down, timezone.now() - LEASE, "429", whole_project=False)

    assert room("NT047", cost_of=cost_of) == 2 + 3 + 1 + 1


@pytest.mark.parametrize(
    ("limit", "calls"), [(6000, 1), (18_191, 1), (18_192, 2), (30_000, 2), (30_384, 3)]
)
def test_room_of_a_key_is_how_often_its_quota_holds_the_most_and_the_floor_at_last(
    limit: int, calls: int
) -> None:
    make_token(total_token_limit=limit)

    assert room("NT047", cost_of=cost_of) == calls


def test_another_key_is_not_the_same_key() -> None:
    token = make_token()
    make_token(provider="Offline", api_key="")
    make_token(company_id="NT048")
    assert not selection.another_is_free(token)

    make_token()
    assert selection.another_is_free(token)


def test_room_without_a_limit_or_a_key_to_wait_for_is_infinite() -> None:
    assert room("NT047", cost_of=cost_of) == math.inf
    make_token(total_token_limit=5999)
    assert room("NT047", cost_of=cost_of) == math.inf
    make_token(provider="Offline", company_id="NT048")
    assert room("NT048", cost_of=cost_of) == math.inf


def test_disable_key_records_the_reason() -> None:
    token = make_token()

    disable_key(token, "API key not valid. " * 20)

    token.refresh_from_db()
    assert token.status == "Disabled"
    assert token.status_reason == ("API key not valid. " * 20)[:200]
    assert TokenChange.objects.get().actor == "provider"


def test_disable_key_keeps_the_reason_of_a_key_disabled_before() -> None:
    token = make_token()
    disable_key(token, "first")
    disable_key(token, "second")

    token.refresh_from_db()
    assert token.status_reason == "first"


def test_disable_key_leaves_a_key_that_staff_replaced_meanwhile() -> None:
    token = make_token()
    replaced = TokenMaster.objects.get(pk=token.pk)
    replaced.api_key = "AIza-the-new-key"
    replaced.save()

    disable_key(token, "API key not valid.")

    token.refresh_from_db()
    assert token.status == "Active"
