"""The daily sums are what the usage rows add up to, whatever happens to these."""

import logging
import threading
import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django import DjangoAssertNumQueries

from tests.tokens.rows import insert_by_sql, make_token
from tokens import ledger, ledger_audit, usage_days
from tokens.models import ModelPrice, TokenMaster, TokenUsageLog, UsageDay, UsageDayAudit
from tokens.usage import Requester, Usage

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]

WHO = Requester(company_id="NT047", branch="Pokhara", requested_by="sita")
USAGE = Usage(input_tokens=100, output_tokens=20, thinking_tokens=5, cached_tokens=40)


@pytest.fixture
def price() -> ModelPrice:
    return ModelPrice.objects.create(
        model="m",
        valid_from=datetime(2020, 1, 1, tzinfo=UTC),
        input=Decimal(1),
        cached_input=Decimal("0.25"),
        output=Decimal(4),
        currency="USD",
    )


def sums(day: date | None = None) -> list[tuple[object, ...]]:
    rows = UsageDay.objects.filter(day=day or timezone.now().date())
    return list(
        rows.order_by("company_id", "token_id", "model", "currency").values_list(
            *("company_id", "token_id", "model", "currency", "requests", "total_tokens"),
        )
    )


def assert_right() -> None:
    """Nothing is left for the audit to correct."""
    assert usage_days.correct() == 0


def test_charges_of_a_day_are_added_up(price: ModelPrice) -> None:
    token, other = make_token(), make_token()
    for _ in range(3):
        assert ledger.settle(uuid.uuid4(), token.pk, USAGE, **WHO, model="m")
    ledger.settle(uuid.uuid4(), other.pk, USAGE, **WHO)

    assert sums() == [
        ("NT047", token.pk, "m", "USD", 3, 375),
        ("NT047", other.pk, "", "", 1, 125),
    ]
    row = UsageDay.objects.get(token_id=token.pk)
    assert (row.input_tokens, row.output_tokens) == (300, 60)
    assert (row.thinking_tokens, row.cached_tokens) == (15, 120)
    cost = TokenUsageLog.objects.filter(token=token).values_list("cost", flat=True)
    assert row.cost_units == sum(int(each * 10**10) for each in cost if each)
    assert row.cost_units > 0
    assert str(row).endswith(" NT047: 375 LLM tokens")
    assert_right()


def test_charge_that_is_made_twice_counts_once() -> None:
    token, attempt_id = make_token(), uuid.uuid4()

    for _ in range(2):
        ledger.settle(attempt_id, token.pk, USAGE, **WHO)

    assert sums() == [("NT047", token.pk, "", "", 1, 125)]


def test_estimate_is_replaced_on_the_day_on_which_it_was_made(price: ModelPrice) -> None:
    token, attempt_id = make_token(), uuid.uuid4()
    yesterday = timezone.now() - timedelta(days=1)
    ledger.settle_unknown(
        attempt_id, token.pk, 700, **WHO, model="m", output_budget=500, called_at=yesterday
    )
    assert sums(yesterday.date()) == [("NT047", token.pk, "m", "USD", 1, 700)]

    ledger.settle(attempt_id, token.pk, USAGE, **WHO, model="m")
    assert sums(yesterday.date()) == [("NT047", token.pk, "m", "USD", 1, 125)]
    assert sums() == []
    assert_right()


def test_estimate_of_a_call_that_cost_nothing_leaves_the_request(price: ModelPrice) -> None:
    token, attempt_id = make_token(), uuid.uuid4()
    ledger.settle_unknown(attempt_id, token.pk, 700, **WHO, model="m", output_budget=500)

    ledger.release(attempt_id)

    assert sums() == [("NT047", token.pk, "m", "USD", 1, 0)]
    assert UsageDay.objects.get().cost_units == 0
    assert_right()


def test_charge_that_is_rolled_back_counts_nothing() -> None:
    token = make_token()

    with transaction.atomic():
        ledger.settle(uuid.uuid4(), token.pk, USAGE, **WHO)
        transaction.set_rollback(True)

    assert not UsageDay.objects.exists()


def test_days_are_those_of_utc() -> None:
    token = make_token()
    for at in (datetime(2026, 3, 1, 23, 59, 59, 999999, UTC), datetime(2026, 3, 2, tzinfo=UTC)):
        ledger.settle(uuid.uuid4(), token.pk, USAGE, **WHO, called_at=at)

    assert set(UsageDay.objects.values_list("day", flat=True)) == {
        date(2026, 3, 1),
        date(2026, 3, 2),
    }
    assert_right()


def test_rows_inserted_by_sql_are_counted_by_the_audit(caplog: pytest.LogCaptureFixture) -> None:
    token: TokenMaster = insert_by_sql(company_id="NT050")
    at = timezone.now() - timedelta(days=40)
    TokenUsageLog.objects.create(token=token, total_tokens_used=7, logged_at=at)
    TokenUsageLog.objects.create(total_tokens_used=5, company_id="NT051", logged_at=at)

    ledger_audit.audit_ledger()

    assert sums(at.date()) == [
        ("NT050", token.pk, "", "", 1, 7),
        ("NT051", 0, "", "", 1, 5),
    ]
    assert "Corrected 2 daily sums of usage." in [record.message for record in caplog.records]
    assert_right()


