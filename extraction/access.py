"""Who is asking, for which companies they may act, and which extractions they may see.

While the database is away, the API clients that this process authenticated within the last hour
are known from its memory (Django's cache ``known_clients``).
"""

import uuid
from dataclasses import dataclass
from typing import cast

from django.contrib.auth.models import User
from django.core.cache import caches
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.functional import cached_property
from rest_framework.request import Request

from extraction.models import ApiClient, Extraction
from logs import context
from ocrsite.lib.audit import ActorKind, Who
from tokens.models import TokenMaster

CACHE = "known_clients"
# Seconds.
REMEMBERED_FOR = 3600.0


@dataclass(frozen=True, slots=True)
class KnownClient:
    """An API client as it was when the database last confirmed its key. Holds no secret."""

    prefix: str
    name: str
    company_ids: tuple[str, ...]


@dataclass(frozen=True)
class Principal:
    """A signed-in user or an API client, alike for pages and API."""

    label: str
    name: str
    actor: User | ApiClient | KnownClient

    @property
    def who(self) -> Who:
        """How the audit list names it."""
        kind = ActorKind.USER if self.label.startswith("user:") else ActorKind.CLIENT
        return Who(kind, self.name)

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
        """Its companies with the names that their keys give them, by id.

        For superusers these are the companies that have a key.
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


def visible_extraction(
    request: HttpRequest | Request, extraction_id: uuid.UUID, *, even_deleted: bool = False
) -> Extraction:
    """Return an extraction of a company that the caller may act for.

    Who may see it may change, delete and restore it. Raises Http404 for any other, so that nobody
    learns whether it exists, and for a deleted one unless it is asked for.
    """
    every = Extraction.with_deleted if even_deleted else Extraction.objects
    visible = every.for_companies(principal_of(request).company_ids())
    extraction: Extraction = get_object_or_404(visible, pk=extraction_id)
    context.add(company_id=extraction.company_id)
    return extraction


def remember_client(api_key: str, client: ApiClient) -> None:
    """Keep a client that has just been authenticated, for an hour and until its expiry date."""
    seconds = REMEMBERED_FOR
    if client.expiry_date is not None:
        seconds = min(seconds, (client.expiry_date - timezone.now()).total_seconds())
    known = KnownClient(
        prefix=client.prefix,
        name=client.name,
        company_ids=tuple(binding.company_id for binding in client.companies.all()),
    )
    caches[CACHE].set(_digest(api_key), known, timeout=seconds)


def known_client(api_key: str) -> KnownClient | None:
    """Return the client of an API key, if this process remembers it."""
    known: KnownClient | None = caches[CACHE].get(_digest(api_key))
    return known


def forget_client(api_key: str) -> None:
    """Drop an API key that the database no longer accepts."""
    caches[CACHE].delete(_digest(api_key))


def _digest(api_key: str) -> str:
    """What a client is remembered under: the key itself is never kept."""
    return salted_hmac(__name__, api_key, algorithm="sha256").hexdigest()
