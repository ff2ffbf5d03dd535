"""The roles after migrations, in each of which something else was there before."""

from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.db.migrations.state import StateApps
from django.test import Client

from extraction import roles
from extraction.models import Right, Role
from extraction.roles import (
    AUDITOR,
    DATA_PROTECTION,
    LEAD,
    OPERATOR,
    ROLES,
    SUPPORT,
    TOKEN_MANAGER,
    RoleKind,
)
from tests.extraction.factories import make_user
from tests.extraction.test_migrations import before as before_migration
from tests.old_database import migrate

before = before_migration  # a fixture

pytestmark = pytest.mark.django_db


def permissions_of(kind: RoleKind) -> set[str]:
    group = Role.objects.get(name=kind.name).group
    assert group is not None
    rows = group.permissions.values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in rows}


def fill() -> None:
    roles.fill(apps, "default")


def test_migrated_database_has_a_group_for_each_role() -> None:
    assert set(Group.objects.values_list("name", flat=True)) == {kind.name for kind in ROLES}
    for kind in ROLES:
        assert permissions_of(kind), kind.name


def test_operator_and_lead_have_the_rights_to_documents_and_no_other() -> None:
    operator, lead = permissions_of(OPERATOR), permissions_of(LEAD)

    assert operator == {
        "extraction.upload_extraction",
        "extraction.correct_extraction",
        "extraction.retry_extraction",
    }
    assert lead == {right.permission for right in Right}


def test_auditor_may_see_all_of_the_admin_and_change_nothing() -> None:
    given = permissions_of(AUDITOR)

    assert {name.partition(".")[2].partition("_")[0] for name in given} == {"view"}
    for app in ("extraction", "tokens", "logs"):
        for model in apps.get_app_config(app).get_models():
            if "view" in model._meta.default_permissions:
                assert f"{app}.view_{model._meta.model_name}" in given
    assert {"auth.view_user", "auth.view_group", "admin.view_logentry"} <= given


def test_token_manager_manages_keys_and_clients_and_sees_no_document() -> None:
    given = permissions_of(TOKEN_MANAGER)

    assert {
        "tokens.add_tokenmaster",
        "tokens.change_tokenmaster",
        "tokens.view_tokenusagelog",
        "extraction.add_apiclient",
        "extraction.change_apiclientcompany",
    } <= given
    assert not {name for name in given if name.startswith(("auth.", "logs."))}
    assert not {name for name in given if name.endswith("_extraction")}


def test_support_sees_logs_and_retries_and_sees_no_key() -> None:
    given = permissions_of(SUPPORT)

    assert {"logs.view_applicationlog", "logs.change_loggerlevel"} <= given
    assert {"extraction.view_extraction", "extraction.retry_extraction"} <= given
    assert not {name for name in given if name.startswith(("auth.", "tokens."))}


def test_erasing_is_of_one_role_that_sees_no_document() -> None:
    erases = "extraction.erase_data"

    assert [kind for kind in ROLES if erases in permissions_of(kind)] == [DATA_PROTECTION]
    assert permissions_of(DATA_PROTECTION) == {
        *(erases, "extraction.view_erasure", "logs.view_auditentry"),
    }


def test_what_staff_changed_stays_at_the_next_migrate() -> None:
    operator = Role.objects.get(name=OPERATOR.name).group
    assert operator is not None
    operator.permissions.set(Permission.objects.filter(codename="export_extraction"))
    operator.name = "Clerks"
    operator.save()
    Role.objects.get(name=SUPPORT.name).group.delete()  # type: ignore[union-attr]

    call_command("migrate", verbosity=0)

    assert permissions_of(OPERATOR) == {"extraction.export_extraction"}
    names = set(Group.objects.values_list("name", flat=True))
    assert names == {"Clerks", "Lead", "Token manager", "Auditor", "Data protection"}


def test_permissions_of_a_later_version_are_given_once() -> None:
    auditor = Role.objects.select_related("group").get(name=AUDITOR.name)
    assert auditor.group is not None
    new = Permission.objects.get(codename="view_tokenmaster")
    auditor.group.permissions.remove(new)
    fill()
    assert "tokens.view_tokenmaster" not in permissions_of(AUDITOR)

    auditor.given = [name for name in auditor.given if name != "tokens.view_tokenmaster"]
    auditor.save()
    fill()
    assert "tokens.view_tokenmaster" in permissions_of(AUDITOR)


def test_group_that_staff_made_with_the_name_of_a_role_is_left_alone() -> None:
    Role.objects.all().delete()
    Group.objects.all().delete()
    theirs = Group.objects.create(name="Lead")

    fill()

    assert not theirs.permissions.exists()
    assert Role.objects.get(name="Lead").group == Group.objects.get(name="Lead 2")
    assert permissions_of(LEAD) == {right.permission for right in Right}


def test_roles_are_filled_in_one_query_more_than_there_are_roles_when_nothing_is_new(
    django_assert_num_queries: pytest.FixtureRequest,
) -> None:
    # Permissions, each role, and the transaction's two savepoints.
    with django_assert_num_queries(1 + len(ROLES) + 2):  # type: ignore[operator]  # not exported
        fill()


@pytest.mark.no_cover
@pytest.mark.vendor
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("before", ["0021_page_turns"], indirect=True)
def test_rights_of_before_there_were_roles_are_kept(before: StateApps) -> None:
    # As migrate did then.
    create_permissions(apps.get_app_config("extraction"), verbosity=0, apps=before)
    old = before.get_model("auth", "User").objects
    permissions = before.get_model("auth", "Permission").objects
    with_grants = old.create(username="asha")
    for company_id in ("NT047", "NT048"):
        with_grants.company_grants.create(company_id=company_id)
    old.create(username="new")
    clerk = old.create(username="clerk", is_staff=True)
    clerk.user_permissions.add(permissions.get(codename="change_extraction"))

    migrate(("extraction", "0027_roles"))
    call_command("migrate", verbosity=0)

    asha, new, clerk = (User.objects.get(username=name) for name in ("asha", "new", "clerk"))
    assert [group.name for group in asha.groups.all()] == ["Lead"]
    assert all(asha.has_perm(right.permission) for right in Right)
    assert not new.groups.exists()
    assert clerk.has_perms(["extraction.view_extraction", "extraction.retry_extraction"])
    assert Group.objects.count() == len(ROLES)


@pytest.mark.no_cover
@pytest.mark.vendor
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("before", ["0021_page_turns"], indirect=True)
def test_fresh_database_gets_no_members(before: StateApps) -> None:
    migrate(("extraction", "0027_roles"))

    assert not Role.objects.exists()
    assert not Group.objects.exists()


def test_migration_and_code_name_the_permissions_alike() -> None:
    migration = import_module("extraction.migrations.0027_roles")

    assert migration.NEW["retry_extraction"] == Right.RETRY.label


@pytest.mark.parametrize("kind", ROLES, ids=lambda kind: kind.name)
def test_only_roles_of_the_admin_are_let_into_it(kind: RoleKind) -> None:
    client = Client()
    client.force_login(make_user("ina", kind))

    assert client.get("/admin/").status_code == (200 if kind.is_staff else 302)
