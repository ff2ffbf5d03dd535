"""Quotas in money: never over, exact, and without a price in their currency no call is made."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from unittest import mock

import pytest
from django.db import IntegrityError, OperationalError, transaction

from ocrsite.lib import clock
from tests.tokens.rows import make_budget, make_company, make_price, make_quota, make_token
from tokens import amounts, journal, ledger, ledger_audit, quota_audit, quotas, selection, services
from tokens.call_cost import Cost
from tokens.models import (
    LedgerAlert,
    ModelPrice,
    Quota,
    QuotaSum,
    TokenMaster,
    TokenReservation,
    TokenStatus,
    TokenUsageLog,
    TokenUsageSummary,
    Unit,
)
from tokens.periods import Period
from tokens.selection import KeysBusy, NoUsableKey
from tokens.usage import Requester, Usage

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]

WHO = Requester(company_id="NT047", branch="", requested_by="")
LEASE = timedelta(minutes=5)
MODEL = "gemini-x"
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
# 0.0004 EUR and, for its output, from 0.0004 to 0.0024 EUR.
PAGE = Cost(fixed=400, output_max=600, output_floor=100, model=MODEL)
Clock = Callable[[datetime], None]


@pytest.fixture(autouse=True)
def at(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that all hosts share stands still at noon, until it is set."""

    def set_clock(now: datetime) -> None:
        monkeypatch.setattr(clock, "now", lambda: now)

    set_clock(NOON)
    return set_clock


@pytest.fixture(autouse=True)
def price(settings: Any) -> ModelPrice:
    """1 EUR for a million LLM tokens of input, 4 EUR for one of output."""
    settings.GEMINI_MODEL = MODEL
    return make_price()


def reserve(
    token: TokenMaster, amount: int, output: int = 0, model: str | None = MODEL
) -> uuid.UUID | None:
    attempt_id = uuid.uuid4()
    reservation = ledger.reserve(
        token.pk,
        attempt_id=attempt_id,
        amount=amount,
        output_budget=output,
        lease=LEASE,
        model=model,
    )
    return attempt_id if reservation else None


def held(token: TokenMaster, amount: int, output: int = 0) -> uuid.UUID:
    attempt_id = reserve(token, amount, output)
    assert attempt_id
    return attempt_id


def settle(attempt_id: uuid.UUID, token: TokenMaster, *used: int, model: str = MODEL) -> None:
    ledger.settle(attempt_id, token.pk, Usage(*used), **WHO, model=model)


def state(quota: Quota) -> tuple[str, str]:
    """Used and reserved in the period that is now."""
    [found] = quotas.states(Quota.objects.filter(pk=quota.pk))
    return amounts.money(found.used, "EUR"), amounts.money(found.reserved, "EUR")


def take(cost: Cost = PAGE) -> selection.Taken:
    return selection.take("NT047", attempt_id=uuid.uuid4(), cost_of=lambda _: cost, lease=LEASE)


@pytest.mark.parametrize("period", Period)
@pytest.mark.parametrize("of", ["key", "company"])
def test_a_quota_in_money_refuses_what_could_exceed_its_period(of: str, period: Period) -> None:
    token = make_token()
    quota = make_budget(token if of == "key" else make_company("NT047"), period, "0.01 EUR")

    assert reserve(token, 2501, 2501) is None  # 0.010004 EUR
    first = held(token, 2000, 1000)  # 0.001 and 0.004 EUR
    assert reserve(token, 5001) is None
    held(token, 5000)
    assert state(quota) == ("0.00 EUR", "0.01 EUR")

    settle(first, token, 900, 100, 50)

    assert state(quota) == ("0.0015 EUR", "0.005 EUR")
    assert TokenUsageLog.objects.get().cost == Decimal("0.0015")
    assert TokenUsageSummary.objects.get().reserved_tokens == 5000
    assert ledger_audit.audit_ledger() == []


def test_a_refused_reservation_leaves_no_trace_in_any_sum() -> None:
    token = make_token()
    in_tokens = make_quota(token, Period.MONTHLY, 10_000)
    budget = make_budget(token, Period.MONTHLY, "0.001 EUR")
    shared = make_budget(make_company("NT047"), Period.DAILY, "1 EUR")

    assert reserve(token, 1001) is None

    assert not TokenReservation.objects.exists()
    assert not QuotaSum.objects.exclude(used=0, reserved=0).exists()
    assert TokenUsageSummary.objects.get().reserved_tokens == 0
    held(token, 1000)
    found = dict(QuotaSum.objects.values_list("quota", "reserved"))
    assert found == {in_tokens.pk: 1000, budget.pk: 10**7, shared.pk: 10**7}


