"""The worker's main process: task cluster, reconciler, watchdog and housekeeping.

The cluster's processes do the extractions. This one never does: it must go on when they hang.
"""

import logging
import multiprocessing
import signal
import time
from types import FrameType

from django.conf import settings
from django.db import close_old_connections, connections
from django_q.brokers import get_broker

from extraction import liveness, outcomes
from extraction.documents import retention as file_retention
from extraction.documents import sandbox
from extraction.invoices.schema import Invoice
from extraction.models import Extraction
from extraction.readers.registry import reader_for
from extraction.worker import row_retention
from extraction.worker.cluster import WorkerCluster
from extraction.worker.housekeeping import housekeeping
from extraction.worker.presence import Presence
from extraction.worker.reconciler import Reconciler
from extraction.worker.watchdog import Watchdog
from logs import emails as error_emails
from logs import retention
from ocrsite.lib.database import drop_connections
from ocrsite.lib.database_guard import DatabaseRefused, is_refused
from tokens import installation, ledger_audit, usage_days
from tokens.models import Provider

logger = logging.getLogger(__name__)

# A due extraction is woken at most this late, in seconds.
RECONCILE_SECONDS = 0.25
# During a stop, in seconds: how often the cluster is looked at, and how long one that holds no
# extraction may take to end by itself.
STOP_POLL_SECONDS = 0.1
IDLE_END_SECONDS = 10.0
# What the sandbox needs for every document: 0.3 s of CPU to load, and some 40 MiB.
_PARSERS = (
    "extraction.documents.words_child",
    "extraction.evidence.proof",
    "extraction.readers.einvoice.child",
)


class _StopRequest:
    """Remembers SIGTERM or Ctrl-C until the reconciler has no transaction open.

    django-q2's own handler would join the cluster at once, whatever it interrupts: with a SQLite
    transaction open here, the cluster's processes could never write their last results.
    """

    def __init__(self) -> None:
        self._signals = 0
        signal.signal(signal.SIGTERM, self._receive)
        signal.signal(signal.SIGINT, self._receive)

    def _receive(self, _signal_number: int, _frame: FrameType | None) -> None:
        self._signals += 1

    @property
    def received(self) -> bool:
        """Whether the worker is to stop."""
        return self._signals > 0

    @property
    def is_urgent(self) -> bool:
        """Whether the signal was repeated."""
        return self._signals > 1


def run_worker() -> int:
    """Run until SIGTERM or Ctrl-C, then let running calls end. Returns the exit code.

    1 means that the cluster died or hung, or that the database was refused
    (``ocrsite.lib.database_guard``): the supervisor starts a new worker.
    """
    installation.guard()
    try:
        installation.bind()
    except DatabaseRefused:  # and said why
        return 1
    _load_readers()
    _ensure_schedules()
    connections.close_all()  # a connection must not cross the fork
    own = liveness.begin()
    cluster = WorkerCluster(own)
    presence = Presence(own)
    stop = _StopRequest()
    with sandbox.loaded_once(*_PARSERS):
        try:
            cluster.start()
            with housekeeping():  # from here on nothing may fork: threads run
                is_sound = _reconcile_until_stopped(cluster, stop, own, presence)
                if is_refused():
                    cluster.kill()  # nothing can be handed back
                else:
                    patience = IDLE_END_SECONDS if is_sound else 0
                    _end(cluster, stop, own, presence, patience=patience)
        finally:
            # After any exception too: Python would wait for a living sentinel for ever.
            cluster.kill()
    return 0 if is_sound else 1


def _load_readers() -> None:
    """Load what reads, before the fork, so that the processes share its memory and its start.

    Each then takes 29 MiB of its own instead of 59, and a tenth of a second of CPU less for its
    first document.
    """
    # Imported here, since no other process needs it before it reads.
    import pdf2image  # noqa: F401
    from PIL import JpegImagePlugin  # noqa: F401

    from extraction.readers.gemini import client

    for provider in Provider:
        reader_for(provider)
    client.preload()
    Invoice.model_rebuild()


def _ensure_schedules() -> None:
    retention.ensure_schedules()
    file_retention.ensure_schedules()
    row_retention.ensure_schedules()
    error_emails.ensure_schedules()
    ledger_audit.ensure_schedules()
    usage_days.ensure_filled()


def _reconcile_until_stopped(
    cluster: WorkerCluster, stop: _StopRequest, own: liveness.Liveness, presence: Presence
) -> bool:
    """Reconcile until the worker is to stop; False when the cluster died or hangs."""
    reconciler = Reconciler(get_broker())
    watchdog = Watchdog(own)
    # Else the cluster's processes share no memory with this one, and nothing is known of them.
    watches = "fork" in multiprocessing.get_all_start_methods()
    works = True
    while not stop.received:
        presence.show()
        if not cluster.is_alive():
            logger.critical("The task cluster died; a new one is needed.")
            return False
        try:
            close_old_connections()
            reconciler.round()
            if own.draining or reconciler.is_paused:
                watchdog.forget()  # nothing is taken, on purpose
            elif watches and watchdog.hangs():
                logger.critical("The task cluster hangs; a new one is needed.")
                return False
            if not works:
                logger.info("The reconciler goes on.")
            works = True
        except Exception:  # whatever it is: nobody else wakes, takes over and watches
            if is_refused():
                return False
            if works:  # once, not four times a second
                logger.exception("The reconciler failed; trying again.")
            works = False
            reconciler.spare_leases()
            watchdog.forget()
            drop_connections()
        time.sleep(RECONCILE_SECONDS)
    return True


def _end(
    cluster: WorkerCluster,
    stop: _StopRequest,
    own: liveness.Liveness,
    presence: Presence,
    *,
    patience: float,
) -> None:
    """Begin nothing more, let running calls end, and requeue what did not end in time.

    In time means STOP_SECONDS, or less when the signal is repeated. Once no extraction is held the
    cluster gets ``patience`` seconds to end by itself: it can hang.
    """
    own.stop()
    if cluster.is_alive():
        cluster.ask_to_stop()
    give_up_at = time.monotonic() + settings.STOP_SECONDS
    end_idle_at = time.monotonic() + patience
    while cluster.is_alive() and time.monotonic() < give_up_at and not stop.is_urgent:
        presence.show()
        if _holds_any(own.name):
            end_idle_at = time.monotonic() + patience
        elif time.monotonic() >= end_idle_at:
            break
        time.sleep(STOP_POLL_SECONDS)
    cluster.kill()
    _requeue_held(own.name)
    presence.end()


def _holds_any(worker: str) -> bool:
    try:
        return Extraction.objects.held_by(worker).exists()
    except Exception:
        drop_connections()
        return True  # perhaps


def _requeue_held(worker: str) -> None:
    """Free what the killed processes held, so that the next start goes on with it at once."""
    try:
        for extraction in Extraction.objects.held_by(worker):
            outcomes.recover(extraction, stopped=True)
    except Exception:
        logger.exception("Interrupted extractions are requeued when their leases run out.")
