"""Alerts are told to receivers: each once, to those of its company."""

import json
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from extraction.models import WebhookDelivery, WebhookEndpoint
from extraction.webhooks import endpoints
from extraction.webhooks.alerts import TOLD_WITHIN, tell_alerts
from tests.extraction.webhooks.conftest import drain
from tests.https_receiver import Receiver, respond
from tests.tokens.rows import make_token
from tokens import ledger
from tokens.models import AlertKind, Finding, SiteAlert, ThresholdAlert
from tokens.usage import Requester, Usage

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]

Add = Callable[..., WebhookEndpoint]


def told(endpoint: WebhookEndpoint) -> list[tuple[str, str, str]]:
    """Event, kind and text."""
    bodies = [json.loads(each.body) for each in endpoint.deliveries.order_by("created_at")]
    return [(body["type"], body["data"]["kind"], body["data"]["text"]) for body in bodies]


def test_limits_are_told_as_quota_warnings(add: Add) -> None:
    endpoint, other = add(), add(company_id="NT048")
    token = make_token(total_token_limit=10_000)
    who = Requester(company_id="NT047", branch="", requested_by="")
    ledger.settle(uuid.uuid4(), token.pk, Usage(8_000), **who)
    SiteAlert.objects.raise_once(AlertKind.QUOTA, "x", Finding("Used 80 %.", "NT047"))
    assert ThresholdAlert.objects.count() == 1

    assert [tell_alerts(), tell_alerts()] == [2, 0]

    assert told(endpoint) == [
        ("quota.warning", "threshold", f"{token}: 2000 of 10000 LLM tokens left."),
        ("quota.warning", "quota", "Used 80 %."),
    ]
    assert told(other) == []


def test_other_alerts_are_told_to_the_company_or_the_site(add: Add) -> None:
    endpoint, site = add(), add(company_id="")
    SiteAlert.objects.raise_once(AlertKind.FAILURES, "x", Finding("Many fail.", "NT047"))
    SiteAlert.objects.raise_once(AlertKind.DISK, "x", Finding("Full."))

    tell_alerts()

    assert told(endpoint) == [("alert.raised", "failures", "Many fail.")]
    assert told(site) == [("alert.raised", "disk", "Full.")]


def test_old_alerts_are_not_told(add: Add, settings: Settings) -> None:
    add()
    SiteAlert.objects.raise_once(AlertKind.FAILURES, "x", Finding("Many fail.", "NT047"))
    SiteAlert.objects.update(created_at=timezone.now() - TOLD_WITHIN - timedelta(seconds=1))

    assert tell_alerts() == 0

    SiteAlert.objects.update(created_at=timezone.now())
    settings.WEBHOOK_HOSTS = []
    assert tell_alerts() == 0
    assert not WebhookDelivery.objects.exists()


def test_webhook_that_is_disabled_raises_an_alert_until_it_is_enabled(
    receiver: Receiver, add: Add
) -> None:
    endpoint = add()
    endpoints.ping(endpoint)
    receiver.answer = lambda handler: respond(handler, 410)

    drain()

    alert = SiteAlert.objects.get(kind=AlertKind.WEBHOOK)
    assert (alert.company_id, alert.resolved_at) == ("NT047", None)
    assert "410 Gone" in alert.text
    endpoints.enable(endpoint)
    alert.refresh_from_db()
    assert alert.resolved_at is not None
