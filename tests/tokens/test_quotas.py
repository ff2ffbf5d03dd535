"""Quotas that renew: reserved in every period at once, and exact whatever happens meanwhile."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from pytest_django import DjangoAssertNumQueries

from ocrsite.lib import clock
from tests.tokens.rows import KEY, insert_by_sql, make_quota, make_token
from tokens import journal, ledger, quota_changes, quota_sums, quotas, selection, services
from tokens.call_cost import Cost
from tokens.models import (
    Company,
    Quota,
    QuotaChange,
    QuotaSum,
    TokenMaster,
    TokenReservation,
    TokenUsageLog,
    TokenUsageSummary,
)
from tokens.periods import Period
from tokens.selection import KeysBusy, NoUsableKey
from tokens.usage import Requester, Usage

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]

WHO = Requester(company_id="NT047", branch="", requested_by="")
LEASE = timedelta(minutes=5)
KATHMANDU = ZoneInfo("Asia/Kathmandu")
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
PAGE = Cost(fixed=400, output_max=600, output_floor=100)
Clock = Callable[[datetime], None]


@pytest.fixture(autouse=True)
def at(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that all hosts share stands still at noon, until it is set."""

    def set_clock(now: datetime) -> None:
        monkeypatch.setattr(clock, "now", lambda: now)

    set_clock(NOON)
    return set_clock


def company(company_id: str = "NT047", time_zone: str = "Asia/Kathmandu") -> Company:
    row = Company.objects.get(company_id=company_id)
    row.time_zone = time_zone
    row.save()
    return row


def reserve(
    token: TokenMaster, amount: int, attempt_id: uuid.UUID | None = None
) -> uuid.UUID | None:
    attempt_id = attempt_id or uuid.uuid4()
    reservation = ledger.reserve(
        token.pk, attempt_id=attempt_id, amount=amount, output_budget=0, lease=LEASE
    )
    return attempt_id if reservation else None


def spend(token: TokenMaster, amount: int) -> uuid.UUID:
    attempt_id = reserve(token, amount)
    assert attempt_id
    ledger.settle(attempt_id, token.pk, Usage(amount), **WHO)
    return attempt_id


def state(quota: Quota) -> tuple[int, int, int]:
    """Used, reserved, remaining in the period that is now."""
    [found] = quotas.states(Quota.objects.filter(pk=quota.pk))
    return found.used, found.reserved, found.remaining


def sums(quota: Quota) -> list[tuple[str, int, int]]:
    rows = QuotaSum.objects.filter(quota=quota).order_by("starts_at")
    return [(f"{row.starts_at:%m-%d %H:%M}", row.used, row.reserved) for row in rows]


def take(company_id: str = "NT047", cost: Cost = PAGE) -> selection.Taken:
    return selection.take(company_id, attempt_id=uuid.uuid4(), cost_of=lambda _: cost, lease=LEASE)


@pytest.mark.parametrize("period", Period)
def test_a_quota_refuses_what_would_exceed_its_period(period: Period) -> None:
    token = make_token()
    quota = make_quota(token, period, 1000)

    assert reserve(token, 1001) is None
    first = reserve(token, 600)
    assert first
    assert reserve(token, 401) is None
    assert reserve(token, 400)
    assert state(quota) == (0, 1000, 1000)

    ledger.settle(first, token.pk, Usage(100), **WHO)

    assert state(quota) == (100, 400, 900)
    assert TokenUsageSummary.objects.get().reserved_tokens == 400


def test_a_refused_reservation_leaves_no_trace_in_any_sum() -> None:
    token = make_token()
    loose = make_quota(token, Period.DAILY, 1000)
    tight = make_quota(token, Period.MONTHLY, 500)
    assert reserve(token, 300)

    assert reserve(token, 201) is None

    assert (state(loose), state(tight)) == ((0, 300, 1000), (0, 300, 500))
    assert TokenUsageSummary.objects.get().reserved_tokens == 300
    assert TokenReservation.objects.count() == 1


def test_the_quota_of_a_company_holds_for_all_its_keys_and_no_others() -> None:
    tokens, other = [make_token() for _ in range(2)], make_token(company_id="NT048")
    quota = make_quota(company(), Period.MONTHLY, 1000)

    assert reserve(tokens[0], 600)
    assert reserve(tokens[1], 401) is None
    assert reserve(other, 5000)
    assert reserve(tokens[1], 400)
    assert state(quota) == (0, 1000, 1000)


