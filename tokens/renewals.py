"""When quotas that are used up renew."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from tokens.quotas import QuotaState

_NEVER = datetime.max.replace(tzinfo=UTC)


def first_renewal(by_key: Iterable[Sequence[QuotaState]]) -> QuotaState | None:
    """Return the quota whose renewal makes the first key usable; None: that takes staff.

    Given are the quotas of each key that are used up.
    """
    latest = [max(quotas, key=lambda state: state.resets_at or _NEVER) for quotas in by_key]
    first = min(latest, key=lambda state: state.resets_at or _NEVER, default=None)
    return first if first and first.resets_at else None


def local_time(state: QuotaState) -> str:
    """Return when a quota renews, in its time zone, which is named."""
    return f"{(state.resets_at or _NEVER).astimezone(state.zone):%Y-%m-%d %H:%M} ({state.zone.key})"
