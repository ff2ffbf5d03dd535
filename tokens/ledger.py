"""The books: the only code that moves counters. It knows attempts by their id alone.

At every commit used + reserved ≤ limit, whatever the number of processes, except after staff
lower a limit or a provider bills more than was reserved. Amounts are LLM tokens.
"""

import logging
import uuid
from dataclasses import asdict, dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import F, OuterRef, Subquery
from django.utils import timezone

from tokens import services
from tokens.models import (
    NO_LIMITS,
    CallLimits,
    TokenMaster,
    TokenReservation,
    TokenUsageLog,
    TokenUsageSummary,
)
from tokens.rate_limits import count_call
from tokens.usage import Usage

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reservation:
    """Quota set aside for one attempt; at most ``output_budget`` of it is for the output."""

    attempt_id: uuid.UUID
    token_id: int
    amount: int
    output_budget: int


def reserve(
    token_id: int,
    *,
    attempt_id: uuid.UUID,
    amount: int,
    output_budget: int,
    lease: timedelta,
    limits: CallLimits = NO_LIMITS,
) -> Reservation | None:
    """Set the amount aside for the lease's time, or return None when it does not fit.

    Raises LimitReached, with nothing changed, when the key's calls are limited and one more is
    too many.
    """
    with transaction.atomic():
        if not _set_aside(token_id, amount):
            TokenUsageSummary.objects.open(token_id)
            if not _set_aside(token_id, amount):
                return None
        TokenReservation.objects.create(
            attempt_id=attempt_id,
            token_id=token_id,
            amount=amount,
            leased_until=timezone.now() + lease,
        )
        if limits != NO_LIMITS:
            # The totals are locked since they were changed: nobody else counts at the same time.
            under_way = TokenReservation.objects.filter(token_id=token_id).count()
            count_call(token_id, under_way, limits)
    return Reservation(attempt_id, token_id, amount, output_budget)


def settle(
    attempt_id: uuid.UUID,
    token_id: int,
    usage: Usage,
    *,
    company_id: str,
    branch: str,
    requested_by: str,
) -> bool:
    """Charge what the provider billed and free the reserve; False when that was done before.

    One transaction, which joins the caller's. It is right after the reserve was swept, too.
    """
    return _book(
        attempt_id,
        token_id,
        usage.total,
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
) -> bool:
    """Charge a call whose bill cannot be known at its reserve, flagged as estimated.

    False when the attempt was settled before.
    """
    return _book(
        attempt_id,
        token_id,
        reserved,
        company_id=company_id,
        branch=branch,
        requested_by=requested_by,
        estimated=True,
    )


def release(attempt_id: uuid.UUID) -> bool:
    """Free the reserve of a call that cost nothing; False when it was freed before."""
    reservation = TokenReservation.objects.filter(pk=attempt_id).first()
    if reservation is None:
        return False
    with transaction.atomic():
        TokenUsageSummary.objects.open(reservation.token_id)  # see _book
        freed = _take_out(attempt_id)
        if freed is None:
            return False
        TokenUsageSummary.objects.filter(token_id=freed.token_id).update(
            reserved_tokens=F("reserved_tokens") - freed.amount
        )
    return True


def release_dead() -> int:
    """Free the reserves whose lease has run out and return how many.

    It charges nothing: what the dead attempt may have cost is its owner's to settle.
    """
    dead = TokenReservation.objects.filter(leased_until__lte=timezone.now())
    return sum(release(attempt_id) for attempt_id in dead.values_list("attempt_id", flat=True))


def _set_aside(token_id: int, amount: int) -> bool:
    """Reserve in one conditional UPDATE.

    The limit comes from a subquery: through a join PostgreSQL exceeded it under contention.
    """
    limit = TokenMaster.objects.filter(pk=OuterRef("token_id")).values("total_token_limit")
    fits = TokenUsageSummary.objects.alias(limit=Subquery(limit)).filter(
        token_id=token_id, limit__gte=F("total_used_tokens") + F("reserved_tokens") + amount
    )
    return bool(fits.update(reserved_tokens=F("reserved_tokens") + amount))


def _take_out(attempt_id: uuid.UUID) -> TokenReservation | None:
    """Delete a reservation and return it to the one process whose DELETE removed it."""
    rows = TokenReservation.objects.filter(pk=attempt_id)
    reservation = rows.first()
    removed, _ = rows.delete()
    return reservation if removed else None


def _book(attempt_id: uuid.UUID, token_id: int, total: int, **fields: object) -> bool:
    """Write the usage row, move the totals and free the reserve, once per attempt."""
    with transaction.atomic():
        # The summary first, here and wherever the books change: one order of locks, no deadlock.
        TokenUsageSummary.objects.open(token_id)
        _, created = TokenUsageLog.objects.get_or_create(
            attempt_id=attempt_id,
            defaults={"token_id": token_id, "total_tokens_used": total, **fields},
        )
        if not created:
            return False
        freed = _take_out(attempt_id)
        TokenUsageSummary.objects.filter(token_id=token_id).update(
            total_used_tokens=F("total_used_tokens") + total,
            reserved_tokens=F("reserved_tokens") - (freed.amount if freed else 0),
        )
        # A statement of its own: only after the row is locked is the limit read certainly current.
        TokenUsageSummary.objects.follow_limit(token_id)
        services.mark_exceeded(token_id=token_id)
        services.raise_alerts(token_id=token_id)
    if freed and total > freed.amount:
        logger.error(
            "Attempt %s of token %s was billed %s tokens, more than its reserve of %s.",
            attempt_id,
            token_id,
            total,
            freed.amount,
        )
    return True
