"""A key with a quota in money, from one month to the next: documents, answers and what is shown."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from extraction import pipeline, submission
from extraction.models import Extraction, State
from tests.emulator.server import Emulator
from tests.extraction.sample_documents import pdf, upload
from tests.tokens.rows import make_budget, make_token
from tokens import amounts, ledger_audit, quota_changes, quotas
from tokens.models import ModelPrice, Quota, QuotaSum, TokenMaster, TokenStatus, TokenUsageLog
from tokens.periods import Period
from tokens.selection import NoUsableKey

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("same_input")]

EVENING = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)


def read(number: int) -> Extraction:
    """Have one document read."""
    extraction = submission.submit(
        upload(pdf(f"INVOICE {number}\nTotal 119.00")),
        company_id="NT047",
        requested_by="asha",
        branch="Default",
        client="user:1",
    ).extraction
    pipeline.process(extraction.pk)
    extraction.refresh_from_db()
    return extraction


def spent(quota: Quota) -> str:
    [state] = quotas.states(Quota.objects.filter(pk=quota.pk))
    assert state.reserved == 0
    return amounts.money(state.used, "USD")


def test_a_key_is_served_by_the_month_and_by_its_raise(
    emulator: Emulator, client: Client, admin_user: User
) -> None:
    with time_machine.travel(EVENING, tick=False) as clock:
        ModelPrice.objects.create(
            model="gemini-3.8-flash",
            valid_from=EVENING + timedelta(minutes=30),
            **dict.fromkeys(("input", "cached_input", "output"), Decimal("10")),
        )
        token = make_token()
        quota = make_budget(token, Period.MONTHLY, "0.50 USD")

        assert read(1).state == State.SUCCEEDED
        cost = TokenUsageLog.objects.get().cost or Decimal(0)
        assert 0 < cost < Decimal("0.02")
        assert Decimal(spent(quota).removesuffix(" USD")) == cost

        quota.limit = 10**8  # a cent: less than any call costs at most
        quota_changes.save_quota(quota=quota, reason="Too dear.")
        with pytest.raises(NoUsableKey) as refused:
            read(2)
        assert refused.value.code == "token_exceeded"
        assert "It renews at 2026-12-01 00:00 (UTC)." in refused.value.detail
        assert refused.value.retry_after == timedelta(minutes=30)
        assert TokenMaster.objects.get().status == TokenStatus.ACTIVE

        quota.raised_by = 5 * 10**9
        quota.raised_until = timezone.now() + timedelta(minutes=10)
        quota_changes.save_quota(quota=quota, reason="Year-end.")
        assert read(3).state == State.SUCCEEDED
        november = spent(quota)
        clock.shift(timedelta(minutes=10))
        with pytest.raises(NoUsableKey):
            read(4)

        quota.limit = 10**10
        quota_changes.save_quota(quota=quota, reason="A new contract.")
        clock.move_to(EVENING + timedelta(minutes=30))
        assert spent(quota) == "0.00 USD"
        assert read(5).state == State.SUCCEEDED

        # The same call costs what it costs since the price has changed.
        last = TokenUsageLog.objects.latest("logged_at")
        assert last.cost == 10 * Decimal(last.total_tokens_used).scaleb(-6)
        client.force_login(admin_user)
        page = client.get(f"/admin/tokens/quota/{quota.pk}/change/").content.decode()
        assert spent(quota) in page
        assert quota.in_words(quota.limit) in page
        stored = QuotaSum.objects.order_by("starts_at").values_list("used", flat=True)
        assert [amounts.money(used, "USD") for used in stored] == [november, spent(quota)]
        assert ledger_audit.audit_ledger() == []