def test_a_key_written_in_another_way_counts_towards_its_companys_quota() -> None:
    make_token()
    written = make_token(company_id=" nt047 ")
    quota = make_quota(company(), Period.DAILY, 1000)

    spend(written, 600)
    QuotaSum.objects.all().delete()

    assert state(quota) == (600, 0, 400)
    assert reserve(written, 401) is None


def test_a_key_inserted_by_sql_counts_towards_its_companys_quota() -> None:
    make_token()
    make_quota(company(), Period.DAILY, 1000)
    token = insert_by_sql()

    assert reserve(token, 1001) is None
    assert reserve(token, 1000)


def test_a_new_quota_counts_what_its_period_used_and_reserved_before() -> None:
    token = make_token()
    spend(token, 300)
    under_way = reserve(token, 200)
    assert under_way

    quota = make_quota(token, Period.MONTHLY, 1000)

    assert state(quota) == (300, 200, 700)
    assert reserve(token, 501) is None
    ledger.release(under_way)
    assert state(quota) == (300, 0, 700)


def test_a_period_ends_without_anybodys_action(at: Clock) -> None:
    token = make_token()
    quota = make_quota(company(), Period.DAILY, 1000)
    spend(token, 1000)
    assert reserve(token, 1) is None

    at(datetime(2026, 11, 27, 18, 14, 59, tzinfo=UTC))
    assert reserve(token, 1) is None
    at(datetime(2026, 11, 27, 18, 15, tzinfo=UTC))  # midnight in Kathmandu
    assert state(quota) == (0, 0, 1000)
    assert reserve(token, 1000)

    assert sums(quota) == [("11-26 18:15", 1000, 0), ("11-27 18:15", 0, 1000)]


@pytest.mark.parametrize("end", ["settle", "unknown", "release"])
def test_a_call_counts_in_the_period_in_which_it_began(at: Clock, end: str) -> None:
    token = make_token()
    quota = make_quota(company(), Period.DAILY, 1000)
    attempt_id = reserve(token, 600)
    assert attempt_id

    at(NOON + timedelta(days=1))
    spend(token, 50)
    match end:
        case "settle":
            ledger.settle(attempt_id, token.pk, Usage(100), **WHO)
        case "unknown":
            ledger.settle_unknown(attempt_id, token.pk, 600, **WHO)
        case _:
            ledger.release(attempt_id)

    used = {"settle": 100, "unknown": 600, "release": 0}[end]
    assert sums(quota) == [("11-26 18:15", used, 0), ("11-27 18:15", 50, 0)]


def test_a_late_bill_corrects_the_period_in_which_the_call_began(at: Clock) -> None:
    token = make_token()
    quota = make_quota(company(), Period.DAILY, 1000)
    attempt_id = reserve(token, 600)
    assert attempt_id
    ledger.settle_unknown(attempt_id, token.pk, 600, **WHO)

    at(NOON + timedelta(days=1))
    spend(token, 50)
    ledger.settle(attempt_id, token.pk, Usage(100), **WHO)

    assert sums(quota) == [("11-26 18:15", 100, 0), ("11-27 18:15", 50, 0)]


@pytest.mark.parametrize("is_known", [True, False], ids=["billed", "estimated"])
def test_a_charge_after_its_reservation_died_counts_where_it_is_said_to_have_begun(
    at: Clock, is_known: bool
) -> None:
    token = make_token()
    quota = make_quota(company(), Period.DAILY, 1000)
    attempt_id = reserve(token, 600)
    assert attempt_id
    ledger.release_dead(NOON + LEASE)
    assert sums(quota) == [("11-26 18:15", 0, 0)]

    at(NOON + timedelta(days=1))
    if is_known:
        ledger.settle(attempt_id, token.pk, Usage(600), **WHO, began_at=NOON)
    else:
        ledger.settle_unknown(attempt_id, token.pk, 600, **WHO, began_at=NOON)

    assert sums(quota) == [("11-26 18:15", 600, 0)]
    assert TokenUsageLog.objects.get().began_at == NOON


def test_the_journals_calls_count_when_they_were_made(at: Clock) -> None:
    token = make_token()
    quota = make_quota(company(), Period.DAILY, 1000)
    spend(token, 50)
    record = journal.Record(
        attempt_id=uuid.uuid4(),
        **WHO,
        key_fingerprint=token.key_fingerprint or "",
        ceiling=600,
        called_at=NOON,
        leased_until=NOON,
    )
    journal._write(record)

    at(NOON + timedelta(days=1))
    assert (journal.ingest(), journal.ingest()) == (1, 0)

    assert sums(quota) == [("11-26 18:15", 650, 0)]
    assert KEY not in str(record)


