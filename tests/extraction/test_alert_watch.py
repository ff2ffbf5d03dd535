"""What is looked for beside all work, found, and found to be over."""

import os
import shutil
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from django.core.mail import EmailMessage
from django.db import OperationalError
from django.utils import timezone
from pytest_django import Settings

from extraction import alert_watch
from extraction.alert_watch import LOOKS, MISSED_BEFORE_TOLD, Watch, watch_workers
from extraction.models import State, Worker
from tests.extraction.factories import make_extraction
from tests.tokens.rows import make_token
from tokens import selection
from tokens.models import AlertKind, AlertRecipient, SiteAlert, TokenMaster, TokenStatus

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]


def open_alerts(kind: AlertKind) -> list[str]:
    rows = SiteAlert.objects.filter(kind=kind, resolved_at=None)
    return list(rows.order_by("subject").values_list("text", flat=True))


def make_worker() -> Worker:
    return Worker.objects.create(
        name="w",
        host="h",
        process_id=1,
        version="1",
        since=timezone.now(),
        last_sign=timezone.now(),
        processes=1,
    )


def looks(number: int) -> Callable[[float], bool]:
    """Have the web look so many times."""
    left = [False] * number + [True]
    return lambda _seconds: left.pop(0)


def ended(state: State, count: int, company_id: str = "NT047", hours: float = 0.1) -> None:
    for _ in range(count):
        finished_at = timezone.now() - timedelta(hours=hours)
        make_extraction(state=state, company_id=company_id, finished_at=finished_at)


@pytest.mark.django_db(transaction=True)
def test_staff_are_mailed_once_when_no_worker_lives(
    settings: Settings, mailoutbox: list[EmailMessage]
) -> None:
    settings.EMAIL_HOST = "mail.example.com"
    AlertRecipient.objects.create(address="ops@example.com")

    watch_workers(looks(MISSED_BEFORE_TOLD - 1))
    assert mailoutbox == []
    watch_workers(looks(MISSED_BEFORE_TOLD + 3))

    assert [mail.subject for mail in mailoutbox] == ["No worker lives"]
    make_worker()
    watch_workers(looks(1))
    assert open_alerts(AlertKind.NO_WORKER) == []


@pytest.mark.django_db(transaction=True)
def test_worker_that_is_restarted_is_not_missed() -> None:
    rounds = iter(range(12))

    def done(_seconds: float) -> bool:
        number = next(rounds, None)
        Worker.objects.all().delete()
        if number is not None and number % MISSED_BEFORE_TOLD == MISSED_BEFORE_TOLD - 1:
            make_worker()
        return number is None

    watch_workers(done)

    assert not SiteAlert.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_look_for_workers_survives_a_database_that_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail() -> NoReturn:
        raise OperationalError

    with monkeypatch.context() as patch:
        patch.setattr(alert_watch, "workers_live", fail)
        patch.setattr(alert_watch, "drop_connections", lambda: None)
        watch_workers(looks(9))

    assert not SiteAlert.objects.exists()


def test_alert_about_a_rejected_key_ends_when_staff_act() -> None:
    token, other = make_token("key-1"), make_token("key-2")
    for each in (token, other):
        selection.disable_key(each, "Not valid.")
    alert_watch.look_at_keys()
    assert len(open_alerts(AlertKind.KEY_REJECTED)) == 2

    TokenMaster.objects.filter(pk=token.pk).update(status=TokenStatus.ACTIVE)
    alert_watch.look_at_keys()

    (text,) = open_alerts(AlertKind.KEY_REJECTED)
    assert text.startswith(f"Key {other}")


def test_company_many_of_whose_documents_fail_is_told_until_it_is_over() -> None:
    ended(State.SUCCEEDED, 8)
    ended(State.FAILED, 2)
    ended(State.FAILED, 9, "NT048")
    ended(State.FAILED, 20, "NT049", hours=1.1)
    ended(State.CANCELLED, 20, "NT050")
    alert_watch.look_at_failures()
    assert open_alerts(AlertKind.FAILURES) == []

    ended(State.FAILED, 1)
    ended(State.FAILED, 1, "NT048")
    for _ in range(2):
        alert_watch.look_at_failures()
    assert open_alerts(AlertKind.FAILURES) == [
        "3 of the 11 documents of NT047 that ended within an hour failed.",
        "10 of the 10 documents of NT048 that ended within an hour failed.",
    ]
    assert SiteAlert.objects.filter(company_id="NT047").count() == 1

    ended(State.SUCCEEDED, 9)
    alert_watch.look_at_failures()
    assert len(open_alerts(AlertKind.FAILURES)) == 1


