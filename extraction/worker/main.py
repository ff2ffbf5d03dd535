"""The worker process: a django-q2 cluster, and beside it the sweep, the watch and the house.

The cluster's processes do the extractions. This one never does: it must go on when they hang.
"""

import logging
import multiprocessing
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from django.conf import settings
from django.db import Error as DatabaseProblem
from django.db import close_old_connections, connections
from django_q.brokers import get_broker
from redis.exceptions import RedisError

from extraction import liveness, outcomes
from extraction.documents import retention as file_retention
from extraction.documents import temp_dirs
from extraction.models import Extraction
from extraction.readers import reader_for
from extraction.worker.cluster import WorkerCluster
from extraction.worker.reconciler import Reconciler
from extraction.worker.watchdog import Watchdog
from logs import emails as error_emails
from logs import retention
from logs.handler import spool
from tokens import emails as alert_emails
from tokens import journal, key_rotation, ledger, ledger_audit, services
from tokens.models import Provider

logger = logging.getLogger(__name__)

# A due extraction is woken at most this late, in seconds.
RECONCILE_SECONDS = 0.25
# Keys that came in clear are encrypted within 5 s; the rest of the housekeeping is not urgent.
HOUSEKEEPING_SECONDS = 2.0
# Longer than a mail server is waited for.
HOUSEKEEPING_ENDS_WITHIN_SECONDS = 7.0
# Of a stop, in seconds: how often we look, and how long a cluster that holds no extraction may
# take to end by itself.
STOP_POLL_SECONDS = 0.1
IDLE_END_SECONDS = 10.0


class _StopRequest:
    """Remembers SIGTERM or Ctrl-C until the sweep has no transaction open.

    django-q2's own handler would join the cluster at once, in the middle of whatever runs: with
    a SQLite transaction open its workers could then never write their last results.
    """

    def __init__(self) -> None:
        self._signals = 0
        signal.signal(signal.SIGTERM, self._receive)
        signal.signal(signal.SIGINT, self._receive)

    def _receive(self, _signal_number: int, _frame: FrameType | None) -> None:
        self._signals += 1

    @property
    def received(self) -> bool:
        """Whether we shall stop."""
        return self._signals > 0

    @property
    def is_urgent(self) -> bool:
        """Whether we were told again."""
        return self._signals > 1


def run_worker() -> int:
    """Run until SIGTERM or Ctrl-C, then let running calls end. Returns the exit code.

    1 means that the cluster died or hung under us: the supervisor starts a new one.
    """
    _load_readers()
    retention.ensure_schedules()
    file_retention.ensure_schedules()
    error_emails.ensure_schedules()
    ledger_audit.ensure_schedules()
    connections.close_all()  # a connection must not cross the fork
    own = liveness.begin()
    cluster = WorkerCluster(own)
    stop = _StopRequest()
    try:
        cluster.start()
        with _housekeeping():  # from here on nothing may fork: a thread runs
            is_sound = _reconcile_until_stopped(cluster, stop, own)
            _end(cluster, stop, own, patience=IDLE_END_SECONDS if is_sound else 0)
    finally:
        # Whatever happened: Python would wait for a living sentinel for ever.
        cluster.kill()
    return 0 if is_sound else 1


def _load_readers() -> None:
    """Load what reads, before the fork, so that the processes share its memory.

    Each then takes 29 MiB of its own instead of 59.
    """
    # Here alone: no other process needs it before it reads.
    from extraction.readers.gemini.client import tls_context

    for provider in Provider:
        reader_for(provider)
    tls_context()


def _reconcile_until_stopped(
    cluster: WorkerCluster, stop: _StopRequest, own: liveness.Liveness
) -> bool:
    """Reconcile until we shall stop; False when the cluster died or hangs."""
    reconciler = Reconciler(get_broker())
    watch = Watchdog(own)
    watches = "fork" in multiprocessing.get_all_start_methods()  # else there is no pulse
    reachable = True
    while not stop.received:
        if not cluster.is_alive():
            logger.critical("The task cluster died; a new one is needed.")
            return False
        try:
            close_old_connections()
            reconciler.round()
            if watches and watch.hangs():
                logger.critical("The task cluster hangs; a new one is needed.")
                return False
            if not reachable:
                logger.info("The sweep goes on.")
            reachable = True
        except (DatabaseProblem, RedisError):
            if reachable:  # once, not four times a second
                logger.exception("The sweep could not reach database or queue; it tries again.")
            reachable = False
            reconciler.spare_leases()
            watch.forget()
            connections.close_all()
        time.sleep(RECONCILE_SECONDS)
    return True


def _end(
    cluster: WorkerCluster, stop: _StopRequest, own: liveness.Liveness, *, patience: float
) -> None:
    """Begin nothing more, let running calls end, and hand back what did not end in time.

    In time means STOP_SECONDS, less when the signal is repeated. Once no extraction is held the
    cluster gets ``patience`` seconds to end by itself: it can hang.
    """
    own.stop()
    if cluster.is_alive():
        cluster.ask_to_stop()
    give_up_at = time.monotonic() + settings.STOP_SECONDS
    end_idle_at = time.monotonic() + patience
    while cluster.is_alive() and time.monotonic() < give_up_at and not stop.is_urgent:
        if _holds_any(own.name):
            end_idle_at = time.monotonic() + patience
        elif time.monotonic() >= end_idle_at:
            break
        time.sleep(STOP_POLL_SECONDS)
    cluster.kill()
    _hand_back(own.name)


def _holds_any(worker: str) -> bool:
    try:
        return Extraction.objects.held_by(worker).exists()
    except DatabaseProblem:
        connections.close_all()
        return True  # perhaps


def _hand_back(worker: str) -> None:
    """Free what the killed processes held, so that the next start goes on with it at once."""
    try:
        for extraction in Extraction.objects.held_by(worker):
            outcomes.recover(extraction, stopped=True)
    except DatabaseProblem:
        logger.exception("What was interrupted is taken up when its leases have run out.")


@contextmanager
def _housekeeping() -> Iterator[None]:
    """Keep house inside the block, in threads of their own: they may wait where the sweep must not.

    The mail has one to itself: a mail server that does not answer must not hold up the others.
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
        give_up_at = time.monotonic() + HOUSEKEEPING_ENDS_WITHIN_SECONDS  # on both together
        for thread in threads:
            thread.join(max(0.0, give_up_at - time.monotonic()))


def _repeat_until(done: threading.Event, duty: Callable[[], object]) -> None:
    try:
        while True:
            try:
                close_old_connections()
                duty()
            except Exception:
                logger.exception("Housekeeping failed; it is tried again.")
                connections.close_all()
            if done.wait(HOUSEKEEPING_SECONDS):
                return
    finally:
        connections.close_all()


def run_housekeeping() -> None:
    """Free reservations, follow limits, encrypt keys, enter what waits on disk, remove litter."""
    ledger.release_dead()
    services.update_statuses()
    key_rotation.encrypt_clear_keys()
    journal.ingest()
    spool.ingest(at_most=1)  # a long outage leaves many, and keys must not wait for all of them
    temp_dirs.remove_stale_temp_dirs()


def deliver_mail() -> None:
    """Mail what staff asked to be told."""
    alert_emails.deliver_alerts()
    error_emails.deliver_digests()
