import logging
import uuid
from datetime import timedelta
from decimal import Decimal
from unittest import mock

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tests.tokens.rows import insert_by_sql, make_token
from tokens import ledger, ledger_audit, services
from tokens.models import TokenMaster, TokenReservation, TokenUsageLog, TokenUsageSummary
from tokens.usage import Requester, Usage

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]

LEASE = timedelta(minutes=5)
WHO = Requester(company_id="NT047", branch="Pokhara", requested_by="sita")


def reserve(token: TokenMaster, amount: int, lease: timedelta = LEASE) -> uuid.UUID | None:
    attempt_id = uuid.uuid4()
    reservation = ledger.reserve(
        token.pk, attempt_id=attempt_id, amount=amount, output_budget=amount, lease=lease
    )
    return attempt_id if reservation else None


def totals(token: TokenMaster) -> tuple[int, int, int]:
    """Used, reserved, remaining."""
    summary = TokenUsageSummary.objects.get(token=token)
    return (
        summary.total_used_tokens,
        summary.reserved_tokens,
        summary.total_remaining_tokens,
    )


def test_reserve_returns_what_was_reserved() -> None:
    token = make_token(total_token_limit=1000)
    attempt_id = uuid.uuid4()

    reservation = ledger.reserve(
        token.pk, attempt_id=attempt_id, amount=700, output_budget=500, lease=LEASE
    )

    assert reservation == ledger.Reservation(attempt_id, token.pk, 700, 500)
    assert totals(token) == (0, 700, 1000)


def test_reserve_takes_the_last_llm_token_and_not_one_more() -> None:
    token = make_token(total_token_limit=1000)

    assert reserve(token, 400)
    assert reserve(token, 601) is None
    assert reserve(token, 600)
    assert reserve(token, 1) is None
    assert totals(token) == (0, 1000, 1000)
    assert TokenReservation.objects.count() == 2


def test_reserve_creates_the_totals_of_a_key_inserted_by_sql() -> None:
    token = insert_by_sql(limit=5000)

    assert reserve(token, 5001) is None
    assert reserve(token, 5000)
    assert totals(token) == (0, 5000, 5000)


def test_reserve_serves_a_key_inserted_by_sql_at_the_first_time() -> None:
    token = insert_by_sql(limit=5000)

    assert reserve(token, 5000)
    assert totals(token) == (0, 5000, 5000)


def test_settle_charges_the_bill_and_ends_the_reservation() -> None:
    token = make_token(total_token_limit=10_000)
    attempt_id = reserve(token, 5000)
    assert attempt_id
    usage = Usage(
        input_tokens=1090,
        output_tokens=150,
        thinking_tokens=100,
        cached_tokens=40,
        text_prompt_tokens=58,
        image_prompt_tokens=1032,
        text_candidates_tokens=150,
    )

    began_at = TokenReservation.objects.get().created_at
    assert ledger.settle(attempt_id, token.pk, usage, **WHO, model="gemini-3.5-flash") is True

    assert totals(token) == (1340, 0, 8660)
    assert not TokenReservation.objects.exists()
    row = TokenUsageLog.objects.values().get()
    del row["usage_id"], row["logged_at"]
    assert row == {
        "token_id": token.pk,
        "branch": "Pokhara",
        "requested_by": "sita",
        "input_tokens": 1090,
        "output_tokens": 150,
        "text_prompt_tokens": 58,
        "image_prompt_tokens": 1032,
        "text_candidates_tokens": 150,
        "total_tokens_used": 1340,
        "request_count": 1,
        "thinking_tokens": 100,
        "cached_tokens": 40,
        "attempt_id": attempt_id,
        "company_id": "NT047",
        "estimated": False,
        "key_fingerprint": None,
        "began_at": began_at,
        "model": "gemini-3.5-flash",
        "cost": Decimal("0.003831"),  # 1,050 × 1.50 + 40 × 0.15 + 250 × 9.00 for a million
        "currency": "USD",
    }


