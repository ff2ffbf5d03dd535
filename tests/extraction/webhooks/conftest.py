"""A receiver of webhooks on this machine, and what waits for it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django import Settings

from extraction.models import WebhookEndpoint, WebhookEvent
from extraction.webhooks import endpoints
from extraction.webhooks.delivery import Deliverer
from ocrsite.lib import outbound
from tests.https_receiver import Receiver, https_receiver

ALL = [str(event) for event in WebhookEvent.subscribable()]


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[Receiver]:
    """An allowed host that answers 200."""
    with https_receiver() as server:
        monkeypatch.setattr(outbound, "INTERNET", server.network())
        settings.WEBHOOK_HOSTS = [server.allowed]
        yield server


@pytest.fixture
def add(receiver: Receiver, db: None) -> Callable[..., WebhookEndpoint]:
    """Add an endpoint of NT047 that asks for everything; ``clear`` on it is its secret."""

    def add(**changed: Any) -> WebhookEndpoint:
        values = {"company_id": "NT047", "url": receiver.url, "events": ALL, "by": "asha"}
        endpoint, secret = endpoints.add(**{**values, **changed})
        endpoint.clear = secret  # type: ignore[attr-defined]
        return endpoint

    return add


def drain(deliverer: Deliverer | None = None) -> None:
    """Have everything sent that is due now, and its outcome recorded."""
    deliverer = deliverer or Deliverer()
    deliverer.round()
    while deliverer._under_way:
        deliverer.round()
