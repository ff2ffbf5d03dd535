"""The ledger under any order of calls, repeats, crashes and changes by staff."""

import uuid
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.tokens.rows import make_token
from tokens import ledger
from tokens.models import TokenMaster, TokenReservation, TokenUsageSummary
from tokens.usage import Usage

LIVE, DEAD = timedelta(minutes=5), timedelta(seconds=-1)
amounts = st.integers(min_value=0, max_value=600)


class LedgerMachine(RuleBasedStateMachine):
    """One token against a model of plain numbers; each example has a token of its own."""

    attempts = Bundle("attempts")

    def __init__(self) -> None:
        super().__init__()
        self.token = make_token(total_token_limit=1000)
        self.limit = 1000
        self.used = 0
        self.live: dict[uuid.UUID, int] = {}
        self.dead: set[uuid.UUID] = set()
        self.settled: set[uuid.UUID] = set()
        self.lowered = self.overbilled = False

    @rule(target=attempts, amount=amounts, lease=st.sampled_from([LIVE, DEAD]))
    def reserve(self, amount: int, lease: timedelta) -> uuid.UUID:
        attempt_id = uuid.uuid4()
        fits = self.used + sum(self.live.values()) + amount <= self.limit
        reservation = ledger.reserve(
            self.token.pk, attempt_id=attempt_id, amount=amount, output_budget=0, lease=lease
        )
        assert (reservation is not None) == fits
        if fits:
            self.live[attempt_id] = amount
            if lease == DEAD:
                self.dead.add(attempt_id)
        return attempt_id

    @rule(attempt_id=attempts, bill=amounts, unknown=st.booleans())
    def settle(self, attempt_id: uuid.UUID, bill: int, unknown: bool) -> None:
        who = {"company_id": "NT047", "branch": "", "requested_by": ""}
        if unknown:
            booked = ledger.settle_unknown(attempt_id, self.token.pk, bill, **who)
        else:
            booked = ledger.settle(attempt_id, self.token.pk, Usage(bill), **who)
        assert booked == (attempt_id not in self.settled)
        if booked:
            self.settled.add(attempt_id)
            self.used += bill
            self.overbilled |= bill > self.live.pop(attempt_id, 0)

    @rule(attempt_id=attempts)
    def release(self, attempt_id: uuid.UUID) -> None:
        assert ledger.release(attempt_id) == (self.live.pop(attempt_id, None) is not None)

    @rule()
    def sweep(self) -> None:
        swept = self.dead & self.live.keys()
        # Other examples' tokens have no dead reserves left: each sweep of theirs counts alone.
        TokenReservation.objects.exclude(token=self.token).delete()
        assert ledger.release_dead() == len(swept)
        for attempt_id in swept:
            del self.live[attempt_id]

    @rule(limit=st.integers(min_value=1, max_value=2000))
    def change_limit(self, limit: int) -> None:
        self.lowered |= limit < self.limit
        self.limit = limit
        self.token.total_token_limit = limit
        self.token.save(update_fields=["total_token_limit"])

    @invariant()
    def the_books_are_right(self) -> None:
        summary = TokenUsageSummary.objects.get(token=self.token)
        reserved = sum(self.live.values())
        assert summary.total_used_tokens == self.used
        assert summary.reserved_tokens == reserved
        assert summary.total_remaining_tokens == self.limit - self.used
        if not (self.lowered or self.overbilled):
            assert self.used + reserved <= self.limit

    @invariant()
    def the_status_follows(self) -> None:
        status = TokenMaster.objects.values_list("status", flat=True).get(pk=self.token.pk)
        if self.used < self.limit:
            assert status == "Active"


@pytest.mark.django_db
def test_the_books_are_right_after_any_order_of_events() -> None:
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
