"""The ledger: the only code that moves counters. It knows attempts by their id alone.

At every commit used + reserved ≤ limit, whatever the number of processes, except after staff
lower a limit or a provider bills more than was reserved: for the key, and in each period of every
quota that its calls count towards. Amounts are LLM tokens, and for quotas in money what they cost.
"""

import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from copy import copy
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from ocrsite.lib import clock
from ocrsite.lib.database import (
    deadlocks_retried,
    dispensable,
    each_for_itself,
    is_unreachable,
)
from tokens import quota_sums, services, usage_days
from tokens.charges import as_promised, ceiling, charged, cost_of, held
from tokens.costs import CostFields
from tokens.models import (
    NO_LIMITS,
    CallLimits,
    ModelPrice,
    TokenReservation,
    TokenUsageLog,
    TokenUsageSummary,
)
from tokens.models.usage import limit_of_key
from tokens.quota_sums import Charge
from tokens.rate_limits import count_call
from tokens.unpriced import UnpricedModel
from tokens.usage import Usage

logger = logging.getLogger(__name__)

# What does something, named for the log, that may fail.
_Step = Callable[[str], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Reservation:
    """Quota reserved for one attempt; at most ``output_budget`` of it is for the output.

    What the attempt costs counts towards the periods in which it began.
    """

    attempt_id: uuid.UUID
    token_id: int
    amount: int
    output_budget: int
    began_at: datetime = field(default_factory=clock.now, compare=False)


@deadlocks_retried
def reserve(
    token_id: int,
    *,
    attempt_id: uuid.UUID,
    amount: int,
    output_budget: int,
    lease: timedelta,
    limits: CallLimits = NO_LIMITS,
    model: str | None = None,
) -> Reservation | None:
    """Reserve the amount for the time of the lease, or return None when too little is left.

    With it the most that the call can cost in money, by the price that ``model`` has now. Raises
    LimitReached, with nothing changed, when one more call would exceed ``limits``.
    """
    now = clock.now()
    most = ceiling(model, amount, output_budget, now)
    with transaction.atomic():
        if not _set_aside(token_id, amount, quota_free=True):
            quotas = _lock(token_id)
            if not _set_aside(token_id, amount):
                return None
            if quotas and not quotas.set_aside(most, now):
                transaction.set_rollback(True)
                return None
        TokenReservation.objects.create(
            attempt_id=attempt_id,
            token_id=token_id,
            amount=amount,
            cost_units=None if most.currency is None else most.units,
            currency=most.currency,
            leased_until=clock.now() + lease,
            created_at=now,
        )
        if limits != NO_LIMITS:
            # The totals are locked since they were changed: nobody else counts at the same time.
            under_way = TokenReservation.objects.filter(token_id=token_id).count()
            count_call(token_id, under_way, limits)
    return Reservation(attempt_id, token_id, amount, output_budget, now)


def settle(
    attempt_id: uuid.UUID,
    token_id: int,
    usage: Usage,
    *,
    company_id: str,
    branch: str,
    requested_by: str,
    model: str | None = None,
    called_at: datetime | None = None,
    began_at: datetime | None = None,
) -> bool:
    """Charge what the provider billed and end the reservation; False when that was done before.

    A charge that was estimated, because the call seemed lost, is corrected to the bill. One
    transaction, which joins the caller's. The reservation may be gone already; ``began_at`` says
    when it was made then. The cost is that by the price that ``model`` had when it was made. A call
    of ``called_at`` began then and is logged as of then, not of now.
    """
    return _charge(
        attempt_id,
        token_id,
        usage.total,
        model,
        lambda price: price.cost(usage),
        called_at,
        began_at,
        company_id=company_id,
        branch=branch,
        requested_by=requested_by,
        **asdict(usage),
    )


def settle_unknown(
    attempt_id: uuid.UUID,
    token_id: int,
    reserved: int,
    *,
    company_id: str,
    branch: str,
    requested_by: str,
    model: str | None = None,
    output_budget: int | None = None,
    called_at: datetime | None = None,
    began_at: datetime | None = None,
) -> bool:
    """Charge a call whose bill cannot be known what was reserved for it, flagged as estimated.

    False when the attempt was settled before. Its cost is the most that it can be, with
    ``output_budget`` of the LLM tokens for its output. ``model`` and the times are as for
    ``settle``.
    """
    return _charge(
        attempt_id,
        token_id,
        reserved,
        model,
        lambda price: price.ceiling(reserved, output_budget),
        called_at,
        began_at,
        company_id=company_id,
        branch=branch,
        requested_by=requested_by,
        estimated=True,
    )


def release(attempt_id: uuid.UUID) -> bool:
    """End the reservation of a call that cost nothing; False when that was done before.

    A charge that was estimated, because the call seemed lost, is corrected to nothing.
    """
    if end_reservation(attempt_id):
        return True
    estimate = TokenUsageLog.objects.filter(attempt_id=attempt_id, estimated=True).first()
    if estimate is None or estimate.token_id is None:
        return False
    return _charge(attempt_id, estimate.token_id, 0, estimate.model, lambda _price: Decimal(0))


@deadlocks_retried
def end_reservation(attempt_id: uuid.UUID) -> bool:
    """End the reservation of an attempt, whatever it cost; False when it has ended before."""
    reservation = TokenReservation.objects.filter(pk=attempt_id).first()
    if reservation is None:
        return False
    try:
        return _free(reservation, _required)
    except Exception as error:
        if is_unreachable(error):
            raise
        return _free(reservation, dispensable)


def _free(reservation: TokenReservation, step: _Step) -> bool:
    with transaction.atomic():
        quotas = _locked(reservation.token_id, step)
        if not _end_reservation(reservation):
            return False
        TokenUsageSummary.objects.filter(token_id=reservation.token_id).update(
            reserved_tokens=F("reserved_tokens") - reservation.amount
        )
        if quotas:
            with step("the sums of quotas"):
                quotas.free(reservation.created_at, held(reservation))
    return True


def release_dead(now: datetime | None = None) -> int:
    """End the reservations whose lease has run out, by ``now``, and return how many.

    Charges nothing: whoever owns a dead attempt settles what it may have cost.
    """
    dead = TokenReservation.objects.filter(leased_until__lte=now or clock.now())
    return each_for_itself(end_reservation, list(dead.values_list("attempt_id", flat=True)))


def renew_leases(lease: timedelta) -> int:
    """Give reservations whose lease ran out, or is longer than ``lease``, a full one from now.

    For use after a pause or a change of the wall clock; returns how many there were.
    """
    now = clock.now()
    wrong = Q(leased_until__lte=now) | Q(leased_until__gt=now + lease)
    return TokenReservation.objects.filter(wrong).update(leased_until=now + lease)


def _lock(token_id: int) -> quota_sums.LockedQuotas | None:
    """Lock the totals of a key, then the quotas that its calls count towards; None: it has none.

    Wherever amounts change this comes first: one order of locks, no deadlock. Whether a key has
    quotas is told by the row that is locked, which no other transaction can change meanwhile.
    """
    totals = TokenUsageSummary.objects.filter(token_id=token_id, quota_free=True)
    if totals.update(last_updated=timezone.now()):
        return None
    TokenUsageSummary.objects.lock(token_id)
    return quota_sums.lock(token_id)


def _locked(token_id: int, step: _Step) -> quota_sums.LockedQuotas | None:
    """``_lock``; the totals alone where that fails and ``step`` lets it."""
    if step is not _required:
        TokenUsageSummary.objects.lock(token_id)
    with step("the look for quotas"):
        return _lock(token_id)
    return None


def _set_aside(token_id: int, amount: int, **known: bool) -> bool:
    """Reserve in one conditional UPDATE; not when the totals are not as ``known`` says.

    The limit comes from a subquery: through a join PostgreSQL exceeded it under contention.
    """
    fits = TokenUsageSummary.objects.alias(limit=limit_of_key()).filter(
        token_id=token_id,
        limit__gte=F("total_used_tokens") + F("reserved_tokens") + amount,
        **known,
    )
    return bool(fits.update(reserved_tokens=F("reserved_tokens") + amount))


def _end_reservation(reservation: TokenReservation) -> bool:
    """Delete a reservation; True for the one process whose DELETE removed it."""
    removed, _ = TokenReservation.objects.filter(pk=reservation.pk).delete()
    return bool(removed)


@deadlocks_retried
def _charge(
    attempt_id: uuid.UUID,
    token_id: int,
    total: int,
    model: str | None,
    priced: Callable[[ModelPrice], Decimal],
    called_at: datetime | None = None,
    began_at: datetime | None = None,
    *,
    estimated: bool = False,
    **fields: object,
) -> bool:
    """Write the usage row, move the totals and end the reservation, once per attempt.

    An estimated row is overwritten once, by one that is not. The price is that of the time at which
    the call began, as it was reserved. Where anything fails that follows from a charge – its cost,
    sums, quotas, alerts – the charge is made without that; audits and staff mend the rest.
    """
    booking = _Booking(attempt_id, token_id, total, model, priced, called_at, began_at)
    values = {"total_tokens_used": total, "estimated": estimated, **fields}
    try:
        return booking.book(values, _required)
    except Exception as error:
        if is_unreachable(error):
            raise
        return booking.book(values, dispensable)


@contextmanager
def _required(_what: str) -> Iterator[None]:
    """Do in the block what a charge is to be made with."""
    yield


@dataclass(frozen=True, slots=True)
class _Booking:
    """What an attempt is charged, in LLM tokens, and when it was made."""

    attempt_id: uuid.UUID
    token_id: int
    total: int
    model: str | None
    priced: Callable[[ModelPrice], Decimal]
    called_at: datetime | None
    began_at: datetime | None

    def book(self, values: dict[str, Any], step: _Step) -> bool:
        """Book it with ``values`` of its row; ``step`` says what becomes of what may fail."""
        total, token_id = self.total, self.token_id
        with transaction.atomic():
            quotas = _locked(token_id, step)
            reservation = TokenReservation.objects.filter(pk=self.attempt_id).first()
            logged_at = self.called_at or timezone.now()
            began = reservation.created_at if reservation else self.began_at or self.called_at
            began = began or clock.now()
            cost = self._cost(began, held(reservation), step)
            dates = {"logged_at": logged_at, "began_at": began}
            # Nobody else books it meanwhile: the totals of its key are locked.
            before = TokenUsageLog.objects.filter(attempt_id=self.attempt_id).first()
            if before is None:
                row = TokenUsageLog.objects.create(
                    attempt_id=self.attempt_id, token_id=token_id, **dates, **values, **cost
                )
            else:
                row = copy(before)
                cost = self._cost(row.began_at or row.logged_at, charged(before), step)
                same = TokenUsageLog.objects.filter(pk=row.pk, token_id=token_id, estimated=True)
                if values["estimated"] or not same.update(**values, **cost):
                    return False
                row.__dict__.update({**values, **cost})
            charged_before = 0 if before is None else before.total_tokens_used
            with step("the day's sums of usage"):
                usage_days.book(row, before)
            ended = reservation if reservation and _end_reservation(reservation) else None
            TokenUsageSummary.objects.charge(
                token_id, total - charged_before, held=ended.amount if ended else 0
            )
            if quotas:
                with step("the sums of quotas"):
                    charged_at = row.began_at or row.logged_at
                    quotas.settle(charged_at, charged(row), charged(before), began, held(ended))
            with step("the key's status and alerts"):
                self._follow_up(is_less=total < charged_before, has_cost=cost["cost"] is not None)
        if ended and total > ended.amount:
            logger.error(
                "Attempt %s of key %s was billed %s LLM tokens, more than the %s reserved.",
                self.attempt_id,
                token_id,
                total,
                ended.amount,
            )
        return True

    def _cost(self, at: datetime, promised: Charge, step: _Step) -> CostFields:
        with step("the cost"):
            return cost_of(self.model, at, self.priced, self.total, promised)
        return as_promised(self.model, self.total, promised)

    def _follow_up(self, *, is_less: bool, has_cost: bool) -> None:
        if is_less:
            services.reactivate(token_id=self.token_id, reason=services.EXCEEDED)
        services.follow_use(token_id=self.token_id)
        if self.model and self.total and not has_cost:
            UnpricedModel(self.model).raise_alert()
