"""What a call costs in money is booked with its usage row, once and at its time."""

import uuid
from datetime import timedelta
from decimal import Decimal
from unittest import mock

import pytest
import time_machine
from django.db import DatabaseError
from django.db.models import QuerySet
from django.utils import timezone

from tests.tokens.rows import make_token
from tokens import costs, ledger, ledger_audit
from tokens.charges import as_promised
from tokens.models import LedgerAlert, ModelPrice, TokenMaster, TokenReservation, TokenUsageLog
from tokens.quota_sums import Charge
from tokens.usage import Requester, Usage

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]

WHO = Requester(company_id="NT047", branch="Pokhara", requested_by="sita")
MODEL = "gemini-3.5-flash"  # 1.50, 0.15, 9.00
USAGE = Usage(input_tokens=1000, output_tokens=100, thinking_tokens=100)
COST = Decimal("0.0033")


def reserve(token: TokenMaster) -> uuid.UUID:
    attempt_id = uuid.uuid4()
    assert ledger.reserve(
        token.pk,
        attempt_id=attempt_id,
        amount=12_000,
        output_budget=10_000,
        lease=timedelta(minutes=5),
    )
    return attempt_id


def estimate(token: TokenMaster, model: str | None = MODEL) -> uuid.UUID:
    attempt_id = reserve(token)
    ledger.settle_unknown(attempt_id, token.pk, 12_000, **WHO, model=model, output_budget=10_000)
    return attempt_id


def raise_prices() -> None:
    ModelPrice.objects.create(
        model=MODEL, valid_from=timezone.now(), input=100, cached_input=10, output=100
    )


def booked() -> tuple[str | None, Decimal | None, str | None]:
    row = TokenUsageLog.objects.get()
    return row.model, row.cost, row.currency


def test_versioned_model_is_booked_by_its_name_and_charged_at_the_model_s_price() -> None:
    token = make_token()

    ledger.settle(reserve(token), token.pk, USAGE, **WHO, model=f"models/{MODEL}-001")

    assert booked() == (f"models/{MODEL}-001", COST, "USD")


def test_call_of_unknown_bill_costs_the_most_that_it_can() -> None:
    estimate(make_token())

    assert booked() == (MODEL, Decimal("0.093"), "USD")


def test_later_price_changes_nothing_that_is_booked() -> None:
    token = make_token()
    ledger.settle(reserve(token), token.pk, USAGE, **WHO, model=MODEL)

    raise_prices()
    ModelPrice.objects.filter(model=MODEL).update(input=50)

    assert booked() == (MODEL, COST, "USD")


def test_late_bill_is_charged_at_the_price_of_the_call_s_time() -> None:
    token = make_token()
    attempt_id = estimate(token)
    raise_prices()

    assert ledger.settle(attempt_id, token.pk, USAGE, **WHO, model=MODEL) is True

    assert booked() == (MODEL, COST, "USD")


def test_call_whose_price_is_gone_keeps_its_model_and_costs_what_was_promised() -> None:
    promised = Charge(100, costs.units(Decimal("0.25")), "EUR")

    assert as_promised("m", 50, promised) == {
        "model": "m",
        "cost": Decimal("0.25"),
        "currency": "EUR",
    }
    assert as_promised("m", 0, promised)["cost"] == 0
    unknown = {"model": "m", "cost": None, "currency": None}
    assert as_promised("m", 50, Charge(100)) == unknown


def test_call_that_turns_out_to_cost_nothing_costs_no_money_either() -> None:
    attempt_id = estimate(make_token())

    assert ledger.release(attempt_id) is True

    assert booked() == (MODEL, Decimal(0), "USD")


def test_second_settlement_changes_no_cost() -> None:
    token = make_token()
    attempt_id = reserve(token)
    ledger.settle(attempt_id, token.pk, USAGE, **WHO, model=MODEL)
    raise_prices()

    assert ledger.settle(attempt_id, token.pk, Usage(9, 9), **WHO, model=MODEL) is False
    assert ledger.settle_unknown(attempt_id, token.pk, 12_000, **WHO, model=MODEL) is False
    assert ledger.release(attempt_id) is False

    assert booked() == (MODEL, COST, "USD")


