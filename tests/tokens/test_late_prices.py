"""Calls without a cost are priced when staff ask for it, and no others ever again."""

import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.test import Client
from django_q.models import OrmQ

from extraction.models import StaffCompany
from logs.models import AuditEntry
from tests.tokens.rows import insert_by_sql, make_budget, make_company, make_quota, make_token
from tokens import late_prices, ledger, quota_audit, usage_days
from tokens.late_prices import Waiting
from tokens.models import ModelPrice, QuotaSum, TokenMaster, TokenUsageLog, UsageDay
from tokens.periods import Period
from tokens.usage import Requester, Usage
from tokens.usage_report import usage_sums

pytestmark = [pytest.mark.django_db, pytest.mark.vendor, pytest.mark.usefixtures("_now")]

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SINCE = date(2026, 11, 1)
WHO = Requester(company_id="NT047", branch="Pokhara", requested_by="sita")
USAGE = Usage(input_tokens=1000, output_tokens=100, thinking_tokens=100, cached_tokens=200)
COST = Decimal("0.00302")  # 800 * 1.5 + 200 * 0.1 + 200 * 9, for a million
PAGE = "/admin/tokens/modelprice/late/"


@pytest.fixture
def _now() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def enter_price(model: str = "new", valid_from: datetime | None = None, **changed: Any) -> None:
    given: dict[str, Any] = {"input": "1.5", "cached_input": "0.1", "output": "9", **changed}
    ModelPrice.objects.create(
        model=model, valid_from=valid_from or datetime(2026, 1, 1, tzinfo=UTC), **given
    )


def call(
    token: TokenMaster, model: str | None = "new-001", days_ago: float = 0, usage: Usage = USAGE
) -> TokenUsageLog:
    """A call that is charged by the prices there are now."""
    attempt_id, at = uuid.uuid4(), NOW - timedelta(days=days_ago)
    assert ledger.settle(attempt_id, token.pk, usage, **WHO, model=model, called_at=at)
    return TokenUsageLog.objects.get(attempt_id=attempt_id)


def price(seconds: float = 60) -> None:
    late_prices.price_calls(SINCE.isoformat(), "asha", "Late contract.", seconds)


def costs(*rows: TokenUsageLog) -> list[tuple[Decimal | None, str | None]]:
    for row in rows:
        row.refresh_from_db()
    return [(row.cost, row.currency) for row in rows]


def assert_sums_are_right() -> None:
    """The daily sums are those of the rows, without the help of the audit."""
    assert usage_days.correct() == 0


def test_calls_without_a_cost_get_that_of_the_price_at_their_time() -> None:
    token = make_token()
    rows = [call(token, days_ago=days) for days in (20, 10, 1)]
    enter_price(valid_from=NOW - timedelta(days=15))
    enter_price(valid_from=NOW - timedelta(days=5), input="3", currency="EUR")
    enter_price("new-001", valid_from=NOW)

    price()

    assert costs(*rows) == [
        (None, None),
        (COST, "USD"),
        (COST + Decimal("0.0012"), "EUR"),
    ]
    assert_sums_are_right()


def test_call_that_has_a_cost_keeps_it_and_its_currency() -> None:
    token = make_token()
    enter_price("old", currency="EUR")
    priced = call(token, "old")
    free = call(token, "old", usage=Usage())
    ModelPrice.objects.filter(model="old").update(output="99")
    unpriced = call(token)
    enter_price()
    before = TokenUsageLog.objects.filter(pk__in=[priced.pk, free.pk]).order_by("pk").values()
    expected = list(before)

    price()

    assert list(before.all()) == expected
    assert costs(unpriced) == [(COST, "USD")]
    assert_sums_are_right()


def test_calls_before_the_day_of_no_model_or_of_unknown_parts_stay_unknown() -> None:
    token = insert_by_sql()
    rows = [
        call(token, days_ago=24),
        call(token, model=None),
        TokenUsageLog.objects.create(token=token, model="new", total_tokens_used=500),
        call(token, model="new-lite"),
    ]
    counted = call(token, days_ago=23.49)
    enter_price()

    price()

    assert costs(*rows) == [(None, None)] * 4
    assert costs(counted) == [(COST, "USD")]
    assert late_prices.waiting(SINCE) == [Waiting("new", 1, 0), Waiting("new-lite", 1, 0)]


def test_estimated_call_costs_the_most_that_it_can_until_its_bill_comes() -> None:
    token, attempt_id = make_token(), uuid.uuid4()
    ledger.settle_unknown(attempt_id, token.pk, 700, **WHO, model="new", output_budget=500)
    row = TokenUsageLog.objects.get(attempt_id=attempt_id)
    enter_price()

    price()
    assert costs(row) == [(Decimal("0.0063"), "USD")]
    assert_sums_are_right()

    ledger.settle(attempt_id, token.pk, USAGE, **WHO, model="new")
    assert costs(row) == [(COST, "USD")]
    assert_sums_are_right()


