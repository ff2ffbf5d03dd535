"""Who may see, and by their role act for, which company."""

from http import HTTPStatus
from typing import Any

from django.contrib.auth.models import User
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from extraction import grants
from extraction.api.management import documentation
from extraction.api.management.base import ExistsAlready, ManagementView, asked, checked, once, one
from extraction.api.management.inputs import GrantInput
from extraction.api.management.manager import manager_of
from extraction.models import CompanyGrant


class GrantsView(ManagementView):
    """The grants of the caller's companies."""

    @documentation.grants
    def get(self, request: Request) -> Response:
        """Answer them."""
        rows = manager_of(request).grants().order_by("user__username", "company_id")
        lookups = {"company": "company_id", "username": "user__username"}
        given = asked(request, *lookups)
        rows = rows.filter(**{lookups[name]: value for name, value in given.items()})
        return Response({"results": [told(grant) for grant in rows]})

    @documentation.new_grant
    def post(self, request: Request) -> Response:
        """Let a user see a company."""
        manager, values = manager_of(request), checked(GrantInput, request)
        company_id = manager.require(values["company_id"])
        user = User.objects.filter(username=values["username"], is_active=True).first()
        if user is None:
            raise ValidationError({"username": ["There is no active user of this name."]})

        def make() -> str:
            grant = grants.add(user, company_id, by=manager.who)
            if grant is None:
                raise ExistsAlready(f"{company_id} is granted to {user} already.")
            return str(grant.pk)

        pk, _ = once(request, manager, make)
        return Response(told(one(manager.grants(), pk=pk)), status=HTTPStatus.CREATED)


class GrantView(ManagementView):
    """One grant."""

    @documentation.grant_removal
    def delete(self, request: Request, grant_id: int) -> Response:
        """Take the company from the user."""
        manager = manager_of(request)
        grants.remove(one(manager.grants(), pk=grant_id), by=manager.who)
        return Response(status=HTTPStatus.NO_CONTENT)


def told(grant: CompanyGrant) -> dict[str, Any]:
    """Return a grant as the API tells it."""
    name = grant.user.get_username()
    return {"id": grant.pk, "username": name, "company_id": grant.company_id}
