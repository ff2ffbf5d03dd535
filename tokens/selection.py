"""Company and cost → a key to use with its quota reserved, or the reason why there is none."""

import random
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta

from tokens import ledger
from tokens.changes import PROVIDER
from tokens.ledger import Reservation
from tokens.models import Provider, TokenMaster, TokenQuerySet, TokenStatus


class NoToken(Exception):
    """No key of the company will do until staff act. ``message`` is the contract's.

    ``code`` is token_expired, token_exceeded or token_missing; ``detail`` says what to do.
    """

    http_status = 402

    def __init__(self, code: str, message: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.message = message
        self.detail = detail


class TokensBusy(Exception):
    """Only the live reservations of other calls are in the way: try again shortly."""


class NoOtherKey(Exception):
    """The company has usable keys, but none beside those that the caller must avoid."""


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
    """Refuse early what cannot be served: raises NoToken unless the company has a usable key."""
    if not _candidates(company_id):
        raise _refusal(company_id)


def take(
    company_id: str,
    *,
    attempt_id: uuid.UUID,
    cost_of: Callable[[TokenMaster], Cost],
    lease: timedelta,
    avoid: Collection[int] = (),
) -> tuple[TokenMaster, Reservation]:
    """Reserve the call's cost on a usable key, chosen at random, and return both.

    Raises NoToken, TokensBusy, or NoOtherKey when every usable key is one to ``avoid``.
    """
    usable = _candidates(company_id)
    if not usable:
        raise _refusal(company_id)
    candidates = [token for token in usable if token.pk not in avoid]
    if not candidates:
        raise NoOtherKey
    random.shuffle(candidates)
    busy = spent = False
    for candidate in candidates:
        cost = cost_of(candidate)
        token: TokenMaster | None = candidate
        while token and token.free >= cost.floor:
            output_budget = min(cost.output_max, token.free - cost.fixed)
            reservation = ledger.reserve(
                token.pk,
                attempt_id=attempt_id,
                amount=cost.fixed + output_budget,
                output_budget=output_budget,
                lease=lease,
            )
            if reservation:
                return token, reservation
            # Another call was faster: see what it left.
            token = _usable().filter(pk=token.pk).first()
        if token and token.unspent >= cost.floor:
            busy = True
        elif token:
            smallest = cost.floor if cost.smallest_call is None else cost.smallest_call
            spent |= TokenMaster.objects.mark_spent(token.pk, smallest)
    if busy:
        raise TokensBusy
    if spent:
        # The company may have an Offline key, which serves now that the others are Exceeded.
        return take(company_id, attempt_id=attempt_id, cost_of=cost_of, lease=lease, avoid=avoid)
    raise _exceeded(
        "No key of the company has enough quota left for this document. "
        "Ask support to raise the limit."
    )


def reject(token_id: int, reason: str) -> None:
    """Disable a key that its provider calls invalid, and keep the reason for staff."""
    TokenMaster.objects.filter(pk=token_id).change_status(TokenStatus.DISABLED, reason, by=PROVIDER)


def _usable() -> TokenQuerySet:
    return TokenMaster.objects.usable().select_related("summary")


def _candidates(company_id: str) -> list[TokenMaster]:
    """The keys to choose from: Offline ones only where there is no other."""
    tokens = [token for token in _usable().for_company(company_id) if token.presentable]
    return [token for token in tokens if token.provider != Provider.OFFLINE] or tokens


def _refusal(company_id: str) -> NoToken:
    """Say why a company without a usable key has none."""
    statuses = {token.effective_status for token in TokenMaster.objects.for_company(company_id)}
    if not statuses:
        return NoToken(
            "token_missing",
            "No active token found for your company. Please contact support.",
            "No key is stored for this company. Check the company id, or ask support for a key.",
        )
    if statuses == {TokenStatus.EXPIRED}:
        return NoToken(
            "token_expired",
            "Your AI token has expired. Please renew your subscription.",
            "Every key of the company has expired. Renew the subscription to go on.",
        )
    return _exceeded(
        "The company's keys are used up, disabled or unreadable. Ask support to check them."
    )


def _exceeded(detail: str) -> NoToken:
    return NoToken(
        "token_exceeded",
        "Your AI token is no longer available or has been disabled. Please contact support.",
        detail,
    )