def test_the_least_that_a_call_can_cost_is_counted_exactly() -> None:
    make_price(input="0.0001", cached_input="0", output="0.0001")
    token = make_token()
    quota = make_budget(token, Period.TOTAL, "0.000001 EUR")
    quota.limit = 3

    for _ in range(3):
        settle(held(token, 1), token, 1)
    Quota.objects.update(limit=3)

    assert state(quota) == ("0.0000000003 EUR", "0.00 EUR")
    assert reserve(token, 1) is None
    assert ledger_audit.audit_ledger() == []


def test_cached_input_that_costs_more_than_fresh_is_within_the_ceiling() -> None:
    make_price(input="1", cached_input="3", output="0")
    token = make_token()
    quota = make_budget(token, Period.TOTAL, "0.003 EUR")

    assert reserve(token, 1001) is None
    attempt_id = held(token, 1000)
    ledger.settle(attempt_id, token.pk, Usage(1000, cached_tokens=1000), **WHO, model=MODEL)

    assert state(quota) == ("0.003 EUR", "0.00 EUR")


@pytest.mark.parametrize("end", ["settle", "unknown", "release", "dead"])
def test_a_call_over_the_end_of_a_month_counts_where_it_began_at_the_price_of_then(
    at: Clock, end: str
) -> None:
    make_company("NT047", folded_id="nt047", time_zone="Asia/Kathmandu")
    at(datetime(2026, 11, 30, 18, 14, 59, tzinfo=UTC))  # a second before December in Kathmandu
    make_price(since=clock.now() + timedelta(seconds=1), input="100", output="100")
    token = make_token()
    quota = make_budget(make_company("NT047"), Period.MONTHLY, "0.01 EUR")
    attempt_id = held(token, 2000, 1000)

    at(clock.now() + timedelta(seconds=1))
    assert state(quota) == ("0.00 EUR", "0.00 EUR")
    assert reserve(token, 101) is None
    settle(held(token, 100), token, 10)
    match end:
        case "settle":
            settle(attempt_id, token, 1000, 250)
        case "unknown":
            ledger.settle_unknown(
                attempt_id, token.pk, 2000, **WHO, model=MODEL, output_budget=1000
            )
        case "release":
            ledger.release(attempt_id)
        case _:
            assert ledger.release_dead(clock.now() + LEASE) == 1

    used = {"settle": 2 * 10**7, "unknown": 5 * 10**7}.get(end, 0)
    sums = QuotaSum.objects.order_by("starts_at").values_list("used", "reserved")
    assert list(sums) == [(used, 0), (10**7, 0)]
    assert ledger_audit.audit_ledger() == []


def test_a_late_bill_corrects_the_estimate_in_money() -> None:
    token = make_token()
    quota = make_budget(token, Period.DAILY, "0.01 EUR")
    attempt_id = held(token, 2000, 1000)
    ledger.settle_unknown(attempt_id, token.pk, 2000, **WHO, model=MODEL, output_budget=1000)
    assert state(quota) == ("0.005 EUR", "0.00 EUR")

    settle(attempt_id, token, 500)

    assert state(quota) == ("0.0005 EUR", "0.00 EUR")
    other = held(token, 2000, 1000)
    ledger.settle_unknown(other, token.pk, 2000, **WHO, model=MODEL, output_budget=1000)
    assert ledger.release(other)
    assert state(quota) == ("0.0005 EUR", "0.00 EUR")
    assert ledger_audit.audit_ledger() == []


@pytest.mark.parametrize("then", ["removed", "USD"])
@pytest.mark.parametrize("estimated_before", [False, True])
def test_a_price_that_is_gone_when_the_call_ends_frees_no_money(
    price: ModelPrice, then: str, estimated_before: bool
) -> None:
    token = make_token()
    quota = make_budget(token, Period.DAILY, "0.01 EUR")
    attempt_id = held(token, 2000, 1000)
    if estimated_before:
        ledger.settle_unknown(attempt_id, token.pk, 2000, **WHO, model=MODEL, output_budget=1000)

    if then == "removed":
        price.delete()
    else:
        make_price(currency="USD")
    settle(attempt_id, token, 500)

    assert state(quota) == ("0.005 EUR", "0.00 EUR")
    row = TokenUsageLog.objects.get()
    assert (row.cost, row.currency) == (Decimal("0.005"), "EUR")
    assert quota_audit.wrong_sums() == []


