"""How a worker shows that it lives: by a file to the site's processes, by its row to staff."""

import logging
import math
import time
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from extraction import liveness, queue_state
from extraction.liveness import SIGN_EVERY, Liveness
from extraction.models import Extraction, Worker, WorkerState
from ocrsite.lib import clock
from ocrsite.lib.database import drop_connections
from ocrsite.lib.version import running_version

logger = logging.getLogger(__name__)

# The rows of workers that are gone stay for so long, and are looked for so often, in seconds.
ROWS_KEPT = timedelta(days=1)
REMOVED_EVERY = 3600.0
# What was taken before the last sign by so much is looked at again: hosts' clocks differ a little.
OVERLAP = timedelta(seconds=10)


class Presence:
    """The signs of one worker. None of them ever stops it: failures are logged, once."""

    def __init__(self, own: Liveness) -> None:
        self._own = own
        self._version = running_version()
        self._shown_at = self._removed_at = -math.inf
        self._last_sign: datetime | None = None
        self._works = True

    def show(self) -> None:
        """Show a sign, SIGN_EVERY seconds after the last one, and learn what staff ask for."""
        if time.monotonic() - self._shown_at < SIGN_EVERY:
            return
        self._shown_at = time.monotonic()
        liveness.show_sign()
        self._record_safely(ended=False)

    def end(self) -> None:
        """Say that the worker stopped."""
        self._record_safely(ended=True)

    def _record_safely(self, *, ended: bool) -> None:
        try:
            self._record(ended=ended)
            self._works = True
        except Exception:  # whatever it is: the worker's work is not this
            if self._works:
                logger.warning("The worker's row could not be written.", exc_info=True)
            self._works = False
            drop_connections()

    def _record(self, *, ended: bool) -> None:
        now = clock.now()
        row = Worker.objects.filter(name=self._own.name).first()
        self._own.drain(row is not None and row.to_drain)
        values = {
            "last_sign": now,
            "state": WorkerState.STOPPED if ended else self._state(),
            "busy": Extraction.objects.held_by(self._own.name).count(),
            **self._last_taken(now),
        }
        if row is None:
            own = self._own
            Worker.objects.create(
                name=own.name,
                host=own.host[:255],
                process_id=own.process_id,
                version=self._version[:50],
                since=own.since,
                processes=settings.WORKERS,
                **values,
            )
        else:
            Worker.objects.filter(pk=row.pk).update(**values)
        self._last_sign = now
        self._remove_old(now)

    def _state(self) -> WorkerState:
        if self._own.stopping or self._own.draining:
            return WorkerState.DRAINING
        return WorkerState.PAUSED if queue_state.is_paused() else WorkerState.RUNNING

    def _last_taken(self, now: datetime) -> dict[str, object]:
        """The columns of the extraction taken last, if one was taken since the last sign."""
        since = (self._last_sign or now) - OVERLAP
        claims = Extraction.with_deleted.filter(claimed_at__gte=since, worker=self._own.name)
        last = claims.order_by("-claimed_at").values("pk", "claimed_at").first()
        return {"last_extraction": last["pk"], "last_taken_at": last["claimed_at"]} if last else {}

    def _remove_old(self, now: datetime) -> None:
        if time.monotonic() - self._removed_at < REMOVED_EVERY:
            return
        self._removed_at = time.monotonic()
        # Those of the future were written before the clock was set back.
        old = Q(last_sign__lt=now - ROWS_KEPT) | Q(last_sign__gt=now + ROWS_KEPT)
        Worker.objects.filter(old).delete()
