"""Selection of a company's key for a call, with the cost of the call reserved."""

import math
import random
import uuid
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import NamedTuple

from django.db import transaction

from ocrsite.lib import clock
from ocrsite.lib.errors import UserFacingError
from tokens import circuit_breaker, ledger, rate_limits, services
from tokens.ledger import Reservation
from tokens.models import (
    BY_PROVIDER,
    AlertKind,
    Finding,
    Provider,
    SiteAlert,
    TokenMaster,
    TokenQuerySet,
    TokenStatus,
)
from tokens.rate_limits import LimitReached

# How soon to look again while other calls have reserved what is left of a quota.
QUOTA_RECHECK = timedelta(seconds=1)
CHOSEN_KEY_UNUSABLE = "The key that was chosen cannot be used any more. Choose another one."


class NoUsableKey(UserFacingError):
    """The company has no usable key until staff act (402). ``message`` is the contract's.

    ``code`` is token_expired, token_exceeded or token_missing.
    """

    def __init__(self, code: str, message: str, detail: str) -> None:
        super().__init__(code, message, detail, 402)


class KeysBusy(Exception):
    """The company has usable keys, but none before ``until``.

    Each is blocked by a circuit breaker, at a limit of its calls, or calls under way have reserved
    what is left of its quota.
    """

    def __init__(self, until: datetime) -> None:
        super().__init__(f"no key before {until}")
        self.until = until


class Taken(NamedTuple):
    """A key to call with, and its reservation.

    With ``half_open`` the call is the trial call of the key's circuit breaker: end it with
    ``circuit_breaker.end_trial_call``.
    """

    token: TokenMaster
    reservation: Reservation
    half_open: bool


@dataclass(frozen=True, slots=True)
class Cost:
    """The largest cost of one call, in LLM tokens: the request, and its output with thinking.

    When a key has too little left for ``output_max``, the output is cut, at most to
    ``output_floor``. ``smallest_call`` is what the smallest document costs with that: a key with
    less left becomes Exceeded. None: this call is the smallest.
    """

    fixed: int
    output_max: int
    output_floor: int
    smallest_call: int | None = None

    @property
    def floor(self) -> int:
        """What must be left for this call to be made at all."""
        return self.fixed + self.output_floor


def require_usable(company_id: str) -> None:
    """Raise NoUsableKey unless the company has a usable key."""
    if next(_candidates(company_id), None) is None:
        raise _no_usable_key(company_id)


def require_unblocked(company_id: str) -> None:
    """Raise NoUsableKey unless the company has a key that is neither Expired nor Disabled.

    One whose keys are merely Exceeded may have done what costs nothing.
    """
    keys = TokenMaster.objects.for_company(company_id).unexpired()
    if not keys.filter(status__in=[TokenStatus.ACTIVE, TokenStatus.EXCEEDED]).exists():
        raise _no_usable_key(company_id)


def take(
    company_id: str,
    *,
    attempt_id: uuid.UUID,
    cost_of: Callable[[TokenMaster], Cost],
    lease: timedelta,
    tried: Collection[int] = (),
    only: int | None = None,
) -> Taken:
    """Reserve the call's cost on a usable key, chosen at random.

    Keys whose ids are in ``tried`` come last: what failed with them may succeed with another. With
    ``only`` no other key than this one is taken.
    Raises NoUsableKey, or KeysBusy with the time at which to ask again.
    """
    outcomes = []
    for token in _candidates(company_id, tried, only):
        outcome = _reserve(token, attempt_id, cost_of, lease)
        if isinstance(outcome, Taken):
            return outcome
        outcomes.append(outcome)
    busy = [outcome for outcome in outcomes if isinstance(outcome, datetime)]
    if busy:
        raise KeysBusy(min(busy))
    if not outcomes:
        raise _no_usable_key(company_id) if only is None else _exceeded(CHOSEN_KEY_UNUSABLE)
    if _TooLittle.FOR_ANY_CALL in outcomes:
        # An Offline key, if the company has one, is used now that the others are Exceeded.
        return take(
            company_id,
            attempt_id=attempt_id,
            cost_of=cost_of,
            lease=lease,
            tried=tried,
            only=only,
        )
    raise _exceeded(
        "No key of the company has enough quota left for this document. "
        "Ask support to raise the limit."
    )


def require_free(
    company_id: str, *, cost_of: Callable[[TokenMaster], Cost], only: int | None = None
) -> None:
    """Raise KeysBusy when none of the company's keys, or not ``only`` this, could take the call.

    Reserves nothing, and looks at no more keys than it must: when the call is made, ``take``
    decides. Nor does it say why a company has no usable key.
    """
    busy = []
    for token in _candidates(company_id, only=only):
        match _room(token, cost_of):
            case datetime() as until:
                busy.append(until)
            case float():
                return
    if busy:
        raise KeysBusy(min(busy))


def room(company_id: str, *, cost_of: Callable[[TokenMaster], Cost]) -> float:
    """Return how many calls of this cost the company's keys could take now, at most.

    Infinite where nothing limits them, and where no key is worth waiting for: ``take`` says why.
    """
    rooms = [_room(token, cost_of) for token in _candidates(company_id)]
    if all(found is None for found in rooms):
        return math.inf
    return sum(found for found in rooms if isinstance(found, float))


