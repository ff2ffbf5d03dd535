"""Receivers are told of alerts: of limits as quota.warning, of the rest as alert.raised.

The message is written in the transaction that marks the alert as told: one for each endpoint.
"""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from extraction.models import WebhookDelivery, WebhookEvent
from extraction.webhooks.events import endpoints_for, tell
from ocrsite.lib import clock
from ocrsite.lib.database import each_for_itself
from tokens.models import AlertKind, SiteAlert, ThresholdAlert

# Older ones are of no use to anybody, such as those from before webhooks were set up.
TOLD_WITHIN = timedelta(days=1)
AT_ONCE = 100


def tell_alerts() -> int:
    """Write the messages of new alerts, each for itself; return how many alerts were new."""
    if not settings.WEBHOOK_HOSTS:
        return 0
    since = clock.now() - TOLD_WITHIN
    young = {"told_at": None, "created_at__gt": since}
    limits = ThresholdAlert.objects.filter(**young).select_related("token")[:AT_ONCE]
    others = SiteAlert.objects.filter(**young)[:AT_ONCE]
    return each_for_itself(_tell_of, [*limits, *others])


def _tell_of(alert: ThresholdAlert | SiteAlert) -> bool:
    if isinstance(alert, ThresholdAlert):
        text = f"{alert.token}: {alert}."
        return _tell(alert, AlertKind.THRESHOLD, alert.token.company_id, text)
    return _tell(alert, AlertKind(alert.kind), alert.company_id, alert.text)


def _tell(row: ThresholdAlert | SiteAlert, kind: AlertKind, company_id: str, text: str) -> bool:
    about_quota = kind in (AlertKind.THRESHOLD, AlertKind.QUOTA)
    event = WebhookEvent.QUOTA_WARNING if about_quota else WebhookEvent.ALERT_RAISED
    data: dict[str, Any] = {"company_id": company_id, "kind": str(kind), "text": text}
    key = f"{event}:{row._meta.model_name}:{row.pk}"
    with transaction.atomic():
        untold = type(row)._default_manager.filter(pk=row.pk, told_at=None)
        if not untold.update(told_at=clock.now()):
            return False  # another worker was first
        WebhookDelivery.objects.bulk_create(
            tell(endpoint, event, key, data) for endpoint in endpoints_for(company_id, event)
        )
    return True
