"""Rows that have served their time are deleted at night, and the runs say how many."""

from datetime import datetime, timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import OrmQ, Schedule, Task

from extraction.models import (
    DeliveryState,
    Extraction,
    FailedAttempts,
    IdempotencyKey,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
)
from extraction.worker import row_retention
from extraction.worker.row_retention import ensure_schedules, purge_rows
from logs.models import Kept, RetentionRun
from tests.extraction.factories import make_extraction

pytestmark = pytest.mark.django_db


def ago(**units: float) -> datetime:
    return timezone.now() - timedelta(**units)


def make_key(name: str, created_at: datetime) -> None:
    IdempotencyKey.objects.create(
        client="client:1", key=name, extraction=make_extraction(), created_at=created_at
    )


def make_task(name: str, stopped: datetime, *, success: bool) -> None:
    Task.objects.create(
        id=name, name=name, func="f", started=stopped, stopped=stopped, success=success
    )


def runs() -> dict[str, tuple[int, bool]]:
    return {run.what: (run.deleted, run.is_complete) for run in RetentionRun.objects.all()}


def test_idempotency_keys_serve_for_a_day_and_their_extractions_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(row_retention, "BATCH", 2)
    for number in range(5):
        make_key(f"old {number}", ago(hours=24.1))
    make_key("young", ago(hours=23.9))

    assert [purge_rows(), purge_rows()] == [5, 0]

    assert [row.key for row in IdempotencyKey.objects.all()] == ["young"]
    assert Extraction.objects.count() == 6
    (second, first) = RetentionRun.objects.filter(what=Kept.IDEMPOTENCY_KEYS)
    assert (first.deleted, first.is_complete, second.deleted) == (5, True, 0)


def test_expired_sessions_are_deleted() -> None:
    for name, expiry in {"over": ago(seconds=1), "open": ago(days=-1)}.items():
        Session.objects.create(session_key=name, session_data="", expire_date=expiry)

    assert purge_rows() == 1

    assert [row.session_key for row in Session.objects.all()] == ["open"]
    assert runs()[Kept.SESSIONS] == (1, True)


def test_failures_to_log_in_are_deleted_once_they_are_forgotten() -> None:
    for subject, last_at in {
        "address:192.0.2.7": ago(days=1.1),
        "account:0f1e": ago(days=2),
        "address:192.0.2.8": ago(hours=23),
    }.items():
        FailedAttempts.objects.create(
            subject=subject, failures=30, last_at=last_at, locked_until=last_at
        )

    assert purge_rows() == 2

    assert [row.subject for row in FailedAttempts.objects.all()] == ["address:192.0.2.8"]
    assert runs()[Kept.WRONG_CREDENTIALS] == (2, True)


def test_old_deliveries_of_webhooks_are_deleted_with_their_tries() -> None:
    endpoint = WebhookEndpoint.objects.create(company_id="NT047", url="https://a.test/", events="")
    for days in (29, 31):
        delivery = WebhookDelivery.objects.create(
            endpoint=endpoint,
            event="webhook.ping",
            event_key=str(days),
            state=DeliveryState.DELIVERED,
            give_up_at=ago(days=days - 1),
            ended_at=ago(days=days),
        )
        WebhookAttempt.objects.create(delivery=delivery, number=1, milliseconds=9)

    assert purge_rows() == 2

    assert WebhookDelivery.objects.get().event_key == "29"
    assert WebhookAttempt.objects.count() == 1
    assert runs()[Kept.WEBHOOKS] == (2, True)


def test_messages_that_nobody_takes_and_old_successes_are_deleted() -> None:
    for key, lock in {
        "renamed cluster": ago(days=1.1),
        "new": ago(hours=1),
        "taken": ago(minutes=-5),
    }.items():
        OrmQ.objects.create(key=key, payload="", lock=lock)
    make_task("old success", ago(days=1.1), success=True)
    make_task("new success", ago(hours=1), success=True)
    make_task("old failure", ago(days=9), success=False)

    assert purge_rows() == 2

    assert sorted(row.key for row in OrmQ.objects.all()) == ["new", "taken"]
    assert sorted(row.id for row in Task.objects.all()) == ["new success", "old failure"]
    assert runs()[Kept.QUEUE] == (2, True)


def test_what_takes_too_long_goes_on_in_another_task() -> None:
    make_key("old", ago(hours=25))

    assert purge_rows(seconds=0) == 0

    assert runs()[Kept.IDEMPOTENCY_KEYS] == (0, False)
    assert [message.task["func"] for message in OrmQ.objects.all()] == [
        "extraction.worker.row_retention.purge_rows"
    ]
    assert get_broker().queue_size() == 1


def test_purge_is_scheduled_once() -> None:
    ensure_schedules()
    ensure_schedules()

    schedule = Schedule.objects.get(name="purge_rows")
    assert schedule.func == "extraction.worker.row_retention.purge_rows"
