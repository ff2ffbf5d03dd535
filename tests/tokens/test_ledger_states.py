"""Ledger and status after any order of calls, crashes, repeats and changes by staff."""

import uuid
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.conf import settings as django_settings
from django.db import connection
from django.test import override_settings
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from ocrsite.lib import clock
from tests.tokens.rows import KEY, make_token
from tokens import encryption, key_rotation, ledger, ledger_audit, selection, services
from tokens.models import (
    TokenMaster,
    TokenReservation,
    TokenStatus,
    TokenUsageLog,
    TokenUsageSummary,
)
from tokens.usage import Requester, Usage

pytestmark = pytest.mark.vendor

WHO = Requester(company_id="NT047", branch="", requested_by="")
# Small numbers, so that amounts exactly at a limit occur often.
LIMIT = 10
amounts = st.integers(min_value=0, max_value=6)


class LedgerMachine(RuleBasedStateMachine):
    """One key against a model of plain numbers."""

    attempts = Bundle("attempts")
    lease = timedelta(minutes=5)
    model: str | None = None

    def __init__(self) -> None:
        super().__init__()
        self.limit = LIMIT
        self.token_id = make_token(total_token_limit=self.limit).pk
        self.reserves: dict[uuid.UUID, int] = {}
        self.dead: set[uuid.UUID] = set()
        self.bills: dict[uuid.UUID, int] = {}
        self.estimates: set[uuid.UUID] = set()
        # How far used + reserved may be above the limit: after a lowered limit or a higher bill.
        self.excused = 0
        self.status = TokenStatus.ACTIVE
        self.past_expiry = self.expired_by_clock = self.exceeded_by_use = False
        self.key = KEY

    def teardown(self) -> None:
        TokenUsageLog.objects.all().delete()
        TokenMaster.objects.all().delete()

    @property
    def used(self) -> int:
        return sum(self.bills.values())

    # Calls

    @rule(target=attempts, amount=amounts)
    def reserve(self, amount: int) -> uuid.UUID:
        return self._reserve(amount)

    def _reserve(self, amount: int) -> uuid.UUID:
        attempt_id = uuid.uuid4()
        fits = self._fits(amount)

        reservation = ledger.reserve(
            self.token_id,
            attempt_id=attempt_id,
            amount=amount,
            output_budget=0,
            lease=self.lease,
            model=self.model,
        )

        assert (reservation is not None) == fits
        if fits:
            self.reserves[attempt_id] = amount
        return attempt_id

    def _fits(self, amount: int) -> bool:
        return self.used + sum(self.reserves.values()) + amount <= self.limit

    @rule(attempt_id=attempts, bill=amounts, unknown=st.booleans())
    def settle(self, attempt_id: uuid.UUID, bill: int, unknown: bool) -> None:
        """In time, late, without a reservation or after its release, or for a second time."""
        self._settle(attempt_id, bill, unknown=unknown)

    @rule(target=attempts, amount=amounts, bill=amounts)
    def reserve_and_settle(self, amount: int, bill: int) -> uuid.UUID:
        """In one step, so that limits are reached within few steps."""
        attempt_id = self._reserve(amount)
        self._settle(attempt_id, bill, unknown=False)
        return attempt_id

    def _settle(self, attempt_id: uuid.UUID, bill: int, *, unknown: bool) -> None:
        if unknown:
            charged = ledger.settle_unknown(
                attempt_id, self.token_id, bill, **WHO, model=self.model
            )
        else:
            charged = ledger.settle(attempt_id, self.token_id, Usage(bill), **WHO, model=self.model)

        corrects = attempt_id in self.estimates and not unknown
        assert charged == (attempt_id not in self.bills or corrects)
        if charged:
            self._charge(attempt_id, bill)
            if unknown:
                self.estimates.add(attempt_id)

    def _charge(self, attempt_id: uuid.UUID, bill: int) -> None:
        """For the first time, or instead of an estimate."""
        before = self.bills.get(attempt_id, 0)
        self.bills[attempt_id] = bill
        self.estimates.discard(attempt_id)
        self.excused += max(0, bill - before - self.reserves.pop(attempt_id, 0))
        if bill < before and self.exceeded_by_use and self.used < self.limit:
            self._set_status(TokenStatus.ACTIVE)
        self._exceed_below(1)

    @rule(attempt_id=attempts)
    def release(self, attempt_id: uuid.UUID) -> None:
        corrects = attempt_id in self.estimates
        assert ledger.release(attempt_id) == (attempt_id in self.reserves or corrects)
        self.reserves.pop(attempt_id, None)
        if corrects:
            self._charge(attempt_id, 0)

    @rule(attempt_id=attempts)
    def crash(self, attempt_id: uuid.UUID) -> None:
        """The attempt's process never comes back, and its lease runs out."""
        TokenReservation.objects.filter(pk=attempt_id).update(leased_until=clock.now())
        self.dead.add(attempt_id)

    @rule(smallest_call=st.integers(min_value=1, max_value=6))
    def find_too_little_left(self, smallest_call: int) -> None:
        exceeded = self._exceed_below(smallest_call)
        marked = services.mark_exceeded(token_id=self.token_id, smallest_call=smallest_call)
        assert marked == exceeded

    @rule()
    def disable_the_key(self) -> None:
        selection.disable_key(TokenMaster.objects.get(pk=self.token_id), "API key not valid.")
        self._set_status(TokenStatus.DISABLED)

    # The reconciler

    @rule()
    def release_dead(self) -> None:
        dead = self.dead & self.reserves.keys()
        assert ledger.release_dead() == len(dead)
        for attempt_id in dead:
            del self.reserves[attempt_id]

    @rule()
    def update_statuses(self) -> None:
        services.update_statuses()
        if self.status == TokenStatus.ACTIVE and self.past_expiry:
            self._set_status(TokenStatus.EXPIRED, by_clock=True)
        self._renew()

    # Staff

    @rule(limit=st.integers(min_value=1, max_value=2 * LIMIT))
    def change_limit(self, limit: int) -> None:
        self._save(total_token_limit=limit)
        self.excused += max(0, self.limit - limit)
        self.limit = limit
        if self.status == TokenStatus.EXCEEDED and self.used < limit:
            self._set_status(TokenStatus.ACTIVE)

    @rule(status=st.sampled_from(TokenStatus))
    def set_status(self, status: TokenStatus) -> None:
        self._save(status=status, status_reason="Set by asha.")
        self._set_status(status)

    @rule(days=st.sampled_from([-1, None, 1]))
    def change_expiry(self, days: int | None) -> None:
        """To the past, too, as it is once the time has passed."""
        expires_at = None if days is None else timezone.now() + timedelta(days)
        self._save(expires_at=expires_at)
        self.past_expiry = days == -1
        self._renew()

    @rule(by_sql=st.booleans())
    def replace_key(self, by_sql: bool) -> None:
        self.key = f"AIza-{uuid.uuid4()}"
        if by_sql:
            TokenMaster.objects.filter(pk=self.token_id).update(api_key=self.key)
        else:
            self._save(api_key=self.key)

    @rule()
    def rotate_the_encryption_key(self) -> None:
        before = django_settings.TOKEN_ENCRYPTION_KEYS
        after = Fernet.generate_key().decode()
        django_settings.TOKEN_ENCRYPTION_KEYS = [after, *before]
        assert key_rotation.rotate_keys() == Counter({encryption.writing_key_id(): 1})
        django_settings.TOKEN_ENCRYPTION_KEYS = [after]

    # After every step

    @invariant()
    def the_totals_are_what_the_rows_add_up_to(self) -> None:
        summary = TokenUsageSummary.objects.get(token_id=self.token_id)
        reservations = TokenReservation.objects.values_list("attempt_id", "amount")
        charges = TokenUsageLog.objects.values_list("attempt_id", "total_tokens_used")
        assert sorted(reservations) == sorted(self.reserves.items())
        assert sorted(charges) == sorted(self.bills.items())
        assert summary.reserved_tokens == sum(self.reserves.values())
        assert summary.total_used_tokens == self.used
        assert summary.total_remaining_tokens == self.limit - self.used
        assert ledger_audit.audit_ledger() == self._found_by_audit()

    def _found_by_audit(self) -> list[str]:
        return []

    @invariant()
    def no_more_is_promised_than_the_limit(self) -> None:
        """Except by how much the limit was lowered, or bills exceeded what was reserved."""
        summary = TokenUsageSummary.objects.get(token_id=self.token_id)
        over = summary.total_used_tokens + summary.reserved_tokens - self.limit
        assert over <= self.excused
        self.excused = max(0, over)

    @invariant()
    def the_status_follows(self) -> None:
        assert TokenMaster.objects.get().status == self.status

    @invariant()
    def the_key_can_be_read(self) -> None:
        assert TokenMaster.objects.get().reveal_key() == self.key

    # The model

    def _save(self, **fields: Any) -> None:
        """As the admin does: only the fields that changed."""
        token = TokenMaster.objects.get()
        for name, value in fields.items():
            setattr(token, name, value)
        services.update_token(token=token, fields=fields)

    def _set_status(
        self, status: TokenStatus, *, by_clock: bool = False, by_use: bool = False
    ) -> None:
        self.status, self.expired_by_clock, self.exceeded_by_use = status, by_clock, by_use

    def _exceed_below(self, smallest_call: int) -> bool:
        exceeded = self.status == TokenStatus.ACTIVE and self.limit - self.used < smallest_call
        if exceeded:
            self._set_status(TokenStatus.EXCEEDED, by_use=True)
        return exceeded

    def _renew(self) -> None:
        if self.expired_by_clock and not self.past_expiry:
            self._set_status(TokenStatus.ACTIVE)


# Elsewhere the first ones again, for their SQL and locks.
FEW = 6 if connection.vendor == "sqlite" else 3


# Every step is committed: a rotation empties SQLite's write-ahead log, which an open transaction
# prevents.
@pytest.mark.no_cover  # each event by itself is tested, and measured, beside this
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("examples", [FEW, pytest.param(50, marks=pytest.mark.chaos)])
def test_ledger_and_status_are_right_after_any_order_of_events(examples: int) -> None:
    with override_settings():  # takes along the encryption keys that the machine sets
        run_state_machine_as_test(
            LedgerMachine,
            settings=settings(
                max_examples=examples,
                stateful_step_count=40,
                deadline=None,
                derandomize=True,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