def another_is_free(token: TokenMaster) -> bool:
    """Whether the company has another usable key, which can be called at once."""
    others = _usable().for_company(token.company_id).exclude(pk=token.pk)
    return any(
        other.provider != Provider.OFFLINE
        and other.presentable
        and not circuit_breaker.blocked_until(other)
        for other in others
    )


def disable_key(token: TokenMaster, reason: str) -> None:
    """Disable a key that its provider calls invalid, and record the reason.

    Does nothing when staff replaced the key since ``token`` was read.
    """
    with transaction.atomic():
        current = TokenMaster.objects.select_for_update().get(pk=token.pk)
        if current.holds_key_of(token):
            services.change_status(
                tokens=TokenMaster.objects.filter(pk=token.pk),
                status=TokenStatus.DISABLED,
                reason=reason,
                by=BY_PROVIDER,
            )
            told = Finding(f"Key {token} is disabled: {reason}"[:500], token.company_id)
            SiteAlert.objects.raise_once(AlertKind.KEY_REJECTED, f"key {token.pk}", told)


class _TooLittle(Enum):
    """A key's quota is not enough."""

    FOR_THIS_CALL = auto()
    FOR_ANY_CALL = auto()


def _room(token: TokenMaster, cost_of: Callable[[TokenMaster], Cost]) -> float | datetime | None:
    """How many such calls this key could take now, or when to ask again; None: too little quota."""
    if blocked_until := circuit_breaker.blocked_until(token):
        return blocked_until
    left = rate_limits.calls_left(token.pk, token.call_limits)
    if isinstance(left, datetime):
        return left
    cost = cost_of(token)
    if token.unspent < cost.floor:
        return None
    if token.free < cost.floor:
        return clock.now() + QUOTA_RECHECK
    if circuit_breaker.needs_trial_call(token):
        return 1.0
    most = cost.fixed + cost.output_max
    # The last one may have less than the most.
    by_quota = (token.free - cost.floor) // most + 1.0 if most else math.inf
    return float(min(left, by_quota))


def _reserve(
    token: TokenMaster,
    attempt_id: uuid.UUID,
    cost_of: Callable[[TokenMaster], Cost],
    lease: timedelta,
) -> Taken | datetime | _TooLittle:
    """Reserve the call's cost on this key, or return when to ask again, or why never."""
    if blocked_until := circuit_breaker.blocked_until(token):
        return blocked_until
    cost = cost_of(token)
    current: TokenMaster | None = token
    while current and current.free >= cost.floor:
        output_budget = min(cost.output_max, current.free - cost.fixed)
        try:
            reservation = ledger.reserve(
                token.pk,
                attempt_id=attempt_id,
                amount=cost.fixed + output_budget,
                output_budget=output_budget,
                lease=lease,
                limits=current.call_limits,
            )
        except LimitReached as limit:
            return limit.until
        if reservation:
            half_open = circuit_breaker.needs_trial_call(token)
            if half_open and not circuit_breaker.claim_trial_call(token, lease):
                ledger.release(attempt_id)
                return clock.now() + circuit_breaker.HALF_OPEN_RECHECK
            return Taken(current, reservation, half_open)
        # Another call reserved first: read what it left.
        current = _usable().filter(pk=token.pk).first()
    if current is None:
        return _TooLittle.FOR_ANY_CALL  # it is no longer usable
    if current.unspent >= cost.floor:
        return clock.now() + QUOTA_RECHECK
    smallest = cost.floor if cost.smallest_call is None else cost.smallest_call
    if services.mark_exceeded(token_id=token.pk, smallest_call=smallest):
        return _TooLittle.FOR_ANY_CALL
    return _TooLittle.FOR_THIS_CALL


def _usable() -> TokenQuerySet:
    return (
        TokenMaster.objects.usable()
        .select_related("summary")
        .annotate(**circuit_breaker.with_breaker_state())
        .order_by()
    )


def _candidates(
    company_id: str, tried: Collection[int] = (), only: int | None = None
) -> Iterator[TokenMaster]:
    """The keys to try, in random order; Offline ones only when there is no other."""
    usable = _usable().for_company(company_id)
    tokens = list(usable if only is None else usable.filter(pk=only))
    random.shuffle(tokens)
    tokens.sort(key=lambda token: (token.provider == Provider.OFFLINE, token.pk in tried))
    none_online = True
    # Lazily: whether a key is presentable takes its decryption.
    for token in tokens:
        if token.provider == Provider.OFFLINE:
            if none_online:
                yield token
        elif token.presentable:
            none_online = False
            yield token


def _no_usable_key(company_id: str) -> NoUsableKey:
    """Say why a company without a usable key has none: Expired before Exceeded and Disabled."""
    statuses = {token.effective_status for token in TokenMaster.objects.for_company(company_id)}
    if not statuses:
        return NoUsableKey(
            "token_missing",
            "No active token found for your company. Please contact support.",
            "No key is stored for this company. Check the company id, or ask support for a key.",
        )
    if TokenStatus.EXPIRED in statuses and TokenStatus.ACTIVE not in statuses:
        return NoUsableKey(
            "token_expired",
            "Your AI token has expired. Please renew your subscription.",
            "A key of the company has expired and none is active. Renew the subscription to go on.",
        )
    return _exceeded(
        "The company's keys are used up, disabled, unreadable or of an unknown provider. "
        "Ask support to check them."
    )


def _exceeded(detail: str) -> NoUsableKey:
    return NoUsableKey(
        "token_exceeded",
        "Your AI token is no longer available or has been disabled. Please contact support.",
        detail,
    )
