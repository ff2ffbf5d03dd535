"""How messages arrive: signed, at least once each, and whatever other receivers do."""

import json
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler

import pytest
import time_machine
from django.db import OperationalError
from django.utils import timezone
from pytest_django import Settings
from standardwebhooks import Webhook

from extraction.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from extraction.models.webhook import TRIED_FOR, WEBHOOK_LEASE, DeliveryState
from extraction.webhooks import delivery as delivery_module
from extraction.webhooks import endpoints, secrets
from extraction.webhooks.delivery import ANSWERED_GONE, NOTHING_ARRIVED, Deliverer
from ocrsite.lib import outbound
from tests.extraction.webhooks.conftest import drain
from tests.https_receiver import Receiver, respond

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]

Add = Callable[..., WebhookEndpoint]
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


def answering(status: int, body: bytes = b"", **headers: str) -> Callable[..., None]:
    return lambda handler: respond(handler, status, body, **headers)


def test_message_arrives_signed(receiver: Receiver, add: Add) -> None:
    endpoint = add()
    message = endpoints.ping(endpoint)

    drain()

    (request,) = receiver.received
    verified = Webhook(endpoint.clear).verify(request.body, request.headers)  # type: ignore[attr-defined]
    assert verified == json.loads(message.body)
    assert verified["type"] == "webhook.ping"
    assert request.headers["webhook-id"] == verified["id"] == str(message.pk)
    assert request.headers["content-type"] == "application/json"
    message.refresh_from_db()
    endpoint.refresh_from_db()
    assert (message.state, message.attempts) == (DeliveryState.DELIVERED, 1)
    assert (message.lease_id, message.leased_until) == (None, None)
    assert message.ended_at is not None
    assert endpoint.last_success_at is not None
    tried = message.tries.get()
    assert (tried.number, tried.status_code, tried.error) == (1, 200, "")

    drain()

    assert len(receiver.received) == 1


def test_both_secrets_sign_for_a_day_after_a_rotation(receiver: Receiver, add: Add) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        endpoint = add()
        old = endpoint.clear  # type: ignore[attr-defined]
        new = secrets.rotate(endpoint)
        endpoints.ping(endpoint)
        drain()
        clock.shift(timedelta(days=1))
        endpoints.ping(endpoint)
        drain()

        first, second = receiver.received
        assert Webhook(new).verify(second.body, second.headers)
        with pytest.raises(Exception, match="signature"):
            Webhook(old).verify(second.body, second.headers)
        clock.shift(timedelta(days=-1))
        assert Webhook(old).verify(first.body, first.headers)
        assert Webhook(new).verify(first.body, first.headers)


def test_secret_is_stored_encrypted(add: Add) -> None:
    endpoint = add()
    clear = endpoint.clear  # type: ignore[attr-defined]

    assert clear.startswith("whsec_")
    assert endpoint.secret.startswith("enc:")
    assert clear not in endpoint.secret


@pytest.mark.parametrize("status", [100 + 200, 400, 401, 404, 429, 500, 503])
def test_message_that_is_not_taken_is_sent_again_with_the_same_id(
    receiver: Receiver, add: Add, status: int
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        message = endpoints.ping(add())
        receiver.answer = answering(status, b"no")
        drain()
        drain()
        message.refresh_from_db()
        assert (message.state, message.due_at) == (
            DeliveryState.PENDING,
            NOON + timedelta(seconds=5),
        )
        receiver.answer = answering(204)
        clock.shift(timedelta(seconds=5))
        drain()

    message.refresh_from_db()
    assert message.state == DeliveryState.DELIVERED
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
    codes = [(each.number, each.status_code, each.answer) for each in message.tries.all()]
    assert codes == [(1, status, "no"), (2, 204, "")]
    message.endpoint.refresh_from_db()
    assert message.endpoint.failing_since is None


def test_waits_grow_and_end_with_the_day(receiver: Receiver, add: Add) -> None:
    receiver.answer = answering(500)
    waits = []
    with time_machine.travel(NOON, tick=False) as clock:
        message = endpoints.ping(add())
        while message.state == DeliveryState.PENDING:
            drain()
            before = message.due_at
            message.refresh_from_db()
            waits.append((message.due_at - before).total_seconds())
            clock.move_to(message.due_at)

    assert waits[:7] == [5, 15, 45, 135, 405, 1215, 3600]
    assert set(waits[6:-1]) == {3600}
    assert message.state == DeliveryState.FAILED
    assert message.ended_at is not None
    assert message.ended_at <= NOON + TRIED_FOR
    assert WebhookAttempt.objects.count() == len(receiver.received) == message.attempts


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("120", 120),
        (format_datetime(NOON + timedelta(seconds=90), usegmt=True), 90),
        ("2", 5),
        ("99999999999999999999", 6 * 3600),
        ("-1", 5),
        ("soon", 5),
        ("Fri, 31 Dec 9999 23:59:59 +0000", 6 * 3600),
        ("Fri, 27 Nov 2026 12:10:00", 5),
    ],
)
def test_receiver_says_when_it_may_be_asked_again(
    receiver: Receiver, add: Add, asked: str, seconds: int
) -> None:
    receiver.answer = answering(503, Retry_After=asked)
    with time_machine.travel(NOON, tick=False):
        message = endpoints.ping(add())
        drain()

    message.refresh_from_db()
    assert message.due_at == NOON + timedelta(seconds=seconds)


