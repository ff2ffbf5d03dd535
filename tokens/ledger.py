"""The ledger: the only code that moves counters. It knows attempts by their id alone.

At every commit used + reserved ≤ limit, whatever the number of processes, except after staff
lower a limit or a provider bills more than was reserved: for the key, and in each period of every
quota that its calls count towards. Amounts are LLM tokens, and for quotas in money what they cost.
"""

import logging
import uuid
from collections.abc import Callable
from copy import copy
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import F, OuterRef, Q, Subquery
from django.utils import timezone

from ocrsite.lib import clock
from ocrsite.lib.database import deadlocks_retried
from tokens import quota_sums, services, usage_days
from tokens.costs import CostFields, amount_of, cost_ceiling, cost_fields, units
from tokens.models import (
    NO_LIMITS,
    CallLimits,
    ModelPrice,
    TokenMaster,
    TokenReservation,
    TokenUsageLog,
    TokenUsageSummary,
)
from tokens.quota_sums import NOTHING, Charge
from tokens.rate_limits import count_call
from tokens.unpriced import UnpricedModel
from tokens.usage import Usage

logger = logging.getLogger(__name__)


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
    most = _ceiling(model, amount, output_budget, now)
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
    with transaction.atomic():
        quotas = _lock(reservation.token_id)
        if not _end_reservation(reservation):
            return False
        TokenUsageSummary.objects.filter(token_id=reservation.token_id).update(
            reserved_tokens=F("reserved_tokens") - reservation.amount
        )
        if quotas:
            quotas.free(reservation.created_at, _held(reservation))
    return True


def release_dead(now: datetime | None = None) -> int:
    """End the reservations whose lease has run out, by ``now``, and return how many.

    Charges nothing: whoever owns a dead attempt settles what it may have cost.
    """
    dead = TokenReservation.objects.filter(leased_until__lte=now or clock.now())
    return sum(map(end_reservation, dead.values_list("attempt_id", flat=True)))


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


def _set_aside(token_id: int, amount: int, **known: bool) -> bool:
    """Reserve in one conditional UPDATE; not when the totals are not as ``known`` says.

    The limit comes from a subquery: through a join PostgreSQL exceeded it under contention.
    """
    limit = TokenMaster.objects.filter(pk=OuterRef("token_id")).values("total_token_limit")
    fits = TokenUsageSummary.objects.alias(limit=Subquery(limit)).filter(
        token_id=token_id,
        limit__gte=F("total_used_tokens") + F("reserved_tokens") + amount,
        **known,
    )
    return bool(fits.update(reserved_tokens=F("reserved_tokens") + amount))


def _ceiling(model: str | None, amount: int, output_budget: int, at: datetime) -> Charge:
    """The most that a call can cost, as it is reserved."""
    most = (
        cost_ceiling(model, reserved=amount, output_budget=output_budget, at=at) if model else None
    )
    return Charge(amount) if most is None else Charge(amount, units(most.amount), most.currency)


def _held(reservation: TokenReservation | None) -> Charge:
    """What a reservation holds; nothing where there is none."""
    if reservation is None:
        return NOTHING
    return Charge(reservation.amount, reservation.cost_units or 0, reservation.currency)


def _charged(row: TokenUsageLog | None) -> Charge:
    """What a usage row charges."""
    if row is None:
        return NOTHING
    cost = row.cost if row.cost is not None else Decimal(0)
    return Charge(row.total_tokens_used, units(cost), row.currency)


def _cost(
    model: str | None,
    began_at: datetime,
    priced: Callable[[ModelPrice], Decimal],
    total: int,
    promised: Charge,
) -> CostFields:
    """The cost of a call by the price of the time at which it began.

    Where that price is gone, or is in another currency since the call was ``promised``: the most
    that it could cost then, so that no quota in money counts too little.
    """
    cost = cost_fields(model, began_at, priced)
    if promised.currency is None or promised.currency == cost["currency"]:
        return cost
    most = amount_of(promised.units) if total else Decimal(0)
    return CostFields(model=model, cost=most, currency=promised.currency)


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
    the call began, as it was reserved.
    """
    with transaction.atomic():
        quotas = _lock(token_id)
        reservation = TokenReservation.objects.filter(pk=attempt_id).first()
        logged_at = called_at or timezone.now()
        began = reservation.created_at if reservation else began_at or called_at or clock.now()
        held = _held(reservation)
        cost = _cost(model, began, priced, total, held)
        values = {"total_tokens_used": total, "estimated": estimated, **fields}
        row, created = TokenUsageLog.objects.get_or_create(
            attempt_id=attempt_id,
            defaults={
                "token_id": token_id,
                "logged_at": logged_at,
                "began_at": began,
                **values,
                **cost,
            },
        )
        charged_before = 0 if created else row.total_tokens_used
        before = None if created else copy(row)
        if not created:
            cost = _cost(model, row.began_at or row.logged_at, priced, total, _charged(before))
            estimate = TokenUsageLog.objects.filter(pk=row.pk, token_id=token_id, estimated=True)
            if estimated or not estimate.update(**values, **cost):
                return False
            row.__dict__.update({**values, **cost})
        usage_days.book(row, before)
        ended = reservation if reservation and _end_reservation(reservation) else None
        reserved = ended.amount if ended else 0
        TokenUsageSummary.objects.filter(token_id=token_id).update(
            total_used_tokens=F("total_used_tokens") + total - charged_before,
            reserved_tokens=F("reserved_tokens") - reserved,
        )
        if quotas:
            charged_at = row.began_at or row.logged_at
            freed = held if ended else NOTHING
            quotas.settle(charged_at, _charged(row), _charged(before), began, freed)
        # A statement of its own: only after the row is locked is the limit read certainly current.
        TokenUsageSummary.objects.follow_limit(token_id)
        if total < charged_before:
            services.reactivate(token_id=token_id, reason=services.EXCEEDED)
        services.mark_exceeded(token_id=token_id)
        services.raise_alerts(token_id=token_id)
        if model and total and cost["cost"] is None:
            UnpricedModel(model).raise_alert()
    if ended and total > ended.amount:
        logger.error(
            "Attempt %s of key %s was billed %s LLM tokens, more than the %s reserved.",
            attempt_id,
            token_id,
            total,
            ended.amount,
        )
    return True
