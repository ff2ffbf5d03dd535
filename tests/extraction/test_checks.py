import pytest
from pytest_django import Settings

from extraction.checks import check_proxies


@pytest.mark.parametrize(
    ("https", "proxies", "warnings"),
    [(True, 0, ["extraction.W003"]), (True, 1, []), (False, 0, [])],
)
def test_a_proxy_that_hides_its_callers_is_told(
    settings: Settings, https: bool, proxies: int, warnings: list[str]
) -> None:
    settings.HTTPS = https
    settings.TRUSTED_PROXIES = proxies

    assert [message.id for message in check_proxies()] == warnings
