from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone
from django_q.models import Schedule
from pytest_django import Settings

from logs import retention
from logs.models import ApplicationLog
from logs.retention import ensure_schedules, purge_logs


def make_log(days_old: float) -> ApplicationLog:
    return ApplicationLog.objects.create(
        timestamp=timezone.now() - timedelta(days=days_old),
        level="INFO",
        logger="test",
        message=f"{days_old} days old",
    )


@pytest.mark.django_db
def test_purge_deletes_what_is_older_than_the_retention_and_nothing_else(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LOG_RETENTION_DAYS = 30
    monkeypatch.setattr(retention, "BATCH", 2)
    for days_old in (31, 90, 29.9, 31, 0, 31, 31):
        make_log(days_old)

    assert purge_logs() == 5

    kept = ApplicationLog.objects.order_by("pk").values_list("message", flat=True)
    assert list(kept) == ["29.9 days old", "0 days old"]
    assert purge_logs() == 0


@pytest.mark.django_db
def test_purge_command_says_how_many(settings: Settings) -> None:
    settings.LOG_RETENTION_DAYS = 1
    make_log(2)
    output = StringIO()

    call_command("purge_logs", stdout=output)

    assert output.getvalue() == "1 log records deleted.\n"


@pytest.mark.django_db
def test_purge_is_scheduled_once_and_keeps_what_staff_changed() -> None:
    Schedule.objects.all().delete()
    ensure_schedules()
    Schedule.objects.update(schedule_type=Schedule.WEEKLY)
    ensure_schedules()

    schedule = Schedule.objects.get()
    assert (schedule.func, schedule.schedule_type) == ("logs.retention.purge_logs", "W")
    assert timezone.now() < schedule.next_run < timezone.now() + timedelta(days=2)
    assert (schedule.next_run.hour, schedule.next_run.minute) == (3, 0)
