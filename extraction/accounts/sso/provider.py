"""What the provider says of itself, by OpenID Connect Discovery 1.0."""

import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from django.conf import settings
from django.core.cache import cache

# Seconds.
TIMEOUT = 10
KEPT_FOR = 3600
FAULT_KEPT_FOR = 30
# While one thread asks the provider, others wait for so many seconds: a provider that does not
# answer must not hold all threads of the web server.
PATIENCE = 2.0
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")


_asking = threading.Lock()


class ProviderFault(Exception):
    """The provider cannot be reached, or does not answer as the standard demands."""


@dataclass(frozen=True, slots=True)
class Provider:
    """The addresses of a provider; ``end_session_endpoint`` is "" where it has none."""

    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str
    jwks_uri: str
    end_session_endpoint: str = ""


def provider() -> Provider:
    """Return the provider of OIDC_ISSUER, asked once an hour, after a fault twice a minute.

    Raises ProviderFault.
    """
    issuer = settings.OIDC_ISSUER
    key = f"oidc:{issuer}"
    known: Provider | str | None = cache.get(key)
    if known is None:
        known = _asked_by_one(issuer, key)
    if isinstance(known, str):
        raise ProviderFault(known)
    return known


def _asked_by_one(issuer: str, key: str) -> Provider | str:
    """The provider, or what is the matter with it, asked by the first of those that need it."""
    if not _asking.acquire(timeout=PATIENCE):
        return f"{issuer} has not answered yet."
    try:
        known: Provider | str | None = cache.get(key)
        if known is None:
            try:
                known = _read(_discover(issuer), issuer)
            except ProviderFault as fault:
                known = str(fault)
            cache.set(key, known, FAULT_KEPT_FOR if isinstance(known, str) else KEPT_FOR)
        return known
    finally:
        _asking.release()


def log_out_address(back_to: str) -> str:
    """Return where the browser ends the session at the provider; "" where that is not possible.

    It is one whose origin pages may send forms to (the Content-Security-Policy): the issuer's.
    """
    try:
        address = provider().end_session_endpoint
    except ProviderFault:
        return ""
    if origin_of(address) != origin_of(settings.OIDC_ISSUER):
        return ""
    query = {"client_id": settings.OIDC_CLIENT_ID, "post_logout_redirect_uri": back_to}
    return f"{address}?{urlencode(query)}"


def origin_of(address: str) -> str:
    """Return scheme, host and port of an address."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _discover(issuer: str) -> Any:
    try:
        answer = requests.get(
            f"{issuer.rstrip('/')}/.well-known/openid-configuration", timeout=TIMEOUT
        )
        answer.raise_for_status()
        return answer.json()
    except (requests.RequestException, ValueError) as error:
        raise ProviderFault(f"{issuer} says nothing of itself: {error}") from error


def _read(told: Any, issuer: str) -> Provider:
    """Return what a discovery document says; one of another issuer is refused (section 4.3)."""
    if not isinstance(told, dict) or told.get("issuer") != issuer:
        raise ProviderFault(f"The document of {issuer} is not that of this issuer.")
    addresses = {name: str(told.get(name)) for name in _ENDPOINTS}
    scheme = urlsplit(issuer).scheme
    for name, address in addresses.items():
        if urlsplit(address).scheme not in (scheme, "https"):
            raise ProviderFault(f"The document of {issuer} has no {name} that may be called.")
    end = told.get("end_session_endpoint")
    return Provider(**addresses, end_session_endpoint=end if isinstance(end, str) else "")
