"""Lists of the admin as CSV and back: what a file would change, and that it does just that."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from django.db import IntegrityError
from django.test import Client
from django.utils import timezone

from extraction.models import CompanyGrant
from logs.models import AuditEntry
from ocrsite.lib import csv_admin, csv_rows, csv_text
from ocrsite.lib.csv_admin import TOO_LATE
from tests.pyodbc_errors import DEADLOCK, LINK_LOST, DriverError
from tests.tokens.rows import KEY, make_token
from tokens.models import Company, ModelPrice, TokenChange, TokenMaster, TokenUsageSummary

pytestmark = pytest.mark.django_db

KEYS = "/admin/tokens/tokenmaster/"
GRANTS = "/admin/extraction/companygrant/"
PRICES = "/admin/tokens/modelprice/"
COMPANIES = "/admin/tokens/company/"
NEW_KEY = "AIzaAnotherCanaryAnotherCanaryAnother22"


@pytest.fixture(autouse=True)
def _companies(db: None) -> None:
    for company_id in ("NT047", "NT048", "NT050"):
        if not Company.objects.written(company_id).exists():
            Company(company_id=company_id).save()


def body_of(response: Any) -> bytes:
    """What a streamed answer says in all."""
    return b"".join(response.streaming_content)


def preview(client: Client, address: str, text: str | bytes) -> Any:
    content = text if isinstance(text, bytes) else text.encode()
    return client.post(f"{address}csv/", {"file": SimpleUploadedFile("rows.csv", content)})


def apply(client: Client, address: str, text: str) -> Any:
    sealed = preview(client, address, text).context["sealed"]
    return client.post(f"{address}csv/", {"sealed": sealed}, follow=True)


def told(response: Any) -> list[tuple[str, list[tuple[str, str, str]], list[str]]]:
    """Of each line of a file: the action, the differences, and the problems."""
    return [
        (
            each.action,
            [(one.column, one.before, one.after) for one in each.differences],
            each.problems,
        )
        for each in response.context["planned"]
    ]


def exported(client: Client, address: str) -> list[dict[str, str]]:
    response = client.get(f"{address}csv/export/")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    text = body_of(response).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_keys_go_out_without_their_keys(admin_client: Client) -> None:
    expires = datetime(2027, 1, 31, 12, tzinfo=UTC)
    token = make_token(company_name="=cmd()", expires_at=expires, max_concurrent_calls=3)

    [row] = exported(admin_client, KEYS)

    assert row["id"] == str(token.pk)
    assert row["company_name"] == "'=cmd()"
    assert (row["total_token_limit"], row["threshold"]) == ("100000", "3000")
    assert (row["expires_at"], row["max_concurrent_calls"]) == ("2027-01-31T12:00:00+00:00", "3")
    assert {"key", "why"}.isdisjoint(row)
    assert not [cell for cell in row.values() if KEY in cell or "enc:" in cell]
    entry = AuditEntry.objects.get(action="exported")
    assert entry.object_name == "1 as CSV"


def test_what_was_exported_changes_nothing(admin_client: Client) -> None:
    now = timezone.now() + timedelta(days=1)
    make_token(company_name="=cmd()", expires_at=now)
    make_token(api_key=NEW_KEY, company_name="a,b\n\"c'")
    text = body_of(admin_client.get(f"{KEYS}csv/export/"))

    response = preview(admin_client, KEYS, text)

    assert told(response) == [("", [], []), ("", [], [])]
    assert "Apply" not in response.content.decode()


def test_a_preview_shows_each_change_and_makes_none(admin_client: Client) -> None:
    token = make_token()
    before = TokenMaster.objects.values().get()

    response = preview(
        admin_client,
        KEYS,
        f"id;total_token_limit;company_name;key;why\n{token.pk};200000;RUBI;{NEW_KEY};more\n",
    )

    changes = [
        ("company_name", "RUBI TRADERS", "RUBI"),
        ("key", "", "(not shown)"),
        ("total_token_limit", "100000", "200000"),
    ]
    assert told(response) == [("change", changes, [])]
    page = response.content.decode()
    assert "total_token_limit: 100000 → 200000" in page
    assert "Apply 1 line" in page
    assert TokenMaster.objects.values().get() == before
    assert not TokenChange.objects.exists()


def test_applied_lines_go_the_way_of_the_form(admin_client: Client) -> None:
    token = make_token(status="Exceeded", total_token_limit=1000)
    text = (
        "id,company_id,company_name,key,total_token_limit,threshold,why\n"
        f"{token.pk},NT047,RUBI TRADERS,{NEW_KEY},200000,3000,Paid\n"
        f",NT050,NEW,{KEY},5000,10,\n"
    )

    page = apply(admin_client, KEYS, text).content.decode()

    assert "Lines applied: 2." in page
    token.refresh_from_db()
    assert (token.status, token.total_token_limit) == ("Active", 200_000)
    assert token.reveal_key() == NEW_KEY
    changes = TokenChange.objects.filter(token=token, actor="admin", reason="Paid")
    assert set(changes.values_list("what", flat=True)) == {"limit", "key"}
    added = TokenMaster.objects.exclude(pk=token.pk).get()
    assert (added.company_id, added.reveal_key(), added.status) == ("NT050", KEY, "Active")
    summary = TokenUsageSummary.objects.get(token=added)
    assert (summary.threshold, summary.total_remaining_tokens) == (10, 5000)
    assert LogEntry.objects.count() == 2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("id,total_token_limit\n99,5\n", "There is no 99."),
        ("id,total_token_limit\nx,5\n", "There is no x."),
        ("id,total_token_limit\n{id},many\n", "total_token_limit: Enter a whole number."),
        ("id,total_token_limit\n{id},5\n", "threshold: The threshold is above the limit."),
        ("id,expires_at\n{id},soon\n", "expires_at: Enter a valid date."),
        ("id,expires_at\n{id},2020-01-01T00:00Z\n", "expires_at: This time has passed."),
        ("id,key\n{id},two words\n", "key: A key has no blanks"),
        ("id,status\n{id},Great\n", "status: Select a valid choice."),
        ("company_id,provider\nNT050,Gemini\n", "key: Enter the provider's key"),
        (f"company_id,key\nNT047,{KEY}\n", "key: This company has this key already."),
    ],
)
def test_a_line_that_cannot_be_is_refused_with_a_reason(
    admin_client: Client, text: str, problem: str
) -> None:
    token = make_token()
    before = list(TokenMaster.objects.values())

    response = preview(admin_client, KEYS, text.replace("{id}", str(token.pk)))

    [(_, _, problems)] = told(response)
    assert [each for each in problems if problem in each]
    assert '<span class="pill pill-failed">Refused</span>' in response.content.decode()
    apply(admin_client, KEYS, text.replace("{id}", str(token.pk)))
    assert list(TokenMaster.objects.values()) == before


def test_refused_lines_do_not_hold_up_the_others(admin_client: Client) -> None:
    token = make_token()
    text = f"id,company_name\n{token.pk},A\n{token.pk},B\n99,C\n"

    response = preview(admin_client, KEYS, text)
    apply(admin_client, KEYS, text)

    assert [action for action, _, problems in told(response) if not problems] == ["change"]
    assert "2 refused" in response.content.decode()
    token.refresh_from_db()
    assert token.company_name == "A"


def test_the_same_new_key_twice_is_added_once(admin_client: Client) -> None:
    text = f"company_id,key\nNT050,{KEY}\nNT050,{KEY}\n"

    page = apply(admin_client, KEYS, text).content.decode()

    assert TokenMaster.objects.count() == 1
    assert "Not applied, line 3: key: This company has this key already." in page


def test_what_changed_after_the_preview_is_shown_again(admin_client: Client) -> None:
    token = make_token()
    sealed = preview(admin_client, KEYS, f"id,company_name\n{token.pk},B\n").context["sealed"]
    TokenMaster.objects.update(company_name="C")

    response = admin_client.post(f"{KEYS}csv/", {"sealed": sealed})

    assert "Rows were changed meanwhile." in response.content.decode()
    assert told(response) == [("change", [("company_name", "C", "B")], [])]
    assert TokenMaster.objects.get().company_name == "C"
    admin_client.post(f"{KEYS}csv/", {"sealed": response.context["sealed"]})
    assert TokenMaster.objects.get().company_name == "B"


def test_a_file_is_kept_nowhere_in_clear(admin_client: Client) -> None:
    token = make_token()

    response = preview(admin_client, KEYS, f"id,key\n{token.pk},{NEW_KEY}\n")

    page = response.content.decode()
    assert NEW_KEY not in page
    assert NEW_KEY[:4] + "…" not in page
    assert NEW_KEY not in str(dict(admin_client.session))
    sealed = re.findall(r'name="sealed" value="([^"]+)"', page)
    assert sealed == [response.context["sealed"]]


@pytest.mark.parametrize("sealed", ["", "x", "é", "gAAAAA=="])
def test_a_sealed_file_of_nobody_is_refused(admin_client: Client, sealed: str) -> None:
    response = admin_client.post(f"{KEYS}csv/", {"sealed": sealed})

    assert "Choose the file again." in response.content.decode()


def test_a_sealed_file_is_for_its_user_and_list(admin_client: Client, client: Client) -> None:
    token = make_token()
    sealed = preview(admin_client, KEYS, f"id,company_name\n{token.pk},B\n").context["sealed"]
    client.force_login(User.objects.create_superuser("root"))

    for other, address in ((client, KEYS), (admin_client, GRANTS)):
        response = other.post(f"{address}csv/", {"sealed": sealed})
        assert "another list" in response.content.decode()
    assert TokenMaster.objects.get().company_name == "RUBI TRADERS"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"\xff\xfe", "not in UTF-8"),
        (b"id\0\n1\n", "no text"),
        (b"", "The submitted file is empty."),
        (b"\xef\xbb\xbf\n", "The file is empty."),
        (b'id\n"1\n', "no CSV"),
        (b"id,nonsense\n1,2\n", "There is no column “nonsense”."),
        (b"id,id\n1,2\n", "given twice"),
        (b"id\n1,2\n", "Row 2 has more cells"),
        (b"id\n" + b"1\n" * (csv_text.MOST_ROWS + 1), "at most 500"),
        (b"x" * (csv_text.LARGEST + 1), "larger than 256 KiB"),
    ],
)
def test_what_is_no_such_file_is_refused(
    admin_client: Client, content: bytes, problem: str
) -> None:
    response = preview(admin_client, KEYS, content)

    assert problem in " ".join(response.context["form"].errors.get("file", []))


def test_a_large_file_is_overwritten_before_it_is_removed() -> None:
    with TemporaryUploadedFile("rows.csv", "text/csv", 10, None) as upload:
        upload.write(b"0123456789")
        upload.flush()
        with open(upload.temporary_file_path(), "rb") as other:  # noqa: PTH123
            csv_admin._shred(upload)
            assert other.read() == bytes(10)


def test_who_may_only_view_may_only_export(client: Client) -> None:
    make_token()
    viewer = User.objects.create_user("viewer", is_staff=True)
    client.force_login(viewer)
    for address in (f"{KEYS}csv/", f"{KEYS}csv/export/"):
        assert client.get(address).status_code == 403

    viewer.user_permissions.add(Permission.objects.get(codename="view_tokenmaster"))
    page = client.get(f"{KEYS}csv/").content.decode()
    assert "Export as CSV" in page
    assert 'type="file"' not in page
    assert len(exported(client, KEYS)) == 1
    assert preview(client, KEYS, "id\n1\n").status_code == 403


def test_who_may_only_change_adds_nothing(client: Client) -> None:
    token = make_token()
    clerk = User.objects.create_user("clerk", is_staff=True)
    names = ("view_tokenmaster", "change_tokenmaster")
    clerk.user_permissions.add(*Permission.objects.filter(codename__in=names))
    client.force_login(clerk)

    response = preview(client, KEYS, f"id,company_id,key\n,NT050,{NEW_KEY}\n{token.pk},NT047,\n")

    assert told(response) == [("", [], ["You may not add one."]), ("", [], [])]


def test_bound_staff_see_and_change_their_companies_alone(client: Client) -> None:
    mine, other = make_token(), make_token(company_id="NT048", api_key=NEW_KEY)
    manager = User.objects.create_user("manager", is_staff=True)
    names = ("view_tokenmaster", "change_tokenmaster", "add_tokenmaster")
    manager.user_permissions.add(*Permission.objects.filter(codename__in=names))
    manager.staff_companies.create(company_id="NT047")
    client.force_login(manager)

    assert [row["id"] for row in exported(client, KEYS)] == [str(mine.pk)]
    text = f"id,company_name\n{mine.pk},A\n{other.pk},B\n"
    assert [problems for _, _, problems in told(preview(client, KEYS, text))] == [
        [],
        [f"There is no {other.pk}."],
    ]
    added = preview(client, KEYS, "company_id,provider\nNT048,Offline\n")
    assert told(added)[0][2] != []


def test_grants_are_added_and_removed(admin_client: Client) -> None:
    asha = User.objects.create_user("asha")
    CompanyGrant.objects.create(user=asha, company_id="NT047")
    text = "username,company_id,remove\nasha,NT047,yes\nasha,NT048,\nbina,NT047,\nasha,NT9,\n"

    response = preview(admin_client, GRANTS, text)
    apply(admin_client, GRANTS, text)

    assert [(action, problems) for action, _, problems in told(response)] == [
        ("remove", []),
        ("add", []),
        ("", ["There is no “bina”."]),
        ("", ["company_id: There is no company “NT9”. Choose one of the list, or add it first."]),
    ]
    assert list(CompanyGrant.objects.values_list("user__username", "company_id")) == [
        ("asha", "NT048")
    ]
    assert set(AuditEntry.objects.values_list("action", flat=True)) >= {"added", "deleted"}
    assert exported(admin_client, GRANTS) == [{"username": "asha", "company_id": "NT048"}]
    again = "username,company_id,remove\nasha,NT048,\nasha,NT047,yes\nasha,NT048,perhaps\n"
    problem = "Write yes or no in the column remove."
    assert [(a, p[:1]) for a, _, p in told(preview(admin_client, GRANTS, again))] == [
        ("", []),
        ("", []),
        ("", [problem]),
    ]


def test_prices_go_out_and_in(admin_client: Client) -> None:
    count = ModelPrice.objects.count()
    text = (
        "model,valid_from,input,cached_input,output,currency,source\n"
        "gemini-x,2026-11-01,1.5,0.15,9,USD,price list\n"
    )

    apply(admin_client, PRICES, text)

    price = ModelPrice.objects.get(model="gemini-x")
    assert price.valid_from == datetime(2026, 11, 1, tzinfo=UTC)
    assert ModelPrice.objects.count() == count + 1
    assert str(price.pk) in [row["id"] for row in exported(admin_client, PRICES)]


def test_companies_are_changed_and_added(admin_client: Client) -> None:
    text = (
        "company_id,name,time_zone,branches\n"
        'NT047,RUBI,Asia/Kathmandu,"Main\nNorth"\n'
        "NT051,NEW,,\n"
        "nt048,Other,,\n"
        "NT050,,Mars/Base,\n"
    )

    response = preview(admin_client, COMPANIES, text)
    apply(admin_client, COMPANIES, text)

    assert [(action, bool(problems)) for action, _, problems in told(response)] == [
        ("change", False),
        ("add", False),
        ("", True),
        ("", True),
    ]
    rubi, new = (Company.objects.get(pk=pk) for pk in ("NT047", "NT051"))
    assert (rubi.name, rubi.time_zone, rubi.branch_names) == (
        "RUBI",
        "Asia/Kathmandu",
        ["Main", "North"],
    )
    assert (new.name, new.folded_id) == ("NEW", "nt051")
    assert Company.objects.count() == 4
    assert "NT051" in [row["company_id"] for row in exported(admin_client, COMPANIES)]


def test_lists_lead_to_their_csv(admin_client: Client) -> None:
    for address in (KEYS, GRANTS, PRICES, COMPANIES):
        assert '<a href="csv/">CSV</a>' in admin_client.get(address).content.decode()
        assert admin_client.get(f"{address}csv/").status_code == 200


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("error", "status", "lines", "applied"), [(DEADLOCK, 302, 3, 4), (LINK_LOST, 503, 1, 2)]
)
def test_line_of_a_deadlock_is_repeated_and_none_tried_on_a_lost_database(
    admin_client: Client,
    monkeypatch: pytest.MonkeyPatch,
    error: DriverError,
    status: int,
    lines: int,
    applied: int,
) -> None:
    """Each of hundreds of lines would wait for the time-out of a connection."""
    User.objects.create_user("ina")
    file = "username,company_id\nina,NT047\nina,NT048\nina,NT050\n"
    sealed = preview(admin_client, GRANTS, file).context["sealed"]
    apply_line = csv_rows.apply
    calls = []

    def fail_at_the_second(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) == 2:
            raise error.wrapped()
        apply_line(*arguments)

    monkeypatch.setattr(csv_rows, "apply", fail_at_the_second)
    admin_client.raise_request_exception = False

    answer = admin_client.post(f"{GRANTS}csv/", {"sealed": sealed})

    assert answer.status_code == status
    assert (CompanyGrant.objects.count(), len(calls)) == (lines, applied)


def test_a_line_that_somebody_else_was_faster_with_is_told_so(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    User.objects.create_user("ina")
    sealed = preview(admin_client, GRANTS, "username,company_id\nina,NT047\nina,NT048\n")
    apply_line = csv_rows.apply

    def with_another(self: Any, request: Any, planned: Any) -> None:
        if planned.number == 2:
            raise IntegrityError("UNIQUE constraint failed")
        apply_line(self, request, planned)

    monkeypatch.setattr(csv_rows, "apply", with_another)

    form = {"sealed": sealed.context["sealed"]}
    told = admin_client.post(f"{GRANTS}csv/", form, follow=True).content.decode()

    assert f"Not applied, line 2: {TOO_LATE}" in told
    assert CompanyGrant.objects.get().company_id == "NT048"
