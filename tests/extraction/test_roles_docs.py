"""The table of docs/roles.md says what the roles of the code may do."""

import pytest
from django.contrib.auth.models import Permission, User

from extraction.access import SEE_ALL
from extraction.models import Right
from extraction.roles import ROLES, RoleKind, give
from tests.running_site import ROOT

pytestmark = pytest.mark.django_db

# Permissions that each row stands for: a role has all of them, or none.
ROWS: dict[str, tuple[str, ...]] = {
    "see documents of every company": (SEE_ALL,),
    "upload": (Right.UPLOAD.permission,),
    "correct, have read again": (Right.CORRECT.permission,),
    "retry, cancel": (Right.RETRY.permission,),
    "approve, reject": (Right.APPROVE.permission,),
    "export": (Right.EXPORT.permission,),
    "delete, get back": (Right.DELETE.permission,),
    "see keys": ("tokens.view_tokenmaster",),
    "change keys, quotas, prices, companies": (
        "tokens.change_tokenmaster",
        "tokens.change_modelprice",
        "tokens.change_company",
    ),
    "change API clients": ("extraction.change_apiclient", "extraction.add_apiclientcompany"),
    "see usage": ("tokens.view_tokenusagelog",),
    "see the log": ("logs.view_applicationlog",),
    "see the audit list": ("logs.view_auditentry",),
    "erase for good": ("extraction.erase_data",),
    "set log levels": ("logs.change_loggerlevel",),
    "pause reading, drain workers": ("extraction.change_worker",),
    "see users and roles": ("auth.view_user", "auth.view_group"),
    "change users and roles": ("auth.change_user", "auth.change_group"),
}
# Of permissions that change something, those that a row stands for, by what they begin with.
ROW_OF_APP = {"tokens": "change keys, quotas, prices, companies"}


def table() -> dict[str, dict[str, bool]]:
    """Whether a role has a right, by right and by role."""
    lines = (ROOT / "docs/roles.md").read_text("utf-8").splitlines()
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines
        if line.startswith("|")
    ]
    names = rows[0][1:]
    return {
        row[0]: {name: cell == "yes" for name, cell in zip(names, row[1:], strict=True)}
        for row in rows[2:]
    }


def test_table_names_every_role() -> None:
    assert {tuple(row) for row in table().values()} == {tuple(kind.name for kind in ROLES)}


@pytest.mark.parametrize("kind", ROLES, ids=lambda kind: kind.name)
def test_table_says_what_the_role_may_do(kind: RoleKind) -> None:
    user = User.objects.create_user("ina")
    give(user, kind)
    told = {right: row[kind.name] for right, row in table().items()}

    assert told.pop("see documents of granted companies")
    assert told.pop("open the admin (with staff status)") == kind.is_staff
    for right, permissions in ROWS.items():
        has = {permission: user.has_perm(permission) for permission in permissions}
        assert has == dict.fromkeys(permissions, told.pop(right)), right
    assert told == {}


def test_no_role_changes_more_than_its_rows_say() -> None:
    told = {permission for row in ROWS.values() for permission in row}
    apps = {"extraction.apiclient", "logs.loggerlevel"}
    for kind in ROLES:
        for permission in Permission.objects.select_related("content_type"):
            app, name = permission.content_type.app_label, permission.codename
            model = f"{app}.{permission.content_type.model}"
            if not kind.has(f"{app}.{name}") or name.startswith("view_"):
                continue
            assert (
                f"{app}.{name}" in told
                or model.removesuffix("company") in apps
                or (app == "tokens" and table()[ROW_OF_APP[app]][kind.name])
            ), f"{kind.name}: {app}.{name}"
