"""From what the provider says of a person to a user: who it is, which roles and companies.

Roles and companies that OIDC_ROLES and OIDC_COMPANIES name are given and taken at each log-in;
what staff gave besides stays.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from extraction.models import ExternalIdentity
from extraction.roles import ROLES
from ocrsite.lib import audit
from ocrsite.lib.audit import Action
from tokens.models import Company

# In OIDC_COMPANIES: staff of this group see every company.
EVERY_COMPANY = "*"
# An "Authentication Method Reference" for more than one factor (RFC 8176).
_SEVERAL_FACTORS = "mfa"
_LONGEST_NAME = 150


class Refused(Exception):
    """Somebody whom the provider knows is not let in; the text tells them why."""


class NameTaken(Refused):
    """There is an account that is called as the new one would be."""


def user_of(claims: Mapping[str, Any]) -> User:
    """Return the user of verified claims, made at the first log-in. Raises Refused."""
    email = str(claims.get("email") or "").strip()
    if not email or claims.get("email_verified") not in (True, "true"):
        raise Refused(gettext("Your e-mail address is not verified by your organisation."))
    groups = _groups(claims)
    roles = _mapped(settings.OIDC_ROLES, groups)
    if settings.OIDC_ROLES and not roles:
        raise Refused(gettext("You have no role here. Ask an administrator."))
    companies = _mapped(settings.OIDC_COMPANIES, groups)
    try:
        return _ready(claims, email, roles, companies)
    except (IntegrityError, NameTaken):  # maybe by another request of the same person, just now
        try:
            return _ready(claims, email, roles, companies)
        except IntegrityError as error:
            raise Refused(gettext("Log in once more.")) from error


def _ready(claims: Mapping[str, Any], email: str, roles: set[str], companies: set[str]) -> User:
    with transaction.atomic():
        user = _identified(claims, email)
        if not user.is_active:
            raise Refused(gettext("Your account is closed. Ask an administrator."))
        _give(user, roles, companies)
    return user


def second_factor_attested(claims: Mapping[str, Any]) -> bool:
    """Whether the provider says, or OIDC_SECOND_FACTOR has it, that a second factor was given."""
    accepted = settings.OIDC_SECOND_FACTOR
    methods = claims.get("amr")
    return (
        EVERY_COMPANY in accepted
        or claims.get("acr") in accepted
        or (isinstance(methods, list) and _SEVERAL_FACTORS in methods)
    )


def _groups(claims: Mapping[str, Any]) -> set[str]:
    told = claims.get(settings.OIDC_GROUPS_CLAIM) or []
    return {str(each) for each in (told if isinstance(told, list) else [told])}


def _mapped(mapping: Mapping[str, Iterable[str]], groups: set[str]) -> set[str]:
    return {each for group, names in mapping.items() if group in groups for each in names}


def _identified(claims: Mapping[str, Any], email: str) -> User:
    """Return the user who has logged in by this identity, else a new one, or the linked one."""
    told = f"{settings.OIDC_ISSUER}\n{claims['sub']}"
    digest = hashlib.sha256(told.encode()).hexdigest()
    known = ExternalIdentity.objects.select_related("user").filter(digest=digest).first()
    if known is not None:
        return known.user
    user = _linked(email) or _made(email)
    ExternalIdentity.objects.create(user=user, digest=digest)
    return user


def _linked(email: str) -> User | None:
    """Return the one local user of this address, if OIDC_LINK_BY_EMAIL allows to be that one.

    Never a superuser: whoever decides about addresses at the provider would decide about all here.
    """
    if not settings.OIDC_LINK_BY_EMAIL:
        return None
    found = list(User.objects.filter(email__iexact=email, external_identity=None)[:2])
    return found[0] if len(found) == 1 and not found[0].is_superuser else None


def _made(email: str) -> User:
    name = email.lower()
    if len(name) > _LONGEST_NAME or User.objects.filter(username__iexact=name).exists():
        raise NameTaken(gettext("There is another account of this name. Ask an administrator."))
    user = User.objects.create_user(name, email)
    audit.record(
        Action.ADDED, who=audit.SYSTEM, what=audit.row(user), why="First log-in by single sign-on."
    )
    return user


def _give(user: User, roles: set[str], companies: set[str]) -> None:
    """Have the user the roles and companies of the groups, and no others of those that are mapped.

    Staff whom no group names a company, nor every one, lose the admin where OIDC_COMPANIES is set:
    who is bound to none would see all.
    """
    before, is_staff = _rights(user), user.is_staff
    if settings.OIDC_ROLES:
        is_staff = any(role.is_staff for role in ROLES if role.name in roles)
        managed = {name for names in settings.OIDC_ROLES.values() for name in names}
        user.groups.remove(*Group.objects.filter(role__name__in=managed - roles))
        user.groups.add(*Group.objects.filter(role__name__in=roles))
    if settings.OIDC_COMPANIES:
        is_staff = _give_companies(user, companies, is_staff=is_staff) and is_staff
    if user.is_staff != is_staff and not user.is_superuser:
        user.is_staff = is_staff
        user.save(update_fields=["is_staff"])
    after = _rights(user)
    if before != after:
        audit.record(
            Action.CHANGED, who=audit.SYSTEM, what=audit.row(user), before=before, after=after
        )


def _give_companies(user: User, companies: set[str], *, is_staff: bool) -> bool:
    """Grant, and for staff bind to, the companies; return whether it is known which staff see."""
    managed = {name for names in settings.OIDC_COMPANIES.values() for name in names}
    rows = [row for name in managed if (row := Company.objects.written(name).first())]
    given = [row for row in rows if row.pk in _own(companies)]
    for row in rows:
        if row not in given:
            user.company_grants.filter(company_id=row.pk).delete()
    for row in given:
        user.company_grants.get_or_create(company_id=row.pk)
    sees_all = EVERY_COMPANY in companies
    if is_staff:
        for row in [] if sees_all else given:
            user.staff_companies.get_or_create(company=row)
        user.staff_companies.filter(
            company__in=rows if sees_all else [row for row in rows if row not in given]
        ).delete()
    return sees_all or user.staff_companies.exists()


def _own(names: Iterable[str]) -> set[str]:
    """The ids of companies as their rows write them."""
    rows = (Company.objects.written(name).first() for name in names)
    return {row.pk for row in rows if row is not None}


def _rights(user: User) -> str:
    """What a user may do and see, for the audit list."""
    groups = ", ".join(user.groups.order_by("name").values_list("name", flat=True))
    grants = ", ".join(sorted(grant.company_id for grant in user.company_grants.all()))
    bound = ", ".join(sorted(row.company_id for row in user.staff_companies.all()))
    staff = f"staff of {bound or 'every company'}" if user.is_staff else "no staff"
    return f"roles: {groups or 'none'}; companies: {grants or 'none'}; {staff}"