def test_wrong_sums_are_corrected_and_leftovers_removed() -> None:
    token = make_token()
    ledger.settle(uuid.uuid4(), token.pk, USAGE, **WHO)
    UsageDay.objects.update(total_tokens=F("total_tokens") + 1)
    for day in (timezone.now().date(), date(2026, 1, 1)):
        UsageDay.objects.create(day=day, company_id="gone", token_id=9, requests=1)

    assert usage_days.correct() == 3
    assert sums() == [("NT047", token.pk, "", "", 1, 125)]
    assert UsageDay.objects.count() == 1


def ledger_of_days(count: int) -> list[date]:
    """Rows that SQL inserted on so many days, with gaps between them; their days, newest first."""
    days = [date(2026, 11, 20) - timedelta(days=number * number) for number in range(count)]
    for day in days:
        TokenUsageLog.objects.create(
            total_tokens_used=5, company_id="NT051", logged_at=usage_days.begin_of(day)
        )
    return days


def days_with_sums() -> list[date]:
    return sorted(set(UsageDay.objects.values_list("day", flat=True)), reverse=True)


def test_audit_without_time_looks_at_the_newest_days_and_goes_on_next_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="tokens")
    days = ledger_of_days(7)
    told = "The daily sums of usage of {} and before are looked at next time."

    for looked_at in (4, 5, 6):
        caplog.clear()
        assert usage_days.correct(seconds=0) == (4 if looked_at == 4 else 1)
        assert days_with_sums() == days[:looked_at]
        assert told.format(days[looked_at]) in caplog.messages
        assert not UsageDayAudit.objects.get().is_filled

    assert usage_days.correct(seconds=0) == 1
    assert days_with_sums() == days
    audit = UsageDayAudit.objects.get()
    assert (audit.is_filled, audit.checked_from) == (True, None)
    assert str(audit) == "checked from None"
    assert_right()


def test_newest_days_are_corrected_every_night_whatever_is_left_of_the_others() -> None:
    days = ledger_of_days(6)
    usage_days.correct()
    usage_days.correct(seconds=0)
    UsageDay.objects.update(total_tokens=F("total_tokens") + 1)

    assert usage_days.correct(seconds=0) == 4
    right = UsageDay.objects.filter(total_tokens=5).values_list("day", flat=True)
    assert sorted(right, reverse=True) == [*days[:3], days[4]]

    # The round ends here, and the next one begins anew.
    assert usage_days.correct(seconds=0) == 1
    assert usage_days.correct(seconds=0) == 1
    assert_right()


def test_days_that_come_while_the_audit_is_at_earlier_ones_are_counted() -> None:
    days = ledger_of_days(5)
    usage_days.correct(seconds=0)
    TokenUsageLog.objects.create(
        total_tokens_used=5, company_id="NT051", logged_at=usage_days.begin_of(date(2026, 11, 21))
    )

    assert usage_days.correct(seconds=0) == 2

    assert days_with_sums() == [date(2026, 11, 21), *days]


def test_days_without_rows_are_passed_over(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for day in (date(1970, 1, 2), date(2026, 11, 20)):
        TokenUsageLog.objects.create(total_tokens_used=5, logged_at=usage_days.begin_of(day))
    usage_days.correct()

    with django_assert_max_num_queries(24):
        assert usage_days.correct() == 0


def test_there_is_nothing_to_correct_where_nothing_was_used() -> None:
    assert usage_days.correct() == 0


@pytest.mark.django_db(transaction=True)
def test_concurrent_charges_are_all_counted() -> None:
    tokens = [make_token(total_token_limit=10**9) for _ in range(2)]
    errors: list[BaseException] = []

    def spend(token: TokenMaster) -> None:
        try:
            for _ in range(10):
                ledger.settle(uuid.uuid4(), token.pk, USAGE, **WHO)
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=spend, args=(token,)) for token in tokens * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not errors
    assert [row[4:] for row in sums()] == [(30, 3750), (30, 3750)]
    assert_right()


def test_sums_are_made_after_an_upgrade_until_every_day_has_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(usage_days, "correct", partial(usage_days.correct, seconds=0))
    usage_days.ensure_filled()
    assert not OrmQ.objects.exists()
    days = ledger_of_days(6)
    usage_days.ensure_filled()
    rounds = 0

    while task := OrmQ.objects.first():
        assert task.func() == "tokens.usage_days.fill"
        task.delete()
        usage_days.fill()
        rounds += 1

    assert rounds == 3
    assert days_with_sums() == days
    usage_days.ensure_filled()
    assert not OrmQ.objects.exists()
