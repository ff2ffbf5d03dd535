"""The circuit breakers of keys and projects: no call for as long as their provider asked for.

Closed: calls pass; there is no row. Open: no call before ``CoolDown.blocked_until``. After that the
next caller makes the breaker half-open by a single trial call, which finds out whether the provider
answers again; until it has, the others stay blocked. The state is in rows, so that every process
and host follows it.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache

from django.db.models import OuterRef, Q, Subquery

from ocrsite.lib import clock
from ocrsite.lib.clock import Disturbance
from tokens.models import CoolDown, TokenMaster

# How soon to look again while another process makes the trial call.
HALF_OPEN_RECHECK = timedelta(seconds=1)
# Without staff no key is blocked for longer, whatever its provider asks for.
LONGEST = timedelta(days=1)


@cache
def with_breaker_state() -> Mapping[str, Subquery]:
    """Annotations for a query of keys: what this module asks of a key, without another query.

    Made once: a query copies them.
    """
    rows = CoolDown.objects.filter(
        Q(token=OuterRef("pk")) | Q(project=OuterRef("project"))
    ).order_by("-blocked_until")
    return {
        "blocked_until": Subquery(rows.values("blocked_until")[:1]),
        "half_open": Subquery(rows.values("half_open")[:1]),
    }


def blocked_until(token: TokenMaster) -> datetime | None:
    """Return when to ask again for a key of a query ``with_breaker_state``; None: call now."""
    until: datetime | None = getattr(token, "blocked_until", None)
    now = clock.now()
    if until is None or until <= now:
        return None
    return min(until, now + HALF_OPEN_RECHECK) if getattr(token, "half_open", False) else until


def needs_trial_call(token: TokenMaster) -> bool:
    """Whether the next call of a key that is not blocked is a trial call, which must be claimed.

    The key comes from a query ``with_breaker_state``.
    """
    return getattr(token, "blocked_until", None) is not None


def claim_trial_call(token: TokenMaster, lease: timedelta) -> bool:
    """Make the breaker half-open for the caller alone; False when another was first or it is open.

    A trial call that never ends counts as failed when its lease runs out.
    """
    now = clock.now()
    rows = CoolDown.objects.of(token)
    claimed = [
        pk
        for pk in rows.order_by("pk").values_list("pk", flat=True)
        if rows.filter(pk=pk, blocked_until__lte=now).update(
            blocked_until=now + lease, half_open=True
        )
    ]
    if rows.exclude(pk__in=claimed).exists():
        rows.filter(pk__in=claimed).update(blocked_until=now, half_open=False)
        return False
    return True


def end_trial_call(token: TokenMaster, *, answered: bool) -> None:
    """Close the breakers of the key and its project, or leave the trial to the next call.

    Does nothing to a breaker that is not half-open.
    """
    half_open = CoolDown.objects.of(token).filter(half_open=True)
    if answered:
        half_open.delete()
    else:
        half_open.update(blocked_until=clock.now(), half_open=False)


def trip(token: TokenMaster, until: datetime, reason: str, *, whole_project: bool) -> None:
    """Open the breaker of a key, or of its whole project, until a time.

    The breaker of a key without a project is always its own. The time of an open breaker is never
    shortened, that of a half-open one is: its trial call got the latest answer. It is open for a
    day at most. At most 200 characters of the reason are kept.
    """
    scope: dict[str, object] = (
        {"project": token.project} if whole_project and token.project else {"token_id": token.pk}
    )
    row = CoolDown.objects.filter(**scope)
    until = min(until, clock.now() + LONGEST)
    changed = {"blocked_until": until, "half_open": False, "reason": reason[:200]}
    _, created = CoolDown.objects.get_or_create(**scope, defaults=changed)
    if not created:
        row.filter(Q(half_open=True) | Q(blocked_until__lt=until)).update(**changed)


def reset(token: TokenMaster) -> None:
    """Close the key's own breaker; its project's stays as it is."""
    CoolDown.objects.filter(token_id=token.pk).delete()


def follow_clock(disturbance: Disturbance | None = None) -> None:
    """Leave it to a trial call whether a provider answers, where the time to wait is not known.

    It is not after the wall clock was set back, nor where it is longer than it is ever set.
    """
    now = clock.now()
    latest = now if disturbance is Disturbance.SET_BACK else now + LONGEST
    CoolDown.objects.filter(blocked_until__gt=latest).update(blocked_until=now, half_open=False)
