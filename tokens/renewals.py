"""When quotas that are used up renew."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from tokens.room import Shortage

_NEVER = datetime.max.replace(tzinfo=UTC)


def first_renewal(by_key: Iterable[Sequence[Shortage]]) -> Shortage | None:
    """Return the quota whose renewal makes the first key usable; None: that takes staff.

    Given are the quotas of each key that are used up.
    """
    latest = [max(short, key=lambda each: each.ends_at or _NEVER) for short in by_key]
    first = min(latest, key=lambda each: each.ends_at or _NEVER, default=None)
    return first if first and first.ends_at else None


def local_time(short: Shortage) -> str:
    """Return when a quota renews, in its time zone, which is named."""
    zone = short.state.zone
    return f"{(short.ends_at or _NEVER).astimezone(zone):%Y-%m-%d %H:%M} ({zone.key})"