def test_a_call_that_cost_nothing_after_all_costs_nothing_without_a_price_either(
    price: ModelPrice,
) -> None:
    token = make_token()
    quota = make_budget(token, Period.DAILY, "0.01 EUR")
    attempt_id = held(token, 2000, 1000)
    ledger.settle_unknown(attempt_id, token.pk, 2000, **WHO, model=MODEL, output_budget=1000)
    price.delete()

    assert ledger.release(attempt_id)

    assert state(quota) == ("0.00 EUR", "0.00 EUR")
    assert quota_audit.wrong_sums() == []


def test_a_new_quota_counts_the_money_that_its_period_used_and_reserved_before() -> None:
    token = make_token()
    settle(held(token, 3000), token, 3000)
    held(token, 2000)
    settle(held(token, 700), token, 700, model="unheard-of")
    make_price("gemini-y", currency="USD")
    settle(reserve(token, 700, model="gemini-y") or uuid.uuid4(), token, 700, model="gemini-y")

    quota = make_budget(token, Period.MONTHLY, "0.01 EUR")

    # What cost nobody knows what, or dollars, counts nothing; it was reserved in money, though.
    assert state(quota) == ("0.0037 EUR", "0.002 EUR")


def test_the_journals_calls_count_in_money() -> None:
    token = make_token()
    quota = make_budget(make_company("NT047"), Period.DAILY, "0.01 EUR")
    settle(held(token, 50), token, 50)
    record = journal.Record(
        attempt_id=uuid.uuid4(),
        **WHO,
        key_fingerprint=token.key_fingerprint or "",
        ceiling=600,
        output_budget=100,
        called_at=NOON,
        leased_until=NOON,
        model=MODEL,
    )
    journal._write(record)

    assert (journal.ingest(), journal.ingest()) == (1, 0)

    assert state(quota) == ("0.00095 EUR", "0.00 EUR")


def test_a_wrong_sum_is_named_in_money_and_rebuilt() -> None:
    token = make_token()
    quota = make_budget(make_company("NT047"), Period.TOTAL, "5 EUR")
    settle(held(token, 700), token, 700)
    held(token, 300, 200)
    QuotaSum.objects.update(used=10**10, reserved=1)

    place = f"Quota {quota.pk} of company NT047 (total, EUR), period from 1970-01-01 00:00 UTC: "
    assert ledger_audit.audit_ledger() == [
        f"{place}used is 1.00 EUR, its rows say 0.0007 EUR.",
        f"{place}reserved is 0.0000000001 EUR, its rows say 0.0009 EUR.",
    ]
    ledger_audit.repair_ledger()
    assert state(quota) == ("0.0007 EUR", "0.0009 EUR")
    assert ledger_audit.audit_ledger() == []


def test_the_output_is_cut_to_what_the_money_allows() -> None:
    token = make_token()
    quota = make_budget(token, Period.DAILY, "0.002 EUR")
    assert selection.room("NT047", cost_of=lambda _: PAGE) == 1.0

    taken = take()

    assert (taken.reservation.amount, taken.reservation.output_budget) == (800, 400)
    assert state(quota) == ("0.00 EUR", "0.002 EUR")
    for ask in (selection.require_free, selection.room):
        if ask is selection.require_free:
            with pytest.raises(KeysBusy):
                ask("NT047", cost_of=lambda _: PAGE)
        else:
            assert ask("NT047", cost_of=lambda _: PAGE) == 0.0
    with pytest.raises(KeysBusy):
        take()

    settle(taken.reservation.attempt_id, token, 400, 400)
    with pytest.raises(NoUsableKey) as refused:
        take()
    assert "It renews at 2026-11-28 00:00" in refused.value.detail
    assert TokenMaster.objects.get().status == TokenStatus.ACTIVE


def test_a_quota_of_the_company_limits_how_many_calls_its_keys_have_room_for() -> None:
    make_token()
    make_token(api_key="another")
    make_budget(make_company("NT047"), Period.DAILY, "0.01 EUR")

    assert selection.room("NT047", cost_of=lambda _: PAGE) == 4.0  # of 0.0028 EUR, the last less


@pytest.mark.parametrize("lacks", ["price", "currency", "model"])
def test_a_key_is_not_used_for_a_model_without_a_price_in_its_quotas_currency(
    price: ModelPrice, lacks: str
) -> None:
    token = make_token()
    make_budget(make_company("NT047"), Period.DAILY, "5 EUR")
    cost = PAGE
    if lacks == "price":
        price.delete()
    elif lacks == "currency":
        make_price(currency="USD")
    else:
        cost = Cost(fixed=400, output_max=600, output_floor=100)

    assert reserve(token, 1, model=cost.model) is None
    for ask in (take, lambda cost: selection.require_usable("NT047", cost_of=lambda _: cost)):
        with pytest.raises(NoUsableKey) as refused:
            ask(cost)
        model = cost.model or "unknown"
        assert refused.value.code == "token_exceeded"
        assert refused.value.retry_after is None
        assert f"the model {model} has no price in it" in refused.value.detail
    assert selection.room("NT047", cost_of=lambda _: cost) > 0  # `take` says why
    alert = LedgerAlert.objects.get()
    assert f"The model {model} has no price in EUR" in alert.findings
    assert not TokenReservation.objects.exists()
    assert TokenMaster.objects.get().status == TokenStatus.ACTIVE


