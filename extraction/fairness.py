"""Whose turn it is: queued extractions are taken round-robin by company.

The rows decide, not the order of messages. One message is sent for each queued row, and each takes
one queued row, so that as many messages as rows are left.
"""

import random
import uuid
from collections.abc import Collection

from django.conf import settings

from extraction.models import Extraction

# How often a claim may lose to another process. Each time another one went on.
TRIES = 10
# Processes that were woken together and lost to one another part among so many rows.
ROWS_TO_PART_AMONG = 20


def claim_fairest(
    *, worker: str | None, at_last: Collection[str] = frozenset()
) -> Extraction | None:
    """Lease the oldest queued extraction of the company whose turn it is; None if none is queued.

    That is the one with the fewest running extractions for its weight (COMPANY_WEIGHTS), and of
    several the one served longest ago. Companies ``at_last`` come after all others. None, too, when
    others were faster in each of TRIES.
    """
    for attempt in range(TRIES):
        rows = _rows_of_next_company(at_last)
        if not rows:
            return None
        among = rows[:ROWS_TO_PART_AMONG] if attempt else rows[:1]
        chosen = random.choice(among)  # noqa: S311 - spreads load, guards no secret
        if (extraction := Extraction.objects.claim(chosen, worker=worker)) is not None:
            return extraction
    return None


def _rows_of_next_company(at_last: Collection[str]) -> list[uuid.UUID]:
    """Some of its queued rows, the oldest first; empty when no company has any."""
    queued = Extraction.objects.queued().oldest_by_company()
    if len(queued) < 2:
        return next(iter(queued.values()), [])
    running = Extraction.objects.running_by_company()

    def load(company_id: str) -> tuple[bool, float]:
        weight = settings.COMPANY_WEIGHTS.get(company_id, 1.0)
        return company_id in at_last, running.get(company_id, 0) / weight

    least = min(map(load, queued))
    tied = {company_id for company_id in queued if load(company_id) == least}
    if len(tied) > 1:
        # From the latest on: what comes last here was served longest ago, or is not listed at all.
        for company_id in Extraction.objects.companies_served_lately():
            if len(tied) > 1:
                tied.discard(company_id)
    return queued[min(tied)]
