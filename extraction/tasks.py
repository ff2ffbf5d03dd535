"""What the queue calls, and how it is asked to. A message carries an id and nothing else."""

import logging
import uuid

from django.conf import settings
from django.db import transaction
from django_q.tasks import async_task

from extraction import liveness, pipeline
from logs import context

logger = logging.getLogger(__name__)

TASK = "extraction.tasks.run_extraction"


def wake(extraction_id: uuid.UUID) -> None:
    """Ask a worker to look at an extraction. Call it inside the transaction that queues it."""

    def send() -> None:  # a partial has no name, under which Django could log that it failed
        async_task(TASK, str(extraction_id))

    if settings.REDIS_URL:
        # Redis knows no transactions: a worker could look for a row that is not there yet. Its
        # failure is no failure of the caller: the sweep wakes the row as soon as Redis is back.
        transaction.on_commit(send, robust=True)
    else:
        send()


def run_extraction(extraction_id: str) -> None:
    """Work on one extraction. Safe to deliver twice, late or for nothing."""
    if liveness.is_stopping():
        return  # the row stays queued, for another worker or the next start
    with context.bound(extraction_id=extraction_id):
        try:
            pipeline.process(uuid.UUID(extraction_id))
        except Exception:
            # The row still holds its lease; when that runs out the sweep takes it up again.
            logger.exception("Extraction %s stopped unexpectedly.", extraction_id)
