"""How long log records are kept."""

import logging
from datetime import time, timedelta

from django.conf import settings
from django.db.models import Max, Min
from django.utils import timezone

from logs.models import ApplicationLog
from ocrsite.schedules import ensure_nightly

logger = logging.getLogger(__name__)

# Rows per DELETE: no other writer waits long for the table.
BATCH = 1_000


def purge_logs() -> int:
    """Delete ApplicationLogs older than LOG_RETENTION_DAYS; return how many.

    Safe to interrupt and to repeat: every batch is committed by itself.
    """
    cutoff = timezone.now() - timedelta(days=settings.LOG_RETENTION_DAYS)
    expired = ApplicationLog.objects.filter(timestamp__lt=cutoff)
    ends = expired.aggregate(first=Min("pk"), last=Max("pk"))
    if ends["first"] is None:
        return 0
    purged = 0
    for start in range(ends["first"], ends["last"] + 1, BATCH):
        purged += expired.filter(pk__gte=start, pk__lt=start + BATCH).delete()[0]
    logger.info("Purged %d log records from before %s", purged, cutoff)
    return purged


def ensure_schedules() -> None:
    """Have logs purged every night at 3:00 UTC, unless that is already scheduled."""
    ensure_nightly("purge_logs", "logs.retention.purge_logs", time(3))
