"""Old rows are archived and deleted: none is lost or archived twice, whatever is killed."""

import gzip
import json
import os
import signal
import stat
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site_settings
from django.core.management import call_command
from django.db.models import Model
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ, Schedule
from pytest_django import Settings

from logs import retention
from logs.models import ApplicationLog, Kept, RetentionRun, RetryAttempt
from logs.retention import ensure_schedules, purge_logs, purge_retries
from ocrsite.lib.files import sole_process
from tests.postgresql import database_url

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]


@pytest.fixture(autouse=True)
def archive(settings: Settings, tmp_path: Path) -> Path:
    """Keep archives in a folder of the test's own."""
    settings.DATA_DIR = tmp_path
    settings.LOG_RETENTION_DAYS = 30
    return tmp_path / "archive"


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    monkeypatch.setattr(retention, "DELETED_AT_ONCE", 2)


def make_log(days_old: float, level: str = "INFO", **fields: Any) -> ApplicationLog:
    return ApplicationLog.objects.create(
        timestamp=timezone.now() - timedelta(days=days_old),
        level=level,
        logger="test",
        **{"message": f"{days_old} days old", **fields},
    )


def make_retry(days_old: float) -> RetryAttempt:
    return RetryAttempt.objects.create(
        timestamp=timezone.now() - timedelta(days=days_old),
        company_id="NT047",
        attempt=1,
        error_message="overloaded",
        is_retryable=True,
    )


