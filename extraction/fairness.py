"""Whose turn it is: queued extractions are taken round-robin by company.

The rows decide, not the order of messages. One message is sent for each queued row, and each takes
one queued row, so that as many messages as rows are left.
"""

import random
import time
import uuid
from functools import partial

from django.conf import settings
from django.db.models import Q

from extraction.models import Extraction
from ocrsite.lib.database import retry_while_unreachable
from tokens.models.company import folded

# How often a claim may lose to another process. Each time another one went on.
TRIES = 10
# Processes that were woken together and lost to one another part among so many rows.
ROWS_TO_PART_AMONG = 20
# Seconds for which a company without a free key is put off.
PUT_OFF_SECONDS = 1.0
# How many queued rows are counted at most, to say how many come before one.
MOST_COUNTED = 1_000

_put_off_until: dict[str, float] = {}


def ahead_of(extraction: Extraction) -> int:
    """Return how many queued extractions of its company are taken before this queued one.

    Counted up to MOST_COUNTED. Those of other companies take turns with them.
    """
    queued = Extraction.objects.queued().filter(company_id=extraction.company_id)
    due = extraction.due_at
    earlier = queued.filter(Q(due_at__lt=due) | Q(due_at=due, pk__lt=extraction.pk))
    return earlier.order_by("due_at", "pk")[:MOST_COUNTED].count()


def put_off(company_id: str) -> None:
    """Let this process take all other companies first, for PUT_OFF_SECONDS.

    For one whose keys are busy: its claims end at once, so that it would always be the one with the
    fewest running extractions.
    """
    _put_off_until[folded(company_id)] = time.monotonic() + PUT_OFF_SECONDS


def claim_fairest(*, worker: str | None) -> Extraction | None:
    """Lease the oldest queued extraction of the company whose turn it is; None if none is queued.

    That is the one with the fewest running extractions for its weight (COMPANY_WEIGHTS), and of
    several the one served longest ago. None, too, when others were faster in each of TRIES.
    """
    for attempt in range(TRIES):
        rows = retry_while_unreachable(_rows_of_next_company)
        if not rows:
            return None
        among = rows[:ROWS_TO_PART_AMONG] if attempt else rows[:1]
        chosen = random.choice(among)  # noqa: S311 - spreads load, guards no secret
        if (extraction := claim(chosen, worker=worker)) is not None:
            return extraction
    return None


def claim(pk: uuid.UUID, *, worker: str | None) -> Extraction | None:
    """Lease this extraction; None if another process was first.

    Waits for a database that went away, and knows the row again whose claim it did not confirm.
    """
    return retry_while_unreachable(
        partial(Extraction.objects.claim, pk, worker=worker, lease_id=uuid.uuid4())
    )


def _rows_of_next_company() -> list[uuid.UUID]:
    """Some of its queued rows, the oldest first; empty when no company has any."""
    queued = Extraction.objects.queued().oldest_by_company(fold=folded)
    if len(queued) < 2:
        return next(iter(queued.values()), [])
    running = Extraction.objects.running_by_company(fold=folded)
    now = time.monotonic()

    def load(company_id: str) -> tuple[bool, float]:
        weight = settings.COMPANY_WEIGHTS.get(company_id, 1.0)
        return _put_off_until.get(company_id, 0.0) > now, running.get(company_id, 0) / weight

    least = min(map(load, queued))
    tied = {company_id for company_id in queued if load(company_id) == least}
    if len(tied) > 1:
        # From the latest on: what comes last here was served longest ago, or is not listed at all.
        for company_id in Extraction.with_deleted.companies_served_lately(fold=folded):
            if len(tied) > 1:
                tied.discard(company_id)
    return queued[min(tied)]
