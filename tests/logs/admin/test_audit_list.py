"""The audit list in the admin."""

import csv
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.http import StreamingHttpResponse
from django.test import Client
from django.utils import timezone

from logs.admin import audit_list
from logs.models import AuditEntry
from ocrsite.lib import admin as lib_admin
from tokens.models import Company

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("static_files"), pytest.mark.vendor]

LIST = "/admin/logs/auditentry/"
EXPORT = f"{LIST}export/"


@pytest.fixture
def auditor() -> Client:
    """May view the audit list, and nothing else."""
    user = User.objects.create_user("auditor", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_auditentry"))
    client = Client()
    client.force_login(user)
    AuditEntry.objects.all().delete()  # the log-in
    return client


def make_entry(name: str, *, minutes_old: float = 0, **fields: Any) -> AuditEntry:
    row = {"actor_kind": "user", "actor": "asha", "action": "changed", "object_type": "user"}
    moment = timezone.now() - timedelta(minutes=minutes_old)
    return AuditEntry.objects.create(timestamp=moment, object_name=name, **{**row, **fields})


def shown(client: Client, **filters: str) -> list[str]:
    """The names in the list, as they stand in it."""
    return [each.object_name for each in client.get(LIST, filters).context["cl"].result_list]


def test_list_tells_who_did_what(auditor: Client) -> None:
    make_entry("sita", before="a: 1", after="a: 2", why="Asked.", company_id="NT047", object_id="7")
    make_entry("", actor="ERP", actor_kind="client", action="retried", object_id="0123456789")
    make_entry("", actor="", actor_kind="newer-kind", action="newer-action")

    page = auditor.get(LIST).content.decode()

    for text in ("sita", "a: 1", "a: 2", "Asked.", "API client ERP", "Retried", ">01234567<"):
        assert text in page
    assert f'{LIST}?object_type=user&amp;object_id=7"' in page
    assert f'{LIST}?company_id=NT047"' in page
    assert "newer-kind" in page
    assert "newer-action" in page


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["new", "hour", "old"]),
        ({"actor": "sita"}, ["hour"]),
        ({"action": "deleted"}, ["old"]),
        ({"object_type": "key"}, ["hour"]),
        ({"object_id": "7"}, ["old"]),
        ({"company_id": "NT047"}, ["new", "old"]),
        ({"request_id": "request-1"}, ["new"]),
        ({"range": "15m"}, ["new"]),
        ({"range": "30d", "company_id": "NT047"}, ["new"]),
        ({"until": "2000-01-01T00:00"}, []),
        ({"since": "2000-01-01T00:00", "action": "deleted"}, ["old"]),
        ({"text": "HOU"}, ["hour"]),
        ({"text": "was"}, ["new"]),
        ({"text": "is"}, ["new"]),
        ({"text": "because"}, ["old"]),
        ({"action": "flown"}, []),
    ],
)
def test_list_is_narrowed_by_its_filters(
    auditor: Client, filters: dict[str, str], expected: list[str]
) -> None:
    make_entry("new", company_id="NT047", request_id="request-1", before="x: was", after="x: is")
    make_entry("hour", minutes_old=59, actor="sita", object_type="key")
    make_entry(
        "old",
        minutes_old=60 * 24 * 31,
        action="deleted",
        object_id="7",
        company_id="NT047",
        why="because",
    )

    assert shown(auditor, **filters) == expected


@pytest.mark.parametrize(
    ("filters", "problem"),
    [
        ({"range": "1h", "since": "2026-01-01T00:00"}, "Choose either a time or from – to."),
        (
            {"since": "2026-01-02T00:00", "until": "2026-01-01T00:00"},
            "The end is before the beginning.",
        ),
    ],
)
def test_invalid_filters_are_explained_and_select_nothing(
    auditor: Client, filters: dict[str, str], problem: str
) -> None:
    make_entry("new")

    response = auditor.get(LIST, filters)

    assert problem in response.content.decode()
    assert "Nothing was done that these filters find." in response.content.decode()
    assert auditor.get(EXPORT, filters)["Location"].startswith(f"{LIST}?")


def test_list_needs_few_queries_and_counts_no_more_than_it_lists(
    auditor: Client, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    monkeypatch.setattr(lib_admin, "LISTED", 20)
    for number in range(30):
        make_entry(str(number), minutes_old=number)

    with django_assert_max_num_queries(8):
        page = auditor.get(LIST)

    assert page.context["cl"].result_count == 20
    assert "The newest 20 are listed." in page.content.decode()


def test_entry_is_shown_whole_and_changed_by_nobody(auditor: Client, admin_client: Client) -> None:
    entry = make_entry("sita", before="x" * 300, request_id="request-1", address="::1")
    address = f"{LIST}{entry.pk}/change/"

    page = auditor.get(address).content.decode()

    assert "x" * 300 in page
    assert "/admin/logs/applicationlog/?request_id=request-1" in page
    assert "x" * 300 not in auditor.get(LIST).content.decode()
    for client in (auditor, admin_client):
        assert client.post(address, {"actor": "other"}).status_code == 403
        assert client.post(f"{LIST}{entry.pk}/delete/", {"post": "yes"}).status_code == 403
        assert client.get(f"{LIST}add/").status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [entry.pk], "post": "yes"}
    admin_client.post(LIST, chosen)
    assert AuditEntry.objects.get(pk=entry.pk).actor == "asha"


def test_export_holds_what_is_filtered_and_disarms_formulas(
    auditor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        make_entry(f"={number}", minutes_old=number, company_id="NT047")
    make_entry("other")

    response = auditor.get(EXPORT, {"company_id": "NT047"})

    assert isinstance(response, StreamingHttpResponse)
    assert response["Content-Disposition"].startswith('attachment; filename="audit-')
    text = b"".join(response).decode()
    headings, *rows = csv.reader(text.splitlines(keepends=True))
    assert tuple(headings) == audit_list.COLUMNS
    names = [dict(zip(headings, row, strict=True))["object_name"] for row in rows]
    assert sorted(names) == [f"'={number}" for number in range(5)]


def test_staff_of_a_company_see_its_entries_alone(auditor: Client) -> None:
    company = Company.objects.create(company_id="NT047")
    User.objects.get(username="auditor").staff_companies.create(company=company)
    ours, theirs = make_entry("ours", company_id="NT047"), make_entry("theirs", company_id="X")
    make_entry("of no company")

    assert shown(auditor) == ["ours"]
    exported: Any = auditor.get(EXPORT)
    text = b"".join(exported).decode()
    assert "ours" in text
    assert "theirs" not in text
    assert auditor.get(f"{LIST}{ours.pk}/change/").status_code == 200
    assert auditor.get(f"{LIST}{theirs.pk}/change/").status_code == 404


def test_list_and_export_need_the_permission(client: Client) -> None:
    client.force_login(User.objects.create_user("clerk", is_staff=True))

    assert client.get(LIST).status_code == 403
    assert client.get(EXPORT).status_code == 403
