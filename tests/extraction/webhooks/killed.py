"""What a process does that dies by SIGKILL at one step of a delivery, for tests.

After "send" it lives on: the test kills it while it waits for the answer.
"""

from pathlib import Path

from tests.extraction.killed import die, then_die


def deliver_until(step: str, port: int, certificate: Path) -> None:
    """Deliver as a worker does, until the step."""
    from extraction.models.webhook import WebhookDeliveryQuerySet
    from extraction.webhooks import delivery
    from ocrsite.lib import outbound
    from tests.https_receiver import Receiver

    receiver = Receiver(port, certificate)
    outbound.INTERNET = receiver.network()
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
