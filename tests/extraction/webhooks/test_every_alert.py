"""Alerts of every kind, from what raises them to the receiver that verifies them."""

import json
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.mail import EmailMessage
from pytest_django import Settings
from standardwebhooks import Webhook

from extraction import alert_watch
from extraction.alert_watch import MISSED_BEFORE_TOLD, watch_workers
from extraction.models import State, WebhookDelivery, WebhookEndpoint
from extraction.webhooks import delivery, endpoints
from extraction.webhooks.alerts import tell_alerts
from extraction.webhooks.without_worker import notifier
from tests.extraction.test_alert_watch import ended, looks
from tests.extraction.webhooks.conftest import drain
from tests.https_receiver import Receiver, respond
from tests.tokens.rows import make_token
from tokens import ledger, ledger_audit, quota_alerts, selection
from tokens.models import AlertKind, AlertRecipient, LedgerAlert, TokenUsageSummary
from tokens.usage import Requester, Usage

pytestmark = pytest.mark.django_db

Add = Callable[..., WebhookEndpoint]
MINE, SITE = "NT047", ""
WHO = Requester(company_id=MINE, branch="", requested_by="")


def spend(share: int) -> None:
    """Use so much of a key's limit of 10,000, below its threshold and above 80 %."""
    token = make_token(total_token_limit=10_000)
    ledger.settle(uuid.uuid4(), token.pk, Usage(share), **WHO)


def falsify_the_ledger() -> None:
    spend(10)
    TokenUsageSummary.objects.update(total_used_tokens=11)
    ledger_audit.audit_ledger()


class Site:
    """What each cause of an alert needs."""

    def __init__(self, settings: Settings, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self._settings, self._patch, self._folder = settings, monkeypatch, folder

    def cause(self, kind: AlertKind, receiver: Receiver, add: Add) -> None:
        """Do what has staff told of this kind."""
        match kind:
            case AlertKind.THRESHOLD:
                spend(9_500)
            case AlertKind.QUOTA:
                spend(8_100)
                quota_alerts.look()
            case AlertKind.LEDGER:
                falsify_the_ledger()
            case AlertKind.NO_WORKER:
                self._patch.setattr(alert_watch, "close_old_connections", lambda: None)
                watch_workers(looks(MISSED_BEFORE_TOLD))
            case AlertKind.KEY_REJECTED:
                selection.disable_key(make_token(), "Not valid.")
            case AlertKind.FAILURES:
                ended(State.FAILED, 10)
                alert_watch.look_at_failures()
            case AlertKind.DISK:
                full = SimpleNamespace(free=1)
                self._patch.setattr(shutil, "disk_usage", lambda _: full)
                alert_watch.look_at_disk()
            case AlertKind.BACKUP:
                self._settings.BACKUP_FOLDER = str(self._folder)
                alert_watch.look_at_backups()
            case AlertKind.WEBHOOK:
                endpoints.ping(add(events=["extraction.failed"]))
                receiver.answer = lambda handler: respond(handler, 410)
                drain()
                receiver.answer = lambda handler: respond(handler, 200)
                receiver.received.clear()


@pytest.fixture
def site(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Site:
    return Site(settings, monkeypatch, tmp_path / "no-backups")


def arrived(receiver: Receiver, endpoint: WebhookEndpoint) -> list[tuple[str, str, str]]:
    """Event, company and kind of what the receiver got with this endpoint's signature."""
    found = []
    for each in receiver.received:
        secret = endpoint.clear  # type: ignore[attr-defined]
        message = Webhook(secret).verify(each.body, each.headers)
        assert message["data"]["text"]
        found.append((message["type"], message["data"]["company_id"], message["data"]["kind"]))
    return found


OF_THE_SITE = {AlertKind.LEDGER, AlertKind.NO_WORKER, AlertKind.DISK, AlertKind.BACKUP}


@pytest.mark.parametrize("kind", AlertKind)
def test_receiver_is_told_once_and_can_verify_it(
    receiver: Receiver, add: Add, site: Site, kind: AlertKind
) -> None:
    company_id = SITE if kind in OF_THE_SITE else MINE
    endpoint = add(company_id=company_id)
    WebhookEndpoint.objects.update(alert_kinds=kind)

    site.cause(kind, receiver, add)
    for _ in range(2):
        tell_alerts()
        drain()

    about_quota = kind in (AlertKind.THRESHOLD, AlertKind.QUOTA)
    event = "quota.warning" if about_quota else "alert.raised"
    assert arrived(receiver, endpoint) == [(event, company_id, str(kind))]


@pytest.mark.parametrize("kind", AlertKind)
def test_other_companies_and_receivers_of_other_kinds_are_not_told(
    receiver: Receiver, add: Add, site: Site, kind: AlertKind
) -> None:
    others = [each for each in AlertKind if each != kind]
    add(company_id="NT048")
    for company_id in (MINE, SITE):
        asks = add(company_id=company_id)
        WebhookEndpoint.objects.filter(pk=asks.pk).update(alert_kinds=",".join(others))

    site.cause(kind, receiver, add)
    tell_alerts()

    told = WebhookDelivery.objects.filter(event__in=["quota.warning", "alert.raised"])
    assert kind not in [json.loads(each.body)["data"]["kind"] for each in told]


@pytest.mark.django_db(transaction=True)
def test_web_tells_that_no_worker_lives(
    receiver: Receiver, add: Add, settings: Settings, mailoutbox: list[EmailMessage]
) -> None:
    settings.EMAIL_HOST = "mail.example.com"
    AlertRecipient.objects.create(address="ops@example.com")
    endpoint = add(company_id=SITE)

    watch_workers(looks(MISSED_BEFORE_TOLD + 2), notifier())

    assert arrived(receiver, endpoint) == [("alert.raised", SITE, "no-worker")]
    assert len(mailoutbox) == 1


@pytest.mark.django_db(transaction=True)
def test_web_tries_again_what_did_not_arrive(
    receiver: Receiver, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "FIRST_WAIT", 0.0)
    answers = [500, 200]
    receiver.answer = lambda handler: respond(handler, answers.pop(0))
    endpoint = add(company_id=SITE)

    watch_workers(looks(MISSED_BEFORE_TOLD + 1), notifier())

    assert endpoint.deliveries.get().attempts == 2
    assert answers == []


def test_ledger_that_is_right_again_is_not_told_and_long_findings_are_cut(add: Add) -> None:
    endpoint = add(company_id=SITE)
    alert = LedgerAlert.objects.create(findings="x" * 5_000, fingerprint="1")

    assert [tell_alerts(), tell_alerts()] == [1, 0]

    text = json.loads(endpoint.deliveries.get().body)["data"]["text"]
    assert len(text) == 1_000
    LedgerAlert.objects.follow([], "")
    WebhookDelivery.objects.all().delete()
    assert tell_alerts() == 0
    alert.refresh_from_db()
    assert alert.resolved_at is not None
