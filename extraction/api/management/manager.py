"""Who manages: an API client with the scope for it, and the rows of its companies."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from extraction.access import KnownClient, principal_of
from extraction.models import ApiClient, CompanyGrant, Scope
from ocrsite.lib.admin_companies import of_company
from ocrsite.lib.audit import Who
from ocrsite.lib.errors import DatabaseUnavailable
from tokens.models import Company, Quota, TokenMaster, TokenQuerySet
from tokens.models.company import folded
from tokens.models.quota import QuotaQuerySet


@dataclass(frozen=True, slots=True)
class Manager:
    """A client that manages, and every way in which rows write the ids of its companies."""

    client: ApiClient
    label: str
    who: Who
    company_ids: list[str]

    def companies(self) -> QuerySet[Company]:
        """Its companies, closed ones among them."""
        return Company.objects.filter(folded_id__in=set(map(folded, self.company_ids)))

    def tokens(self) -> TokenQuerySet:
        """The keys of its companies."""
        rows = TokenMaster.objects.filter(company_id__in=self.company_ids)
        return rows.select_related("summary")

    def quotas(self) -> QuotaQuerySet:
        """The quotas that renew, of its companies and of their keys."""
        keys = Q(token__company_id__in=self.company_ids)
        return Quota.objects.filter(Q(company__in=self.company_ids) | keys)

    def clients(self) -> QuerySet[ApiClient]:
        """The clients of its companies alone, but for those that manage: these are for staff."""
        rows: QuerySet[ApiClient] = ApiClient.objects.exclude(scopes__contains=Scope.MANAGE)
        found = of_company("companies__company_id").rows(rows, self.company_ids)
        return found.prefetch_related("companies", "keys")

    def grants(self) -> QuerySet[CompanyGrant]:
        """Who may act for its companies."""
        rows = CompanyGrant.objects.filter(company_id__in=self.company_ids)
        return rows.select_related("user")

    def require(self, company_id: str) -> str:
        """Return the id of one of its companies as that is written. Raises PermissionDenied."""
        if company_id not in self.company_ids:
            raise PermissionDenied(
                "This is none of your companies. Check company_id, or ask for access to it.",
                code="company_not_allowed",
            )
        known = Company.objects.written(company_id).first()
        return known.company_id if known else company_id


def manager_of(request: Request) -> Manager:
    """Return who manages.

    Raises PermissionDenied for people, who have the admin, ScopeMissing for clients that are for
    something else, and DatabaseUnavailable while only this process' memory knows the client.
    """
    principal = principal_of(request)
    principal.demand_scope(Scope.MANAGE)
    client: Any = principal.actor
    if isinstance(client, KnownClient):
        raise DatabaseUnavailable
    if not isinstance(client, ApiClient):
        raise PermissionDenied("API clients manage here; staff do it in the admin.")
    return Manager(client, principal.label, principal.who, _written(client))


def _written(client: ApiClient) -> list[str]:
    """The ids of its companies, as its bindings write them and in every other way."""
    bound = [binding.company_id for binding in client.companies.all()]
    known = Company.objects.filter(folded_id__in=set(map(folded, bound))) if bound else []
    return list(dict.fromkeys([*bound, *(id_ for company in known for id_ in company.ids)]))
