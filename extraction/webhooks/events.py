"""What receivers are told: one row for each event and endpoint, in the transaction of the event.

The row is the message: a crash after the commit loses nothing, and one before it tells nothing.
Of the document it has the labels that its sender gave it, and nothing of the invoice; who is told
asks for that with an API key of its own.
"""

import json
import uuid
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse

from extraction.labels import labels_of
from extraction.models import Extraction, WebhookDelivery, WebhookEndpoint, WebhookEvent
from extraction.models.webhook import TRIED_FOR
from ocrsite.lib import clock
from ocrsite.lib.database import dispensable
from tokens.companies import spellings


def tell_succeeded(extraction: Extraction, *, needs_review: bool) -> None:
    """Tell that a held extraction succeeded, and where that is so, that it needs review."""
    occurrence = str(extraction.lease_id)
    known = {"state": "succeeded", "http_status": 200, "code": "", "needs_review": needs_review}
    _tell_of(extraction, WebhookEvent.SUCCEEDED, occurrence, known)
    if needs_review:
        _tell_of(extraction, WebhookEvent.NEEDS_REVIEW, occurrence, known)


def tell_failed(extraction: Extraction, *, http_status: int, code: str) -> None:
    """Tell that a held extraction failed."""
    known = {"state": "failed", "http_status": http_status, "code": code, "needs_review": False}
    _tell_of(extraction, WebhookEvent.FAILED, str(extraction.lease_id), known)


def tell_approved(extraction: Extraction) -> None:
    """Tell that a person approved an extraction: its version is the one approved."""
    known = {"state": "succeeded", "http_status": 200, "code": "", "needs_review": False}
    _tell_of(extraction, WebhookEvent.APPROVED, str(extraction.version), known)


def tell(
    endpoint: WebhookEndpoint,
    event: WebhookEvent,
    event_key: str,
    data: dict[str, Any],
    extraction_id: uuid.UUID | None = None,
) -> WebhookDelivery:
    """Return the unsaved message of an event for an endpoint."""
    now, message_id = clock.now(), uuid.uuid4()
    return WebhookDelivery(
        id=message_id,
        endpoint=endpoint,
        event=event,
        event_key=event_key,
        extraction_id=extraction_id,
        body=_written(event, message_id, now, data),
        created_at=now,
        due_at=now,
        give_up_at=now + TRIED_FOR,
    )


def endpoints_for(
    company_id: str,
    event: WebhookEvent,
    client: str | None = None,
    alert_kind: str | None = None,
) -> list[WebhookEndpoint]:
    """Return the enabled endpoints of a company that ask for an event; none while all is off.

    ``client``: of whose documents it is; None where it is of no document. ``alert_kind``: of an
    event that is an alert.
    """
    if not settings.WEBHOOK_HOSTS:
        return []
    enabled = WebhookEndpoint.objects.filter(company_id__in=spellings(company_id), enabled=True)
    return [endpoint for endpoint in enabled if endpoint.wants(event, client, alert_kind)]


def _tell_of(
    extraction: Extraction, event: WebhookEvent, occurrence: str, known: dict[str, Any]
) -> None:
    """Write the messages of what happened to an extraction; ``occurrence`` tells it apart.

    What happened stays, also where they cannot be written.
    """
    if not settings.WEBHOOK_HOSTS:
        return
    data: dict[str, Any] = {
        "extraction": reverse("api-extraction", args=[extraction.pk]),
        "extraction_id": str(extraction.pk),
        "company_id": extraction.company_id,
        **known,
    }
    key = f"{event}:{extraction.pk}:{occurrence}"
    with dispensable(f"the messages of {key}"):
        endpoints = endpoints_for(extraction.company_id, event, extraction.client)
        if endpoints:
            data["labels"] = labels_of(extraction)
        WebhookDelivery.objects.bulk_create(
            [tell(endpoint, event, key, data, extraction.pk) for endpoint in endpoints]
        )


def _written(event: WebhookEvent, message_id: uuid.UUID, at: datetime, data: dict[str, Any]) -> str:
    timestamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    message = {"type": event, "id": str(message_id), "timestamp": timestamp, "data": data}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))
