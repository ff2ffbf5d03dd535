"""From which address a request came."""

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest

Network: TypeAlias = IPv4Network | IPv6Network


def client_address(request: HttpRequest) -> str:
    """Return the IP address of the caller; of the peer, where proxies do not tell it.

    With TRUSTED_PROXIES=n it is the n-th entry from the right of X-Forwarded-For: each proxy
    appends the address that it was called from, and what stands before is anybody's word.
    """
    peer: str = request.META.get("REMOTE_ADDR") or ""
    if not settings.TRUSTED_PROXIES:
        return peer
    entries = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    if len(entries) < settings.TRUSTED_PROXIES:
        return peer
    return _parsed(entries[-settings.TRUSTED_PROXIES].strip()) or peer


def network_of(address: str) -> str:
    """Return what one caller has at its disposal: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"
    return str(parsed)


def networks_in(text: str) -> tuple[Network, ...]:
    """Return the networks that a text names, one per line. Raises ValueError."""
    return tuple(ip_network(line.strip()) for line in text.splitlines() if line.strip())


def validate_networks(text: str) -> None:
    """Raise ValidationError unless each line names a network."""
    for line in filter(None, map(str.strip, text.splitlines())):
        try:
            ip_network(line)
        except ValueError as error:
            raise ValidationError(
                "“%(line).50s” is no network. Write an address, or a network such as 192.0.2.0/24 "
                "whose address is its first one.",
                params={"line": line},
            ) from error


def is_within(address: str, networks: tuple[Network, ...]) -> bool:
    """Whether an address is in one of these networks; an IPv4 address is, however it is written."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return any((mapped or parsed) in network for network in networks)


def _parsed(entry: str) -> str | None:
    """An address without the port that some proxies append; None when it is none."""
    if entry.startswith("["):
        entry = entry[1:].partition("]")[0]
    elif entry.count(":") == 1:
        entry = entry.partition(":")[0]
    try:
        address = ip_address(entry)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)
