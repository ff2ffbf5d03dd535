"""What people and programs do with endpoints: add, rotate, enable, test, send again."""

import logging
import uuid
from collections.abc import Iterable

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from extraction.models import WebhookDelivery, WebhookEndpoint, WebhookEvent
from extraction.models.webhook import TRIED_FOR, DeliveryState
from extraction.webhooks import secrets
from extraction.webhooks.events import tell
from ocrsite.lib import clock
from ocrsite.lib.outbound_targets import RefusedTarget, is_allowed, parse
from tokens.models import AlertKind, SiteAlert

logger = logging.getLogger(__name__)

LONGEST_URL = 500
TURNED_OFF = "Webhooks are off: WEBHOOK_HOSTS names no host."


class InvalidEndpoint(Exception):
    """An endpoint that cannot be: ``field`` is the one to blame."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


def require_url(url: str) -> str:
    """Return an address as it is stored. Raises InvalidEndpoint unless it may be called."""
    if not settings.WEBHOOK_HOSTS:
        raise InvalidEndpoint("url", TURNED_OFF)
    try:
        target = parse(url)
    except RefusedTarget as error:
        raise InvalidEndpoint("url", str(error)) from error
    if not is_allowed(target, settings.WEBHOOK_HOSTS):
        raise InvalidEndpoint("url", f"{target.authority} is not among the hosts that are called.")
    if len(target.url) > LONGEST_URL:
        raise InvalidEndpoint("url", f"It must not be longer than {LONGEST_URL} characters.")
    return target.url


def require_events(events: Iterable[str]) -> str:
    """Return events as they are stored. Raises InvalidEndpoint for none, and an unknown one."""
    known = [str(event) for event in WebhookEvent.subscribable()]
    asked = set(events)
    if not asked or not asked.issubset(known):
        raise InvalidEndpoint("events", f"Choose among {', '.join(known)}.")
    return ",".join(event for event in known if event in asked)


def add(
    *, company_id: str, url: str, events: Iterable[str], by: str, client: str = ""
) -> tuple[WebhookEndpoint, str]:
    """Add an endpoint and return it with its secret, which nobody can see again.

    ``client``: the label of the API client whose documents alone it is told of. Raises
    InvalidEndpoint.
    """
    endpoint = WebhookEndpoint(
        company_id=company_id,
        client=client,
        url=require_url(url),
        events=require_events(events),
        created_by=by,
    )
    secret = secrets.give(endpoint)
    endpoint.save(force_insert=True)
    logger.info("%s added webhook %s of %s.", by, endpoint.pk, endpoint)
    return endpoint, secret


def enable(endpoint: WebhookEndpoint) -> None:
    """Have an endpoint called again; what waits for it is tried for another day."""
    now = clock.now()
    with transaction.atomic():
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
            enabled=True, disabled_reason="", failing_since=None
        )
        SiteAlert.objects.resolve(AlertKind.WEBHOOK, Q(subject=str(endpoint.pk)))
        endpoint.deliveries.filter(state=DeliveryState.PENDING).update(
            due_at=now, give_up_at=now + TRIED_FOR
        )


def disable(endpoint: WebhookEndpoint, reason: str) -> bool:
    """Stop calling an endpoint; False when it is disabled already."""
    enabled = WebhookEndpoint.objects.filter(pk=endpoint.pk, enabled=True)
    return bool(enabled.update(enabled=False, disabled_reason=reason[:200]))


def ping(endpoint: WebhookEndpoint) -> WebhookDelivery:
    """Send a test to an endpoint, whatever events it asks for."""
    message = tell(
        endpoint,
        WebhookEvent.PING,
        f"{WebhookEvent.PING}:{uuid.uuid4()}",
        {"company_id": endpoint.company_id},
    )
    message.save(force_insert=True)
    return message
