"""Who may see and act for which company: programs add and remove what staff do in the admin."""

from django.contrib.auth.models import User
from django.db import transaction

from extraction.models import CompanyGrant
from ocrsite.lib import audit
from ocrsite.lib.audit import Action, Who


def add(user: User, company_id: str, *, by: Who) -> CompanyGrant | None:
    """Grant a company to a user, and record it; None where it is granted already."""
    with transaction.atomic():
        grant, is_new = CompanyGrant.objects.get_or_create(user=user, company_id=company_id)
        if not is_new:
            return None
        told = f"user: {user.get_username()}\ncompany_id: {company_id}"
        audit.record(Action.ADDED, who=by, what=audit.row(grant), after=told)
    return grant


def remove(grant: CompanyGrant, *, by: Who) -> None:
    """Take a company from a user, and record it."""
    with transaction.atomic():
        told = f"user: {grant.user.get_username()}\ncompany_id: {grant.company_id}"
        audit.record(Action.DELETED, who=by, what=audit.row(grant), before=told)
        grant.delete()
