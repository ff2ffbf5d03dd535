"""The sums of quotas' periods are compared with their rows, and rebuilt from them."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tests.tokens.rows import make_quota, make_token
from tokens import ledger, ledger_audit, quota_audit
from tokens.models import Company, Quota, QuotaSum, TokenMaster, TokenUsageLog
from tokens.periods import Period
from tokens.usage import Requester, Usage

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]

WHO = Requester(company_id="NT047", branch="Default", requested_by="asha")


def reserve(token: TokenMaster, amount: int) -> uuid.UUID:
    attempt_id = uuid.uuid4()
    lease = timedelta(minutes=5)
    assert ledger.reserve(
        token.pk, attempt_id=attempt_id, amount=amount, output_budget=0, lease=lease
    )
    return attempt_id


def spend(token: TokenMaster, amount: int) -> None:
    ledger.settle(reserve(token, amount), token.pk, Usage(amount), **WHO)


def company(company_id: str = "NT047") -> Company:
    return Company.objects.get(company_id=company_id)


def sums(quota: Quota) -> list[tuple[int, int]]:
    return list(QuotaSum.objects.filter(quota=quota).values_list("used", "reserved"))


@pytest.mark.parametrize("period", Period)
@pytest.mark.parametrize("of", ["key", "company"])
def test_a_wrong_sum_is_named_and_rebuilt(of: str, period: Period) -> None:
    token = make_token()
    quota = make_quota(token if of == "key" else company(), period, 5000)
    spend(token, 700)
    reserve(token, 300)
    assert ledger_audit.audit_ledger() == []
    QuotaSum.objects.update(used=699, reserved=1)
    since = f"{QuotaSum.objects.get().starts_at:%Y-%m-%d %H:%M} UTC"

    whose = f"key {token.pk}" if of == "key" else "company NT047"
    place = f"Quota {quota.pk} of {whose} ({period.label}, LLM tokens), period from {since}: "
    assert ledger_audit.audit_ledger() == [
        f"{place}used is 699, its rows say 700.",
        f"{place}reserved is 1, its rows say 300.",
    ]
    assert ledger_audit.repair_ledger() == [
        f"{place}used changed from 699 to 700.",
        f"{place}reserved changed from 1 to 300.",
    ]
    assert sums(quota) == [(700, 300)]
    assert ledger_audit.audit_ledger() == []


def test_calls_of_other_keys_companies_and_periods_do_not_count() -> None:
    token, same, other = make_token(), make_token(), make_token(company_id="NT048")
    own = make_quota(token, Period.DAILY, 5000)
    of_all = make_quota(company(), Period.DAILY, 5000)
    for each in (token, same, other):
        spend(each, 100)
    TokenUsageLog.objects.create(
        token=token, total_tokens_used=50, began_at=timezone.now() - timedelta(days=2)
    )
    TokenUsageLog.objects.create(company_id="NT047", total_tokens_used=5)

    assert [text for text in ledger_audit.audit_ledger() if "Quota" in text] == []
    assert (sums(own), sums(of_all)) == ([(100, 0)], [(200, 0)])


def test_usage_inserted_by_sql_counts_when_it_was_logged() -> None:
    token = make_token()
    quota = make_quota(company(), Period.TOTAL, 5000)
    spend(token, 100)
    TokenUsageLog.objects.create(token=token, total_tokens_used=50)

    assert any("used is 100, its rows say 150" in text for text in ledger_audit.audit_ledger())
    ledger_audit.repair_ledger()
    assert sums(quota) == [(150, 0)]


def test_keys_of_other_spellings_count() -> None:
    make_token()
    quota = make_quota(company(), Period.DAILY, 5000)
    spend(make_token(company_id="nt047 "), 100)

    assert ledger_audit.audit_ledger() == []
    QuotaSum.objects.update(used=0)  # as SQL would add them up
    assert len(ledger_audit.audit_ledger()) == 1
    ledger_audit.repair_ledger()
    assert sums(quota) == [(100, 0)]


def test_a_sum_that_is_right_once_its_quota_is_locked_raises_no_alarm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token = make_token()
    make_quota(token, Period.DAILY, 5000)
    spend(token, 100)
    gone = QuotaSum(pk=0, quota_id=0)
    # As if they had looked wrong without a lock, while a call was settled or a quota removed.
    monkeypatch.setattr(quota_audit, "_suspects", lambda: [QuotaSum.objects.get(), gone])

    assert (quota_audit.wrong_sums(), quota_audit.repair_sums()) == ([], [])


def test_many_sums_take_as_many_queries_as_one(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(5):
        token = make_token()
        for period in Period:
            make_quota(token, period, 5000)
        spend(token, 100)

    with django_assert_num_queries(2):
        assert quota_audit.wrong_sums() == []


def test_sums_of_periods_that_ended_long_ago_are_removed() -> None:
    quota = make_quota(make_token(), Period.DAILY, 5000)
    now = timezone.now()
    for days in (99, 101, 500):
        ends_at = now - timedelta(days=days)
        QuotaSum.objects.create(quota=quota, starts_at=ends_at - timedelta(days=1), ends_at=ends_at)
    token = make_token()
    make_quota(token, Period.TOTAL, 5000)
    spend(token, 1)

    assert ledger_audit.audit_ledger() == []

    kept = QuotaSum.objects.order_by("-starts_at").values_list("ends_at", flat=True)
    assert list(kept) == [now - timedelta(days=99), None]
