"""A worker on a host whose clock is off, for tests.

``python -m tests.extraction.other_host HOURS``: claims once, does rounds of its reconciler, ends.
"""

import sys
from datetime import timedelta

import django
import time_machine
from django.utils import timezone

ROUNDS = 3
WORKER = "other:1"


def main(hours: float) -> None:
    """Work a little on another host."""
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


if __name__ == "__main__":
    django.setup()
    main(float(sys.argv[1]))