def test_another_time_zone_or_first_day_moves_the_bounds_and_loses_nothing(at: Clock) -> None:
    token = make_token()
    quota = make_quota(company(time_zone="UTC"), Period.DAILY, 1000)
    at(datetime(2026, 11, 27, 1, tzinfo=UTC))
    spend(token, 100)
    at(NOON)
    under_way = reserve(token, 600)
    assert under_way

    company(time_zone="America/New_York")  # where it was still the 26th at one

    assert state(quota) == (0, 600, 1000)
    assert reserve(token, 401) is None
    assert reserve(token, 400)
    ledger.settle(under_way, token.pk, Usage(500), **WHO)
    assert state(quota) == (500, 400, 500)
    assert sums(quota) == [("11-27 00:00", 600, 400), ("11-27 05:00", 500, 400)]

    monthly = make_quota(token, Period.MONTHLY, 5000, first_day=28)
    assert state(monthly) == (600, 400, 4400)
    monthly.first_day = 27
    quota_changes.save_quota(quota=monthly)
    assert state(monthly) == (500, 400, 4500)


def test_a_period_that_gets_another_end_is_added_up_again(at: Clock) -> None:
    token = make_token()
    quota = make_quota(company(time_zone="UTC"), Period.MONTHLY, 1000, first_day=30)
    at(datetime(2026, 11, 30, 12, tzinfo=UTC))
    spend(token, 100)
    at(datetime(2026, 12, 30, 12, tzinfo=UTC))
    spend(token, 200)

    Quota.objects.filter(pk=quota.pk).update(first_day=31)  # by SQL: 30 November to 31 December

    assert state(quota) == (300, 0, 700)
    assert reserve(token, 701) is None
    assert reserve(token, 700)


def test_a_raise_holds_until_it_ends_by_itself(at: Clock) -> None:
    token = make_token()
    until = NOON + timedelta(hours=2)
    quota = make_quota(token, Period.MONTHLY, 1000)
    spend(token, 900)
    assert reserve(token, 200) is None

    quota.raised_by, quota.raised_until = 500, until
    quota_changes.save_quota(quota=quota, by="ravi", reason="Year-end invoices.")

    attempt_id = reserve(token, 600)
    assert attempt_id
    at(until - timedelta(microseconds=1))
    assert state(quota) == (900, 600, 600)
    at(until)
    assert state(quota) == (900, 600, 100)
    ledger.settle(attempt_id, token.pk, Usage(150), **WHO)
    assert state(quota) == (1050, 0, -50)
    assert reserve(token, 1) is None
    change = QuotaChange.objects.get(what="raise")
    assert (change.actor, change.reason) == ("ravi", "Year-end invoices.")
    assert (change.from_value, change.to_value) == ("", "500 until 2026-11-27 14:00 UTC")


def test_what_staff_change_of_a_quota_is_recorded() -> None:
    quota = make_quota(make_token(), Period.MONTHLY, 1000)
    quota.limit, quota.first_day = 2000, 15
    quota_changes.save_quota(quota=quota, by="ravi", reason="More branches.")
    quota_changes.save_quota(quota=quota, by="ravi")
    quota_changes.remove_quota(quota=quota, by="asha", reason="Not needed.")

    changes = QuotaChange.objects.order_by("pk").values_list(
        "what", "from_value", "to_value", "actor", "reason"
    )
    name = "monthly, LLM tokens"
    assert list(changes) == [
        ("limit", "", "1000", "asha", "New contract."),
        ("period", "", name, "asha", "New contract."),
        ("first day", "", "1", "asha", "New contract."),
        ("limit", "1000", "2000", "ravi", "More branches."),
        ("first day", "1", "15", "ravi", "More branches."),
        ("limit", "2000", "", "asha", "Not needed."),
        ("period", name, "", "asha", "Not needed."),
        ("first day", "15", "", "asha", "Not needed."),
    ]
    assert set(QuotaChange.objects.values_list("token__company_id", "quota")) == {("NT047", name)}
    assert not QuotaSum.objects.exists()


def test_a_quota_of_another_period_begins_with_what_that_period_used(at: Clock) -> None:
    token = make_token()
    quota = make_quota(token, Period.DAILY, 1000)
    at(NOON - timedelta(days=3))
    spend(token, 300)
    at(NOON)
    spend(token, 100)
    assert state(quota) == (100, 0, 900)

    quota.period = Period.MONTHLY
    quota_changes.save_quota(quota=quota)

    assert state(quota) == (400, 0, 600)
    assert reserve(token, 601) is None


