"""Receivers are told when every document of a batch has ended: once for each size of the batch.

Looked for beside the work: of documents that end at the same moment none knows that it is the last.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, F, Max, Q

from extraction.models import Extraction, State, WebhookDelivery, WebhookEndpoint, WebhookEvent
from extraction.webhooks.events import tell
from ocrsite.lib import clock
from ocrsite.lib.database import each_for_itself
from tokens.companies import spellings

# The files of the upload page come one after another: more may follow within so long.
QUIET = timedelta(seconds=30)
# Longer than most stops of every worker.
LOOKED_BACK = timedelta(days=1)
# Keys that one query names: SQL Server takes 2,100 parameters.
NAMED_AT_ONCE = 500
# What a message says of a batch.
_COUNTED = ("documents", *(str(state) for state in State.ended()), "needs_review")


def tell_batches() -> int:
    """Write the messages of batches that ended, each for itself; return how many were new.

    As many queries for a company with many batches as for one with few.
    """
    if not settings.WEBHOOK_HOSTS:
        return 0
    enabled = WebhookEndpoint.objects.filter(enabled=True)
    asked = [each for each in enabled if WebhookEvent.BATCH_ENDED in each.event_list]
    return each_for_itself(lambda endpoint: each_for_itself(_tell, _untold(endpoint)), asked)


@dataclass(frozen=True, slots=True)
class _Ended:
    """A batch whose documents have ended, and the endpoint that is to be told of it."""

    endpoint: WebhookEndpoint
    batch: uuid.UUID
    counts: Mapping[str, int]

    @property
    def event_key(self) -> str:
        """What tells it apart: the batch, and how large it was."""
        return f"{WebhookEvent.BATCH_ENDED}:{self.batch}:{self.counts['documents']}"


def _untold(endpoint: WebhookEndpoint) -> list[_Ended]:
    """The batches that ended lately and are not told to an endpoint yet."""
    ended = [
        _Ended(endpoint, row["batch"], {name: row[name] for name in _COUNTED})
        for row in _ended_lately(endpoint)
        if endpoint.wants(WebhookEvent.BATCH_ENDED, row["client"])
    ]
    told = set[str]()
    for first in range(0, len(ended), NAMED_AT_ONCE):
        keys = [each.event_key for each in ended[first : first + NAMED_AT_ONCE]]
        known = endpoint.deliveries.filter(event_key__in=keys)
        told.update(known.values_list("event_key", flat=True))
    return [each for each in ended if each.event_key not in told]


def _ended_lately(endpoint: WebhookEndpoint) -> Iterable[Mapping[str, Any]]:
    """Batch, client and counts of what ended lately of an endpoint's company, and goes on not."""
    lately = Extraction.objects.filter(
        company_id__in=spellings(endpoint.company_id),
        batch__isnull=False,
        files_removed_at=None,
        finished_at__gt=clock.now() - LOOKED_BACK,
    )
    rows = Extraction.objects.filter(batch__in=lately.order_by().values("batch"))
    return (
        rows.order_by()
        .values("batch")
        .annotate(
            documents=Count("pk"),
            needs_review=Count("pk", filter=Q(needs_review=True)),
            last_sent=Max("created_at"),
            last_ended=Max("finished_at"),
            client=Max("client"),
            over=Count("pk", filter=Q(state__in=State.ended())),
            **{str(state): Count("pk", filter=Q(state=state)) for state in State.ended()},
        )
        .filter(
            over=F("documents"),
            last_sent__lte=clock.now() - QUIET,
            last_ended__gte=endpoint.created_at,
        )
    )


def _tell(ended: _Ended) -> bool:
    endpoint, key = ended.endpoint, ended.event_key
    data = {"company_id": endpoint.company_id, "batch": str(ended.batch), **ended.counts}
    message = tell(endpoint, WebhookEvent.BATCH_ENDED, key, data)
    try:
        with transaction.atomic():
            message.save(force_insert=True)
    except IntegrityError:  # another worker was first
        if not WebhookDelivery.objects.filter(endpoint=endpoint, event_key=key).exists():
            raise
        return False
    return True
