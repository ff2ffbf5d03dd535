"""Processes that spend together through three periods: never over, and no false refusal."""

import uuid
from concurrent.futures import Future
from datetime import datetime, timedelta

import pytest
from django.db.models import Sum

from tests import processes
from tests.overspending import overspending_watched
from tests.tokens.period_spender import BEGINNING, DAYS, MODEL, spend
from tests.tokens.rows import make_price, make_quota, make_token
from tokens import ledger_audit, quota_changes, services
from tokens.models import (
    Company,
    Quota,
    QuotaSum,
    TokenMaster,
    TokenReservation,
    TokenUsageLog,
    Unit,
)
from tokens.periods import Period

pytestmark = pytest.mark.vendor

PROCESSES = 5
# About what an LLM token of these calls costs, in units of a cost's last place.
EACH = 28_000


def interfere(
    quotas: list[Quota], keys: list[TokenMaster], spenders: list[Future[dict[str, int]]]
) -> None:
    """Raise quotas again and again, and replace keys, while the others spend."""
    rounds = 0
    while not all(spender.done() for spender in spenders):
        for quota in quotas:
            more = 50 * (EACH if quota.currency else 1)
            quota.raised_by = min(quota.raised_by + more, 20 * more)
            quota.raised_until = BEGINNING + timedelta(days=DAYS + 1)
            quota_changes.save_quota(quota=quota, by="ravi", reason="More invoices.")
        key = TokenMaster.objects.get(pk=keys[rounds % len(keys)].pk)
        key.api_key = f"AIza-{uuid.uuid4()}"
        services.update_token(token=key, fields=["api_key"])
        rounds += 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("calls", [20, pytest.param(100, marks=pytest.mark.chaos)])
def test_processes_spending_through_three_days_never_exceed_a_quota(calls: int) -> None:
    """Of five processes at most that many calls a day each: with 100, 500 callers a day."""
    keys = [make_token(total_token_limit=10_000_000, model=MODEL) for _ in range(2)]
    company = Company.objects.get()
    a_day = PROCESSES * calls * 150  # two of three calls fit
    daily = make_quota(company, Period.DAILY, a_day)
    make_price(MODEL)
    in_money = {"unit": Unit.MONEY, "currency": "EUR"}
    make_quota(company, Period.WEEKLY, 5 * a_day // 2)
    make_quota(keys[0], Period.DAILY, a_day // 2)
    monthly = make_quota(company, Period.MONTHLY, 2 * a_day)
    budget = make_quota(company, Period.DAILY, a_day * EACH, **in_money)
    make_quota(keys[1], Period.DAILY, a_day * EACH // 2, **in_money)
    make_quota(company, Period.MONTHLY, 2 * a_day * EACH, **in_money)

    shares = [("NT047", seed, calls) for seed in range(PROCESSES)]
    with overspending_watched() as overspent:
        with processes.together(spend, shares) as spenders:
            interfere([daily, budget], keys, spenders)
            told = [spender.result() for spender in spenders]
        assert overspent() == []

    assert sum(each["refused"] for each in told) > 0
    assert [each["falsely"] for each in told] == [0] * PROCESSES
    assert not TokenReservation.objects.exists()
    billed = TokenUsageLog.objects.aggregate(total=Sum("total_tokens_used"))["total"]
    assert billed == sum(each["settled"] for each in told)
    begun: list[datetime] = sorted(set(TokenUsageLog.objects.values_list("began_at", flat=True)))  # type: ignore[arg-type]  # each has it
    assert begun == [BEGINNING + timedelta(days=day) for day in range(DAYS)]
    assert not TokenUsageLog.objects.filter(cost=None).exists()
    assert QuotaSum.objects.filter(quota=daily).count() == DAYS
    assert QuotaSum.objects.filter(quota=budget).count() == DAYS
    assert QuotaSum.objects.filter(quota=monthly).count() == 2
    assert ledger_audit.audit_ledger() == []
