"""What staff change in the admin stands in the audit list: from what to what, never a secret."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.forms.models import _get_foreign_key
from django.test import Client, RequestFactory

from extraction.models import ApiClient, Authenticator
from logs.models import AuditEntry, LoggerLevel
from ocrsite.lib.audited_admin import HIDDEN, AuditedAdmin
from tests.logs.audited import entries, last
from tests.tokens.rows import make_token
from tests.tokens.test_admin import NEW_KEY, change, posted
from tokens.models import Company, CoolDown

pytestmark = pytest.mark.django_db


CLIENTS = "/admin/extraction/apiclient/"
# Of the rows that are edited with a user none is sent.
NO_INLINES = {
    f"{_get_foreign_key(User, inline.model).remote_field.get_accessor_name()}-{number}_FORMS": "0"
    for inline in admin.site._registry[User].inlines
    for number in ("TOTAL", "INITIAL")
}
JOINED = {"date_joined_0": "2026-11-24", "date_joined_1": "00:00:00"}


@pytest.fixture(autouse=True)
def _companies(db: None) -> None:
    """Those that forms name, which have to be there."""
    for company_id in ("NT047", "NT048", "NT049", "NT050"):
        Company.objects.create(company_id=company_id)


def made(**of: Any) -> list[tuple[str, ...]]:
    """The entries without log-ins."""
    return [entry for entry in entries(**of) if entry[1] != "logged-in"]


def client_form(*companies: str, **fields: str) -> dict[str, str]:
    return {
        "name": "ERP",
        "scopes": "read",
        "expiry_date_0": "",
        "expiry_date_1": "",
        "companies-TOTAL_FORMS": str(len(companies)),
        "companies-INITIAL_FORMS": "0",
        **{f"companies-{at}-company_id": name for at, name in enumerate(companies)},
        **fields,
    }


def test_every_admin_that_changes_something_is_audited(rf: RequestFactory) -> None:
    request = rf.get("/")
    request.user = User(is_superuser=True, is_active=True, is_staff=True)
    open_ones = [
        model.__name__
        for model, each in admin.site._registry.items()
        if not isinstance(each, AuditedAdmin)
        and (each.has_add_permission(request) or each.has_delete_permission(request))
    ]

    assert open_ones == []


def test_a_client_is_named_by_its_prefix_and_its_companies_by_both(admin_client: Client) -> None:
    admin_client.post(f"{CLIENTS}add/", client_form("NT047"))
    client = ApiClient.objects.get()
    name = f"ERP ({client.prefix})"

    assert made() == [
        ("admin", "added", "API client", name),
        ("admin", "added", "company of an API client", f"{name}: NT047"),
    ]
    assert last().company_id == "NT047"
    assert AuditEntry.objects.get(object_type="API client").object_id == client.prefix
    told = str([vars(entry) for entry in AuditEntry.objects.all()])
    assert client.hashed_key not in told

    admin_client.post(f"{CLIENTS}{client.pk}/change/", client_form(name="ERP 2", revoked="on"))
    entry = last(object_type="API client")
    assert (entry.action, entry.before) == ("changed", "name: ERP\nrevoked is off")
    assert entry.after == "name: ERP 2\nrevoked is on"


def test_a_binding_that_is_changed_or_removed_says_so(admin_client: Client) -> None:
    client, _ = ApiClient.objects.create_key(name="ERP")
    assert isinstance(client, ApiClient)
    rows = [client.companies.create(company_id=name) for name in ("NT047", "NT048")]
    form = client_form("NT047", "NT049") | {"companies-INITIAL_FORMS": "2"}
    for at, row in enumerate(rows):
        form |= {f"companies-{at}-id": str(row.pk), f"companies-{at}-client": str(client.pk)}

    admin_client.post(f"{CLIENTS}{client.pk}/change/", {**form, "companies-0-DELETE": "on"})

    [deleted, changed] = made(object_type="company of an API client")
    assert deleted[1:] == (
        *("deleted", "company of an API client", f"ERP ({client.prefix}): NT047"),
    )
    assert changed[1] == "changed"
    assert (last().before, last().after) == ("company_id: NT048", "company_id: NT049")


def test_rights_of_users_and_groups_are_listed_by_name(
    admin_client: Client, operator: User
) -> None:
    group = Group.objects.create(name="Leads")
    right = Permission.objects.get(codename="view_auditentry")
    admin_client.post(
        f"/admin/auth/group/{group.pk}/change/", {"name": "Leads", "permissions": [right.pk]}
    )
    assert last().object_type == "group"
    assert last().after == f"permissions: {right}"

    form = {"username": "asha", "is_active": "on", "is_staff": "on", "groups": [group.pk]}
    admin_client.post(f"/admin/auth/user/{operator.pk}/change/", {**form, **JOINED, **NO_INLINES})

    entry = last(object_type="user", action="changed")
    assert entry.object_name == "asha"
    assert {"is_staff is off"} <= set(entry.before.splitlines())
    assert {"is_staff is on", "groups: Leads"} <= set(entry.after.splitlines())


def test_a_password_that_staff_set_is_listed_and_not_told(
    admin_client: Client, operator: User
) -> None:
    secret = "a-new-long-password"
    form = {"password1": secret, "password2": secret, "usable_password": "true"}
    admin_client.post(f"/admin/auth/user/{operator.pk}/password/", form)
    assert made() == [("admin", "password-changed", "user", "asha")]

    admin_client.post("/admin/auth/user/add/", {"username": "sita", **form, **NO_INLINES})
    entry = last(action="added")
    assert f"password1: {HIDDEN}" in entry.after
    assert secret not in str([vars(entry) for entry in AuditEntry.objects.all()])


def test_a_demanded_password_is_listed(admin_client: Client, operator: User) -> None:
    chosen = {"action": "have_password_changed", "_selected_action": [operator.pk]}
    admin_client.post("/admin/auth/user/", chosen)

    assert made() == [("admin", "changed", "user", "asha")]
    assert last().after == "must_change_password is on"


def test_a_key_is_listed_once_for_each_thing_that_changed(admin_client: Client) -> None:
    token = make_token()
    admin_client.post(
        change(token),
        posted(new_key=NEW_KEY, total_token_limit="200", threshold="7", why="Unpaid."),
    )

    told = AuditEntry.objects.filter(object_type="key").order_by("entry_id")
    assert [(each.before, each.after, each.why) for each in told] == [
        ("limit: 100000", "limit: 200", "Unpaid."),
        ("key: AIza…x9Qz", "key: AIza…er22", "Unpaid."),
        ("threshold: 3000", "threshold: 7", "Unpaid."),
    ]
    assert NEW_KEY not in str([vars(each) for each in told])


def test_a_new_key_is_listed_without_itself(admin_client: Client) -> None:
    admin_client.post(
        "/admin/tokens/tokenmaster/add/",
        posted(company_id="NT050", new_key=NEW_KEY, total_token_limit="200", threshold="7"),
    )

    entry = last(object_type="key")
    assert (entry.action, entry.company_id) == ("added", "NT050")
    assert {"total_token_limit: 200", f"new_key: {HIDDEN}"} <= set(entry.after.splitlines())
    assert NEW_KEY not in str(vars(entry))


@pytest.mark.parametrize("together", [True, False])
def test_what_is_deleted_is_listed(admin_client: Client, together: bool) -> None:
    row = LoggerLevel.objects.create(logger="tokens", level="DEBUG")
    if together:
        chosen = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
        admin_client.post("/admin/logs/loggerlevel/", chosen)
    else:
        admin_client.post(f"/admin/logs/loggerlevel/{row.pk}/delete/", {"post": "yes"})

    assert not LoggerLevel.objects.exists()
    assert made() == [("admin", "deleted", "logger level", "tokens: DEBUG")]
    assert last().object_id == str(row.pk)


def test_levels_cool_downs_and_second_factors_are_listed(
    admin_client: Client, operator: User
) -> None:
    admin_client.post("/admin/logs/loggerlevel/add/", {"logger": "tokens", "level": "DEBUG"})
    assert last().after == "logger: tokens\nlevel: DEBUG"

    cool_down = CoolDown.objects.create(project="p", blocked_until="2030-01-01T00:00Z", reason="x")
    admin_client.post(f"/admin/tokens/cooldown/{cool_down.pk}/delete/", {"post": "yes"})
    factor = Authenticator.objects.create(user=operator, secret="enc:x")
    admin_client.post(f"/admin/extraction/authenticator/{factor.pk}/delete/", {"post": "yes"})

    assert [entry[1:3] for entry in made()] == [
        ("added", "logger level"),
        ("deleted", "cool-down"),
        ("deleted", "authenticator"),
    ]
    assert last().object_name == "second factor of asha"


def test_a_form_that_changes_nothing_is_not_listed(admin_client: Client) -> None:
    row = LoggerLevel.objects.create(logger="tokens", level="DEBUG")
    same = {"logger": "tokens", "level": "DEBUG"}
    admin_client.post(f"/admin/logs/loggerlevel/{row.pk}/change/", same)

    assert made() == []


def test_a_tested_key_is_listed_with_what_came_out(admin_client: Client) -> None:
    token = make_token(provider="Offline", api_key="")
    admin_client.post(f"/admin/tokens/tokenmaster/{token.pk}/test/")

    assert (last().action, last().object_id) == ("tested", str(token.pk))
    assert last().after
