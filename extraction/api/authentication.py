"""API clients prove who they are with ``Authorization: Api-Key …``."""

import logging
from dataclasses import dataclass

from django.db import Error
from django.db.models import Q
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request
from rest_framework_api_key.permissions import KeyParser

from extraction import clients, throttling
from extraction.access import KnownClient, forget_client, known_client, remember_client
from extraction.models import ApiClient
from extraction.throttling import Subject
from logs import context
from ocrsite.lib.addresses import client_address, is_within
from ocrsite.lib.database import is_unreachable
from tokens.selection import CompanyClosed

logger = logging.getLogger(__name__)

_PREFIX_LENGTH = 8


@dataclass(frozen=True, slots=True)
class ClientUser:
    """What ``request.user`` is while an API client calls; the client itself is ``request.auth``."""

    client: ApiClient | KnownClient
    is_authenticated: bool = True


class ApiClientAuthentication(BaseAuthentication):
    """Unknown, wrong, revoked and expired keys get one and the same answer, and are throttled.

    A right one is refused with 403 where it does not come from a network of its client, or where
    all companies of its client are closed.

    While the database is away, a client that this process authenticated within the last hour is a
    KnownClient.
    """

    def authenticate(self, request: Request) -> tuple[ClientUser, ApiClient | KnownClient] | None:
        """Return the client of the key that was sent; None when none was."""
        key = KeyParser().get(request)
        if not key:
            return None
        known = known_client(key)
        try:
            if known is None:
                # A key that is known is no guess, whatever others have guessed.
                throttling.require_unlocked(_subjects(key, request))
            holder = clients.holder_of(key)
            is_refused = holder is not None and holder.client.is_refused
        except Error as error:
            if known is None or not is_unreachable(error):
                raise
            context.add(user=known.name)
            _require_network(known, request)
            return ClientUser(known), known
        if holder is None:
            forget_client(key)
            _count_failure(key, request)
            raise _invalid()
        client = holder.client
        context.add(user=client.name)
        if is_refused:
            forget_client(key)
            raise CompanyClosed
        remember_client(key, client, holder.until)
        _require_network(client, request)
        clients.note_use(client)
        return ClientUser(client), client

    def authenticate_header(self, request: Request) -> str:
        """Make DRF answer 401, not 403, to those who sent no credentials."""
        return KeyParser.keyword


def _require_network(client: ApiClient | KnownClient, request: Request) -> None:
    """Raise PermissionDenied for a client that may not call from this address."""
    address = client_address(request)
    if client.networks and not is_within(address, client.networks):
        logger.warning(
            "The API client %s called from %s, which is none of its networks.",
            *(client.name, address),
            extra={"noise": "wrong network"},
        )
        raise PermissionDenied(
            "This API client may not call from this address. Ask an administrator.",
            code="network_not_allowed",
        )


def _subjects(key: str, request: Request) -> list[Subject]:
    """Whose failures tell whether a key may be tried: the address, and the key of this prefix."""
    prefix = _prefix_of(key)
    keys = [throttling.api_key(prefix)] if prefix else []
    return [*throttling.address_of(request), *keys]


def _count_failure(key: str, request: Request) -> None:
    """Count a wrong key, for its prefix only if there is such a key: prefixes are made up easily.

    Raises TooManyAttempts.
    """
    subjects = throttling.address_of(request)
    prefix = _prefix_of(key)
    named = Q(prefix=prefix) | Q(keys__prefix=prefix)
    exists = prefix is not None and ApiClient.objects.filter(named).exists()
    if prefix is not None and exists:
        subjects.append(throttling.api_key(prefix))
    logger.warning(
        "Invalid API key %s from %s.",
        *(f"with the prefix {prefix}" if exists else "of no client", client_address(request)),
        extra={"noise": "invalid API key"},
    )
    throttling.log_locks(throttling.count_attempt(subjects))


def _prefix_of(key: str) -> str | None:
    """What names a key and is no secret; None when no key begins like this."""
    prefix = key.partition(".")[0]
    is_prefix = prefix.isalnum() and prefix.isascii() and len(prefix) == _PREFIX_LENGTH
    return prefix if is_prefix else None


def _invalid() -> AuthenticationFailed:
    return AuthenticationFailed(
        "The API key is not valid. Check it, or ask for a new one.", code="invalid_api_key"
    )
