"""The roles that an installation begins with: groups, filled from one table after each migrate.

Permissions exist only when every migration has run; so migrations make no group but that of people
who had every right before there were roles (extraction.0027).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from django.apps.registry import Apps
from django.contrib.auth.models import Group, User
from django.db import transaction

from extraction.models.rights import Right

_READ = ("extraction.view_*", "tokens.view_*", "logs.view_*", "auth.view_*", "admin.view_logentry")
_OPERATE = (Right.UPLOAD, Right.CORRECT, Right.RETRY)
_DECIDE = (Right.APPROVE, Right.EXPORT, Right.DELETE)


@dataclass(frozen=True, slots=True)
class RoleKind:
    """A role: its permissions, as patterns of app.codename, and whether it works in the admin."""

    name: str
    what_for: str
    patterns: tuple[str, ...]
    is_staff: bool = False

    def has(self, permission: str) -> bool:
        """Whether it begins with a permission."""
        return any(fnmatchcase(permission, pattern) for pattern in self.patterns)


OPERATOR = RoleKind(
    "Operator",
    "uploads, sees and corrects the documents of granted companies",
    tuple(right.permission for right in _OPERATE),
)
LEAD = RoleKind(
    "Lead",
    "also approves, rejects, exports and deletes them",
    tuple(right.permission for right in (*_OPERATE, *_DECIDE)),
)
TOKEN_MANAGER = RoleKind(
    "Token manager",
    "keys, quotas, API clients and usage",
    ("tokens.*", "extraction.*_apiclient", "extraction.*_apiclientcompany"),
    is_staff=True,
)
AUDITOR = RoleKind(
    "Auditor",
    "sees all of the admin and every document, and changes nothing",
    _READ,
    is_staff=True,
)
SUPPORT = RoleKind(
    "Support",
    "sees logs, documents, their calls and the workers, has failed ones read again, pauses reading",
    (
        *(
            "logs.view_*",
            "logs.*_loggerlevel",
            "extraction.view_worker",
            "extraction.change_worker",
        ),
        *("extraction.view_extraction", "extraction.view_attempt", Right.RETRY.permission),
    ),
    is_staff=True,
)
# A role of its own: who approves and exports is not who may erase the evidence of it.
DATA_PROTECTION = RoleKind(
    "Data protection",
    "erases for good what documents say and who sent them, and sees the audit list",
    ("extraction.erase_data", "extraction.view_erasure", "logs.view_auditentry"),
    is_staff=True,
)
ROLES = (OPERATOR, LEAD, TOKEN_MANAGER, AUDITOR, SUPPORT, DATA_PROTECTION)


def give(user: User, kind: RoleKind) -> None:
    """Make a user a member of a role's group; nothing where staff deleted the group."""
    user.groups.add(*Group.objects.filter(role__name=kind.name))


def fill(apps: Apps, using: str) -> None:
    """Make the groups of roles that have none yet, and give each role what is new of its own.

    Called after every migrate (post_migrate); what staff changed stays. Does nothing in a database
    of before there were roles.
    """
    try:
        role_model = apps.get_model("extraction", "Role")
        permission_model = apps.get_model("auth", "Permission")
    except LookupError:
        return
    found = permission_model._default_manager.using(using).select_related("content_type")
    permissions = {f"{each.content_type.app_label}.{each.codename}": each for each in found}
    with transaction.atomic(using=using):
        for kind in ROLES:
            role = role_of(role_model, kind, using)
            new = {name for name in permissions if kind.has(name)}.difference(role.given)
            if role.group is None or not new:
                continue
            role.group.permissions.add(*(permissions[name] for name in new))
            role.given = sorted({*role.given, *new})
            role.save(using=using)


def role_of(role_model: Any, kind: RoleKind, using: str) -> Any:
    """Return the row of a role; a new one with a new group. Of any state of the models."""
    rows = role_model._default_manager.using(using).select_related("group")
    row = rows.filter(name=kind.name).first()
    if row is not None:
        return row
    groups = role_model._meta.get_field("group").related_model._default_manager.using(using)
    taken = set(groups.values_list("name", flat=True))
    # A group of that name that staff made is none of ours: its members would get new rights.
    name = next(each for each in _names(kind.name) if each not in taken)
    return rows.create(name=kind.name, group=groups.create(name=name))


def _names(name: str) -> Iterable[str]:
    yield name
    yield from (f"{name} {number}" for number in range(2, 1_000))
