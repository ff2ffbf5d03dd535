"""A message, alert or batch that cannot be dealt with holds up no other."""

import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import DataError
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from extraction.models import (
    DeliveryState,
    State,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
)
from extraction.webhooks import alerts, batches, endpoints, events
from extraction.webhooks.delivery import Deliverer
from tests.extraction.factories import make_extraction
from tests.extraction.webhooks.conftest import drain
from tests.extraction.worker.test_bad_rows import failing_for
from tests.https_receiver import Receiver
from tokens.models import (
    AlertKind,
    Finding,
    SiteAlert,
)

pytestmark = pytest.mark.django_db(transaction=True)

Add = Callable[..., WebhookEndpoint]
AN_HOUR_AGO = timezone.now() - timedelta(hours=1)


def ended_batch(**fields: Any) -> uuid.UUID:
    batch = uuid.uuid4()
    for _ in range(2):
        make_extraction(
            batch=batch,
            state=State.SUCCEEDED,
            created_at=AN_HOUR_AGO,
            finished_at=timezone.now(),
            **fields,
        )
    return batch


def test_alert_that_cannot_be_told_holds_up_no_other(add: Add) -> None:
    add()
    for number in range(3):
        SiteAlert.objects.raise_once(AlertKind.FAILURES, f"{number}", Finding("Many.", "NT047"))
    SiteAlert.objects.filter(subject="2").update(kind="by SQL")  # the newest, which comes first

    with pytest.raises(ValueError, match="by SQL"):
        alerts.tell_alerts()

    assert WebhookDelivery.objects.count() == 2


def test_batch_that_cannot_be_told_holds_up_no_other(
    add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = add()
    bad, *good = (ended_batch() for _ in range(3))
    write = failing_for(events.tell, lambda *args: str(bad) in args[2])
    monkeypatch.setattr(batches, "tell", write)

    with pytest.raises(DataError):
        batches.tell_batches()

    told = endpoint.deliveries.values_list("event_key", flat=True)
    assert sorted(told) == sorted(f"batch.ended:{batch}:2" for batch in good)


def test_endpoint_whose_batches_cannot_be_read_holds_up_no_other(
    add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = add(), add()
    ended_batch()
    read = failing_for(batches._ended_lately, lambda endpoint: endpoint.pk == first.pk)
    monkeypatch.setattr(batches, "_ended_lately", read)

    with pytest.raises(DataError):
        batches.tell_batches()

    assert second.deliveries.count() == 1


def test_many_batches_are_looked_for_in_few_queries(
    add: Add, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    add()
    for _ in range(40):
        ended_batch()
    assert batches.tell_batches() == 40

    with django_assert_max_num_queries(4):
        assert batches.tell_batches() == 0


def test_try_whose_record_is_refused_ends_its_message(
    receiver: Receiver, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = endpoints.ping(add())
    create = failing_for(WebhookAttempt.objects.create, lambda: True)
    monkeypatch.setattr(WebhookAttempt.objects, "create", create)

    drain()

    message.refresh_from_db()
    assert message.state == DeliveryState.DELIVERED
    assert len(receiver.received) == 1


def test_message_that_cannot_be_sent_is_given_up_in_the_end(
    receiver: Receiver, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = endpoints.ping(add())
    WebhookDelivery.objects.update(give_up_at=timezone.now())
    monkeypatch.setattr("extraction.webhooks.secrets.headers", failing_for(str, lambda *_: True))

    drain()

    message.refresh_from_db()
    assert message.state == DeliveryState.FAILED


def test_endpoint_whose_thread_cannot_begin_does_not_stay_taken(
    receiver: Receiver, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = endpoints.ping(add())
    deliverer = Deliverer()

    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as broken:
        broken.setattr(threading.Thread, "start", fail)
        drain(deliverer)
    WebhookDelivery.objects.update(leased_until=AN_HOUR_AGO)
    drain(deliverer)

    message.refresh_from_db()
    assert message.state == DeliveryState.DELIVERED