def test_cost_is_written_with_the_charge_or_not_at_all() -> None:
    token = make_token()
    attempt_id = reserve(token)

    # The totals are moved after the row is written.
    with (
        mock.patch("tokens.ledger._end_reservation", side_effect=DatabaseError),
        pytest.raises(DatabaseError),
    ):
        ledger.settle(attempt_id, token.pk, USAGE, **WHO, model=MODEL)

    assert not TokenUsageLog.objects.exists()
    assert TokenReservation.objects.exists()


def test_model_without_a_price_costs_nobody_knows_what_and_staff_are_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    token = make_token()

    for _ in range(2):
        ledger.settle(reserve(token), token.pk, USAGE, **WHO, model="gemini-99")

    rows = set(TokenUsageLog.objects.values_list("model", "cost", "currency"))
    assert rows == {("gemini-99", None, None)}
    alert = LedgerAlert.objects.get()
    assert alert.findings == (
        "The model gemini-99 has no price, so that nobody knows what its calls cost in money: "
        "enter one under Prices."
    )
    assert [record.getMessage() for record in caplog.records] == [alert.findings]
    # The nightly audit finds the same and tells nobody again.
    assert ledger_audit.audit_ledger() == [alert.findings]
    assert LedgerAlert.objects.get().resolved_at is None


def test_alert_ends_when_the_model_has_a_price_and_the_cost_stays_unknown() -> None:
    token = make_token()
    ledger.settle(reserve(token), token.pk, USAGE, **WHO, model="gemini-99")

    ModelPrice.objects.create(
        model="gemini-99", valid_from=timezone.now(), input=1, cached_input=1, output=1
    )

    assert ledger_audit.audit_ledger() == []
    assert LedgerAlert.objects.get().resolved_at is not None
    assert booked() == ("gemini-99", None, None)


def test_model_that_is_no_longer_called_needs_no_price() -> None:
    token = make_token()
    with time_machine.travel(timezone.now() - timedelta(days=8)):
        ledger.settle(reserve(token), token.pk, USAGE, **WHO, model="gemini-99")

    assert ledger_audit.audit_ledger() == []


def test_call_that_cost_no_llm_tokens_needs_no_price() -> None:
    token = make_token()
    ledger.settle(reserve(token), token.pk, Usage(), **WHO, model="gemini-99")

    assert ledger_audit.audit_ledger() == []
    assert not LedgerAlert.objects.exists()


def test_row_without_a_model_has_no_cost_and_is_no_finding() -> None:
    token = make_token()
    ledger.settle(reserve(token), token.pk, USAGE, **WHO)
    TokenUsageLog.objects.create(company_id="NT047", total_tokens_used=5)  # of an earlier version

    assert set(TokenUsageLog.objects.values_list("model", "cost", "currency")) == {
        (None, None, None)
    }
    assert ledger_audit.audit_ledger() == []


def total(rows: QuerySet[TokenUsageLog]) -> int | None:
    units = rows.aggregate(units=costs.sum_of_units("cost"))["units"]
    return None if units is None else int(units)


def test_costs_add_up_exactly_in_the_database() -> None:
    # As binary floating-point numbers these have no exact sum.
    amounts = [Decimal("0.1"), Decimal("0.2"), Decimal("0.0000000001"), Decimal("99999.9999999999")]
    TokenUsageLog.objects.bulk_create(
        TokenUsageLog(cost=amount, currency="USD") for amount in amounts * 200
    )

    units = total(TokenUsageLog.objects.all())

    assert units is not None
    assert costs.amount_of(units) == sum(amounts) * 200


def test_sum_of_costs_that_are_all_unknown_is_unknown() -> None:
    TokenUsageLog.objects.create(total_tokens_used=5)

    assert total(TokenUsageLog.objects.all()) is None
    assert total(TokenUsageLog.objects.none()) is None


def test_row_holds_every_cost_exactly() -> None:
    for amount in (Decimal("0.0000000001"), Decimal("12345.6789012345")):
        row = TokenUsageLog.objects.create(cost=amount, currency="USD")
        row.refresh_from_db()
        assert row.cost == amount
