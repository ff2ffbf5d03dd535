"""A process that dies by SIGKILL at one step of a delivery, for tests.

``python -m tests.extraction.webhooks.killed STEP PORT CERTIFICATE``. After "send" it lives on: the
test kills it while it waits for the answer.
"""

import sys
from pathlib import Path

import django

from tests.extraction.killed import die, then_die


def deliver_until(step: str, port: int, certificate: Path) -> None:
    """Deliver as a worker does, until the step."""
    from django.conf import settings

    from extraction.models.webhook import WebhookDeliveryQuerySet
    from extraction.webhooks import delivery
    from ocrsite.lib import outbound
    from tests.https_receiver import Receiver

    receiver = Receiver(port, certificate)
    outbound.INTERNET = receiver.network()
    settings.WEBHOOK_HOSTS = [receiver.allowed]
    match step:
        case "after claim":
            delivery.Deliverer._begin = die  # type: ignore[method-assign]  # a death for a test
        case "after answer":
            delivery.record = die
        case "inside record":
            WebhookDeliveryQuerySet.let_go = then_die(  # type: ignore[method-assign]  # likewise
                WebhookDeliveryQuerySet.let_go
            )
        case "after record":
            delivery.record = then_die(delivery.record)
    deliverer = delivery.Deliverer()
    while True:
        deliverer.round()


if __name__ == "__main__":
    django.setup()
    deliver_until(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
