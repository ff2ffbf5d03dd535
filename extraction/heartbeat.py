"""The heartbeat of an extraction that is being worked on."""

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
    beat = partial(copy_context().run, _beat, extraction, done)  # its log records are ours
    thread = threading.Thread(target=beat, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _beat(extraction: Extraction, done: threading.Event) -> None:
    interval = LEASE.total_seconds() / 4  # three missed beats are survived
    try:
        while not done.wait(interval):
            try:
                if not Extraction.objects.renew_lease(extraction):
                    return
            except Error:
                # The next beat reconnects; if none gets through, the lease runs out as it should.
                logger.warning("Could not renew the lease of %s.", extraction.pk)
                connections.close_all()
    finally:
        connections.close_all()
