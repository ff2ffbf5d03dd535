"""Ledger and periods after any order of calls, crashes, raises, resets, moves and rotations."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from unittest import mock
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.test import override_settings
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test

from ocrsite.lib import clock
from tests.tokens.rows import make_quota
from tests.tokens.test_ledger_states import LedgerMachine, amounts
from tokens import quota_changes, quotas
from tokens.models import Company, Quota, TokenMaster
from tokens.periods import Period, window_at

pytestmark = pytest.mark.vendor

COMPANIES = ["NT047", "NT048"]
scopes = st.sampled_from(["key", *COMPANIES])
limits = st.integers(min_value=1, max_value=12)
zones = st.sampled_from(["UTC", "Asia/Kathmandu", "America/New_York", "Pacific/Kiritimati"])
Place = tuple[str, Period]


class QuotaMachine(LedgerMachine):
    """One key of one of two companies, with quotas of each, against a model of plain numbers."""

    lease = timedelta(days=10_000)  # no call dies by itself: days pass here

    def __init__(self) -> None:
        self.now = datetime(2028, 2, 27, 23, tzinfo=UTC)
        self.clock = mock.patch.object(clock, "now", self._tell_time)
        self.clock.start()
        super().__init__()
        self.company = "NT047"
        self.zones = dict.fromkeys(COMPANIES, "UTC")
        for company_id in COMPANIES:
            Company.objects.update_or_create(
                company_id=company_id,
                defaults={"folded_id": company_id.lower(), "time_zone": "UTC"},
            )
        self.quotas: dict[Place, Quota] = {}
        self.begun: dict[UUID, datetime] = {}
        # Present in every example, so that periods are reached within few steps.
        self.set_quota("key", Period.DAILY, 8)
        self.set_quota("NT047", Period.MONTHLY, 9)

    def _tell_time(self) -> datetime:
        return self.now

    def teardown(self) -> None:
        self.clock.stop()
        Quota.objects.all().delete()
        super().teardown()

    # Calls

    def _fits(self, amount: int) -> bool:
        in_periods = not amount or all(
            used + reserved + amount <= quota.limit_at(self.now)
            for place, quota in self.quotas.items()
            if place[0] in ("key", self.company)
            for used, reserved in [self._counted(place)]
        )
        return super()._fits(amount) and in_periods

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

    @rule(scope=scopes, period=st.sampled_from(Period), limit=limits)
    def set_quota(self, scope: str, period: Period, limit: int) -> None:
        place = scope, period
        if place not in self.quotas:
            of = self._key() if scope == "key" else Company.objects.get(pk=scope)
            self.quotas[place] = make_quota(of, period, limit)
        else:
            self.quotas[place].limit = limit
            quota_changes.save_quota(quota=self.quotas[place])

    @precondition(lambda self: self.quotas)
    @rule(data=st.data(), by=amounts, hours=st.integers(min_value=1, max_value=48))
    def raise_quota(self, data: st.DataObject, by: int, hours: int) -> None:
        quota = self.quotas[self._any(data)]
        quota.raised_by, quota.raised_until = by, self.now + timedelta(hours=hours)
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
        scope, period = place
        zone = ZoneInfo(self.zones[self.company if scope == "key" else scope])
        window = window_at(self.now, period, zone, first_day=self.quotas[place].first_day)
        counts = scope in ("key", self.company)
        begun = {
            attempt_id
            for attempt_id, at in self.begun.items()
            if counts and window.starts_at <= at and (not window.ends_at or at < window.ends_at)
        }
        used = sum(bill for attempt_id, bill in self.bills.items() if attempt_id in begun)
        reserved = sum(held for attempt_id, held in self.reserves.items() if attempt_id in begun)
        return used, reserved

    def _any(self, data: st.DataObject) -> Place:
        return data.draw(st.sampled_from(sorted(self.quotas)))

    def _key(self) -> TokenMaster:
        return TokenMaster.objects.get(pk=self.token_id)


@pytest.fixture
def _own_encryption_keys() -> Iterator[None]:
    with override_settings():  # takes along the encryption keys that the machine sets
        yield


@pytest.mark.no_cover  # each event by itself is tested, and measured, beside this
@pytest.mark.usefixtures("_own_encryption_keys")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("examples", [6, pytest.param(60, marks=pytest.mark.chaos)])
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