def test_company_whose_failures_stay_about_the_limit_is_told_once() -> None:
    ended(State.SUCCEEDED, 11)
    ended(State.FAILED, 3)
    for state in (State.SUCCEEDED, State.FAILED, State.SUCCEEDED, State.SUCCEEDED):
        alert_watch.look_at_failures()
        ended(state, 1)
    assert SiteAlert.objects.filter(kind=AlertKind.FAILURES).count() == 1
    assert len(open_alerts(AlertKind.FAILURES)) == 1


def test_disk_that_is_almost_full(monkeypatch: pytest.MonkeyPatch) -> None:
    limit, over = 1024**3, 1280 * 1024**2
    free = [limit, limit - 1, 5, limit, limit - 1, over - 1, over, limit]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free.pop(0)))

    for expected in (0, 1, 1, 1, 1, 1, 0, 0):
        alert_watch.look_at_disk()
        assert len(open_alerts(AlertKind.DISK)) == expected

    assert "1023 MiB" in SiteAlert.objects.get().text


def test_backup_that_is_old(settings: Settings, tmp_path: Path) -> None:
    alert_watch.look_at_backups()
    assert open_alerts(AlertKind.BACKUP) == []

    settings.BACKUP_FOLDER = str(tmp_path / "away")
    alert_watch.look_at_backups()
    assert open_alerts(AlertKind.BACKUP) == ["No backup is younger than 26 hours: there is none."]

    settings.BACKUP_FOLDER = str(tmp_path)
    (tmp_path / "empty").touch()
    backup = tmp_path / "1.sql.gz"
    backup.write_bytes(b"x")
    alert_watch.look_at_backups()
    assert open_alerts(AlertKind.BACKUP) == []

    long_ago = time.time() - 30 * 3600
    os.utime(backup, (long_ago, long_ago))
    alert_watch.look_at_backups()
    assert open_alerts(AlertKind.BACKUP) == [
        "No backup is younger than 26 hours: the newest is 30 hours old."
    ]


def test_backup_of_the_future_is_none(settings: Settings, tmp_path: Path) -> None:
    settings.BACKUP_FOLDER, settings.BACKUP_MAX_HOURS = str(tmp_path), 26
    backup = tmp_path / "1.sql.gz"
    backup.write_bytes(b"x")
    a_year_ahead = time.time() + 365 * 86_400
    os.utime(backup, (a_year_ahead, a_year_ahead))

    alert_watch.look_at_backups()

    assert open_alerts(AlertKind.BACKUP) == ["No backup is younger than 26 hours: there is none."]


def test_folder_of_a_backup_counts_by_its_database(settings: Settings, tmp_path: Path) -> None:
    settings.BACKUP_FOLDER = str(tmp_path)
    (tmp_path / ".backup.lock").touch()
    alone, unfinished = "ocrsite-20261127T020000Z", "ocrsite-20261127T030000Z.draft"
    for name in (alone, unfinished):
        (tmp_path / name / "files").mkdir(parents=True)
    (tmp_path / alone / "files" / "document.pdf").write_bytes(b"x")
    (tmp_path / unfinished / "db.sqlite3").write_bytes(b"x")
    alert_watch.look_at_backups()
    assert open_alerts(AlertKind.BACKUP) == ["No backup is younger than 26 hours: there is none."]

    (tmp_path / alone / "db.sqlite3").write_bytes(b"x")
    alert_watch.look_at_backups()
    assert open_alerts(AlertKind.BACKUP) == []


def test_watch_looks_now_and_then_and_one_failure_keeps_no_other_from_looking(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[str] = []

    def fail() -> NoReturn:
        raise ZeroDivisionError

    watch = Watch(fail, lambda: done.append("looked"))
    with pytest.raises(ZeroDivisionError):
        watch.look()
    watch.look()
    assert done == ["looked"]

    monkeypatch.setattr(watch, "_next", 0.0)
    with pytest.raises(ZeroDivisionError):
        watch.look()
    assert done == ["looked", "looked"]


def test_nothing_is_found_on_a_site_where_all_is_well(django_assert_max_num_queries: Any) -> None:
    make_worker()
    make_token()

    with django_assert_max_num_queries(20):
        Watch(*LOOKS).look()

    assert not SiteAlert.objects.exists()