def test_a_key_that_changes_companies_takes_what_it_used_along() -> None:
    moved, stays = make_token(), make_token()
    make_token(company_id="NT048")
    old = make_quota(company(), Period.DAILY, 1000)
    new = make_quota(company("NT048"), Period.DAILY, 1000)
    spend(moved, 300)
    spend(stays, 100)
    under_way = reserve(moved, 50)
    assert under_way

    moved.company_id = "NT048"
    services.update_token(token=moved, fields=["company_id"])

    assert (state(old), state(new)) == ((100, 0, 900), (300, 50, 700))
    assert reserve(moved, 651) is None
    ledger.release(under_way)
    assert (state(old), state(new)) == ((100, 0, 900), (300, 0, 700))


@pytest.mark.parametrize("change", ["quota", "company"])
def test_changes_by_sql_are_noticed_by_the_reconciler(change: str) -> None:
    token = make_token()
    make_token(company_id="NT048")
    if change == "company":
        quota = make_quota(company("NT048"), Period.DAILY, 1000)
        assert state(quota) == (0, 0, 1000)
        TokenMaster.objects.filter(pk=token.pk).update(company_id="NT048")
    else:
        quota = Quota.objects.create(token=token, period=Period.DAILY, limit=1000)
    spend(token, 600)

    services.update_statuses()

    assert state(quota) == (600, 0, 400)
    assert reserve(token, 401) is None
    assert reserve(token, 400)
    assert quota_sums.find_unnoticed() == 0


def test_a_call_that_costs_nothing_fits_into_a_quota_that_is_used_up() -> None:
    token = make_token()
    quota = make_quota(token, Period.DAILY, 100)
    attempt_id = spend(token, 100)
    TokenUsageLog.objects.filter(attempt_id=attempt_id).update(estimated=True)
    ledger.settle(attempt_id, token.pk, Usage(150), **WHO)
    assert state(quota) == (150, 0, -50)

    assert reserve(token, 0)