def test_settle_delivered_again_changes_nothing() -> None:
    token = make_token(total_token_limit=10_000)
    attempt_id = reserve(token, 5000)
    assert attempt_id

    results = [ledger.settle(attempt_id, token.pk, Usage(1000, 200), **WHO) for _ in range(3)]

    assert results == [True, False, False]
    assert ledger.settle_unknown(attempt_id, token.pk, 5000, **WHO) is False
    assert ledger.release(attempt_id) is False
    assert totals(token) == (1200, 0, 8800)


def test_bill_that_comes_late_replaces_the_estimate_once() -> None:
    token = make_token(total_token_limit=5000)
    attempt_id = reserve(token, 5000)
    assert attempt_id
    ledger.settle_unknown(attempt_id, token.pk, 5000, **WHO)
    token.refresh_from_db()
    assert token.status == "Exceeded"

    results = [ledger.settle(attempt_id, token.pk, Usage(1000, 200), **WHO) for _ in range(2)]

    assert results == [True, False]
    assert totals(token) == (1200, 0, 3800)
    row = TokenUsageLog.objects.get()
    assert (row.total_tokens_used, row.input_tokens, row.estimated) == (1200, 1000, False)
    token.refresh_from_db()
    assert token.status == "Active"
    assert ledger_audit.audit_ledger() == []


def test_late_bill_replaces_no_other_estimate_of_the_key() -> None:
    token = make_token(total_token_limit=100_000)
    attempt_id, other = reserve(token, 5000), reserve(token, 7000)
    assert attempt_id
    assert other
    ledger.settle_unknown(attempt_id, token.pk, 5000, **WHO)
    ledger.settle_unknown(other, token.pk, 7000, **WHO)

    ledger.settle(attempt_id, token.pk, Usage(1000, 200), **WHO)

    charged = TokenUsageLog.objects.values_list("attempt_id", "total_tokens_used", "estimated")
    assert set(charged) == {(attempt_id, 1200, False), (other, 7000, True)}
    assert totals(token) == (8200, 0, 91_800)


def test_late_bill_changes_nothing_when_it_names_another_key() -> None:
    token, other = make_token(total_token_limit=10_000), make_token(total_token_limit=10_000)
    attempt_id = reserve(token, 5000)
    assert attempt_id
    ledger.settle_unknown(attempt_id, token.pk, 5000, **WHO)

    assert ledger.settle(attempt_id, other.pk, Usage(1000, 200), **WHO) is False

    assert (totals(token), totals(other)) == ((5000, 0, 5000), (0, 0, 10_000))
    assert TokenUsageLog.objects.get().total_tokens_used == 5000


def test_late_bill_of_what_was_estimated_leaves_a_key_exceeded() -> None:
    token = make_token(total_token_limit=5500)
    attempt_id = reserve(token, 5000)
    assert attempt_id
    ledger.settle_unknown(attempt_id, token.pk, 5000, **WHO)
    assert services.mark_exceeded(token_id=token.pk, smallest_call=1000)

    assert ledger.settle(attempt_id, token.pk, Usage(4800, 200), **WHO) is True

    token.refresh_from_db()
    assert token.status == "Exceeded"


def test_bill_of_all_that_was_reserved_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    token = make_token(total_token_limit=10_000)
    attempt_id = reserve(token, 1200)
    assert attempt_id

    ledger.settle(attempt_id, token.pk, Usage(1000, 200), **WHO)

    assert totals(token) == (1200, 0, 8800)
    assert caplog.records == []


def test_call_that_turns_out_to_cost_nothing_replaces_the_estimate_once() -> None:
    token = make_token(total_token_limit=10_000)
    attempt_id = reserve(token, 5000)
    assert attempt_id
    ledger.settle_unknown(attempt_id, token.pk, 5000, **WHO)

    assert [ledger.release(attempt_id) for _ in range(2)] == [True, False]

    assert totals(token) == (0, 0, 10_000)
    assert ledger_audit.audit_ledger() == []


def test_end_of_an_unknown_attempt_leaves_the_estimates_of_others() -> None:
    token = make_token(total_token_limit=10_000)
    ledger.settle_unknown(uuid.uuid4(), token.pk, 5000, **WHO)

    assert ledger.release(uuid.uuid4()) is False

    assert totals(token) == (5000, 0, 5000)
    assert TokenUsageLog.objects.count() == 1


