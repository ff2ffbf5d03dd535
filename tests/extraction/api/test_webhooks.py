"""API clients add, list and remove webhooks of their own."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from extraction.models import IdempotencyKey, WebhookDelivery, WebhookEndpoint, WebhookEvent
from extraction.webhooks import endpoints, events
from logs.models import AuditEntry
from ocrsite.lib import outbound
from tests.extraction.conftest import Integrator
from tests.extraction.webhooks.conftest import drain
from tests.https_receiver import Receiver, https_receiver

WEBHOOKS = "/api/v1/webhooks/"


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[Receiver]:
    with https_receiver() as server:
        monkeypatch.setattr(outbound, "INTERNET", server.network())
        settings.WEBHOOK_HOSTS = [server.allowed]
        yield server


def add(integrator: Integrator, receiver: Receiver, **changed: Any) -> Any:
    values = {"company_id": "NT047", "url": receiver.url, "events": ["extraction.failed"]}
    return integrator.http.post(WEBHOOKS, {**values, **changed}, format="json")


def test_webhook_is_added_with_its_secret_listed_without_and_removed(
    integrator: Integrator, receiver: Receiver
) -> None:
    answer = add(integrator, receiver)

    assert answer.status_code == 201
    added = answer.json()
    secret = added.pop("secret")
    assert secret.startswith("whsec_")
    assert integrator.http.get(WEBHOOKS).json() == {"results": [added]}
    endpoint = WebhookEndpoint.objects.get()
    label = f"client:{integrator.record.prefix}"
    assert (endpoint.client, endpoint.created_by, endpoint.enabled) == (label, label, True)
    endpoints.ping(endpoint)
    drain()
    assert len(receiver.received) == 1

    assert integrator.http.delete(f"{WEBHOOKS}{added['id']}/").status_code == 204

    assert not WebhookEndpoint.objects.exists()
    assert not WebhookDelivery.objects.exists()
    assert integrator.http.delete(f"{WEBHOOKS}{added['id']}/").status_code == 404
    told = AuditEntry.objects.filter(object_type="webhook").order_by("entry_id")
    assert [entry.action for entry in told] == ["added", "deleted"]
    assert secret not in str([vars(entry) for entry in told])


def test_client_sees_and_removes_its_own_alone(integrator: Integrator, receiver: Receiver) -> None:
    other, _ = endpoints.add(
        company_id="NT047",
        url=receiver.url,
        events=["extraction.failed"],
        by="asha",
        client="client:other",
    )

    assert integrator.http.get(WEBHOOKS).json() == {"results": []}
    assert integrator.http.delete(f"{WEBHOOKS}{other.pk}/").status_code == 404
    assert WebhookEndpoint.objects.exists()


@pytest.mark.parametrize(
    ("changed", "status", "code", "words"),
    [
        ({"company_id": "NT048"}, 403, "company_not_allowed", "may not act"),
        ({"company_id": ""}, 400, "invalid_request", "company_id"),
        ({"url": "http://receiver.test/"}, 400, "invalid_request", "url: It must begin"),
        ({"url": "https://another.test/"}, 400, "invalid_request", "not among the hosts"),
        ({"events": []}, 400, "invalid_request", "events: Choose among"),
        ({"events": ["webhook.ping"]}, 400, "invalid_request", "events"),
        ({"events": "extraction.failed"}, 400, "invalid_request", "events"),
    ],
)
def test_webhook_that_cannot_be_is_refused(
    integrator: Integrator,
    receiver: Receiver,
    changed: dict[str, Any],
    status: int,
    code: str,
    words: str,
) -> None:
    answer = add(integrator, receiver, **changed)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert words in answer.json()["detail"]
    assert not WebhookEndpoint.objects.exists()


def test_client_has_a_bounded_number_of_webhooks(
    integrator: Integrator, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("extraction.api.webhooks.MOST", 1)

    assert [add(integrator, receiver).status_code for _ in range(2)] == [201, 400]


def test_repeated_request_adds_one_webhook_and_tells_its_secret_once(
    integrator: Integrator, receiver: Receiver
) -> None:
    headers = {"Idempotency-Key": "hook-1"}
    values = {"company_id": "NT047", "url": receiver.url, "events": ["extraction.failed"]}

    def post(**changed: Any) -> Any:
        sent = {**values, **changed}
        return integrator.http.post(WEBHOOKS, sent, format="json", headers=headers)

    first, again, other = post(), post(), post(events=["batch.ended"])

    assert [each.status_code for each in (first, again, other)] == [201, 409, 409]
    assert again.json()["code"] == "already_made"
    assert str(WebhookEndpoint.objects.get().pk) in again.json()["detail"]
    assert other.json()["code"] == "idempotency_conflict"
    assert first.json()["secret"] not in str(list(IdempotencyKey.objects.values()))


def test_key_of_a_refused_request_may_come_again(
    integrator: Integrator, receiver: Receiver
) -> None:
    values = {"company_id": "NT047", "url": "https://another.test/", "events": ["batch.ended"]}

    def post() -> int:
        headers = {"Idempotency-Key": "hook-1"}
        return integrator.http.post(WEBHOOKS, values, format="json", headers=headers).status_code

    assert post() == 400
    values["url"] = receiver.url
    assert post() == 201


def test_people_use_the_admin(signed_in: Client, receiver: Receiver) -> None:
    assert signed_in.get(WEBHOOKS).status_code == 403


def test_nobody_else_is_answered(client: Client) -> None:
    assert client.get(WEBHOOKS).status_code == 401


def test_what_concerns_the_whole_company_is_told_to_clients_too(
    integrator: Integrator, receiver: Receiver
) -> None:
    add(integrator, receiver, events=["quota.warning"])

    (endpoint,) = events.endpoints_for("NT047", WebhookEvent.QUOTA_WARNING)

    assert endpoint.client == f"client:{integrator.record.prefix}"
