import pytest
from django.test import RequestFactory
from pytest_django import Settings

from ocrsite.lib.addresses import client_address, network_of


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "1.2.3.4", "9.9.9.9"),
        (1, "1.2.3.4", "1.2.3.4"),
        (1, "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        (2, "6.6.6.6, 1.2.3.4, 10.0.0.1", "1.2.3.4"),
        (2, "1.2.3.4", "9.9.9.9"),
        (1, "", "9.9.9.9"),
        (1, "unknown", "9.9.9.9"),
        (1, "1.2.3.4:5678", "1.2.3.4"),
        (1, "2001:db8::1", "2001:db8::1"),
        (1, "[2001:db8::1]:5678", "2001:db8::1"),
        (1, "::ffff:1.2.3.4", "1.2.3.4"),
    ],
)
def test_only_what_trusted_proxies_appended_is_believed(
    settings: Settings, proxies: int, forwarded: str, address: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = RequestFactory().get("/", headers={"X-Forwarded-For": forwarded})
    request.META["REMOTE_ADDR"] = "9.9.9.9"

    assert client_address(request) == address


@pytest.mark.parametrize(
    ("address", "network"),
    [("1.2.3.4", "1.2.3.4"), ("2001:db8::a:b:c:d", "2001:db8::/64"), ("", "")],
)
def test_an_ipv6_caller_has_a_whole_network(address: str, network: str) -> None:
    assert network_of(address) == network