def test_reservation_that_another_process_ended_first_is_not_given_back_twice() -> None:
    token = make_token(total_token_limit=10_000)
    attempt_id = reserve(token, 5000)
    assert attempt_id

    # Read before the other process deleted it, which had the totals locked.
    with mock.patch.object(QuerySet, "delete", return_value=(0, {})):
        assert ledger.end_reservation(attempt_id) is False

    assert totals(token) == (0, 5000, 10_000)


def test_estimate_stays_where_only_the_reservation_is_ended() -> None:
    token = make_token(total_token_limit=10_000)
    attempt_id = reserve(token, 5000)
    assert attempt_id
    ledger.settle_unknown(attempt_id, token.pk, 5000, **WHO)

    assert ledger.end_reservation(attempt_id) is False
    assert totals(token) == (5000, 0, 5000)


def test_corrected_estimate_leaves_a_key_that_staff_set_to_exceeded() -> None:
    token = make_token(total_token_limit=10_000)
    attempt_id = reserve(token, 5000)
    assert attempt_id
    ledger.settle_unknown(attempt_id, token.pk, 5000, **WHO)
    TokenMaster.objects.update(status="Exceeded", status_reason="Set by asha.")

    ledger.settle(attempt_id, token.pk, Usage(1000, 200), **WHO)

    token.refresh_from_db()
    assert token.status == "Exceeded"


def test_renewed_leases_are_full_and_no_longer() -> None:
    token = make_token(total_token_limit=10_000)
    ran_out = reserve(token, 100, lease=timedelta(seconds=-1))
    impossible = reserve(token, 100, lease=timedelta(hours=1))
    running = reserve(token, 100, lease=timedelta(minutes=1))
    assert ran_out
    assert impossible
    assert running
    before = TokenReservation.objects.get(pk=running).leased_until

    assert ledger.renew_leases(LEASE) == 2

    rows = dict(TokenReservation.objects.values_list("pk", "leased_until"))
    assert rows[running] == before
    assert rows[ran_out] == rows[impossible]
    assert timezone.now() < rows[ran_out] <= timezone.now() + LEASE


def test_settle_after_the_reservation_was_released_charges_once_and_releases_nothing_twice() -> (
    None
):
    token = make_token(total_token_limit=10_000)
    attempt_id = reserve(token, 5000, lease=timedelta(seconds=-1))
    other = reserve(token, 3000)
    assert attempt_id
    assert other

    assert ledger.release_dead() == 1
    assert ledger.settle(attempt_id, token.pk, Usage(1000, 200), **WHO) is True
    assert totals(token) == (1200, 3000, 8800)


def test_settle_creates_totals_that_were_deleted() -> None:
    token = make_token(total_token_limit=10_000)
    TokenUsageSummary.objects.all().delete()

    assert ledger.settle(uuid.uuid4(), token.pk, Usage(1000, 200), **WHO) is True
    assert totals(token) == (1200, 0, 8800)


def test_settle_follows_a_limit_that_was_changed_by_sql() -> None:
    token = make_token(total_token_limit=10_000)
    TokenMaster.objects.update(total_token_limit=20_000)

    ledger.settle(uuid.uuid4(), token.pk, Usage(1000, 200), **WHO)

    assert totals(token) == (1200, 0, 18_800)


def test_settle_charges_a_bill_above_its_reservation_in_full_and_logs_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    token = make_token(total_token_limit=1000)
    attempt_id = reserve(token, 900)
    assert attempt_id

    ledger.settle(attempt_id, token.pk, Usage(1000, 200), **WHO)

    assert totals(token) == (1200, 0, -200)
    assert caplog.record_tuples == [
        (
            "tokens.ledger",
            logging.ERROR,
            f"Attempt {attempt_id} of key {token.pk} was billed 1200 LLM tokens, "
            "more than the 900 reserved.",
        )
    ]


def test_settle_turns_a_key_that_is_used_up_to_exceeded() -> None:
    token = make_token(total_token_limit=1200)

    ledger.settle(uuid.uuid4(), token.pk, Usage(1000, 199), **WHO)
    token.refresh_from_db()
    assert token.status == "Active"

    ledger.settle(uuid.uuid4(), token.pk, Usage(1, 0), **WHO)
    token.refresh_from_db()
    assert (token.status, token.status_reason) == ("Exceeded", "Its limit is used up.")


