"""What staff do with webhooks."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from extraction.models import ApiClient, DeliveryState, WebhookDelivery, WebhookEndpoint
from extraction.webhooks import endpoints
from logs.models import AuditEntry
from tests.extraction.webhooks.conftest import drain
from tests.https_receiver import Receiver
from tokens.models import TokenMaster

pytestmark = pytest.mark.django_db

ENDPOINTS = "/admin/extraction/webhookendpoint/"
DELIVERIES = "/admin/extraction/webhookdelivery/"
Add = Callable[..., WebhookEndpoint]


@pytest.fixture
def staff() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def form(receiver: Receiver, **changed: object) -> dict[str, Any]:
    values = {
        "company_id": "NT047",
        "client": "",
        "url": receiver.url,
        "events": ["extraction.failed", "extraction.succeeded"],
    }
    return {**values, **changed}


def act(client: Client, path: str, action: str, *pks: object) -> str:
    sent = {"action": action, "_selected_action": [str(pk) for pk in pks]}
    return client.post(path, sent, follow=True).content.decode()


def test_endpoint_is_added_and_its_secret_shown_once(
    staff: Client, receiver: Receiver, token: TokenMaster
) -> None:
    page = staff.post(f"{ENDPOINTS}add/", form(receiver), follow=True).content.decode()

    endpoint = WebhookEndpoint.objects.get()
    (secret,) = re.findall(r"whsec_[\w+/=]+", page)
    assert endpoint.events == "extraction.succeeded,extraction.failed"
    assert (endpoint.created_by, endpoint.enabled) == ("root", True)
    assert secret not in endpoint.secret
    later = staff.get(f"{ENDPOINTS}{endpoint.pk}/change/").content.decode()
    assert "whsec_" not in later
    assert "enc:" not in later


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"url": "http://receiver.test/"}, "begin with https"),
        ({"url": "https://another.test/"}, "not among the hosts"),
        ({"url": "https://x:y@receiver.test/"}, "user name"),
        ({"events": []}, "required"),
        ({"events": ["webhook.ping"]}, "valid choice"),
        ({"company_id": "NT999"}, "valid choice"),
    ],
)
def test_endpoint_that_cannot_be_is_refused(
    staff: Client,
    receiver: Receiver,
    token: TokenMaster,
    changed: dict[str, Any],
    complaint: str,
) -> None:
    page = staff.post(f"{ENDPOINTS}add/", form(receiver, **changed)).content.decode()

    assert complaint in page
    assert not WebhookEndpoint.objects.exists()


def test_endpoint_is_refused_while_webhooks_are_off(
    staff: Client, receiver: Receiver, token: TokenMaster, settings: Settings
) -> None:
    settings.WEBHOOK_HOSTS = []

    page = staff.post(f"{ENDPOINTS}add/", form(receiver)).content.decode()

    assert "WEBHOOK_HOSTS names no host" in page


def test_endpoint_is_changed_and_keeps_its_secret(
    staff: Client, receiver: Receiver, add: Add, token: TokenMaster
) -> None:
    """What it names may be gone from the choices since."""
    endpoint = add(company_id="GONE", client="client:gone")
    secret = endpoint.secret
    address = f"{ENDPOINTS}{endpoint.pk}/change/"
    page = staff.get(address).content.decode()

    changed = form(receiver, company_id="GONE", client="client:gone", url=f"{receiver.url}/2")
    response = staff.post(address, changed)

    assert response.status_code == 302
    assert 'value="extraction.approved" ' in page
    endpoint.refresh_from_db()
    assert endpoint.url == f"{receiver.url}/2"
    assert endpoint.event_list == ["extraction.succeeded", "extraction.failed"]
    assert (endpoint.company_id, endpoint.client) == ("GONE", "client:gone")
    assert endpoint.secret == secret


def test_endpoint_of_the_site_itself(staff: Client, receiver: Receiver, token: TokenMaster) -> None:
    staff.post(f"{ENDPOINTS}add/", form(receiver, company_id="*", events=["alert.raised"]))
    endpoint = WebhookEndpoint.objects.get()
    assert endpoint.company_id == ""

    address = f"{ENDPOINTS}{endpoint.pk}/change/"
    assert '<option value="*" selected>' in staff.get(address).content.decode()


def test_clients_can_be_chosen(staff: Client, receiver: Receiver, token: TokenMaster) -> None:
    client, _ = ApiClient.objects.create_key(name="ERP")
    staff.post(f"{ENDPOINTS}add/", form(receiver, client=f"client:{client.prefix}"))

    assert WebhookEndpoint.objects.get().client == f"client:{client.prefix}"


def test_actions_on_endpoints(staff: Client, receiver: Receiver, add: Add) -> None:
    endpoint = add()
    before = endpoint.secret

    assert "Tests on their way: 1" in act(staff, ENDPOINTS, "send_test", endpoint.pk)
    drain()
    assert len(receiver.received) == 1

    assert re.search(r"whsec_[\w+/]+", act(staff, ENDPOINTS, "new_secret", endpoint.pk))
    endpoint.refresh_from_db()
    assert endpoint.secret != before
    assert endpoint.old_secret == before

    assert "Disabled</span>" in act(staff, ENDPOINTS, "disable", endpoint.pk)
    endpoint.refresh_from_db()
    assert (endpoint.enabled, endpoint.disabled_reason) == (False, "By root.")
    act(staff, ENDPOINTS, "disable", endpoint.pk)
    assert "Tests on their way: 0" in act(staff, ENDPOINTS, "send_test", endpoint.pk)

    assert "Active</span>" in act(staff, ENDPOINTS, "enable", endpoint.pk)
    told = [(entry.action, entry.after) for entry in AuditEntry.objects.order_by("entry_id")][1:]
    assert told == [
        ("changed", "secret: (not shown)"),
        ("changed", "enabled is off"),
        ("changed", "enabled is on"),
    ]
    WebhookEndpoint.objects.update(failing_since=timezone.now())
    assert "Failing</span>" in staff.get(ENDPOINTS).content.decode()


def test_actions_need_the_permission_to_change(receiver: Receiver, add: Add) -> None:
    endpoint = add()
    user = User.objects.create_user("viewer", is_staff=True)
    for name in ("webhookendpoint", "webhookdelivery"):
        user.user_permissions.add(Permission.objects.get(codename=f"view_{name}"))
    client = Client()
    client.force_login(user)

    for action in ("send_test", "new_secret", "disable"):
        act(client, ENDPOINTS, action, endpoint.pk)

    stored = endpoint.secret
    endpoint.refresh_from_db()
    assert (endpoint.enabled, endpoint.secret) == (True, stored)
    assert not WebhookDelivery.objects.exists()


@pytest.mark.parametrize("rows", [1, 20])
def test_deliveries_are_listed_with_few_queries(
    staff: Client, add: Add, rows: int, django_assert_num_queries: Any
) -> None:
    endpoint = add()
    for _ in range(rows):
        endpoints.ping(endpoint)

    # Session, user, count, rows.
    with django_assert_num_queries(4):
        page = staff.get(DELIVERIES).content.decode()

    assert page.count("Pending</span>") == rows


def test_delivery_is_shown_with_its_tries_and_sent_again(
    staff: Client, receiver: Receiver, add: Add
) -> None:
    message = endpoints.ping(add())
    drain()
    address = f"{DELIVERIES}{message.pk}/change/"

    page = staff.get(address).content.decode()
    staff.post(address, {"state": "failed"})

    assert "webhook.ping" in page
    assert "<td>200</td>" in re.sub(r"<p>|</p>|\s+(?=<)|(?<=>)\s+| class=\"[\w-]+\"", "", page)
    message.refresh_from_db()
    assert message.state == DeliveryState.DELIVERED
    assert "on their way again: 1" in act(staff, DELIVERIES, "send_again", message.pk)
    message.refresh_from_db()
    assert message.state == DeliveryState.PENDING


def test_deliveries_are_found_by_extraction(staff: Client, add: Add) -> None:
    message = endpoints.ping(add())
    WebhookDelivery.objects.update(extraction_id=message.pk)

    for term, shown in ((message.pk, 1), ("NT047", 1), ("NT048", 0), ("x", 0)):
        page = staff.get(DELIVERIES, {"q": str(term)}).content.decode()
        assert page.count("Pending</span>") == shown


def test_endpoint_is_deleted_with_its_deliveries(staff: Client, add: Add) -> None:
    endpoint = add()
    endpoints.ping(endpoint)
    WebhookDelivery.objects.update(created_at=timezone.now() - timedelta(days=1))

    staff.post(f"{ENDPOINTS}{endpoint.pk}/delete/", {"post": "yes"})

    assert not WebhookEndpoint.objects.exists()
    assert not WebhookDelivery.objects.exists()
