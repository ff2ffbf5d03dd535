"""Receivers are told of alerts: of limits as quota.warning, of the rest as alert.raised.

The message is written in the transaction that marks the alert as told: one for each endpoint. For
an alert of the ledger it is the key of the message that lets nobody be told twice.
"""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from extraction.models import WebhookDelivery, WebhookEvent
from extraction.webhooks.events import endpoints_for, tell
from ocrsite.lib import clock
from ocrsite.lib.database import each_for_itself
from tokens.models import AlertKind, LedgerAlert, SiteAlert, ThresholdAlert

# Older ones are of no use to anybody, such as those from before webhooks were set up.
TOLD_WITHIN = timedelta(days=1)
AT_ONCE = 100
# Characters of an alert's text; the admin has all of it.
LONGEST_TEXT = 1_000


def tell_alerts() -> int:
    """Write the messages of new alerts, each for itself; return how many alerts were new."""
    if not settings.WEBHOOK_HOSTS:
        return 0
    since = clock.now() - TOLD_WITHIN
    young = {"told_at": None, "created_at__gt": since}
    limits = ThresholdAlert.objects.filter(**young).select_related("token")[:AT_ONCE]
    others = SiteAlert.objects.filter(**young)[:AT_ONCE]
    wrong = LedgerAlert.objects.filter(resolved_at=None, created_at__gt=since)[:AT_ONCE]
    return each_for_itself(_tell_of, [*limits, *others, *wrong])


def _tell_of(alert: ThresholdAlert | SiteAlert | LedgerAlert) -> bool:
    match alert:
        case ThresholdAlert():
            text = f"{alert.token}: {alert}."
            return _tell(alert, AlertKind.THRESHOLD, alert.token.company_id, text)
        case SiteAlert():
            return _tell(alert, AlertKind(alert.kind), alert.company_id, alert.text)
        case LedgerAlert():
            return _tell_of_ledger(alert)


def _tell(row: ThresholdAlert | SiteAlert, kind: AlertKind, company_id: str, text: str) -> bool:
    with transaction.atomic():
        untold = type(row)._default_manager.filter(pk=row.pk, told_at=None)
        if not untold.update(told_at=clock.now()):
            return False  # another worker was first
        WebhookDelivery.objects.bulk_create(_messages(row, kind, company_id, text))
    return True


def _tell_of_ledger(alert: LedgerAlert) -> bool:
    """Write the messages of an alert that are not there yet; whether there was any."""
    messages = _messages(alert, AlertKind.LEDGER, "", f"The ledger is wrong: {alert.findings}")
    return bool(sum(_stored(message) for message in messages))


def _stored(message: WebhookDelivery) -> bool:
    same = WebhookDelivery.objects.filter(endpoint=message.endpoint, event_key=message.event_key)
    if same.exists():
        return False
    try:
        with transaction.atomic():
            message.save(force_insert=True)
    except IntegrityError:  # another worker was first
        return False
    return True


def _messages(
    row: ThresholdAlert | SiteAlert | LedgerAlert, kind: AlertKind, company_id: str, text: str
) -> list[WebhookDelivery]:
    about_quota = kind in (AlertKind.THRESHOLD, AlertKind.QUOTA)
    event = WebhookEvent.QUOTA_WARNING if about_quota else WebhookEvent.ALERT_RAISED
    shown = text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"
    data: dict[str, Any] = {"company_id": company_id, "kind": str(kind), "text": shown}
    key = f"{event}:{row._meta.model_name}:{row.pk}"
    asking = endpoints_for(company_id, event, alert_kind=kind)
    return [tell(endpoint, event, key, data) for endpoint in asking]
