"""Receivers are told when every document of a batch has ended: once for each size of the batch.

Looked for beside the work: of documents that end at the same moment none knows that it is the last.
"""

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, Max, Q

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
from tokens.companies import spellings

# The files of the upload page come one after another: more may follow within so long.
QUIET = timedelta(seconds=30)
# Longer than most stops of every worker.
LOOKED_BACK = timedelta(days=1)


def tell_batches() -> int:
    """Write the messages of batches that ended; return how many were new."""
    if not settings.WEBHOOK_HOSTS:
        return 0
    enabled = WebhookEndpoint.objects.filter(enabled=True)
    asked = [each for each in enabled if WebhookEvent.BATCH_ENDED in each.event_list]
    return sum(
        _tell(endpoint, batch) for endpoint in asked for batch in _ended_lately(endpoint.company_id)
    )


def _ended_lately(company_id: str) -> list[uuid.UUID]:
    """The batches of a company of which something ended lately, or had been read before."""
    since = clock.now() - LOOKED_BACK
    earlier = EarlierDocument.objects.filter(
        extraction__company_id__in=spellings(company_id), created_at__gt=since
    )
    lately = Extraction.objects.filter(
        company_id__in=spellings(company_id),
        batch__isnull=False,
        files_removed_at=None,
        finished_at__gt=since,
    )
    found = (
        *lately.order_by().values_list("batch", flat=True).distinct(),
        *earlier.order_by().values_list("batch", flat=True).distinct(),
    )
    return [batch for batch in dict.fromkeys(found) if batch]


def _tell(endpoint: WebhookEndpoint, batch: uuid.UUID) -> bool:
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
    if (
        not is_over
        or last_sent is None
        or last_ended is None
        or last_sent > clock.now() - QUIET
        or last_ended < endpoint.created_at
        or not endpoint.wants(WebhookEvent.BATCH_ENDED, found["client"] or sent["client"])
    ):
        return False
    key = f"{WebhookEvent.BATCH_ENDED}:{batch}:{found['documents']}"
    if endpoint.deliveries.filter(event_key=key).exists():
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
    return True
