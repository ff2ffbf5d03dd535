"""API clients prove who they are with ``Authorization: Api-Key …``."""

from dataclasses import dataclass
from typing import cast

from django.db import Error
from django.db.models import prefetch_related_objects
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_api_key.permissions import KeyParser

from extraction.access import KnownClient, forget_client, known_client, remember_client
from extraction.models import ApiClient
from logs import context
from ocrsite.lib.database import is_unreachable


@dataclass(frozen=True, slots=True)
class ClientUser:
    """What ``request.user`` is while an API client calls; the client itself is ``request.auth``."""

    client: ApiClient | KnownClient
    is_authenticated: bool = True


class ApiClientAuthentication(BaseAuthentication):
    """Unknown, wrong, revoked and expired keys get one and the same answer.

    While the database is away, a client that this process authenticated within the last hour is a
    KnownClient.
    """

    def authenticate(self, request: Request) -> tuple[ClientUser, ApiClient | KnownClient] | None:
        """Return the client of the key that was sent; None when none was."""
        key = KeyParser().get(request)
        if not key:
            return None
        try:
            client = _client_of(key)
        except Error as error:
            known = known_client(key) if is_unreachable(error) else None
            if known is None:
                raise
            context.add(user=known.name)
            return ClientUser(known), known
        if client is None:
            forget_client(key)
            raise _invalid()
        remember_client(key, client)
        context.add(user=client.name)
        return ClientUser(client), client

    def authenticate_header(self, request: Request) -> str:
        """Make DRF answer 401, not 403, to those who sent no credentials."""
        return KeyParser.keyword


def _client_of(key: str) -> ApiClient | None:
    """The client with its companies, if the key is valid."""
    try:
        client = cast("ApiClient", ApiClient.objects.get_from_key(key))
    except ApiClient.DoesNotExist:
        return None
    if client.has_expired:
        return None
    prefetch_related_objects([client], "companies")
    return client


def _invalid() -> AuthenticationFailed:
    return AuthenticationFailed(
        "The API key is not valid. Check it, or ask for a new one.", code="invalid_api_key"
    )
