"""What the queue calls, and how it is asked to. A message carries an id and nothing else."""

import logging
import uuid

from django.conf import settings
from django.db import transaction
from django_q.tasks import async_task

from extraction import liveness, pipeline, queue_state
from logs import context
from ocrsite.lib.database import retry_while_unreachable

logger = logging.getLogger(__name__)

TASK = "extraction.tasks.run_extraction"


def wake(extraction_id: uuid.UUID) -> None:
    """Ask a worker to look at an extraction. Call it inside the transaction that queues it."""

    def send() -> None:  # not a partial: Django logs a failure under the function's name
        async_task(TASK, str(extraction_id))

    if settings.REDIS_URL:
        # Redis takes no part in the transaction: a worker could look for a row before its commit.
        # Its failure must not fail the caller: the reconciler repeats lost wake-ups.
        transaction.on_commit(send, robust=True)
    else:
        send()


def run_extraction(extraction_id: str) -> None:
    """Work on one extraction, most often the one named. Safe to deliver twice, late or for nothing.

    Which one, the rows decide: see ``fairness``.
    """
    if not liveness.may_begin():
        return  # the row stays queued, for another worker or the next start
    with context.bound(extraction_id=extraction_id):
        try:
            if retry_while_unreachable(queue_state.is_paused):
                return  # woken again by the reconciler
            pipeline.process(uuid.UUID(extraction_id))
        except Exception:
            # The row is still leased; when the lease has run out the reconciler takes it over.
            logger.exception("Extraction %s stopped unexpectedly.", context.current().extraction_id)
