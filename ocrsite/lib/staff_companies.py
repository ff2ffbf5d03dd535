"""The companies that a member of staff is bound to, for the admin of every app.

The rows are extraction's StaffCompany, which the other apps cannot import: they are found by way of
the user.
"""

from collections.abc import Iterable

from django.contrib.auth.models import AnonymousUser, User

_KEPT_AS = "_bound_companies"


def bound_companies(user: User | AnonymousUser) -> list[str] | None:
    """Return the ids of the companies that a user is bound to; None for who sees every company.

    Every way in which rows may write an id is among them. Superusers are bound to none. One query
    for each user object.
    """
    if user.is_superuser or not isinstance(user, User):
        return None
    if not hasattr(user, _KEPT_AS):
        rows = user.staff_companies.select_related("company").order_by("company_id")
        setattr(user, _KEPT_AS, [id_ for row in rows for id_ in row.company.ids] or None)
    bound: list[str] | None = getattr(user, _KEPT_AS)
    return bound


def within(company_ids: Iterable[str], bound: list[str] | None) -> list[str]:
    """Return those of the ids that a binding allows, whatever their case; None allows all."""
    if bound is None:
        return list(company_ids)
    allowed = {company_id.casefold() for company_id in bound}
    return [company_id for company_id in company_ids if company_id.casefold() in allowed]