def archived(archive: Path) -> list[dict[str, Any]]:
    """Every row of every archive file."""
    rows = []
    for path in sorted(archive.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            rows += [json.loads(line) for line in lines]
    return rows


@pytest.mark.usefixtures("small_batches")
def test_purge_removes_what_is_older_than_the_retention_and_nothing_else() -> None:
    for days_old in (31, 90, 29.9, 31, 0, 31, 31):
        make_log(days_old)

    assert purge_logs() == 5

    kept = ApplicationLog.objects.order_by("pk").values_list("message", flat=True)
    assert list(kept) == ["29.9 days old", "0 days old"]
    assert purge_logs() == 0


def test_archive_holds_every_column_as_it_was(archive: Path) -> None:
    extraction = uuid.uuid4()
    log = make_log(31, message="grün\n\x01", extraction_id=extraction, process_id=7)

    purge_logs()

    [path] = archive.glob("*.gz")
    assert path.name == f"ApplicationLogs-{log.timestamp:%Y%m%d}-{log.pk}-{log.pk}.jsonl.gz"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    [row] = archived(archive)
    assert row.keys() == {field.column for field in ApplicationLog._meta.concrete_fields}
    assert (row["LogID"], row["Message"], row["Exception"]) == (log.pk, "grün\n\x01", None)
    assert (row["ExtractionID"], row["ProcessID"]) == (str(extraction), 7)
    assert datetime.fromisoformat(row["Timestamp"]) == log.timestamp


def test_a_level_can_have_days_of_its_own(archive: Path, settings: Settings) -> None:
    settings.LOG_RETENTION_DAYS_PER_LEVEL = {"DEBUG": 7, "ERROR": 365}
    for level, days_old in [
        ("DEBUG", 6),
        ("DEBUG", 8),
        ("INFO", 8),
        ("INFO", 31),
        ("Level 35", 31),
        ("ERROR", 364),
        ("ERROR", 366),
    ]:
        make_log(days_old, level)

    assert purge_logs() == 4

    kept = ApplicationLog.objects.order_by("pk").values_list("level", "message")
    assert list(kept) == [
        ("DEBUG", "6 days old"),
        ("INFO", "8 days old"),
        ("ERROR", "364 days old"),
    ]
    assert len(archived(archive)) == 4


def test_without_an_archive_rows_are_only_deleted(archive: Path, settings: Settings) -> None:
    settings.LOG_ARCHIVE = False
    make_log(31)

    assert purge_logs() == 1

    assert archived(archive) == []
    run = RetentionRun.objects.get()
    assert (run.archived, run.deleted, run.size, run.files) == (0, 1, 0, "")


def test_failed_attempts_have_days_of_their_own(archive: Path, settings: Settings) -> None:
    settings.RETRY_RETENTION_DAYS = 100
    for days_old in (99, 101, 102):
        make_retry(days_old)

    assert purge_retries() == 2

    assert RetryAttempt.objects.count() == 1
    assert [row["CompanyID"] for row in archived(archive)] == ["NT047", "NT047"]
    assert RetentionRun.objects.get().what == Kept.RETRIES


class Killed(BaseException):
    """Raised in place of a kill."""


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("step", range(1, 16))
def test_run_killed_at_any_step_and_run_again_neither_loses_nor_repeats_a_row(
    archive: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """A step is a rename or a DELETE: the end comes before an odd one or after an even one."""
    all_keys = [make_log(days).pk for days in (31, 32, 33, 34, 35, 36, 37)]
    kept = make_log(1).pk
    left = [step]
    replace, delete = Path.replace, retention._delete

    def killing(act: Any) -> Any:
        def step_or_die(*arguments: Any) -> Any:
            left[0] -= 1
            if left[0] == 0 and step % 2:
                raise Killed
            outcome = act(*arguments)
            if left[0] == 0:
                raise Killed
            return outcome

        return step_or_die

    def delete_by_steps(model: type[Model], keys: Sequence[int]) -> int:
        return sum(killing(delete)(model, [key]) for key in keys)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killing(replace))
        patch.setattr(retention, "_delete", delete_by_steps)
        try:
            purge_logs()
        except Killed:
            assert RetentionRun.objects.get().error == "Killed"

    purge_logs()

    assert Counter(row["LogID"] for row in archived(archive)) == Counter(all_keys)
    assert [log.pk for log in ApplicationLog.objects.all()] == [kept]
    assert [path for path in archive.iterdir() if path.suffix not in (".gz", ".lock")] == []
    assert RetentionRun.objects.order_by("-pk")[0].is_complete


@pytest.mark.django_db(transaction=True)
def test_batch_of_a_killed_process_is_completed_by_the_next(archive: Path) -> None:
    keys = [make_log(31).pk for _ in range(7)]
    script = """
import os, signal, django
django.setup()
from logs import retention
retention.BATCH, retention.DELETED_AT_ONCE = 3, 2
delete = retention._delete
def delete_one_and_die(model, keys):
    if retention.ApplicationLog.objects.count() == 7:
        return delete(model, keys)
    delete(model, keys[:1])
    os.kill(os.getpid(), signal.SIGKILL)
retention._delete = delete_one_and_die
retention.purge_logs()
"""
    killed = subprocess.run(
        [sys.executable, "-c", script],
        cwd=site_settings.BASE_DIR,
        env={
            **os.environ,
            "DATABASE_URL": database_url(),
            "DATA_DIR": str(archive.parent),
            "LOG_RETENTION_DAYS": "30",
        },
        check=False,
        timeout=60,
    )
    assert killed.returncode == -signal.SIGKILL
    assert ApplicationLog.objects.filter(message="31 days old").count() == 3
    died = RetentionRun.objects.get()
    assert (died.ended_at, died.deleted) == (None, 3)

    assert purge_logs() == 3

    assert Counter(row["LogID"] for row in archived(archive)) == Counter(keys)


@pytest.mark.usefixtures("small_batches")
def test_full_disk_loses_no_row(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_log(31)

    def refuse(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", refuse)
        with pytest.raises(OSError, match="No space"):
            purge_logs()

    assert ApplicationLog.objects.count() == 1
    run = RetentionRun.objects.get()
    assert (run.error, run.is_complete, run.deleted) == ("OSError", False, 0)
    assert run.ended_at


@pytest.mark.usefixtures("small_batches")
def test_run_that_takes_too_long_is_continued_by_another_task(settings: Settings) -> None:
    make_log(31)
    make_retry(400)

    assert (purge_logs(seconds=0), purge_retries(seconds=0)) == (0, 0)

    tasks = [message.task["func"] for message in OrmQ.objects.order_by("pk")]
    assert tasks == ["logs.retention.purge_logs", "logs.retention.purge_retries"]
    assert not RetentionRun.objects.filter(is_complete=True).exists()


def test_one_process_at_a_time_purges_a_table(archive: Path) -> None:
    make_log(31)
    make_retry(400)

    with sole_process(archive / ".ApplicationLogs.lock") as is_sole:
        assert is_sole
        assert purge_logs() == 0
        assert purge_retries() == 1
    with sole_process(archive / ".RetryAttempts.lock"):
        assert purge_retries() == 0
    assert purge_logs() == 1


def test_purge_command_says_how_many(settings: Settings) -> None:
    settings.LOG_RETENTION_DAYS = 1
    make_log(2)
    output = StringIO()

    call_command("purge_logs", stdout=output)

    assert output.getvalue() == "1 log records deleted.\n"


def test_runs_are_shown_with_what_they_did(archive: Path, admin_client: Client) -> None:
    make_log(31)
    purge_logs()
    [path] = archive.glob("*.gz")
    run = RetentionRun.objects.get()
    address = "/admin/logs/retentionrun/"

    listing = admin_client.get(address).content.decode()
    page = admin_client.get(f"{address}{run.pk}/change/").content.decode()

    assert "Log records" in listing
    assert path.name in page
    assert (run.archived, run.deleted, run.size) == (1, 1, path.stat().st_size)
    assert admin_client.post(f"{address}{run.pk}/change/", {}).status_code == 403
    assert admin_client.get(f"{address}add/").status_code == 403


def test_purges_are_scheduled_once_and_keep_what_staff_changed() -> None:
    Schedule.objects.all().delete()
    ensure_schedules()
    Schedule.objects.update(schedule_type=Schedule.WEEKLY)
    ensure_schedules()

    schedules = Schedule.objects.order_by("next_run")
    assert [(each.func, each.schedule_type) for each in schedules] == [
        ("logs.retention.purge_logs", "W"),
        ("logs.retention.purge_retries", "W"),
        ("logs.retention.purge_audit", "W"),
    ]
    assert timezone.now() < schedules[0].next_run < timezone.now() + timedelta(days=2)
    assert (schedules[0].next_run.hour, schedules[0].next_run.minute) == (3, 0)
