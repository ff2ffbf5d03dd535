"""What a worker does beside extractions every few seconds, in threads of its main process."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import close_old_connections

from extraction.documents import temp_dirs
from logs import emails as error_emails
from logs.handler import spool
from ocrsite.lib.database import drop_connections
from tokens import emails as alert_emails
from tokens import journal, key_rotation, ledger, services

logger = logging.getLogger(__name__)

# Keys that came in clear are encrypted within 5 s; nothing else here is urgent.
HOUSEKEEPING_SECONDS = 2.0
# Longer than a mail server is waited for.
HOUSEKEEPING_ENDS_WITHIN_SECONDS = 7.0


@contextmanager
def housekeeping() -> Iterator[None]:
    """Repeat the housekeeping inside the block, in threads that may wait for the database.

    Mail has a thread of its own: a mail server that does not answer delays nothing else.
    """
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
    ledger.release_dead()
    services.update_statuses()
    key_rotation.encrypt_clear_keys()
    journal.ingest()
    spool.ingest(at_most=1)  # a long outage leaves many, and keys must not wait for all of them
    temp_dirs.remove_stale_temp_dirs()


def deliver_mail() -> None:
    """Send the alerts and error digests that staff subscribed to."""
    alert_emails.deliver_alerts()
    error_emails.deliver_digests()