def test_sums_of_many_calls_are_moved_in_batches_and_the_report_agrees(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(late_prices, "AT_ONCE", 2)
    keys = [make_token(), make_token(company_id="NT048"), insert_by_sql(company_id="NT049")]
    for key in keys:
        for days in (0, 0, 0.4, 1, 1, 2):
            call(key, days_ago=days)
    # Of no key, and of one whose company the row does not name.
    for token in (None, keys[2]):
        TokenUsageLog.objects.create(token=token, model="new", input_tokens=9, total_tokens_used=9)
    usage_days.correct()
    before = usage_sums(None, SINCE, NOW.date(), [])[0].sums
    assert (before.calls, before.unpriced_calls) == (20, 20)
    enter_price()

    price()

    assert_sums_are_right()
    after = usage_sums(None, SINCE, NOW.date(), [])[0].sums
    assert (after.calls, after.unpriced_calls) == (20, 0)
    assert after.total_tokens == before.total_tokens
    [money] = after.costs
    assert (money.amount, money.currency) == (18 * COST + 2 * Decimal("0.0000135"), "USD")
    assert set(UsageDay.objects.exclude(requests=0).values_list("currency", flat=True)) == {"USD"}


def test_late_cost_counts_towards_quotas_in_money_as_the_rows_say() -> None:
    token = make_token(model="new")
    make_budget(token, Period.DAILY, "10 USD")
    make_budget(token, Period.MONTHLY, "10 USD")
    make_quota(token, Period.TOTAL, 1_000_000)
    for days in (0, 0, 3):
        call(token, days_ago=days)
    enter_price()
    ledger.end_reservation(reserve(token))

    price()

    used = {row.quota.period: row.used for row in QuotaSum.objects.select_related("quota")}
    unit = int(COST * 10**10)
    assert used == {"daily": 2 * unit, "monthly": 3 * unit, "total": 3600}
    assert quota_audit.wrong_sums() == []
    assert_sums_are_right()


def reserve(token: TokenMaster) -> uuid.UUID:
    """Have the sums of the quotas made."""
    attempt_id = uuid.uuid4()
    lease = timedelta(minutes=5)
    assert ledger.reserve(
        token.pk, attempt_id=attempt_id, amount=9, output_budget=5, lease=lease, model="new"
    )
    return attempt_id


def test_days_whose_sums_are_not_made_yet_are_left_to_the_audit() -> None:
    token = make_token()
    row = call(token, days_ago=9)
    call(token)
    UsageDay.objects.filter(day=row.logged_at.date()).delete()
    enter_price()

    price()

    assert not UsageDay.objects.filter(day=row.logged_at.date()).exists()
    assert costs(row) == [(COST, "USD")]
    assert usage_days.correct() == 1


def test_task_without_time_prices_one_batch_and_leaves_the_rest_to_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(late_prices, "AT_ONCE", 2)
    token = make_token()
    for _ in range(5):
        call(token)
    enter_price()
    unpriced = []

    for _ in range(4):
        price(seconds=0)
        unpriced.append(TokenUsageLog.objects.filter(cost=None).count())
        task = OrmQ.objects.first()
        assert (task is None) == (len(unpriced) == 4)
        if task:
            assert task.task["args"] == (SINCE.isoformat(), "asha", "Late contract.")
            OrmQ.objects.all().delete()

    assert unpriced == [3, 1, 0, 0]
    assert_sums_are_right()
    told = AuditEntry.objects.order_by("pk").values_list("after", flat=True)
    assert list(told) == [
        "2 calls were given their cost: 0.00604 USD",
        "2 calls were given their cost: 0.00604 USD",
        "1 calls were given their cost: 0.00302 USD",
    ]


def test_page_tells_what_waits_and_has_it_priced_with_a_reason(admin_client: Client) -> None:
    token = make_token()
    row = call(token)
    call(token, model="other")
    assert "Price these calls" not in admin_client.get(PAGE).content.decode()
    enter_price()

    page = admin_client.get(PAGE).content.decode()
    refused = admin_client.post(PAGE, {"since": "2026-11-01", "why": ""})
    assert refused.status_code == 200
    assert not OrmQ.objects.exists()
    response = admin_client.post(PAGE, {"since": "2026-11-01", "why": "Late contract."})

    assert "Give these 1 calls their cost" in page
    assert "/admin/tokens/modelprice/add/?model=other" in page
    assert response["Location"] == f"{PAGE}?since=2026-11-01"
    assert costs(row) == [(None, None)]
    entry = AuditEntry.objects.latest("pk")
    assert (entry.actor, entry.after, entry.why) == (
        "admin",
        "asked for their prices",
        "Late contract.",
    )
    task = OrmQ.objects.get().task
    assert task["func"] == late_prices.TASK
    late_prices.price_calls(*task["args"])
    assert costs(row) == [(COST, "USD")]
    assert "Price these calls" not in admin_client.get(PAGE).content.decode()
    listed = admin_client.get("/admin/tokens/modelprice/").content.decode()
    assert f'href="{PAGE}"' in listed


def test_page_of_another_day_that_is_none_begins_with_the_month(admin_client: Client) -> None:
    for asked, shown in (("2026-10-05", "2026-10-05"), ("soon", "2026-11-01")):
        page = admin_client.get(PAGE, {"since": asked}).content.decode()
        assert f'value="{shown}"' in page
        assert "The cost of every call" in page


def test_calls_are_priced_by_those_who_may_change_prices_of_every_company() -> None:
    user = User.objects.create_user("gita", is_staff=True)
    client = Client()
    client.force_login(user)
    user.user_permissions.set(Permission.objects.filter(codename="view_modelprice"))
    assert client.get(PAGE).status_code == 403
    assert PAGE not in client.get("/admin/tokens/modelprice/").content.decode()

    user.user_permissions.set(
        Permission.objects.filter(codename__in=["view_modelprice", "change_modelprice"])
    )
    assert client.get(PAGE).status_code == 200
    StaffCompany.objects.create(user=user, company=make_company("NT047"))
    assert client.post(PAGE, {"since": "2026-11-01", "why": "x"}).status_code == 403
    assert not OrmQ.objects.exists()
