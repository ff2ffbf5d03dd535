"""kill -9 at each step of a delivery: the message arrives, under one id, and is told once."""

import signal
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from extraction.models import WebhookDelivery, WebhookEndpoint
from extraction.models.webhook import DeliveryState
from extraction.webhooks import endpoints
from tests import processes
from tests.extraction.webhooks.conftest import drain
from tests.extraction.webhooks.killed import deliver_until
from tests.https_receiver import Receiver, respond

pytestmark = [pytest.mark.crash, pytest.mark.django_db(transaction=True), pytest.mark.vendor]


@pytest.mark.parametrize(
    ("step", "requests", "tries"),
    [
        ("after claim", 1, 1),
        ("after send", 2, 1),
        ("after answer", 2, 1),
        ("inside record", 2, 1),
        ("after record", 1, 1),
    ],
)
def test_message_of_a_process_killed_arrives(
    step: str, requests: int, tries: int, receiver: Receiver, add: Callable[..., WebhookEndpoint]
) -> None:
    message = endpoints.ping(add())
    arrived, killed = threading.Event(), threading.Event()

    def answer(handler: object) -> None:
        arrived.set()
        if step == "after send":
            killed.wait(60)
        respond(handler, 200)  # type: ignore[arg-type]

    receiver.answer = answer
    process = processes.start(
        deliver_until, step, receiver.port, receiver.certificate, WEBHOOK_HOSTS=[receiver.allowed]
    )
    if step == "after send":
        assert arrived.wait(60)
        process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    killed.set()

    past = timezone.now() - timedelta(seconds=1)
    WebhookDelivery.objects.exclude(leased_until=None).update(leased_until=past)
    drain()

    message.refresh_from_db()
    assert message.state == DeliveryState.DELIVERED
    assert len(receiver.received) == requests
    assert {request.headers["webhook-id"] for request in receiver.received} == {str(message.pk)}
    assert message.tries.count() == tries
