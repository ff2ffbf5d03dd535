"""API clients prove who they are with ``Authorization: Api-Key …``."""

from dataclasses import dataclass
from typing import cast

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_api_key.permissions import KeyParser

from extraction.models import ApiClient


@dataclass(frozen=True, slots=True)
class ClientUser:
    """What ``request.user`` is while an API client calls; the client itself is ``request.auth``."""

    client: ApiClient
    is_authenticated: bool = True


class ApiClientAuthentication(BaseAuthentication):
    """Unknown, wrong, revoked and expired keys get one and the same answer."""

    def authenticate(self, request: Request) -> tuple[ClientUser, ApiClient] | None:
        """Return the client of the key that was sent; None when none was."""
        key = KeyParser().get(request)
        if not key:
            return None
        try:
            client = cast("ApiClient", ApiClient.objects.get_from_key(key))
        except ApiClient.DoesNotExist:
            raise _invalid() from None
        if client.has_expired:
            raise _invalid()
        return ClientUser(client), client

    def authenticate_header(self, request: Request) -> str:
        """Make DRF answer 401, not 403, to those who sent no credentials."""
        return KeyParser.keyword


def _invalid() -> AuthenticationFailed:
    return AuthenticationFailed(
        "The API key is not valid. Check it, or ask for a new one.", code="invalid_api_key"
    )
