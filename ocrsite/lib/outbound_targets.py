"""Where this service may send requests: addresses as people write them, judged before use.

Pure: what a name resolves to is judged by ``is_public``, which ``ocrsite.lib.outbound`` asks for
each connection.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import idna

LONGEST_URL = 2000
HTTPS_PORT = 443
# An entry of a list of allowed hosts: ``files.example.com``, ``*.example.com``, each with a port.
ALLOWED_HOST = r"^\s*((\*\.)?[^\s*:/@\[\]]{1,253}|\[[0-9a-fA-F:.]+\])(:[1-9][0-9]{0,4})?\s*$"

_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_AUTHORITY = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\[\]:@\s]+)(?::([0-9]{1,5}))?")
# RFC 3986's characters of path and query, and the percent sign of what is encoded already.
_SAFE = "/?:@!$&'()*+,;=-._~%"

# RFC 4291 2.5.4: of IPv6 only this block is routed; its special parts are excluded below.
_ROUTED = ipaddress.IPv6Network("2000::/3")
# RFC 6052: an IPv4 address seen through a translator.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# What the standard library, in some of its releases, calls global and is not, or not to be called:
# protocol assignments with Teredo (RFC 2928, 4380), 6to4 (RFC 3056), documentation (RFC 9637).
_REFUSED_6 = tuple(
    map(ipaddress.IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
)
# Relays of 6to4 (RFC 7526), protocol assignments (RFC 6890), and Azure's host, which answers its
# guests with their secrets.
_REFUSED_4 = tuple(
    map(ipaddress.IPv4Network, ("192.88.99.0/24", "192.0.0.0/24", "168.63.129.16/32"))
)


class RefusedTarget(Exception):
    """An address that is not called; the text says why, without what its name resolved to."""


@dataclass(frozen=True, slots=True)
class Target:
    """An https address in its parts, each in ASCII: what is checked is what is called.

    ``host``: in lower case, an IPv6 address without brackets. ``path``: with its query.
    """

    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == HTTPS_PORT else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The address as text."""
        return f"https://{self.authority}{self.path}"


def parse(url: str) -> Target:
    """Return an address in its parts.

    Raises RefusedTarget unless it is https, without a user name or password, of a host that DNS or
    the Internet Protocol could know.
    """
    url = url.strip()
    if not 0 < len(url) <= LONGEST_URL or not url.isprintable() or set(url) & set('\\ "<>^`{|}'):
        raise RefusedTarget(f"It must be an address of at most {LONGEST_URL} printable characters.")
    scheme, _, rest = url.partition("://")
    if scheme.lower() != "https":
        raise RefusedTarget("It must begin with https://.")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in authority:
        raise RefusedTarget("It must not contain a user name or password.")
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        raise RefusedTarget("Its host cannot be read.")
    port = int(match[2] or HTTPS_PORT)
    if not 0 < port < 2**16:
        raise RefusedTarget("Its port cannot be read.")
    parts = urlsplit("//x" + rest[len(authority) :])
    path = quote(parts.path or "/", safe=_SAFE)
    query = f"?{quote(parts.query, safe=_SAFE)}" if parts.query else ""
    return Target(host_of(match[1]), port, path + query)


def host_of(written: str) -> str:
    """Return a host as DNS knows it: in ASCII and lower case, without brackets or a last dot.

    Raises RefusedTarget.
    """
    if written.startswith("["):
        try:
            return str(ipaddress.IPv6Address(written[1:-1]))
        except ValueError as error:
            raise RefusedTarget("Its host cannot be read.") from error
    name = written.removesuffix(".").lower()
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode()
        except idna.IDNAError as error:
            raise RefusedTarget("Its host is no name that DNS could know.") from error
    if len(name) > 253 or not _NAME.fullmatch(name):
        raise RefusedTarget("Its host cannot be read.")
    return name


def is_allowed(target: Target, allowed: Iterable[str]) -> bool:
    """Whether a list of hosts names this one and its port: exactly, or ``*.example.com``.

    ``*.example.com`` names every host below example.com and not that one itself. An entry without
    a port means 443.
    """
    return any(_names(entry.strip(), target) for entry in allowed)


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public Internet's, and can be nothing else.

    By IANA's registries of special-purpose addresses (RFC 6890). An IPv4 address inside an IPv6 one
    (mapped, NAT64) is judged for itself; 6to4 and Teredo are refused.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:  # with a zone, among others
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return _is_public_4(parsed.ipv4_mapped)
        if parsed in _NAT64:
            return _is_public_4(ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF))
        refused = any(parsed in network for network in _REFUSED_6)
        return parsed in _ROUTED and parsed.is_global and not refused and parsed.scope_id is None
    return _is_public_4(parsed)


def _is_public_4(address: ipaddress.IPv4Address) -> bool:
    refused = any(address in network for network in _REFUSED_4)
    return address.is_global and not address.is_multicast and not refused


def _names(entry: str, target: Target) -> bool:
    is_suffix = entry.startswith("*.")
    match = _AUTHORITY.fullmatch(entry.removeprefix("*."))
    if match is None or int(match[2] or HTTPS_PORT) != target.port:
        return False
    try:
        host = host_of(match[1])
    except RefusedTarget:
        return False
    return target.host.endswith(f".{host}") if is_suffix else target.host == host
