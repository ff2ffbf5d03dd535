"""Ledger and periods after any order of calls, crashes, raises, resets, moves and rotations.

Quotas count LLM tokens, or money by prices that change between and during calls.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from unittest import mock
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import override_settings
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test

from ocrsite.lib import clock
from tests.tokens.rows import make_price, make_quota
from tests.tokens.test_ledger_states import LedgerMachine, amounts
from tokens import quota_changes, quotas
from tokens.models import Company, ModelPrice, Quota, TokenMaster, TokenStatus, Unit
from tokens.periods import Period, window_at
from tokens.unpriced import UnpricedForQuota

pytestmark = pytest.mark.vendor

COMPANIES = ["NT047", "NT048"]
scopes = st.sampled_from(["key", *COMPANIES])
limits = st.integers(min_value=1, max_value=12)
zones = st.sampled_from(["UTC", "Asia/Kathmandu", "America/New_York", "Pacific/Kiritimati"])
currencies = st.sampled_from(["", "EUR"])
KINDS = ("input", "cached_input", "output")
# For a million LLM tokens, input and output alike: what one costs, in units of a cost's last place.
PRICES = {"1": 10_000, "2.5": 25_000, "0": 0}
# A quota in money is as tight as one in LLM tokens, then.
UNIT = 10_000
Place = tuple[str, Period, str]


class QuotaMachine(LedgerMachine):
    """One key of one of two companies, with quotas of each, against a model of plain numbers."""

    lease = timedelta(days=10_000)  # no call dies by itself: days pass here
    model = "gemini-x"

    def __init__(self) -> None:
        self.now = datetime(2028, 2, 27, 23, tzinfo=UTC)
        self.clock = mock.patch.object(clock, "now", self._tell_time)
        self.clock.start()
        super().__init__()
        self._save(model=self.model)
        self.company = "NT047"
        self.zones = dict.fromkeys(COMPANIES, "UTC")
        for company_id in COMPANIES:
            Company.objects.update_or_create(
                company_id=company_id,
                defaults={"folded_id": company_id.lower(), "time_zone": "UTC"},
            )
        self.quotas: dict[Place, Quota] = {}
        self.begun: dict[UUID, datetime] = {}
        # Since when a token costs how much, the newest last. None: no price in EUR.
        self.prices: list[tuple[datetime, int | None]] = [(self.now, 10_000)]
        make_price(self.model, since=self.now, **dict.fromkeys(KINDS, "1"))
        # Present in every example, so that periods are reached within few steps.
        self.set_quota("key", Period.DAILY, 8, "")
        self.set_quota("NT047", Period.MONTHLY, 9, "")
        self.set_quota("key", Period.MONTHLY, 9, "EUR")

    def _tell_time(self) -> datetime:
        return self.now

    def teardown(self) -> None:
        self.clock.stop()
        Quota.objects.all().delete()
        ModelPrice.objects.filter(model=self.model).delete()
        super().teardown()

    # Calls

    def _fits(self, amount: int) -> bool:
        in_periods = not amount or all(
            self._fits_into(place, amount)
            for place in self.quotas
            if place[0] in ("key", self.company)
        )
        return super()._fits(amount) and in_periods

    def _fits_into(self, place: Place, amount: int) -> bool:
        rate = self._rate(self.now)
        if place[2] and rate is None:
            return False
        needed = amount * (rate or 0) if place[2] else amount
        used, reserved = self._counted(place)
        return not needed or used + reserved + needed <= self.quotas[place].limit_at(self.now)

    def _reserve(self, amount: int) -> UUID:
        attempt_id = super()._reserve(amount)
        self.begun[attempt_id] = self.now
        return attempt_id

    def _charge(self, attempt_id: UUID, bill: int) -> None:
        if attempt_id not in self.bills and attempt_id not in self.reserves:
            self.begun[attempt_id] = self.now  # nobody knows any more when it was reserved
        super()._charge(attempt_id, bill)

    @rule(
        target=LedgerMachine.attempts,
        amount=amounts,
        bill=amounts,
        hours=st.integers(min_value=1, max_value=30),
        end=st.sampled_from(["settle", "unknown", "release"]),
    )
    def call_over_midnight(self, amount: int, bill: int, hours: int, end: str) -> UUID:
        """In one step, so that it happens within few."""
        attempt_id = self._reserve(amount)
        self.pass_time(hours)
        if end == "release":
            self.release(attempt_id)
        else:
            self._settle(attempt_id, bill, unknown=end == "unknown")
        return attempt_id

    # The clock

    @rule(hours=st.integers(min_value=1, max_value=400))
    def pass_time(self, hours: int) -> None:
        """Periods end, and raises; the reconciler is never late by an hour."""
        self.release_dead()
        self.now += timedelta(hours=hours)

    # Staff

    @rule(price=st.sampled_from(sorted(PRICES)), currency=st.sampled_from(["EUR", "EUR", "USD"]))
    def change_price(self, price: str, currency: str) -> None:
        """From the next hour on, so that it is clear which calls it applies to."""
        since = self.now + timedelta(minutes=1)
        make_price(self.model, since=since, currency=currency, **dict.fromkeys(KINDS, price))
        self.prices = [each for each in self.prices if each[0] != since]
        self.prices.append((since, PRICES[price] if currency == "EUR" else None))

    @rule(scope=scopes, period=st.sampled_from(Period), limit=limits, currency=currencies)
    def set_quota(self, scope: str, period: Period, limit: int, currency: str) -> None:
        place = scope, period, currency
        limit *= UNIT if currency else 1
        if place not in self.quotas:
            of = self._key() if scope == "key" else Company.objects.get(pk=scope)
            unit = Unit.MONEY if currency else Unit.TOKENS
            self.quotas[place] = make_quota(of, period, limit, unit=unit, currency=currency)
        else:
            self.quotas[place].limit = limit
            quota_changes.save_quota(quota=self.quotas[place])

    @precondition(lambda self: self.quotas)
    @rule(data=st.data(), by=amounts, hours=st.integers(min_value=1, max_value=48))
    def raise_quota(self, data: st.DataObject, by: int, hours: int) -> None:
        quota = self.quotas[self._any(data)]
        quota.raised_by = by * UNIT if quota.currency else by
        quota.raised_until = self.now + timedelta(hours=hours)
        quota_changes.save_quota(quota=quota)

    @precondition(lambda self: self.quotas)
    @rule(data=st.data(), day=st.sampled_from([1, 15, 28, 30, 31]))
    def change_first_day(self, data: st.DataObject, day: int) -> None:
        quota = self.quotas[self._any(data)]
        quota.first_day = day
        quota_changes.save_quota(quota=quota)

    @precondition(lambda self: self.quotas)
    @rule(data=st.data())
    def remove_quota(self, data: st.DataObject) -> None:
        quota_changes.remove_quota(quota=self.quotas.pop(self._any(data)))

    @rule(company_id=st.sampled_from(COMPANIES), zone=zones)
    def change_time_zone(self, company_id: str, zone: str) -> None:
        Company.objects.filter(pk=company_id).update(time_zone=zone)
        self.zones[company_id] = zone

    @rule(company_id=st.sampled_from(COMPANIES))
    def move_key(self, company_id: str) -> None:
        self._save(company_id=company_id)
        self.company = company_id

    def _found_by_audit(self) -> list[str]:
        """That the key cannot be used, when it could be but for the price."""
        applies = any(
            currency and scope in ("key", self.company) for scope, _, currency in self.quotas
        )
        usable = self.status == TokenStatus.ACTIVE and not self.past_expiry
        if self._rate(self.now) is not None or not applies or not usable:
            return []
        return [str(UnpricedForQuota(self.model, "EUR"))]

    # After every step

    @invariant()
    def every_period_is_what_its_calls_add_up_to(self) -> None:
        found = {state.quota.pk: state for state in quotas.states(Quota.objects.all())}
        assert len(found) == len(self.quotas)
        for place, quota in self.quotas.items():
            state = found[quota.pk]
            assert (state.used, state.reserved) == self._counted(place)
            assert state.limit == quota.limit_at(self.now)

    # The model

    def _counted(self, place: Place) -> tuple[int, int]:
        """What calls that began in the period that is now used and have reserved."""
        scope, period, currency = place
        zone = ZoneInfo(self.zones[self.company if scope == "key" else scope])
        window = window_at(self.now, period, zone, first_day=self.quotas[place].first_day)
        counts = scope in ("key", self.company)
        begun = {
            attempt_id
            for attempt_id, at in self.begun.items()
            if counts and window.starts_at <= at and (not window.ends_at or at < window.ends_at)
        }
        rates = {
            attempt_id: (self._rate(self.begun[attempt_id]) or 0) if currency else 1
            for attempt_id in begun
        }
        used = sum(rate * self.bills.get(attempt_id, 0) for attempt_id, rate in rates.items())
        held = sum(rate * self.reserves.get(attempt_id, 0) for attempt_id, rate in rates.items())
        return used, held

    def _rate(self, at: datetime) -> int | None:
        """What an LLM token costs at a moment, in EUR."""
        return [rate for since, rate in self.prices if since <= at][-1]

    def _any(self, data: st.DataObject) -> Place:
        return data.draw(st.sampled_from(sorted(self.quotas)))

    def _key(self) -> TokenMaster:
        return TokenMaster.objects.get(pk=self.token_id)


# Elsewhere the first ones again, for their SQL and locks.
FEW = 4 if connection.vendor == "sqlite" else 2


@pytest.fixture
def _own_encryption_keys() -> Iterator[None]:
    with override_settings():  # takes along the encryption keys that the machine sets
        yield


@pytest.mark.no_cover  # each event by itself is tested, and measured, beside this
@pytest.mark.usefixtures("_own_encryption_keys")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("examples", [FEW, pytest.param(60, marks=pytest.mark.chaos)])
def test_periods_are_right_after_any_order_of_events(examples: int) -> None:
    run_state_machine_as_test(
        QuotaMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
