"""What one process holds is judged by the clock that all share, and by how long it can be held.

Beside ``test_clocks_of_hosts``, which has two real hosts and a server: duties beside the pipeline.
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.cache import caches
from django.utils import timezone

from extraction import clients, erasing, erasure_orders, throttling
from extraction.access import Principal
from extraction.clients import TooManyRequests
from extraction.models import (
    ApiClient,
    DeliveryState,
    ErasureScope,
    State,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
)
from extraction.models.webhook import TRIED_FOR, WEBHOOK_LEASE
from extraction.review import queue
from extraction.throttling import TooManyAttempts
from extraction.worker import housekeeping
from ocrsite.lib import clock, email_outbox
from ocrsite.lib.clock import Disturbance
from tests.extraction.factories import make_extraction
from tests.tokens.rows import make_token
from tokens.models import AlertKind, Finding, SiteAlert, TokenReservation

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
SOON = timedelta(seconds=5)


@contextmanager
def host_ahead_by(by: timedelta) -> Iterator[None]:
    """Be a process of a host whose own clock is off; the shared one stands."""
    shared = timezone.now()
    with mock.patch.object(clock, "now", return_value=shared), time_machine.travel(shared + by):
        caches["locks"].clear()  # another process remembers nothing
        yield


def person(name: str) -> Principal:
    return Principal(name, name, User(username=name, is_superuser=True))


def open_for_review() -> Callable[[], bool]:
    extraction = make_extraction(state=State.SUCCEEDED, needs_review=True)
    assert queue.claim(extraction, person("asha"))
    return lambda: queue.open_next(person("binod")) is not None


def mail() -> Callable[[], bool]:
    SiteAlert.objects.raise_once(AlertKind.DISK, "host", Finding("Full."))
    (alert,) = SiteAlert.objects.all()
    assert email_outbox.claim([alert], TRIED_FOR)
    return lambda: bool(email_outbox.claim([alert], TRIED_FOR))


def erase() -> Callable[[], bool]:
    root = User(username="root", is_superuser=True)
    erasure_orders.order(ErasureScope.PERSON, "Zoë", by=root, why="Asked.")
    assert erasing.wake_unfinished() == 1
    return lambda: erasing.wake_unfinished() == 1


def lock() -> Callable[[], bool]:
    subject = throttling.account("asha")
    for _ in range(10):
        with mock.patch.object(throttling, "is_locked", return_value=False):
            throttling.count_attempt([subject])

    def is_free() -> bool:
        caches["locks"].clear()
        try:
            throttling.require_unlocked([subject])
            throttling.count_attempt([subject])
        except TooManyAttempts:
            return False
        return True

    return is_free


HOLDS = {"review": open_for_review, "mail": mail, "erasure": erase, "lock": lock}


@pytest.mark.parametrize("hold", HOLDS.values(), ids=HOLDS)
def test_what_is_held_stays_so_on_a_host_whose_clock_is_ahead(
    hold: Callable[[], Callable[[], bool]],
) -> None:
    take = hold()

    with host_ahead_by(HOUR):
        assert not take()


@pytest.mark.parametrize("hold", HOLDS.values(), ids=HOLDS)
def test_what_was_held_before_the_clock_was_set_back_is_free(
    hold: Callable[[], Callable[[], bool]],
) -> None:
    with time_machine.travel(timezone.now() + HOUR):
        take = hold()
        assert not take()

    assert take()


@pytest.mark.parametrize("hold", HOLDS.values(), ids=HOLDS)
def test_what_another_takes_after_the_clock_was_read_is_not_taken_from_it(
    hold: Callable[[], Callable[[], bool]],
) -> None:
    """Such as while an UPDATE waits for SQLite's lock: it lasts longer than anything from now."""
    read = timezone.now()
    with time_machine.travel(read + timedelta(seconds=60)):
        take = hold()

    with mock.patch.object(clock, "now", return_value=read):
        assert not take()


def test_a_host_whose_clock_is_ahead_ends_no_reservation() -> None:
    TokenReservation.objects.create(
        attempt_id=uuid.uuid4(), token=make_token(), amount=1, leased_until=clock.now() + SOON
    )

    with host_ahead_by(HOUR):
        housekeeping.release_dead()

    assert TokenReservation.objects.exists()


def test_a_client_may_call_again_after_the_clock_was_set_back() -> None:
    client, _ = ApiClient.objects.create_key(name="ERP", requests_per_minute=1)
    assert isinstance(client, ApiClient)
    with time_machine.travel(timezone.now() + HOUR, tick=False):
        clients.count_request(client)
        with pytest.raises(TooManyRequests):
            clients.count_request(client)

    with time_machine.travel(timezone.now(), tick=False):
        clients.count_request(client)
        with pytest.raises(TooManyRequests):
            clients.count_request(client)


def message(**fields: Any) -> WebhookDelivery:
    endpoint = WebhookEndpoint.objects.create(
        url="https://hooks.example/in", events=WebhookEvent.SUCCEEDED
    )
    now = clock.now()
    given = {"due_at": now, "give_up_at": now + TRIED_FOR, **fields}
    return WebhookDelivery.objects.create(
        endpoint=endpoint, event=WebhookEvent.SUCCEEDED, event_key="x", body="{}", **given
    )


def test_messages_are_due_after_the_clock_was_set_back() -> None:
    with time_machine.travel(timezone.now() + HOUR):
        waiting, leased, failed = message(due_at=clock.now() + SOON), message(), message()
        assert WebhookDelivery.objects.claim(leased.pk)
        WebhookDelivery.objects.filter(pk=failed.pk).update(state=DeliveryState.FAILED)

    WebhookDelivery.objects.follow_clock(Disturbance.SET_BACK)

    assert list(WebhookDelivery.objects.due()) == [waiting]
    leased.refresh_from_db()
    assert leased.leased_until is not None
    assert leased.leased_until <= clock.now() + WEBHOOK_LEASE
    waiting.refresh_from_db()
    assert waiting.give_up_at <= clock.now() + TRIED_FOR


def test_messages_are_tried_on_after_the_clock_was_set_forward() -> None:
    waiting = message(due_at=clock.now() + SOON)

    with time_machine.travel(timezone.now() + 2 * TRIED_FOR):
        WebhookDelivery.objects.follow_clock(Disturbance.SET_FORWARD)
        waiting.refresh_from_db()
        assert waiting.give_up_at > clock.now() + TRIED_FOR - HOUR


@pytest.mark.parametrize("disturbance", [None, Disturbance.SET_FORWARD])
def test_a_message_that_waits_for_its_next_try_goes_on_waiting(
    disturbance: Disturbance | None,
) -> None:
    waiting = message(due_at=clock.now() + HOUR)

    WebhookDelivery.objects.follow_clock(disturbance)

    unchanged = WebhookDelivery.objects.get(pk=waiting.pk)
    assert (unchanged.due_at, unchanged.give_up_at) == (waiting.due_at, waiting.give_up_at)


def test_the_reconciler_has_messages_follow_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    from django_q.brokers import get_broker

    from extraction.worker.reconciler import Reconciler

    beyond = message(due_at=clock.now() + 2 * TRIED_FOR)

    Reconciler(get_broker()).round()

    assert list(WebhookDelivery.objects.due()) == [beyond]
