"""The heartbeat that keeps the lease of an extraction while a process works on it."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial

from django.db import Error, connections

from extraction.models import Extraction
from extraction.models.extraction import LEASE

logger = logging.getLogger(__name__)


@contextmanager
def heartbeat(extraction: Extraction) -> Iterator[None]:
    """Renew the extraction's lease inside the block, from a thread with its own connection."""
    done = threading.Event()
    # In a copy of the context, which names the extraction in log records.
    beat = partial(copy_context().run, _beat, extraction, done)
    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _beat(extraction: Extraction, done: threading.Event) -> None:
    interval = LEASE.total_seconds() / 4  # three beats may fail
    try:
        while not done.wait(interval):
            try:
                if not Extraction.objects.renew_lease(extraction):
                    return
            except Error:
                # The next beat connects again; if none succeeds, the lease runs out as it should.
                logger.warning("Could not renew the lease of %s.", extraction.pk)
                connections.close_all()
    finally:
        connections.close_all()
