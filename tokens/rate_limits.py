"""The limits of a key's calls: how many at once, and how many that begin in a minute."""

import math
from datetime import datetime, timedelta

from django.db.models import Q

from ocrsite.lib import clock
from tokens.models import CallLimits, RecentCall, TokenReservation

# A call reaches the provider a moment after it is counted here. The extra second keeps two calls
# that are a minute apart here from being less than a minute apart there.
WINDOW = timedelta(seconds=61)
# The clocks of several hosts differ by less.
CLOCKS_DIFFER_BY = timedelta(seconds=5)
# How soon to look again while too many calls are under way: nobody knows when they end.
RECHECK = timedelta(seconds=1)


class LimitReached(Exception):
    """One more call would exceed a limit of the key; ``until`` is when to ask again."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"at its limit until {until}")
        self.until = until


def calls_left(token_id: int, limits: CallLimits) -> float | datetime:
    """Return how many more calls may begin now, or when to ask again if none may.

    Counts nothing: when the call is made, ``count_call`` decides.
    """
    left = math.inf
    now = clock.now()
    if limits.at_once is not None:
        left = limits.at_once - TokenReservation.objects.filter(token_id=token_id).count()
        if left <= 0:
            return now + RECHECK
    if limits.per_minute is not None:
        calls = RecentCall.objects.filter(token_id=token_id).exclude(_outside(now))
        began = list(calls.order_by("began_at").values_list("began_at", flat=True))
        if len(began) >= limits.per_minute:
            return _next_minute(began, limits.per_minute, now)
        left = min(left, limits.per_minute - len(began))
    return left


def count_call(token_id: int, under_way: int, limits: CallLimits) -> None:
    """Count a call that is about to begin, or raise LimitReached.

    ``under_way`` includes it. The caller's transaction has the key's totals locked, so that two
    calls are never both counted as the last allowed one, and rolls back when this raises.
    """
    now = clock.now()
    if limits.at_once is not None and under_way > limits.at_once:
        raise LimitReached(now + RECHECK)
    if limits.per_minute is None:
        return
    calls = RecentCall.objects.filter(token_id=token_id)
    calls.filter(_outside(now)).delete()
    began = list(calls.order_by("began_at").values_list("began_at", flat=True))
    if len(began) >= limits.per_minute:
        raise LimitReached(_next_minute(began, limits.per_minute, now))
    RecentCall.objects.create(token_id=token_id, began_at=now)


def _next_minute(began: list[datetime], per_minute: int, now: datetime) -> datetime:
    """When so many calls will have left the window that one more fits; with a limit of 0, none."""
    return (began[-per_minute] if per_minute else now) + WINDOW


def _outside(now: datetime) -> Q:
    """The calls that do not count: those of more than a minute ago, and those in the future.

    The latter began before the clock was set back, and nobody knows when.
    """
    return Q(began_at__lte=now - WINDOW) | Q(began_at__gt=now + CLOCKS_DIFFER_BY)