def test_a_key_without_quotas_needs_no_query_more(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    token = make_token()
    quota = make_quota(token, Period.DAILY, 1000)
    other = make_token()

    # SAVEPOINT, UPDATE, INSERT, RELEASE
    with django_assert_num_queries(4):
        reserve(other, 10)
    quota_changes.remove_quota(quota=quota)
    reserve(token, 10)  # notices that there is none
    with django_assert_num_queries(4):
        reserve(token, 10)


def test_four_quotas_take_as_many_queries_as_one(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    one, four = make_token(), make_token(company_id="NT048")
    make_quota(one, Period.DAILY, 1000)
    for period in Period:
        make_quota(company("NT048"), period, 1000)
    for token in (one, four):
        reserve(token, 1)

    for token in (one, four):
        with django_assert_num_queries(12):
            reserve(token, 1)


def test_a_key_that_is_used_up_for_a_period_is_not_selected_until_it_renews(at: Clock) -> None:
    used_up, other = make_token(), make_token()
    make_quota(used_up, Period.DAILY, 1000)
    spend(used_up, 950)  # less than any call costs
    for _ in range(10):
        assert take().token == other
    used_up.refresh_from_db()
    assert used_up.status == "Active"

    at(NOON + timedelta(days=1))
    assert {take().token.pk for _ in range(30)} == {used_up.pk, other.pk}


def test_a_company_whose_quota_is_used_up_is_told_when_it_renews(at: Clock) -> None:
    make_token()
    token = make_token()
    make_quota(company(), Period.MONTHLY, 1000, first_day=15)
    make_quota(token, Period.DAILY, 950)
    spend(token, 950)

    for refuse in (take, lambda: selection.require_usable("NT047", cost_of=lambda _: PAGE)):
        with pytest.raises(NoUsableKey) as refused:
            refuse()
        error = refused.value
        assert (error.code, error.http_status) == ("token_exceeded", 402)
        assert error.message == (
            "Your AI token is no longer available or has been disabled. Please contact support."
        )
        assert error.detail == (
            "A quota of the company or of its keys is used up for this period. "
            "It renews at 2026-12-15 00:00 (Asia/Kathmandu)."
        )
        assert error.retry_after == datetime(2026, 12, 14, 18, 15, tzinfo=UTC) - NOON

    selection.require_usable("NT047")  # 50 are left: what it is asked for is not known
    at(datetime(2026, 12, 14, 18, 15, tzinfo=UTC))
    selection.require_usable("NT047", cost_of=lambda _: PAGE)
    take()


def test_a_total_quota_that_is_used_up_takes_staff() -> None:
    token = make_token()
    make_quota(company(), Period.TOTAL, 1000)
    spend(token, 1000)

    for refuse in (take, lambda: selection.require_usable("NT047")):
        with pytest.raises(NoUsableKey) as refused:
            refuse()
        assert refused.value.detail == (
            "A quota of the company or of its keys is used up. Ask support to raise it."
        )
        assert refused.value.retry_after is None


def test_a_document_too_large_for_what_is_left_leaves_it_to_smaller_ones() -> None:
    make_token()
    make_quota(company(), Period.DAILY, 1000)
    large = Cost(fixed=5000, output_max=600, output_floor=100, smallest_call=500)

    with pytest.raises(NoUsableKey) as refused:
        take(cost=large)

    assert refused.value.detail == (
        "No key of the company has enough quota left for this document. "
        "Ask support to raise the limit. A quota renews at 2026-11-28 00:00 (Asia/Kathmandu)."
    )
    assert take().reservation.amount == 1000


def test_the_output_budget_shrinks_to_what_a_quota_has_left() -> None:
    token = make_token()
    make_quota(company(), Period.DAILY, 1700)
    spend(token, 1000)

    reservation = take().reservation

    assert (reservation.amount, reservation.output_budget) == (700, 300)


def test_a_quota_that_calls_under_way_have_reserved_is_waited_for() -> None:
    make_token()
    make_quota(company(), Period.DAILY, 1400)
    first = take().reservation

    with pytest.raises(KeysBusy) as busy:
        take()
    with pytest.raises(KeysBusy):
        selection.require_free("NT047", cost_of=lambda _: PAGE)

    assert busy.value.until == NOON + selection.QUOTA_RECHECK
    ledger.release(first.attempt_id)
    take()


def test_room_is_that_of_the_companys_quota_together() -> None:
    for _ in range(5):
        make_token()
    make_quota(company(), Period.DAILY, 2000)

    assert selection.room("NT047", cost_of=lambda _: PAGE) == 2


@pytest.mark.parametrize("asked", [None, PAGE], ids=["any call", "this call"])
def test_an_offline_key_stands_in_while_a_quota_is_used_up(asked: Cost | None) -> None:
    token = make_token()
    offline = make_token(provider="Offline", api_key="")
    make_quota(company(), Period.DAILY, 1000)
    spend(token, 1000)

    def cost_of(each: TokenMaster) -> Cost:
        return Cost(0, 0, 0) if each.pk == offline.pk else PAGE

    taken = selection.take("NT047", attempt_id=uuid.uuid4(), cost_of=cost_of, lease=LEASE)

    assert taken.token == offline
    selection.require_usable("NT047", cost_of=cost_of if asked else None)


def test_the_quotas_of_a_company_are_told_in_few_queries(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    tokens = [make_token() for _ in range(5)]
    of_company = make_quota(company(), Period.MONTHLY, 5000)
    for token in tokens:
        make_quota(token, Period.DAILY, 1000)
    spend(tokens[0], 300)
    Company.objects.filter(pk="NT047").update(name="RUBI TRADERS")

    with django_assert_num_queries(6):
        found = quotas.of_company(" nt047")

    first, second = found[:2]
    assert (len(found), first.quota) == (6, of_company)
    assert (first.limit, first.used, first.reserved, first.remaining) == (5000, 300, 0, 4700)
    assert first.resets_at == datetime(2026, 11, 30, 18, 15, tzinfo=UTC)
    assert (second.quota.token_id, second.used) == (tokens[0].pk, 300)
    assert quotas.of_company("NT048") == []


def test_the_life_of_a_key_through_months(at: Clock) -> None:
    """With a frozen clock: used up in every month, usable with the next, and once for good."""
    token = make_token(total_token_limit=3500)
    quota = make_quota(company(), Period.MONTHLY, 1000, first_day=31)

    def spend_500() -> None:
        taken = take()
        ledger.settle(taken.reservation.attempt_id, token.pk, Usage(500), **WHO)

    for year, month, last_day in [(2026, 11, 29), (2026, 12, 30), (2027, 1, 30)]:
        at(datetime(year, month, last_day, 17, 30, tzinfo=UTC))
        spend_500()
        spend_500()
        at(datetime(year, month, last_day, 18, 14, 59, tzinfo=UTC))
        with pytest.raises(NoUsableKey, match="renews at"):
            take()
        at(datetime(year, month, last_day, 18, 15, tzinfo=UTC))
        assert state(quota) == (0, 0, 1000)
        ledger.release(take().reservation.attempt_id)

    spend_500()
    with pytest.raises(NoUsableKey, match="used up, disabled"):
        take()
    token.refresh_from_db()
    assert (token.used, token.status) == (3500, "Exceeded")
    assert [used for _, used, _ in sums(quota)] == [1000, 1000, 1000, 500]
