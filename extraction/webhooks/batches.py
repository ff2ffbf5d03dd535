"""Receivers are told when every document of a batch has ended: once for each size of the batch.

Looked for beside the work: of documents that end at the same moment none knows that it is the last.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, Max, Q, QuerySet

from extraction.models import (
    EarlierDocument,
    Extraction,
    State,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
)
from extraction.models.batch import in_batch
from extraction.webhooks.events import tell
from ocrsite.lib import clock
from ocrsite.lib.database import each_for_itself
from tokens.companies import spellings

# The files of the upload page come one after another: more may follow within so long.
QUIET = timedelta(seconds=30)
# Longer than most stops of every worker.
LOOKED_BACK = timedelta(days=1)


def tell_batches() -> int:
    """Write the messages of batches that ended, each for itself; return how many were new.

    One that was told is not looked at again before more of it ends: a day has thousands.
    """
    if not settings.WEBHOOK_HOSTS:
        return 0
    enabled = WebhookEndpoint.objects.filter(enabled=True)
    asked = [each for each in enabled if WebhookEvent.BATCH_ENDED in each.event_list]
    return each_for_itself(_tell_endpoint, asked)


@dataclass(frozen=True, slots=True)
class _Ended:
    """What is known of a batch at one look: what ended last of it, or came, and how much did."""

    endpoint_id: uuid.UUID
    client: str
    batch: uuid.UUID
    seen: tuple[tuple[datetime, int] | None, tuple[datetime, int] | None]


# Of which nothing is left to be told while they stay the same.
_done: set[_Ended] = set()


def _tell_endpoint(endpoint: WebhookEndpoint) -> int:
    found = set(_ended_lately(endpoint))
    _done.difference_update(
        [each for each in _done if each.endpoint_id == endpoint.pk and each not in found]
    )
    return each_for_itself(partial(_tell, endpoint), found - _done)


def _ended_lately(endpoint: WebhookEndpoint) -> Iterator[_Ended]:
    """The batches of a company of which something ended lately, or had been read before."""
    since = clock.now() - LOOKED_BACK
    companies = spellings(endpoint.company_id)
    lately = Extraction.objects.filter(
        company_id__in=companies,
        batch__isnull=False,
        files_removed_at=None,
        finished_at__gt=since,
    )
    earlier = EarlierDocument.objects.filter(
        extraction__company_id__in=companies, created_at__gt=since
    )
    ended, sent = _last(lately, "finished_at"), _last(earlier, "created_at")
    for batch in ended.keys() | sent.keys():
        seen = ended.get(batch), sent.get(batch)
        yield _Ended(endpoint.pk, endpoint.client, batch, seen)


def _last(rows: "QuerySet[Any]", column: str) -> dict[uuid.UUID, tuple[datetime, int]]:
    """The latest time and the number of rows of each batch."""
    grouped = rows.order_by().values_list("batch").annotate(Max(column), Count("pk"))
    return {batch: (latest, number) for batch, latest, number in grouped}


def _tell(endpoint: WebhookEndpoint, ended: _Ended) -> bool:
    batch = ended.batch
    rows = Extraction.objects.filter(in_batch(batch))
    states = {str(state): Count("pk", filter=Q(state=state)) for state in State.ended()}
    found = rows.aggregate(
        documents=Count("pk"),
        needs_review=Count("pk", filter=Q(needs_review=True)),
        last_sent=Max("created_at", filter=Q(batch=batch)),
        last_ended=Max("finished_at", filter=Q(batch=batch)),
        client=Max("client", filter=Q(batch=batch)),
        **states,
    )
    counts = {name: found[name] for name in ("documents", *states, "needs_review")}
    is_over = 0 < found["documents"] == sum(found[name] for name in states)
    # What came before had ended when it was sent here, or has ended since.
    earlier = EarlierDocument.objects.filter(batch=batch)
    sent = earlier.aggregate(
        client=Max("client"), last=Max("created_at"), ended=Max("extraction__finished_at")
    )
    last_sent = max(filter(None, (found["last_sent"], sent["last"])), default=None)
    last_ended = max(filter(None, (found["last_ended"], sent["last"], sent["ended"])), default=None)
    if not is_over or last_sent is None or last_ended is None or last_sent > clock.now() - QUIET:
        return False
    key = f"{WebhookEvent.BATCH_ENDED}:{batch}:{found['documents']}"
    if (
        last_ended < endpoint.created_at
        or not endpoint.wants(WebhookEvent.BATCH_ENDED, found["client"] or sent["client"])
        or endpoint.deliveries.filter(event_key=key).exists()
    ):
        _done.add(ended)
        return False
    data = {"company_id": endpoint.company_id, "batch": str(batch), **counts}
    message = tell(endpoint, WebhookEvent.BATCH_ENDED, key, data)
    try:
        with transaction.atomic():
            message.save(force_insert=True)
    except IntegrityError:  # another worker was first
        if not WebhookDelivery.objects.filter(endpoint=endpoint, event_key=key).exists():
            raise
        return False
    _done.add(ended)
    return True
