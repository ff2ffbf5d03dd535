"""The keys of a company that may be taken for a call, with the quotas that it counts towards."""

import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from django.db.models import Exists

from tokens import circuit_breaker, quotas
from tokens.call_cost import Cost
from tokens.models import Company, Provider, TokenMaster, TokenQuerySet
from tokens.quotas import QuotaState
from tokens.room import Room, room_for


@dataclass(frozen=True, slots=True)
class Candidate:
    """A usable key as it stands. Calls with an Offline key cost nothing: no quota applies."""

    token: TokenMaster
    quotas: Sequence[QuotaState]

    def room(self, cost: Cost) -> Room:
        """Return what its limit and its quotas have left for a call."""
        return room_for(self.token, self.quotas, cost)


def usable() -> TokenQuerySet:
    """Return the keys that may be taken, with their totals and circuit breakers."""
    return _with_totals().annotate(**circuit_breaker.with_breaker_state())


def _with_totals() -> TokenQuerySet:
    return TokenMaster.objects.usable().select_related("summary").order_by()


def candidates(
    company_id: str,
    *,
    tried: Collection[int] = (),
    only: int | None = None,
    without: Collection[int] = (),
    for_call: bool = True,
    known_open: bool = False,
) -> Iterator[Candidate]:
    """Yield the keys to try, in random order; Offline ones only when there is no other.

    Those whose ids are in ``tried`` come last, those in ``without`` not at all; with ``only`` no
    other key than this one. Of a closed company, none, unless it is ``known_open``. Without
    ``for_call`` their circuit breakers are not asked for.
    """
    found = (usable() if for_call else _with_totals()).for_company(company_id)
    if not known_open:
        found = found.exclude(Exists(Company.objects.written(company_id).closed()))
    rows = found if only is None else found.filter(pk=only)
    tokens = [token for token in rows if token.pk not in without]
    random.shuffle(tokens)
    tokens.sort(key=lambda token: (token.provider == Provider.OFFLINE, token.pk in tried))
    states = _states(tokens)
    none_online = True
    # Lazily: whether a key is presentable takes its decryption.
    for token in tokens:
        if token.provider == Provider.OFFLINE:
            if none_online:
                yield Candidate(token, ())
        elif token.presentable:
            none_online = False
            yield Candidate(token, states.get(token.pk, ()))


def read_again(candidate: Candidate) -> Candidate | None:
    """Return a candidate as it stands now; None when it is no longer usable."""
    token = usable().filter(pk=candidate.token.pk).first()
    if token is None:
        return None
    return Candidate(token, _states([token]).get(token.pk, ()))


def _states(tokens: Sequence[TokenMaster]) -> dict[int, list[QuotaState]]:
    """The quotas of each key; none is looked for where the totals say that there is none."""
    unknown = [
        token
        for token in tokens
        if token.provider != Provider.OFFLINE
        and not (hasattr(token, "summary") and token.summary.quota_free)
    ]
    return quotas.of_keys(unknown) if unknown else {}
