"""What a worker does on a host whose clock is off, for tests."""

from datetime import timedelta

import time_machine
from django.utils import timezone

ROUNDS = 3
WORKER = "other:1"


def work(hours: float) -> None:
    """Claim once, and do rounds of a reconciler."""
    from django_q.brokers import get_broker

    from extraction.fairness import claim_fairest
    from extraction.worker.reconciler import Reconciler
    from tokens import ledger

    reconciler = Reconciler(get_broker())
    with time_machine.travel(timezone.now() + timedelta(hours=hours), tick=True):
        claim_fairest(worker=WORKER)
        for _ in range(ROUNDS):
            reconciler.round()
        ledger.release_dead()
