"""How the settings of single sign-on are written."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from environs import ValidationError

_LOCAL = ("127.0.0.1", "localhost", "[::1]", "::1")


def issuer_address(issuer: str) -> None:
    """Raise ValidationError unless it is "" or an https address; http is for this machine alone."""
    parts = urlsplit(issuer)
    local = parts.scheme == "http" and parts.hostname in _LOCAL
    if issuer and not (parts.hostname and (parts.scheme == "https" or local)):
        raise ValidationError("Write the issuer as https://login.example.com.")


def names_by_group(pairs: Iterable[str]) -> dict[str, list[str]]:
    """Return names by group from "group=name" each; a group may have several.

    Raises ValidationError for anything else.
    """
    found: dict[str, list[str]] = {}
    for pair in pairs:
        group, sign, name = pair.rpartition("=")
        if not (sign and group.strip() and name.strip()):
            raise ValidationError("Write it like group=name,group=name.")
        found.setdefault(group.strip(), []).append(name.strip())
    return found


def oidc_backends(issuer: str) -> list[str]:
    """Return what authenticates by single sign-on, if there is an issuer."""
    return ["extraction.accounts.sso.backend.Backend"] if issuer else []


def origins(issuer: str) -> list[str]:
    """Return where forms may lead besides this site: logging out leads to the provider."""
    parts = urlsplit(issuer)
    return [f"{parts.scheme}://{parts.netloc}"] if issuer else []
