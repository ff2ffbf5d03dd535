"""What a worker does beside extractions every few seconds, in threads of its main process."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import close_old_connections
from django.utils import timezone

from extraction import pipeline
from extraction.documents import temp_dirs
from logs import emails as error_emails
from logs.handler import spool
from ocrsite.lib.clock import ClockWatch
from ocrsite.lib.database import drop_connections
from tokens import emails as alert_emails
from tokens import journal, key_rotation, ledger, services

logger = logging.getLogger(__name__)

# Keys that came in clear are encrypted within 5 s; nothing else here is urgent.
HOUSEKEEPING_SECONDS = 2.0
# Two rounds that are further apart do not know what happened in between.
PAUSE = timedelta(seconds=30)
# Watched while the housekeeping is repeated.
_clocks: ClockWatch | None = None
# Longer than a mail server is waited for.
HOUSEKEEPING_ENDS_WITHIN_SECONDS = 7.0


@contextmanager
def housekeeping() -> Iterator[None]:
    """Repeat the housekeeping inside the block, in threads that may wait for the database.

    Mail has a thread of its own: a mail server that does not answer delays nothing else.
    """
    global _clocks
    _clocks = ClockWatch(PAUSE)
    done = threading.Event()
    duties = {"housekeeping": run_housekeeping, "mail": deliver_mail}
    threads = [
        threading.Thread(target=_repeat_until, args=(done, duty), name=name, daemon=True)
        for name, duty in duties.items()
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        give_up_at = time.monotonic() + HOUSEKEEPING_ENDS_WITHIN_SECONDS  # for both together
        for thread in threads:
            thread.join(max(0.0, give_up_at - time.monotonic()))
        _clocks = None


def _repeat_until(done: threading.Event, duty: Callable[[], object]) -> None:
    failed: str | None = None
    try:
        while True:
            try:
                close_old_connections()
                duty()
                failed = None
            except Exception as error:
                kind = f"{type(error).__name__}: {error}"
                if kind != failed:  # once, not every other second
                    logger.exception("Housekeeping failed; it is tried again.")
                failed = kind
                drop_connections()
            if done.wait(HOUSEKEEPING_SECONDS):
                return
    finally:
        drop_connections()


def run_housekeeping() -> None:
    """Bring the ledger up to date, encrypt keys, ingest what waits on disk, remove old folders."""
    release_dead()
    services.update_statuses()
    key_rotation.encrypt_clear_keys()
    journal.ingest()
    spool.ingest(at_most=1)  # a long outage leaves many, and keys must not wait for all of them
    temp_dirs.remove_stale_temp_dirs()


def release_dead() -> None:
    """End the reservations of dead attempts.

    After a pause or a change of the wall clock each that ran out is renewed instead: its call may
    be alive.
    """
    # Read before the look, so that it is one of the clocks that are found undisturbed.
    now = timezone.now()
    if _clocks and _clocks.look():
        ledger.renew_leases(pipeline.reservation_lease())
    else:
        ledger.release_dead(now)


def deliver_mail() -> None:
    """Send the alerts and error digests that staff subscribed to."""
    alert_emails.deliver_alerts()
    error_emails.deliver_digests()
