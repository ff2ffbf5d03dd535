"""Waiting for an extraction to end inside a request, at the cost of one poller per process."""

import logging
import os
import threading
import time
import uuid
from collections import defaultdict

from django.db import Error, connection

from extraction.models import Extraction, State
from ocrsite.lib.database import drop_connections, is_unreachable

logger = logging.getLogger(__name__)

# More requests than this do not wait but answer "pending", so that threads stay free.
MAX_WAITERS = 24
POLL_SECONDS = 0.1
# Of a core, in each process; a database that takes long to ask is asked less often.
POLL_SHARE = 0.0075
LONGEST_PAUSE = 1.0


def pause_after(seconds: float) -> float:
    """Seconds until the rows are asked for again, after so many of CPU time for the last time."""
    return min(LONGEST_PAUSE, max(POLL_SECONDS, seconds / POLL_SHARE))


class Poller:
    """One thread that asks on behalf of all: 100 waiters cost 1.4 % of a core instead of 32 %."""

    def __init__(self) -> None:
        self.waiters = 0
        self.polling = False
        self.failing = False
        self.pid = os.getpid()
        self._lock = threading.Lock()
        self._events: defaultdict[uuid.UUID, set[threading.Event]] = defaultdict(set)

    def wait(self, extraction_id: uuid.UUID, seconds: float) -> None:
        """Return when the extraction has ended, the time is up, or too many wait already."""
        ended = threading.Event()
        with self._lock:
            if self.pid != os.getpid():  # forked: the thread and its waiters stayed behind
                self._events.clear()
                self.waiters, self.polling, self.pid = 0, False, os.getpid()
            if self.waiters >= MAX_WAITERS:
                return
            self._events[extraction_id].add(ended)
            self.waiters += 1
            if not self.polling:
                self.polling = True
                threading.Thread(target=self._poll, name="extraction-poller", daemon=True).start()
        try:
            ended.wait(seconds)
        finally:
            with self._lock:
                self.waiters -= 1
                self._events[extraction_id].discard(ended)
                if not self._events[extraction_id]:
                    del self._events[extraction_id]

    def _poll(self) -> None:
        pause = threading.Event()
        try:
            while True:
                with self._lock:
                    wanted = list(self._events)
                    if not wanted:
                        self.polling = False
                        return
                before = time.thread_time()
                self._announce(wanted)
                pause.wait(pause_after(time.thread_time() - before))
        finally:
            drop_connections()

    def _announce(self, wanted: list[uuid.UUID]) -> None:
        try:
            # Not by the state as well: of many ids, SQLite would read all rows of those states.
            rows = Extraction.with_deleted.filter(pk__in=wanted).values_list("pk", "state")
            for extraction_id in [pk for pk, state in rows if state in State.ended()]:
                with self._lock:
                    for event in self._events.get(extraction_id, ()):
                        event.set()
            self.failing = False
        except Exception:  # whatever it is: without this thread every request waits in vain
            if not self.failing:  # once: a database that is away fails ten times a second
                logger.warning("Could not look for ended extractions; trying again.", exc_info=True)
            self.failing = True
            drop_connections()


poller = Poller()


def wait_until_ended(extraction_id: uuid.UUID, seconds: float) -> Extraction:
    """Return the extraction once it has ended, or as it is after so many seconds.

    One that was deleted meanwhile is returned as well: it has ended.

    When the database goes away meanwhile, it is returned as it was before, so that the caller
    learns where to ask for it later.
    """
    extraction = Extraction.with_deleted.get(pk=extraction_id)
    if seconds > 0 and not extraction.ended:
        if not connection.in_atomic_block:
            connection.close()  # a waiter needs none
        poller.wait(extraction_id, seconds)
        try:
            extraction = Extraction.with_deleted.get(pk=extraction_id)
        except Error as error:
            if not is_unreachable(error):
                raise
            logger.warning("Could not look whether extraction %s has ended.", extraction_id)
    return extraction
