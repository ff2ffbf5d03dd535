"""The end of a batch is told once, when its last document has ended."""

import json
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from extraction.models import EarlierDocument, Extraction, State, WebhookDelivery, WebhookEndpoint
from extraction.models.batch import note_earlier
from extraction.webhooks.batches import LOOKED_BACK, QUIET, tell_batches
from tests.extraction.factories import make_extraction

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]

Add = Callable[..., WebhookEndpoint]


def batch_of(*states: State, **fields: object) -> uuid.UUID:
    batch, now = uuid.uuid4(), timezone.now()
    for state in states:
        values = {
            "state": state,
            "batch": batch,
            "created_at": now - QUIET - timedelta(seconds=1),
            "finished_at": now if state in State.ended() else None,
            **fields,
        }
        make_extraction(**values)
    return batch


def test_batch_whose_documents_all_ended_is_told_once(add: Add) -> None:
    endpoint, _ = add(), add(events=["extraction.failed"])
    batch = batch_of(State.SUCCEEDED, State.SUCCEEDED, State.FAILED, State.CANCELLED)
    Extraction.objects.filter(state=State.FAILED).update(needs_review=True)

    assert [tell_batches(), tell_batches()] == [1, 0]

    body = json.loads(endpoint.deliveries.get().body)
    assert body["type"] == "batch.ended"
    assert body["data"] == {
        "company_id": "NT047",
        "batch": str(batch),
        "documents": 4,
        "succeeded": 2,
        "failed": 1,
        "cancelled": 1,
        "needs_review": 1,
    }


def test_batch_of_documents_that_came_before_is_told(add: Add) -> None:
    endpoint = add()
    batch_of(State.SUCCEEDED, finished_at=endpoint.created_at - timedelta(days=2))
    (earlier,) = Extraction.objects.all()
    batch = uuid.uuid4()
    note_earlier(batch, [earlier], "client:one")
    assert tell_batches() == 0  # more may follow

    EarlierDocument.objects.update(created_at=timezone.now() - QUIET - timedelta(seconds=1))
    WebhookEndpoint.objects.update(created_at=timezone.now() - timedelta(hours=1))

    assert [tell_batches(), tell_batches()] == [1, 0]
    data = json.loads(endpoint.deliveries.get().body)["data"]
    assert (data["batch"], data["documents"], data["succeeded"]) == (str(batch), 1, 1)


def test_batch_whose_earlier_document_is_still_read_is_told_at_its_end(add: Add) -> None:
    endpoint = add()
    other = batch_of(State.PROCESSING)
    batch = batch_of(State.SUCCEEDED)
    note_earlier(batch, Extraction.objects.filter(batch=other), "client:one")
    EarlierDocument.objects.update(created_at=timezone.now() - QUIET - timedelta(seconds=1))
    assert tell_batches() == 0

    Extraction.objects.update(state=State.SUCCEEDED, finished_at=timezone.now())

    assert tell_batches() == 2
    told = {json.loads(each.body)["data"]["documents"] for each in endpoint.deliveries.all()}
    assert told == {1, 2}


def test_batch_that_goes_on_is_not_told(add: Add) -> None:
    add()
    batch_of(State.SUCCEEDED, State.PROCESSING)
    batch_of(State.SUCCEEDED, State.WAITING)
    batch_of(State.SUCCEEDED, created_at=timezone.now())

    assert tell_batches() == 0


def test_batch_that_grew_is_told_again(add: Add) -> None:
    add()
    batch = batch_of(State.SUCCEEDED)
    assert tell_batches() == 1

    batch_of(State.FAILED, batch=batch)

    assert [tell_batches(), tell_batches()] == [1, 0]


@pytest.mark.parametrize(
    "fields",
    [
        {"company_id": "NT048"},
        {"finished_at": timezone.now() - LOOKED_BACK - timedelta(hours=1)},
        {"finished_at": timezone.now() - timedelta(hours=1)},  # before the endpoint was there
        {"client": "client:other"},
    ],
)
def test_other_batches_are_not_told(add: Add, fields: dict[str, object]) -> None:
    add(client="client:mine")
    batch_of(State.SUCCEEDED, **{"client": "client:mine", **fields})

    assert tell_batches() == 0


def test_no_batch_is_told_while_no_host_is_allowed(add: Add, settings: Settings) -> None:
    add()
    batch_of(State.SUCCEEDED)
    settings.WEBHOOK_HOSTS = []

    assert tell_batches() == 0
    assert not WebhookDelivery.objects.exists()
