"""When a failed call is made again: a pure function of the retries made."""

import random
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential back-off: the wait before retry n is initial × multiplier^(n-1), capped.

    Times are seconds. ``limit`` counts retries, so that limit + 1 calls are made at most.
    With jitter the wait is drawn from its upper half, so that calls that failed together do
    not come back together.
    """

    limit: int
    initial: float
    multiplier: float
    cap: float
    jitter: bool

    @classmethod
    def from_settings(cls) -> "RetryPolicy":
        """The policy of this installation."""
        return cls(
            limit=settings.RETRY_LIMIT,
            initial=settings.RETRY_INITIAL_SECONDS,
            multiplier=settings.RETRY_MULTIPLIER,
            cap=settings.RETRY_CAP_SECONDS,
            jitter=settings.RETRY_JITTER,
        )

    def delay(self, retries_made: int, retry_after: float | None = None) -> timedelta | None:
        """Return the wait before the next retry, or None when every retry has been made."""
        return None if retries_made >= self.limit else self.wait(retries_made, retry_after)

    def wait_after(self, elapsed: timedelta) -> timedelta:
        """Return the wait before work is tried again that has failed for so long already.

        Waits grow with the time that has gone by, between ``initial`` and ``cap``: as after single
        calls, but nobody needs to count the tries.
        """
        grown = elapsed.total_seconds() * (self.multiplier - 1)
        return self._jittered(min(max(self.initial, grown), self.cap))

    def _jittered(self, wait: float, at_least: float = 0.0) -> timedelta:
        if self.jitter:
            wait *= random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards no secret
        return timedelta(seconds=max(wait, at_least))

    def wait(self, retries_made: int, retry_after: float | None = None) -> timedelta:
        """Return the wait after so many retries, however many there may be.

        It is never shorter than ``retry_after`` (seconds), which the server asked for, even where
        that is above the cap.
        """
        wait = min(self.initial * self.multiplier**retries_made, self.cap)
        return self._jittered(wait, retry_after or 0.0)