def test_settle_leaves_a_disabled_key_disabled() -> None:
    token = make_token(total_token_limit=1200, status="Disabled")

    ledger.settle(uuid.uuid4(), token.pk, Usage(1200), **WHO)

    token.refresh_from_db()
    assert token.status == "Disabled"


def test_settle_unknown_charges_what_was_reserved_and_flags_it() -> None:
    token = make_token(total_token_limit=10_000)
    attempt_id = reserve(token, 5000)
    assert attempt_id

    assert ledger.settle_unknown(attempt_id, token.pk, 5000, **WHO) is True
    assert ledger.settle_unknown(attempt_id, token.pk, 5000, **WHO) is False

    assert totals(token) == (5000, 0, 5000)
    row = TokenUsageLog.objects.get()
    assert (row.estimated, row.total_tokens_used, row.input_tokens) == (True, 5000, 0)
    assert {name: getattr(row, name) for name in WHO} == WHO


def test_release_ends_a_reservation_once() -> None:
    token = make_token(total_token_limit=10_000)
    attempt_id = reserve(token, 5000)
    assert attempt_id

    assert [ledger.release(attempt_id), ledger.release(attempt_id)] == [True, False]
    assert totals(token) == (0, 0, 10_000)


def test_release_dead_leaves_live_reservations_alone() -> None:
    token = make_token(total_token_limit=10_000)
    reserve(token, 1000, lease=timedelta(seconds=-1))
    reserve(token, 2000, lease=timedelta(seconds=-1))
    reserve(token, 3000)

    assert ledger.release_dead() == 2
    assert ledger.release_dead() == 0
    assert totals(token) == (0, 3000, 10_000)


def test_a_raised_limit_shows_in_what_remains_and_reactivates_the_key() -> None:
    token = make_token(total_token_limit=1000)
    ledger.settle(uuid.uuid4(), token.pk, Usage(1000), **WHO)
    token.refresh_from_db()
    assert token.status == "Exceeded"

    token.total_token_limit = 1001
    services.update_token(token=token, fields=["total_token_limit"])

    assert token.status == "Active"
    token.refresh_from_db()
    assert (token.status, token.status_reason) == ("Active", None)
    assert totals(token) == (1000, 0, 1)


def test_a_limit_raised_to_no_more_than_what_was_used_leaves_the_key_exceeded() -> None:
    token = make_token(total_token_limit=1000)
    ledger.settle(uuid.uuid4(), token.pk, Usage(1500), **WHO)
    token.refresh_from_db()

    token.total_token_limit = 1500
    services.update_token(token=token, fields=["total_token_limit"])

    assert token.status == "Exceeded"
    assert totals(token) == (1500, 0, 0)


def test_reserve_costs_one_update_and_one_insert(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    token = make_token()

    # SAVEPOINT, UPDATE, INSERT, RELEASE
    with django_assert_num_queries(4, connection=connection):
        reserve(token, 10)


def test_sums_to_which_nothing_is_added_are_not_written() -> None:
    token = make_token()
    ledger.settle(uuid.uuid4(), token.pk, Usage(10), **WHO)  # makes the day's sum

    with CaptureQueriesContext(connection) as captured:
        ledger.settle(uuid.uuid4(), token.pk, Usage(10), **WHO)

    [update] = [
        query["sql"] for query in captured if query["sql"].startswith('UPDATE "TokenUsageDays"')
    ]
    assert "TotalTokens" in update
    assert "ThinkingTokens" not in update


def test_settle_costs_few_queries(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    token = make_token()
    model = "gemini-2.5-flash"
    ledger.settle(uuid.uuid4(), token.pk, Usage(10), model=model, **WHO)  # makes the day's sum
    attempt_id = reserve(token, 10)
    assert attempt_id is not None

    # SAVEPOINT; the totals are locked; reservation, price and usage row are looked for; the usage
    # row is written, the day's sum moved, the reservation deleted, the totals moved and looked at
    # for alerts; RELEASE
    with django_assert_num_queries(11, connection=connection):
        ledger.settle(attempt_id, token.pk, Usage(10), model=model, **WHO)
