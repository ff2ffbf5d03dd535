"""Selection of a company's key for a call, with the cost of the call reserved."""

import math
import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction

from ocrsite.lib import clock
from ocrsite.lib.errors import UserFacingError
from tokens import circuit_breaker, companies, ledger, rate_limits, services
from tokens.call_cost import Cost
from tokens.candidates import Candidate, candidates, read_again, usable
from tokens.ledger import Reservation
from tokens.models import BY_PROVIDER, Provider, TokenMaster, TokenStatus
from tokens.rate_limits import LimitReached
from tokens.renewals import first_renewal, local_time
from tokens.room import Shortage, of_company

# How soon to look again while other calls have reserved what is left of a quota.
QUOTA_RECHECK = timedelta(seconds=1)
CHOSEN_KEY_UNUSABLE = "The key that was chosen cannot be used any more. Choose another one."


class NoUsableKey(UserFacingError):
    """The company has no usable key until staff act, or a quota renews (402).

    ``message`` is the contract's; ``code`` is token_expired, token_exceeded or token_missing.
    ``retry_after`` is the time until the quota renews.
    """

    def __init__(
        self,
        code: str,
        message: str,
        detail: str,
        http_status: int = 402,
        *,
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(code, message, detail, http_status, retry_after=retry_after)


class CompanyClosed(NoUsableKey):
    """The company is closed, so that no key of it is used (403). ``code`` is company_closed."""

    def __init__(self) -> None:
        super().__init__(
            "company_closed",
            "This company is closed.",
            "Its documents are not read until it is opened again. Please contact support.",
            403,
        )


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


def require_open(company_id: str) -> None:
    """Raise CompanyClosed for a company that is closed, however its id is written."""
    if companies.is_closed(company_id):
        raise CompanyClosed


def require_usable(
    company_id: str,
    *,
    cost_of: Callable[[TokenMaster], Cost] | None = None,
    known_open: bool = False,
) -> None:
    """Raise NoUsableKey unless the company, which may be ``known_open``, has a usable key.

    One with a quota that is used up for this period is not usable, nor one with too little left in
    it for a call that costs so much at least, nor one with a quota in money that cannot count it.
    """
    used_up: dict[int, list[Shortage]] = {}
    for _online_then_offline in range(2):
        found = candidates(company_id, without=used_up, for_call=False, known_open=known_open)
        for candidate in found:
            if cost_of:
                blocking = candidate.room(cost_of(candidate.token)).short()
            else:
                blocking = [Shortage(state) for state in candidate.quotas if state.is_used_up]
            if not blocking:
                return
            used_up[candidate.token.pk] = blocking
        if not used_up:
            raise _no_usable_key(company_id)
    _tell_unpriced(used_up.values())
    raise _used_up(used_up.values())


def require_unblocked(company_id: str) -> None:
    """Raise NoUsableKey unless the company has a key that is neither Expired nor Disabled.

    One whose keys are merely Exceeded may have done what costs nothing; a closed one may not.
    """
    require_open(company_id)
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
    used_up: dict[int, Sequence[Shortage]] = {}
    while True:
        outcomes: dict[int, datetime | _TooLittle] = {}
        for candidate in candidates(company_id, tried=tried, only=only, without=used_up):
            outcome = _reserve(candidate, attempt_id, cost_of, lease)
            if isinstance(outcome, Taken):
                return outcome
            outcomes[candidate.token.pk] = outcome
        busy = [outcome for outcome in outcomes.values() if isinstance(outcome, datetime)]
        if busy:
            raise KeysBusy(min(busy))
        too_little = {
            pk: outcome for pk, outcome in outcomes.items() if isinstance(outcome, _TooLittle)
        }
        # An Offline key, if the company has one, is used now that the others are Exceeded.
        if not any(outcome.for_any_call for outcome in too_little.values()):
            break
        used_up |= {pk: outcome.quotas for pk, outcome in too_little.items() if outcome.quotas}
        _tell_unpriced(used_up.values())
    if too_little:
        raise _too_large([outcome.quotas for outcome in too_little.values()])
    if used_up:
        raise _used_up(used_up.values())
    require_open(company_id)
    raise _no_usable_key(company_id) if only is None else _exceeded(CHOSEN_KEY_UNUSABLE)


def require_free(
    company_id: str, *, cost_of: Callable[[TokenMaster], Cost], only: int | None = None
) -> None:
    """Raise KeysBusy when none of the company's keys, or not ``only`` this, could take the call.

    Reserves nothing, and looks at no more keys than it must: when the call is made, ``take``
    decides. Nor does it say why a company has no usable key.
    """
    busy = []
    for candidate in candidates(company_id, only=only):
        match _room(candidate, cost_of):
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
    found = list(candidates(company_id))
    rooms = [_room(candidate, cost_of) for candidate in found]
    if all(each is None for each in rooms):
        return math.inf
    of_all = [of_company(candidate.room(cost_of(candidate.token))) for candidate in found]
    return min(sum(each for each in rooms if isinstance(each, float)), *of_all)


def another_is_free(token: TokenMaster) -> bool:
    """Whether the company has another usable key, which can be called at once."""
    others = usable().for_company(token.company_id).exclude(pk=token.pk)
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
            services.tell_rejected(token, reason)


@dataclass(frozen=True, slots=True)
class _TooLittle:
    """A key's limit, or these quotas of it in their current periods, are not enough."""

    for_any_call: bool
    quotas: Sequence[Shortage] = ()


def _room(candidate: Candidate, cost_of: Callable[[TokenMaster], Cost]) -> float | datetime | None:
    """How many such calls this key could take now, or when to ask again; None: too little quota."""
    token = candidate.token
    if blocked_until := circuit_breaker.blocked_until(token):
        return blocked_until
    left = rate_limits.calls_left(token.pk, token.call_limits)
    if isinstance(left, datetime):
        return left
    room = candidate.room(cost_of(token))
    if not room.is_left:
        return None
    if not room.is_free:
        return clock.now() + QUOTA_RECHECK
    if circuit_breaker.needs_trial_call(token):
        return 1.0
    return float(min(left, room.calls))


def _reserve(
    candidate: Candidate,
    attempt_id: uuid.UUID,
    cost_of: Callable[[TokenMaster], Cost],
    lease: timedelta,
) -> Taken | datetime | _TooLittle:
    """Reserve the call's cost on this key, or return when to ask again, or why never."""
    token = candidate.token
    if blocked_until := circuit_breaker.blocked_until(token):
        return blocked_until
    cost = cost_of(token)
    current: Candidate | None = candidate
    while current and (room := current.room(cost)).is_free:
        output_budget = room.output_budget
        try:
            reservation = ledger.reserve(
                token.pk,
                attempt_id=attempt_id,
                amount=cost.fixed + output_budget,
                output_budget=output_budget,
                lease=lease,
                limits=current.token.call_limits,
                model=cost.model,
            )
        except LimitReached as limit:
            return limit.until
        if reservation:
            half_open = circuit_breaker.needs_trial_call(token)
            if half_open and not circuit_breaker.claim_trial_call(token, lease):
                ledger.release(attempt_id)
                return clock.now() + circuit_breaker.HALF_OPEN_RECHECK
            return Taken(current.token, reservation, half_open)
        # Another call reserved first: read what it left.
        current = read_again(current)
    if current is None:
        return _TooLittle(for_any_call=True)  # it is no longer usable
    if room.is_left:
        return clock.now() + QUOTA_RECHECK
    if services.mark_exceeded(token_id=token.pk, smallest_call=cost.smallest):
        return _TooLittle(for_any_call=True)
    if used_up := room.short(of_smallest=True):
        return _TooLittle(for_any_call=True, quotas=used_up)
    return _TooLittle(for_any_call=False, quotas=room.short())


def _no_usable_key(company_id: str) -> NoUsableKey:
    """Say why a company without a usable key has none: Expired before Exceeded and Disabled."""
    if companies.is_closed(company_id):
        return CompanyClosed()
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


def _tell_unpriced(by_key: Iterable[Sequence[Shortage]]) -> None:
    """Tell staff which models have no price in the currency of a quota."""
    for unpriced in {short.unpriced: None for shortages in by_key for short in shortages}:
        if unpriced is not None:
            unpriced.raise_alert()


def _used_up(by_key: Collection[Sequence[Shortage]]) -> NoUsableKey:
    """Every key has quotas that are used up: say when the first of the keys can be used again."""
    first = first_renewal(by_key)
    if first is None:
        for unpriced in (short.unpriced for shortages in by_key for short in shortages):
            if unpriced is not None:
                return _exceeded(
                    f"A quota in {unpriced.currency} is set, and the model {unpriced.model} has no "
                    "price in it. Ask support to enter the price."
                )
        return _exceeded(
            "A quota of the company or of its keys is used up. Ask support to raise it."
        )
    return _exceeded(
        "A quota of the company or of its keys is used up for this period. "
        f"It renews at {local_time(first)}.",
        renews_at=first.ends_at,
    )


def _too_large(by_key: Iterable[Sequence[Shortage]]) -> NoUsableKey:
    """Every key has too little left for this document, and enough for others."""
    first = first_renewal(quotas for quotas in by_key if quotas)
    if first is None:
        return _exceeded(
            "No key of the company has enough quota left for this document. "
            "Ask support to raise the limit."
        )
    return _exceeded(
        "No key of the company has enough quota left for this document. "
        f"Ask support to raise the limit. A quota renews at {local_time(first)}."
    )


def _exceeded(detail: str, *, renews_at: datetime | None = None) -> NoUsableKey:
    return NoUsableKey(
        "token_exceeded",
        "Your AI token is no longer available or has been disabled. Please contact support.",
        detail,
        retry_after=renews_at - clock.now() if renews_at else None,
    )