def test_another_key_or_the_offline_one_stands_in_for_a_key_without_a_price() -> None:
    budgeted, other = make_token(model="dear"), make_token(api_key="another")
    make_budget(budgeted, Period.DAILY, "5 EUR")

    def cost_of(token: TokenMaster) -> Cost:
        if token.provider == "Offline":
            return Cost(0, 0, 0, model="offline")
        return Cost(400, 600, 100, model=token.model or MODEL)

    def taken() -> int:
        found = selection.take("NT047", attempt_id=uuid.uuid4(), cost_of=cost_of, lease=LEASE)
        return found.token.pk

    assert {taken() for _ in range(5)} == {other.pk}
    services.change_status(
        tokens=TokenMaster.objects.filter(pk=other.pk), status=TokenStatus.DISABLED, reason="x"
    )
    offline = make_token(api_key="", provider="Offline")
    make_budget(make_company("NT047"), Period.DAILY, "0.01 EUR")

    assert taken() == offline.pk
    assert TokenReservation.objects.get(token=offline).amount == 0


@pytest.mark.parametrize("cost", [Cost(0, 0, 0, model="offline"), PAGE])
def test_what_costs_nothing_fits_into_a_quota_that_is_used_up(cost: Cost) -> None:
    token = make_token()
    make_budget(token, Period.DAILY, "0.001 EUR")
    settle(held(token, 1000), token, 1000)
    if cost is PAGE:
        make_price(input="0", cached_input="0", output="0")

    assert take(cost).token == token


def test_the_audit_names_models_without_a_price_until_there_is_one(
    settings: Any,
) -> None:
    settings.GEMINI_MODEL = "gemini-new"
    make_token(model=MODEL)
    make_token(api_key="", provider="Offline")
    make_budget(make_company("NT047"), Period.DAILY, "5 EUR")
    assert ledger_audit.audit_ledger() == []

    make_token(api_key="another")
    [told] = ledger_audit.audit_ledger()
    assert told == (
        "The model gemini-new has no price in EUR, so that keys with a quota in EUR are not used "
        "for it: enter one under Prices, or change the quota."
    )
    assert LedgerAlert.objects.filter(resolved_at=None).count() == 1

    make_price("gemini-new")
    assert ledger_audit.audit_ledger() == []
    assert not LedgerAlert.objects.filter(resolved_at=None).exists()


def test_a_raise_in_money_ends_by_itself(at: Clock) -> None:
    token = make_token()
    make_budget(
        token,
        Period.TOTAL,
        "0.001 EUR",
        raised_by=amounts.read("0.0005 EUR").value,
        raised_until=NOON + timedelta(hours=1),
    )

    assert reserve(token, 1501) is None
    attempt_id = held(token, 1500)
    ledger.release(attempt_id)

    at(NOON + timedelta(hours=1))
    assert reserve(token, 1001) is None
    assert held(token, 1000)


@pytest.mark.parametrize(("unit", "currency"), [(Unit.MONEY, ""), (Unit.TOKENS, "EUR")])
def test_money_has_a_currency_and_llm_tokens_have_none(unit: Unit, currency: str) -> None:
    token = make_token()

    with pytest.raises(IntegrityError, match="CK_Quotas_Currency"), transaction.atomic():
        Quota.objects.create(token=token, limit=1, unit=unit, currency=currency)


def test_a_price_that_cannot_be_read_keeps_quotas_in_money_alone_from_being_used() -> None:
    free, budgeted = make_token(), make_token(api_key="another")
    make_budget(budgeted, Period.DAILY, "5 EUR")

    with mock.patch.object(ModelPrice, "ceiling", side_effect=ArithmeticError):
        assert reserve(free, 1000)
        assert reserve(budgeted, 1000) is None
    with (
        mock.patch.object(ModelPrice, "ceiling", side_effect=OperationalError("gone away")),
        pytest.raises(OperationalError),
        mock.patch("tokens.charges.is_unreachable", return_value=True),
    ):
        reserve(free, 1000)


def test_an_absurd_price_counts_as_none() -> None:
    make_price(input="9999999999")
    token = make_token(total_token_limit=10**12)

    assert reserve(token, 10**11)

    assert TokenReservation.objects.get().cost_units is None
