"""Entries of the audit list: how they are written, cut, kept and copied from earlier records."""

import gzip
import json
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.utils import timezone
from pytest_django import Settings

from logs import context, redaction, retention
from logs.audit import LONGEST_VALUE, name_extractions
from logs.models import AuditedExtraction, AuditEntry, Kept, RetentionRun
from ocrsite.lib import audit
from ocrsite.lib.audit import SYSTEM, Action, ActorKind, What, Who
from tests.logs.audited import entries, last
from tests.tokens.rows import make_token
from tokens.models import TokenChange, TokenMaster, TokenStatus

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]

ASHA = Who(ActorKind.USER, "asha")
DOCUMENT = What("extraction", "1", company_id="NT047")


def test_an_entry_says_who_what_and_in_which_request() -> None:
    with context.bound(request_id="request-1"):
        number = audit.record(
            Action.RETRIED, who=ASHA, what=DOCUMENT, before="failed", why="Paid.", address="::1"
        )

    entry = AuditEntry.objects.get(pk=number)
    assert (entry.actor_kind, entry.actor, entry.action) == ("user", "asha", "retried")
    assert (entry.object_type, entry.object_id, entry.company_id) == ("extraction", "1", "NT047")
    assert (entry.before, entry.after, entry.why) == ("failed", "", "Paid.")
    assert (entry.request_id, entry.address) == ("request-1", "::1")
    assert str(entry) == "asha retried extraction 1"


def test_an_entry_goes_with_the_transaction_of_its_change() -> None:
    with transaction.atomic():
        audit.record(Action.RETRIED, who=ASHA, what=DOCUMENT)
        transaction.set_rollback(True)

    assert entries() == []


def test_an_entry_holds_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_secrets", ("hidden-value",))

    audit.record(
        Action.CHANGED,
        who=SYSTEM,
        what=What("key", name="hidden-value"),
        before="api_key=AIzaSyA-0123456789012345678901234567890",
        after="hidden-value",
        why="password: hunter2",
    )

    entry = last()
    told = f"{entry.object_name}{entry.before}{entry.after}{entry.why}"
    assert not any(secret in told for secret in ("hidden-value", "AIza", "hunter2"))


@pytest.mark.parametrize("letter", ["x", "é", "😀"])
def test_texts_are_cut_to_what_every_database_takes(letter: str) -> None:
    long = letter * 5000

    audit.record(
        Action.CHANGED,
        who=Who(ActorKind.CLIENT, long),
        what=What(long, long, long),
        before=long,
        why=long,
    )

    entry = last()
    for name, length in (("actor", 150), ("object_name", 255), ("why", 500), ("object_id", 100)):
        units = len(getattr(entry, name).encode("utf-16-le")) // 2
        assert length - 2 <= units <= length
        assert getattr(entry, name).endswith("…")
    assert len(entry.before.encode("utf-16-le")) // 2 <= LONGEST_VALUE


def test_nothing_is_lost_where_nobody_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_write", None)

    with pytest.raises(RuntimeError, match="not set up"):
        audit.record(Action.RETRIED, who=ASHA, what=DOCUMENT)


def test_a_change_of_a_key_is_a_line_of_the_list_and_stays_when_the_key_goes() -> None:
    token = make_token()
    TokenChange.objects.create(
        token=token, what="limit", from_value="5", to_value="7", actor="sita", reason="Renewed."
    )

    token.delete()

    entry = last()
    assert (entry.actor_kind, entry.actor, entry.action) == ("user", "sita", "changed")
    assert (entry.before, entry.after, entry.why) == ("limit: 5", "limit: 7", "Renewed.")
    assert (entry.object_type, entry.company_id) == ("key", "NT047")


@pytest.mark.parametrize(
    ("actor", "kind"), [("system", "system"), ("provider", "provider"), ("SQL", "SQL")]
)
def test_who_changes_a_key_may_be_nobody(actor: str, kind: str) -> None:
    TokenChange.objects.create(
        token=make_token(), what="status", from_value="a", to_value="b", actor=actor
    )

    assert (last().actor_kind, last().actor) == (kind, "")


def test_earlier_changes_of_keys_are_copied_as_they_are_written_now() -> None:
    token = make_token()
    for actor in ("sita", "provider"):
        TokenChange.objects.create(
            token=token, what="status", from_value="Active", to_value=TokenStatus.DISABLED,
            actor=actor, reason="Unpaid.",
        )  # fmt: skip
    columns = [field.attname for field in AuditEntry._meta.concrete_fields]
    written = list(AuditEntry.objects.order_by("entry_id").values_list(*columns[2:]))
    AuditEntry.objects.all().delete()

    migration = import_module("logs.migrations.0011_audit_list")
    with connection.schema_editor() if connection.vendor != "sqlite" else transaction.atomic():
        migration.copy_changes_of_keys(apps, None)

    assert list(AuditEntry.objects.order_by("entry_id").values_list(*columns[2:])) == written
    times = TokenChange.objects.order_by("change_id").values_list("changed_at", flat=True)
    copied = AuditEntry.objects.order_by("entry_id").values_list("timestamp", flat=True)
    assert list(copied) == list(times)
    assert TokenMaster.objects.count() == 1


def test_old_entries_are_archived_with_the_extractions_that_they_name(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATA_DIR = tmp_path
    settings.AUDIT_RETENTION_DAYS = 10
    queued: list[str] = []
    monkeypatch.setattr(retention, "async_task", lambda name: queued.append(name))
    old = audit.record(Action.EXPORTED, who=ASHA, what=What("extractions"))
    name_extractions(old, [uuid4()])
    kept = audit.record(Action.EXPORTED, who=ASHA, what=What("extractions"))
    before = timezone.now() - timedelta(days=11)
    AuditEntry.objects.filter(pk=old).update(timestamp=before)

    assert retention.purge_audit() == 1

    assert list(AuditEntry.objects.values_list("pk", flat=True)) == [kept]
    assert not AuditedExtraction.objects.exists()
    [archive] = (tmp_path / "archive").glob("AuditEntries-*.gz")
    with gzip.open(archive, "rt") as lines:
        rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
    assert [row["EntryID"] for row in rows] == [old]
    run = RetentionRun.objects.get(what=Kept.AUDIT)
    assert run.is_complete
    assert queued == []


def test_what_a_purge_leaves_is_queued(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATA_DIR = tmp_path
    queued: list[str] = []
    monkeypatch.setattr(retention, "async_task", lambda name: queued.append(name))
    entry = audit.record(Action.EXPORTED, who=ASHA, what=What("extractions"))
    AuditEntry.objects.filter(pk=entry).update(timestamp=timezone.now() - timedelta(days=9_000))

    assert retention.purge_audit(seconds=-1) == 0

    assert queued == ["logs.retention.purge_audit"]
    assert AuditEntry.objects.exists()
