"""Who is asking, and for which companies they may act."""

from dataclasses import dataclass
from typing import cast

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils.functional import cached_property
from rest_framework.request import Request

from extraction.known_clients import KnownClient
from extraction.models import ApiClient
from tokens.models import TokenMaster


@dataclass(frozen=True)
class Principal:
    """A signed-in user or an API client, seen alike by every door."""

    label: str
    name: str
    actor: User | ApiClient | KnownClient

    @cached_property
    def _companies(self) -> list[str] | None:
        if isinstance(self.actor, ApiClient):
            return [binding.company_id for binding in self.actor.companies.all()]
        if isinstance(self.actor, KnownClient):
            return list(self.actor.company_ids)
        if self.actor.is_superuser:
            return None
        return [grant.company_id for grant in self.actor.company_grants.all()]

    def company_ids(self) -> list[str] | None:
        """The companies of its grants or bindings; None means every company (superusers)."""
        return self._companies

    def may_act_for(self, company_id: str) -> bool:
        """Whether it may upload for, and see the extractions of, this company."""
        return self._companies is None or company_id in self._companies

    def companies(self) -> dict[str, str]:
        """Its companies with the names that their tokens give them, by id.

        For superusers these are the companies that have a token.
        """
        tokens = TokenMaster.objects.order_by("company_id", "token_id")
        if self._companies is not None:
            tokens = tokens.filter(company_id__in=self._companies)
        named = dict.fromkeys(sorted(self._companies or []), "")
        for company_id, name in tokens.values_list("company_id", "company_name"):
            named[company_id] = name or named.get(company_id, "")
        return named


def principal_of(request: HttpRequest | Request) -> Principal:
    """Return who is asking. The request must have been authenticated."""
    client = getattr(request, "auth", None)
    if isinstance(client, (ApiClient, KnownClient)):
        return Principal(f"client:{client.prefix}", client.name, client)
    user = cast("User", request.user)
    return Principal(f"user:{user.pk}", user.get_username(), user)
