"""Who is asking, which extractions they may see, and what they may do with them.

While the database is away, the API clients that this process authenticated within the last hour
are known from its memory (Django's cache ``known_clients``).
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import cast

from django.contrib.auth.models import User
from django.core.cache import caches
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.functional import cached_property
from rest_framework.request import Request

from extraction.models import ApiClient, Extraction, Right, Scope
from extraction.models.extraction_queryset import ExtractionQuerySet
from logs import context
from ocrsite.lib.addresses import Network
from ocrsite.lib.audit import ActorKind, Who
from ocrsite.lib.errors import UserFacingError
from ocrsite.lib.staff_companies import bound_companies, within
from tokens.models import Company
from tokens.models.company import folded

CACHE = "known_clients"
# Seconds.
REMEMBERED_FOR = 3600.0
_PRINCIPAL = "_principal"
# The permission by which staff see extractions in the admin, and so on the pages.
SEE_ALL = "extraction.view_extraction"
# What an API client must be for, to have each right.
SCOPES = {
    Right.UPLOAD: Scope.SUBMIT,
    Right.RETRY: Scope.SUBMIT,
    Right.EXPORT: Scope.READ,
    Right.CORRECT: Scope.CORRECT,
    Right.APPROVE: Scope.CORRECT,
    Right.DELETE: Scope.CORRECT,
}
# Those by which an API client sees every document of its companies.
SEEING = (Scope.READ, Scope.CORRECT)
# The rights that change nothing which people decided.
WITHOUT_GRANT = frozenset({Right.EXPORT, Right.RETRY})


@dataclass(frozen=True, slots=True)
class KnownClient:
    """An API client as it was when the database last confirmed its key. Holds no secret."""

    prefix: str
    name: str
    company_ids: tuple[str, ...]
    scopes: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()

    def may(self, scope: Scope) -> bool:
        """Whether the client is for this."""
        return scope in self.scopes


class ScopeMissing(UserFacingError, PermissionDenied):
    """The API client is not for this (403)."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(
            "scope_missing",
            HTTPStatus.FORBIDDEN.phrase,
            f"This API client may not do that: it lacks the scope “{scope}”. Ask an administrator.",
            HTTPStatus.FORBIDDEN,
        )


class NotAllowed(UserFacingError, PermissionDenied):
    """The caller sees the document, and lacks the right to do this with it (403)."""

    def __init__(self) -> None:
        super().__init__(
            "not_allowed",
            HTTPStatus.FORBIDDEN.phrase,
            "You may not do that for this company. Ask an administrator for the right.",
            HTTPStatus.FORBIDDEN,
        )


