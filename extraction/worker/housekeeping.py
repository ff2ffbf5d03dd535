"""What a worker does beside extractions every few seconds, in threads of its main process."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

from django.db import close_old_connections

from extraction import erasing, pipeline
from extraction.alert_watch import LOOKS, Watch
from extraction.document_days import Recounter
from extraction.documents import temp_dirs
from extraction.webhooks.alerts import tell_alerts
from extraction.webhooks.batches import tell_batches
from extraction.webhooks.delivery import Deliverer
from logs import emails as error_emails
from logs.handler import spool
from ocrsite.lib import clock
from ocrsite.lib.clock import ClockWatch
from ocrsite.lib.database import drop_connections, is_unreachable
from tokens import companies, installation, journal, key_rotation, ledger, services
from tokens import emails as alert_emails

logger = logging.getLogger(__name__)

# Keys that came in clear are encrypted within 5 s; nothing else here is urgent.
HOUSEKEEPING_SECONDS = 2.0
# Two rounds that are further apart do not know what happened in between.
PAUSE = timedelta(seconds=30)
# Watched while the housekeeping is repeated.
_clocks: ClockWatch | None = None
# Longer than a mail server is waited for.
HOUSEKEEPING_ENDS_WITHIN_SECONDS = 7.0

_recounter = Recounter()

# How each duty failed that failed in its last round: logged once, until it is another failure.
_failing: dict[str, str] = {}


@contextmanager
def housekeeping() -> Iterator[None]:
    """Repeat the housekeeping inside the block, in threads that may wait for the database.

    Mail and webhooks have threads of their own: a server that does not answer delays nothing else.
    """
    global _clocks
    _clocks = ClockWatch(PAUSE)
    done = threading.Event()
    told = {
        "look for alerts": Watch(*LOOKS, tell_alerts, tell_batches).look,
        "delivery of webhooks": Deliverer().round,
    }
    duties = {
        "housekeeping": run_housekeeping,
        "mail": deliver_mail,
        "webhooks": partial(_perform, told),
    }
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
        give_up_at = time.monotonic() + HOUSEKEEPING_ENDS_WITHIN_SECONDS  # for all together
        for thread in threads:
            thread.join(max(0.0, give_up_at - time.monotonic()))
        _clocks = None


def _repeat_until(done: threading.Event, duty: Callable[[], object]) -> None:
    name = threading.current_thread().name
    try:
        while True:
            try:
                close_old_connections()
                duty()
            except Exception as error:
                _report_failure(name, error)
                drop_connections()
            else:
                _report_success(name)
            if done.wait(HOUSEKEEPING_SECONDS):
                return
    finally:
        drop_connections()


def run_housekeeping() -> None:
    """Bring the ledger up to date, encrypt keys, ingest what waits on disk, remove old folders.

    Raises the error that tells that the database is unreachable, and no other: see ``_perform``.
    """
    _perform(
        {
            # First: nothing is written to another installation's database.
            "check of the installation": installation.verify,
            "removal of stale temporary files": temp_dirs.remove_stale_temp_dirs,
            "release of dead reservations": release_dead,
            "registration of companies": companies.register_used,
            "update of key statuses": services.update_statuses,
            "encryption of clear keys": key_rotation.encrypt_clear_keys,
            "ingestion of the journal": journal.ingest,
            "continuation of erasures": erasing.wake_unfinished,
            # A long outage leaves many, and keys must not wait for all of them.
            "ingestion of spooled log records": partial(spool.ingest, at_most=1),
            "count of the documents of past days": _recounter.look,
        }
    )


def release_dead() -> None:
    """End the reservations of dead attempts.

    After a pause or a change of the wall clock each that ran out is renewed instead: its call may
    be alive.
    """
    # Read before the look, so that it is one of the clocks that are found undisturbed.
    now = clock.now()
    if _clocks and _clocks.look():
        ledger.renew_leases(pipeline.reservation_lease())
    else:
        ledger.release_dead(now)


def deliver_mail() -> None:
    """Send the alerts and error digests that staff subscribed to; raises as the housekeeping."""
    _perform(
        {
            "delivery of alerts": alert_emails.deliver_alerts,
            "delivery of error digests": error_emails.deliver_digests,
        }
    )


def _perform(duties: Mapping[str, Callable[[], object]]) -> None:
    """Do each, whichever of them fail. An unreachable database ends the round: all wait for it."""
    for name, duty in duties.items():
        try:
            duty()
        except Exception as error:
            if is_unreachable(error):
                raise
            _report_failure(name, error)
        else:
            _report_success(name)


def _report_failure(name: str, error: Exception) -> None:
    """Log the exception being handled, unless this duty failed in the same way the last time."""
    kind = f"{type(error).__name__}: {error}"
    if _failing.get(name) != kind:
        logger.exception("The %s failed; it is tried again.", name)
    _failing[name] = kind


def _report_success(name: str) -> None:
    if _failing.pop(name, None):
        logger.info("The %s works again.", name)
