"""Verifies what the provider answers. mozilla-django-oidc checks less than the standard demands.

OpenID Connect Core 1.0, section 3.1.3.7: the ID token is of this issuer, for this client, and in
its time; section 5.3.2: the user info is of the same subject.
"""

import logging
from typing import Any

import jwt
import requests
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare
from mozilla_django_oidc.auth import OIDCAuthenticationBackend

from extraction.accounts.sso.accounts import Refused, second_factor_attested, user_of
from extraction.accounts.sso.provider import TIMEOUT, ProviderFault, provider

logger = logging.getLogger(__name__)

ALGORITHM = "RS256"  # which every provider can
# Seconds by which the clocks of provider and server may differ.
LEEWAY = 60
_CLAIMS = ["iss", "sub", "aud", "exp", "iat"]


class Backend(OIDCAuthenticationBackend):  # type: ignore[misc]  # it has no types
    """Authenticates the answer to a log-in that this session began."""

    OIDC_RP_SIGN_ALGO = ALGORITHM

    def __init__(self) -> None:
        """Ask nobody: Django makes one for each look at a user."""
        self.UserModel = User

    @property
    def OIDC_RP_CLIENT_ID(self) -> str:  # noqa: N802  # the library's name
        """This site at the provider."""
        return str(settings.OIDC_CLIENT_ID)

    @property
    def OIDC_RP_CLIENT_SECRET(self) -> str:  # noqa: N802  # the library's name
        """What proves it."""
        return str(settings.OIDC_CLIENT_SECRET)

    @property
    def OIDC_OP_TOKEN_ENDPOINT(self) -> str:  # noqa: N802  # the library's name
        """Where a code becomes tokens."""
        return provider().token_endpoint

    @property
    def OIDC_OP_USER_ENDPOINT(self) -> str:  # noqa: N802  # the library's name
        """Where claims are."""
        return provider().userinfo_endpoint

    @property
    def OIDC_OP_JWKS_ENDPOINT(self) -> str:  # noqa: N802  # the library's name
        """Where the provider's keys are."""
        return provider().jwks_uri

    @staticmethod
    def get_settings(attr: str, *args: Any) -> Any:
        """Return our time-out, and the library's default for all else."""
        if attr == "OIDC_TIMEOUT":
            return TIMEOUT
        return OIDCAuthenticationBackend.get_settings(attr, *args)

    def authenticate(self, request: HttpRequest | None, **kwargs: Any) -> User | None:
        """Return the user of a callback; None where it is none, or is refused.

        ``request.refusal`` then says why, for the person.
        """
        if request is None or not kwargs.get("nonce"):
            return None  # a password is tried
        answer: Any = request
        try:
            user: User | None = super().authenticate(request, **kwargs)
        except Refused as refusal:
            answer.refusal = str(refusal)
            logger.warning("Single sign-on is refused: %s", refusal)
        except (
            ProviderFault,
            SuspiciousOperation,
            jwt.PyJWTError,
            requests.RequestException,
            KeyError,
            ValueError,
        ) as fault:
            logger.warning("Single sign-on failed: %s: %s", type(fault).__name__, fault)
        else:
            return user
        return None

    def verify_token(self, token: str, **kwargs: Any) -> dict[str, Any]:
        """Return the claims of a token. Raises PyJWTError and SuspiciousOperation."""
        claims: dict[str, Any] = jwt.decode(
            token,
            self.retrieve_matching_jwk(token),
            algorithms=[ALGORITHM],
            audience=self.OIDC_RP_CLIENT_ID,
            issuer=settings.OIDC_ISSUER,
            leeway=LEEWAY,
            options={"require": _CLAIMS},
        )
        audience = claims["aud"]
        several = isinstance(audience, list) and len(audience) > 1
        if claims.get("azp", None if several else self.OIDC_RP_CLIENT_ID) != self.OIDC_RP_CLIENT_ID:
            raise SuspiciousOperation("The token was issued to another client.")
        if "nonce" in kwargs and not constant_time_compare(
            str(claims.get("nonce")), str(kwargs["nonce"])
        ):
            raise SuspiciousOperation("The token answers another log-in.")
        return claims

    def get_or_create_user(self, access_token: str, id_token: str, payload: dict[str, Any]) -> User:
        """Return the user of the claims. Raises Refused and SuspiciousOperation."""
        info = self.get_userinfo(access_token, id_token, payload)
        if not isinstance(info, dict) or info.get("sub") != payload["sub"]:
            raise SuspiciousOperation("The user info is of another subject.")
        claims = {**info, **payload}
        user = user_of(claims)
        self.request.external_log_in = second_factor_attested(claims)
        return user