@dataclass(frozen=True)
class Principal:
    """A signed-in user or an API client, alike for pages and API.

    Users see the companies of their grants; staff who may see extractions in the admin see every
    company. What staff are bound to limits both. Superusers see and may do everything. An API
    client may do what its scopes say, for the companies it is bound to.
    """

    label: str
    name: str
    actor: User | ApiClient | KnownClient

    @property
    def who(self) -> Who:
        """How the audit list names it."""
        kind = ActorKind.USER if self.label.startswith("user:") else ActorKind.CLIENT
        return Who(kind, self.name)

    @cached_property
    def _granted(self) -> list[str] | None:
        """The companies whose documents it may change; None for all."""
        if isinstance(self.actor, ApiClient):
            return self.actor.open_company_ids
        if isinstance(self.actor, KnownClient):
            return list(self.actor.company_ids)
        if self.actor.is_superuser:
            return None
        granted = [grant.company_id for grant in self.actor.company_grants.all()]
        return within(granted, bound_companies(self.actor)) if self.actor.is_staff else granted

    @cached_property
    def _seen(self) -> list[str] | None:
        if isinstance(self.actor, User) and self.actor.is_staff and self.actor.has_perm(SEE_ALL):
            return bound_companies(self.actor)
        return self._granted

    def is_refused(self, company_id: str) -> bool:
        """Whether it may not act for this one of its companies because that is closed."""
        if not isinstance(self.actor, ApiClient) or self.sees(company_id):
            return False
        return company_id in self.actor.bound_company_ids

    def company_ids(self, right: Right | None = None) -> list[str] | None:
        """The companies that it sees, or for which it has a right; None means every company.

        What staff see without a grant they may only read, export and have read again.
        """
        if right is None:
            return self._seen
        if not self._has(right):
            return []
        return self._seen if right in WITHOUT_GRANT else self._granted

    def _has(self, right: Right) -> bool:
        if isinstance(self.actor, User):
            return self.actor.has_perm(right.permission)
        return self.actor.may(SCOPES[right])

    def visible(
        self, extractions: ExtractionQuerySet[Extraction]
    ) -> ExtractionQuerySet[Extraction]:
        """Those among the extractions that it may see: a client that reads none those it submitted.

        Raises ScopeMissing for a client that is for neither.
        """
        visible = extractions.for_companies(self.company_ids())
        if self.sees_every_document:
            return visible
        self.demand_scope(Scope.SUBMIT)
        return visible.filter(client=self.label)

    @property
    def sees_every_document(self) -> bool:
        """Whether it may see each document of its companies, which who corrects has to."""
        return isinstance(self.actor, User) or any(map(self.actor.may, SEEING))

    def demand_reading(self) -> None:
        """Raise ScopeMissing for an API client that may not list the documents."""
        if not self.sees_every_document:
            raise ScopeMissing(Scope.READ)

    def demand_scope(self, scope: Scope) -> None:
        """Raise ScopeMissing for an API client that is not for this."""
        if not isinstance(self.actor, User) and not self.actor.may(scope):
            raise ScopeMissing(scope)

    def sees(self, company_id: str) -> bool:
        """Whether it may see the extractions of this company."""
        return self._seen is None or company_id in self._seen

    def may(self, right: Right, company_id: str | None = None) -> bool:
        """Whether it has a right for this company; without one, for any company at all."""
        company_ids = self.company_ids(right)
        if company_ids is None or company_id is None:
            return company_ids is None or bool(company_ids)
        return company_id in company_ids

    def demand(self, right: Right, company_id: str) -> None:
        """Raise NotAllowed, or ScopeMissing, unless it has the right for this company."""
        self.demand_scope(SCOPES[right])
        if not self.may(right, company_id):
            raise NotAllowed

    def rights(self, company_id: str) -> dict[str, bool]:
        """Whether it has each right for this company, by the right's value, for pages."""
        return {str(right): self.may(right, company_id) for right in Right}

    def companies(self, right: Right | None = None) -> dict[str, str]:
        """Those of ``company_ids`` with their names, by id as its grants or bindings write it.

        Where that is every company, each is there in every way in which rows write its id.
        """
        company_ids = self.company_ids(right)
        if company_ids is None:
            every = Company.objects.only("company_id", "name", "other_spellings")
            return {written: company.name for company in every for written in company.ids}
        rows = Company.objects.filter(folded_id__in=set(map(folded, company_ids)))
        names = dict(rows.values_list("folded_id", "name")) if company_ids else {}
        return {each: names.get(folded(each), "") for each in sorted(company_ids)}


def principal_of(request: HttpRequest | Request) -> Principal:
    """Return who is asking. The request must have been authenticated."""
    client = getattr(request, "auth", None)
    if isinstance(client, (ApiClient, KnownClient)):
        return Principal(f"client:{client.prefix}", client.name, client)
    # Kept for the request, which asks several times; DRF's request wraps Django's.
    kept_on = request._request if isinstance(request, Request) else request
    user = cast("User", request.user)
    kept: Principal | None = getattr(kept_on, _PRINCIPAL, None)
    if kept is None or kept.actor != user:
        kept = Principal(f"user:{user.pk}", user.get_username(), user)
        setattr(kept_on, _PRINCIPAL, kept)
    return kept


def visible_extraction(
    request: HttpRequest | Request, extraction_id: uuid.UUID, *, even_deleted: bool = False
) -> Extraction:
    """Return an extraction of a company that the caller may see.

    Raises Http404 for any other, so that nobody learns whether it exists, and for a deleted one
    unless it is asked for.
    """
    every = Extraction.with_deleted if even_deleted else Extraction.objects
    visible = principal_of(request).visible(every.all())
    extraction: Extraction = get_object_or_404(visible, pk=extraction_id)
    context.add(company_id=extraction.company_id)
    return extraction


def remember_client(api_key: str, client: ApiClient, until: datetime | None) -> None:
    """Keep a client that has just been authenticated, for an hour and until its key expires."""
    seconds = REMEMBERED_FOR
    if until is not None:
        seconds = min(seconds, (until - timezone.now()).total_seconds())
    known = KnownClient(
        prefix=client.prefix,
        name=client.name,
        company_ids=tuple(client.open_company_ids),
        scopes=tuple(client.scopes.split()),
        networks=client.networks,
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
