"""Company and cost → a key to use with its quota reserved, or the reason why there is none."""

import random
import uuid
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from ocrsite.lib.errors import UserFacingError
from tokens import circuit_breaker, ledger
from tokens.circuit_breaker import Held
from tokens.ledger import Reservation
from tokens.models import Provider, TokenMaster, TokenQuerySet, TokenStatus
from tokens.models.changes import PROVIDER
from tokens.rate_limits import LimitReached

# How soon to look again when other calls hold what is left of a quota.
QUOTA_RECHECK = timedelta(seconds=1)


class NoUsableKey(UserFacingError):
    """No key of the company will do until staff act (402). ``message`` is the contract's.

    ``code`` is token_expired, token_exceeded or token_missing.
    """

    def __init__(self, code: str, message: str, detail: str) -> None:
        super().__init__(code, message, detail, 402)


class KeysBusy(Exception):
    """The company has usable keys, but none before ``until``.

    They cool down, are at a limit of their calls, or calls under way hold what is left of their
    quota.
    """

    def __init__(self, until: datetime) -> None:
        super().__init__(f"no key before {until}")
        self.until = until


class Taken(NamedTuple):
    """A key to call with. A ``probe`` is the first call after a cool-down: tell how it went."""

    token: TokenMaster
    reservation: Reservation
    probe: bool


@dataclass(frozen=True, slots=True)
class Cost:
    """The largest cost of one call, in LLM tokens: the request, and its output with thinking.

    The output may be cut from ``output_max`` down to ``output_floor`` by what a key has left.
    ``smallest_call`` is what the smallest document costs at the floor: a key with less left is
    Exceeded. Without it, this call counts as the smallest.
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
        raise _refusal(company_id)


def take(
    company_id: str,
    *,
    attempt_id: uuid.UUID,
    cost_of: Callable[[TokenMaster], Cost],
    lease: timedelta,
    tried: Collection[int] = (),
) -> Taken:
    """Reserve the call's cost on a usable key, chosen at random.

    Those whose ids are in ``tried`` come last: what failed there may do with another. Raises
    NoUsableKey, or KeysBusy with the time at which to ask again.
    """
    outcomes = []
    for token in _candidates(company_id, tried):
        outcome = _reserve(token, attempt_id, cost_of, lease)
        if isinstance(outcome, Taken):
            return outcome
        outcomes.append(outcome)
    held = [outcome.until for outcome in outcomes if isinstance(outcome, Held)]
    if held:
        raise KeysBusy(min(held))
    if not outcomes:
        raise _refusal(company_id)
    if _TooLittle.FOR_ANY_CALL in outcomes:
        # The company may have an Offline key, which serves now that the others are Exceeded.
        return take(company_id, attempt_id=attempt_id, cost_of=cost_of, lease=lease, tried=tried)
    raise _exceeded(
        "No key of the company has enough quota left for this document. "
        "Ask support to raise the limit."
    )


def another_is_free(token: TokenMaster) -> bool:
    """Whether the company has a usable key that needs no waiting, beside one that does."""
    others = _usable().for_company(token.company_id).exclude(pk=token.pk)
    return any(
        other.provider != Provider.OFFLINE and other.presentable and not circuit_breaker.held(other)
        for other in others
    )


def disable_key(token: TokenMaster, reason: str) -> None:
    """Disable a key that its provider calls invalid, and keep the reason for staff.

    A key that staff replaced since ``token`` was read is another one, and stays.
    """
    with transaction.atomic():
        current = TokenMaster.objects.select_for_update().get(pk=token.pk)
        if current.holds_key_of(token):
            TokenMaster.objects.filter(pk=token.pk).change_status(
                TokenStatus.DISABLED, reason, by=PROVIDER
            )


class _TooLittle(Enum):
    """Why a key's quota does not do."""

    FOR_THIS_CALL = auto()
    FOR_ANY_CALL = auto()


def _reserve(
    token: TokenMaster,
    attempt_id: uuid.UUID,
    cost_of: Callable[[TokenMaster], Cost],
    lease: timedelta,
) -> Taken | Held | _TooLittle:
    """Set the call's cost aside on this key, or say why not."""
    if held := circuit_breaker.held(token):
        return held
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
            return limit.held
        if reservation:
            if circuit_breaker.needs_probe(token) and not circuit_breaker.claim_probe(token, lease):
                ledger.release(attempt_id)
                return Held(timezone.now() + circuit_breaker.PROBE_RECHECK)
            return Taken(current, reservation, circuit_breaker.needs_probe(token))
        # Another call was faster: see what it left.
        current = _usable().filter(pk=token.pk).first()
    if current is None:
        return _TooLittle.FOR_ANY_CALL  # it went out of use a moment ago
    if current.unspent >= cost.floor:
        return Held(timezone.now() + QUOTA_RECHECK)
    smallest = cost.floor if cost.smallest_call is None else cost.smallest_call
    if TokenMaster.objects.mark_spent(token.pk, smallest):
        return _TooLittle.FOR_ANY_CALL
    return _TooLittle.FOR_THIS_CALL


def _usable() -> TokenQuerySet:
    return (
        TokenMaster.objects.usable()
        .select_related("summary")
        .annotate(**circuit_breaker.with_cool_down())
        .order_by()
    )


def _candidates(company_id: str, tried: Collection[int] = ()) -> Iterator[TokenMaster]:
    """The keys to try, in random order: Offline ones only where there is no other."""
    tokens = list(_usable().for_company(company_id))
    random.shuffle(tokens)
    tokens.sort(key=lambda token: (token.provider == Provider.OFFLINE, token.pk in tried))
    none_online = True
    # Lazily: to look at a key is to decrypt it.
    for token in tokens:
        if token.provider == Provider.OFFLINE:
            if none_online:
                yield token
        elif token.presentable:
            none_online = False
            yield token


def _refusal(company_id: str) -> NoUsableKey:
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
        "The company's keys are used up, disabled or unreadable. Ask support to check them."
    )


def _exceeded(detail: str) -> NoUsableKey:
    return NoUsableKey(
        "token_exceeded",
        "Your AI token is no longer available or has been disabled. Please contact support.",
        detail,
    )
