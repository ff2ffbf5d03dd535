"""The worker process: a django-q2 cluster, and beside it the sweep that nothing escapes.

The queue may lose, double or delay a message. The sweep reads the rows, which are the truth:
it wakes what is due, takes up what a dead worker left, and repeats lost wake-ups.
"""

import logging
import signal
import time
from datetime import timedelta
from types import FrameType

from django.db import Error, close_old_connections, connections, transaction
from django.utils import timezone
from django_q.brokers import Broker, get_broker
from django_q.cluster import Cluster

from extraction import pipeline, scratch
from extraction.models import Extraction, State
from extraction.readers import gemini, reader_for
from extraction.tasks import wake
from logs import retention
from tokens import alert_mail, audit, expiry, journal, ledger, rotation
from tokens.models import Provider

logger = logging.getLogger(__name__)

# A due extraction is woken at most this late, in seconds.
SWEEP_SECONDS = 0.25
# Slower rounds: keys that came in clear are encrypted within 5 s; the rest is housekeeping.
HOUSEKEEPING_SECONDS = 2.0
# A queued extraction that nobody took for so long, with an empty queue, lost its message.
LOST_AFTER = timedelta(seconds=5)
# Of a long backlog only so many are looked at in one round.
WOKEN_AT_ONCE = 100


class _StopRequest:
    """Remembers SIGTERM or Ctrl-C until the sweep has no transaction open.

    django-q2's own handler would join the cluster at once, in the middle of whatever runs: with
    a SQLite transaction open its workers could then never write their last results.
    """

    def __init__(self) -> None:
        self.received = False
        signal.signal(signal.SIGTERM, self._receive)
        signal.signal(signal.SIGINT, self._receive)

    def _receive(self, _signal_number: int, _frame: FrameType | None) -> None:
        self.received = True


def run_worker() -> int:
    """Run until SIGTERM or Ctrl-C, then let running work finish. Returns the exit code.

    1 means that the cluster died under us: the supervisor starts a new one.
    """
    # Before the fork, so that the workers share its memory: 29 MiB each then, instead of 59.
    for provider in Provider:
        reader_for(provider)
    gemini.tls_context()
    retention.ensure_schedules()
    audit.ensure_schedules()
    connections.close_all()  # a connection must not cross the fork
    cluster = Cluster()
    stop = _StopRequest()
    cluster.start()
    broker = get_broker()
    housekeeping_due = time.monotonic()
    failing = False
    while not stop.received:
        if not cluster.sentinel.is_alive():
            logger.critical("The task cluster died.")
            return 1
        try:
            close_old_connections()
            sweep(broker)
            if time.monotonic() >= housekeeping_due:
                keep_house()
                housekeeping_due = time.monotonic() + HOUSEKEEPING_SECONDS
            failing = False
        except Error:
            if not failing:  # once: a database that is away fails four times a second
                logger.exception("The sweep could not reach the database; it goes on trying.")
            failing = True
            connections.close_all()
        time.sleep(SWEEP_SECONDS)
    cluster.stop()
    return 0


def sweep(broker: Broker) -> None:
    """Wake what is due, recover what was abandoned, and repeat lost wake-ups."""
    for extraction in Extraction.objects.abandoned():
        pipeline.recover(extraction)
    for pk in list(Extraction.objects.due().values_list("pk", flat=True)):
        with transaction.atomic():
            if Extraction.objects.requeue_due(pk):
                wake(pk)
    # While messages wait, a queued row simply has not had its turn.
    lost = Extraction.objects.filter(
        state=State.QUEUED, due_at__lt=timezone.now() - LOST_AFTER
    ).order_by("due_at")[:WOKEN_AT_ONCE]
    if (pks := list(lost.values_list("pk", flat=True))) and broker.queue_size() == 0:
        for pk in pks:
            wake(pk)


def keep_house() -> None:
    """Free reservations, expire and encrypt keys, mail alerts, remove killed workers' litter."""
    ledger.release_dead()
    expiry.expire_tokens()
    rotation.encrypt_clear_keys()
    journal.enter()
    scratch.sweep_temporary_folders()
    # Last: a mail server that does not answer holds the sweep up for EMAIL_TIMEOUT.
    alert_mail.deliver_alerts()
