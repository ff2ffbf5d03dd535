"""The heartbeat that keeps the lease of an extraction while a process works on it."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial

from extraction import liveness
from extraction.models import Extraction
from extraction.models.extraction_queryset import LEASE
from ocrsite.lib.database import drop_connections, retry_deadlocks

logger = logging.getLogger(__name__)


@contextmanager
def heartbeat(extraction: Extraction) -> Iterator[None]:
    """Renew the extraction's lease inside the block, from a thread with its own connection.

    Where this process is stopped meanwhile, its worker does.
    """
    done = threading.Event()
    # In a copy of the context, which names the extraction in log records.
    beat = partial(copy_context().run, _beat, extraction, done)
    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    with liveness.holding(extraction.lease_id):
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def _beat(extraction: Extraction, done: threading.Event) -> None:
    interval = LEASE.total_seconds() / 4  # three beats may fail
    failing = False
    try:
        while not done.wait(interval):
            try:
                if not retry_deadlocks(partial(Extraction.objects.renew_lease, extraction)):
                    return
                failing = False
            except Exception:
                # The next beat connects again; if none succeeds, the lease runs out as it should.
                if not failing:
                    logger.warning(
                        "Could not renew the lease of %s; trying again.",
                        extraction.pk,
                        exc_info=True,
                    )
                failing = True
                drop_connections()
    finally:
        drop_connections()