def test_receiver_that_is_gone_is_disabled_at_once(
    receiver: Receiver, add: Add, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = add()
    message, other = endpoints.ping(endpoint), endpoints.ping(endpoint)
    receiver.answer = answering(410)

    drain()

    endpoint.refresh_from_db()
    message.refresh_from_db()
    assert (endpoint.enabled, endpoint.disabled_reason) == (False, ANSWERED_GONE)
    assert message.state == DeliveryState.FAILED
    assert len(receiver.received) == 1
    assert [record.levelname for record in caplog.records if "disabled" in record.message] == [
        "ERROR"
    ]

    receiver.answer = answering(200)
    endpoints.enable(endpoint)
    drain()

    other.refresh_from_db()
    assert other.state == DeliveryState.DELIVERED


def test_receiver_to_whom_nothing_arrives_for_a_day_is_disabled(
    receiver: Receiver, add: Add
) -> None:
    receiver.answer = answering(500)
    with time_machine.travel(NOON, tick=False) as clock:
        endpoint = add()
        message = endpoints.ping(endpoint)
        while message.state == DeliveryState.PENDING:
            drain()
            message.refresh_from_db()
            clock.move_to(message.due_at)

    endpoint.refresh_from_db()
    assert (endpoint.enabled, endpoint.disabled_reason) == (False, NOTHING_ARRIVED)


def test_receiver_that_takes_other_messages_is_not_disabled(receiver: Receiver, add: Add) -> None:
    """One message that it cannot take is given up after a day; the endpoint goes on."""
    with time_machine.travel(NOON, tick=False) as clock:
        endpoint = add()
        bad = endpoints.ping(endpoint)

        def answer(handler: BaseHTTPRequestHandler) -> None:
            respond(handler, 500 if handler.headers["webhook-id"] == str(bad.pk) else 200)

        receiver.answer = answer
        endpoints.ping(endpoint)
        while bad.state == DeliveryState.PENDING:
            drain()
            bad.refresh_from_db()
            clock.move_to(bad.due_at)

    endpoint.refresh_from_db()
    assert bad.state == DeliveryState.FAILED
    assert endpoint.enabled


def test_dead_receiver_holds_up_no_other(receiver: Receiver, add: Add) -> None:
    """It gets one request at a time, and keeps that one for as long as it likes."""
    given_up = threading.Event()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if handler.path == "/dead":
            given_up.wait(30)
        respond(handler, 200)

    receiver.answer = answer
    dead = add(url=receiver.url.replace("hook", "dead"))
    for _ in range(20):
        endpoints.ping(dead)
    alive = add()
    for _ in range(20):
        endpoints.ping(alive)
    deliverer = Deliverer()
    try:
        while alive.deliveries.exclude(state=DeliveryState.DELIVERED).exists():
            deliverer.round()

        assert [request.path for request in receiver.received].count("/dead") == 1
        assert not dead.deliveries.exclude(state=DeliveryState.PENDING).exists()
    finally:
        given_up.set()
    while deliverer._under_way:
        deliverer.round()


def test_failing_receivers_leave_room(
    receiver: Receiver, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = [add() for _ in range(delivery_module.MOST_AT_ONCE)]
    WebhookEndpoint.objects.update(failing_since=NOON)
    for endpoint in failing:
        endpoints.ping(endpoint)
    endpoints.ping(add())
    begun: list[bool] = []

    def begin(self: Deliverer, message: WebhookDelivery, _: float) -> None:
        fails = message.endpoint.failing_since is not None
        begun.append(fails)
        self._under_way[message.endpoint_id] = fails

    monkeypatch.setattr(Deliverer, "_begin", begin)
    monkeypatch.setattr(delivery_module, "ROUND_SECONDS", 0.0)

    Deliverer().round()

    assert sorted(begun) == [False] + [True] * delivery_module.FAILING_AT_ONCE


def test_message_is_claimed_by_one_process(add: Add) -> None:
    message = endpoints.ping(add())

    first = WebhookDelivery.objects.claim(message.pk)

    assert first is not None
    assert WebhookDelivery.objects.claim(message.pk) is None
    drain()
    message.refresh_from_db()
    assert message.attempts == 1


def test_message_of_a_process_that_died_is_sent_again(receiver: Receiver, add: Add) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        message = endpoints.ping(add())
        dead = WebhookDelivery.objects.claim(message.pk)
        assert dead is not None
        clock.shift(WEBHOOK_LEASE + timedelta(seconds=1))
        drain()
        message.refresh_from_db()
        assert (message.state, message.attempts) == (DeliveryState.DELIVERED, 2)

        assert not WebhookDelivery.objects.let_go(dead, state=DeliveryState.FAILED)

    assert len(receiver.received) == 1


def test_outcome_that_could_not_be_recorded_is_sent_again(
    receiver: Receiver, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        message = endpoints.ping(add())
        deliverer = Deliverer()
        with monkeypatch.context() as patch:

            def fail(_: object) -> None:
                raise OperationalError

            patch.setattr(delivery_module, "record", fail)
            with pytest.raises(OperationalError):
                drain(deliverer)
        drain(deliverer)
        assert len(receiver.received) == 1
        clock.shift(WEBHOOK_LEASE + timedelta(seconds=1))
        drain(deliverer)

    message.refresh_from_db()
    assert message.state == DeliveryState.DELIVERED
    assert len({request.headers["webhook-id"] for request in receiver.received}) == 1
    assert len(receiver.received) == 2


def test_process_that_was_stopped_after_its_claim_does_not_send(
    receiver: Receiver, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_module, "SENT_WITHIN", -1.0)
    message = endpoints.ping(add())

    drain()

    message.refresh_from_db()
    assert receiver.received == []
    assert (message.state, message.tries.count()) == (DeliveryState.PENDING, 0)


def test_try_that_raises_frees_its_endpoint(
    receiver: Receiver,
    add: Add,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    message = endpoints.ping(add())

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(outbound, "post", fail)

    drain()

    message.refresh_from_db()
    assert message.state == DeliveryState.PENDING
    assert "could not be sent" in caplog.text


def test_unreachable_receiver_is_told_in_the_log(
    receiver: Receiver, add: Add, settings: Settings
) -> None:
    message = endpoints.ping(add())
    settings.WEBHOOK_HOSTS = ["another.test"]

    drain()

    tried = message.tries.get()
    assert tried.status_code is None
    assert "does not call" in tried.error


def test_secret_that_cannot_be_decrypted_is_told_in_the_log(receiver: Receiver, add: Add) -> None:
    endpoint = add()
    message = endpoints.ping(endpoint)
    WebhookEndpoint.objects.update(secret=add().secret)  # another row's

    drain()

    assert "cannot be decrypted" in message.tries.get().error
    assert receiver.received == []


def test_answer_is_kept_short_and_without_secrets(receiver: Receiver, add: Add) -> None:
    key = f"AIza{'x' * 35}"
    receiver.answer = answering(500, f"\x00\ud83d {key} ".encode(errors="replace") + b"\xff" * 999)
    message = endpoints.ping(add())

    drain()

    shown = message.tries.get().answer
    assert key not in shown
    assert "\x00" not in shown
    assert len(shown) <= 300


def test_nothing_is_sent_while_no_host_is_allowed(
    receiver: Receiver, add: Add, settings: Settings
) -> None:
    endpoints.ping(add())
    settings.WEBHOOK_HOSTS = []

    drain()

    assert receiver.received == []


def test_ended_message_is_sent_again_by_hand_with_its_id(receiver: Receiver, add: Add) -> None:
    message = endpoints.ping(add())
    drain()

    assert WebhookDelivery.objects.send_again([message.pk, uuid.uuid4()]) == 1
    assert WebhookDelivery.objects.send_again([message.pk]) == 0
    drain()

    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    message.refresh_from_db()
    assert (message.state, message.attempts) == (DeliveryState.DELIVERED, 2)


def test_only_messages_that_nobody_needs_any_more_are_old(add: Add) -> None:
    endpoint = add()
    ended, left, new = (endpoints.ping(endpoint) for _ in range(3))
    long_ago = timezone.now() - timedelta(days=40)
    rows = WebhookDelivery.objects
    rows.filter(pk=ended.pk).update(ended_at=long_ago, state=DeliveryState.DELIVERED)
    rows.filter(pk=left.pk).update(give_up_at=long_ago)

    old = rows.ended_before(timezone.now() - timedelta(days=30))

    assert {each.pk for each in old} == {ended.pk, left.pk}
    assert new.pk not in {each.pk for each in old}
