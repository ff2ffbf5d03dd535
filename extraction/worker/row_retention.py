"""How long rows are kept that serve for a time: those of requests, log-ins, queue and webhooks."""

import logging
import time
from datetime import datetime, timedelta
from datetime import time as time_of_day
from typing import Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.utils import timezone
from django_q.models import OrmQ, Task
from django_q.tasks import async_task

from extraction.models import FailedAttempts, IdempotencyKey, WebhookDelivery
from extraction.throttling import FORGOTTEN_AFTER
from logs.models import Kept
from logs.retention import running
from ocrsite.lib.schedules import ensure_nightly

logger = logging.getLogger(__name__)

# docs/api.md promises it to clients.
IDEMPOTENCY_KEYS_KEPT = timedelta(hours=24)
# A worker takes a message within minutes. One of this age was written for a broker or a cluster
# that is no longer configured; what it would have woken is woken again from its row.
QUEUE_KEPT = timedelta(days=1)
# Rows per DELETE: no other writer waits long for the table. SQL Server takes 2100 parameters.
BATCH = 500
# Well within the time that the queue gives a task.
SECONDS = 60.0


def purge_rows(seconds: float = SECONDS) -> int:
    """Delete the rows that have served their time and return how many.

    Safe to kill and to repeat. What is left after so many seconds is left to another task.
    """
    now = timezone.now()
    give_up_at = time.monotonic() + seconds
    keys_cutoff, queue_cutoff = now - IDEMPOTENCY_KEYS_KEPT, now - QUEUE_KEPT
    attempts_cutoff = now - FORGOTTEN_AFTER
    webhooks_cutoff = now - timedelta(days=settings.WEBHOOK_RETENTION_DAYS)
    purged = [
        _purge(
            Kept.IDEMPOTENCY_KEYS,
            keys_cutoff,
            [IdempotencyKey.objects.filter(created_at__lt=keys_cutoff)],
            give_up_at,
        ),
        _purge(Kept.SESSIONS, now, [Session.objects.filter(expire_date__lt=now)], give_up_at),
        _purge(
            Kept.WRONG_CREDENTIALS,
            attempts_cutoff,
            # Those of an address name it.
            [FailedAttempts.objects.filter(last_at__lt=attempts_cutoff)],
            give_up_at,
        ),
        _purge(
            Kept.QUEUE,
            queue_cutoff,
            [
                # A message that a worker has taken is locked until it may be taken again.
                OrmQ.objects.filter(lock__lt=queue_cutoff),
                Task.objects.filter(success=True, stopped__lt=queue_cutoff),
            ],
            give_up_at,
        ),
        _purge(
            Kept.WEBHOOKS,
            webhooks_cutoff,
            [WebhookDelivery.objects.ended_before(webhooks_cutoff)],
            give_up_at,
        ),
    ]
    if not all(is_complete for _, is_complete in purged):
        async_task("extraction.worker.row_retention.purge_rows")
    return sum(deleted for deleted, _ in purged)


def ensure_schedules() -> None:
    """Have it done every night at 3:40 UTC, unless that is already scheduled."""
    ensure_nightly("purge_rows", "extraction.worker.row_retention.purge_rows", time_of_day(3, 40))


def _purge(
    what: Kept, cutoff: datetime, expired: list[QuerySet[Any]], give_up_at: float
) -> tuple[int, bool]:
    """Delete rows in batches; return how many, and whether none is left."""
    with running(what, cutoff) as run:
        for rows in expired:
            while keys := list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH]):
                if time.monotonic() >= give_up_at:
                    return run.deleted, False
                run.deleted += rows.filter(pk__in=keys).delete()[0]
                run.save()
        run.is_complete = True
    logger.info("Purged %d rows: %s, from before %s", run.deleted, what.label, cutoff)
    return run.deleted, True
