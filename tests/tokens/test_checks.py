import pytest
from cryptography.fernet import Fernet
from pytest_django import Settings

from tokens.checks import check_encryption_keys

KEY = Fernet.generate_key().decode()


@pytest.mark.parametrize(
    ("keys", "messages"),
    [
        ([KEY], []),
        ([], ["TOKEN_ENCRYPTION_KEYS is empty."]),
        ([KEY, KEY[1:]], ["Number 2 of TOKEN_ENCRYPTION_KEYS is not a Fernet key."]),
        (["kö"], ["Number 1 of TOKEN_ENCRYPTION_KEYS is not a Fernet key."]),
    ],
)
def test_a_wrong_encryption_key_is_reported_without_showing_it(
    settings: Settings, keys: list[str], messages: list[str]
) -> None:
    settings.TOKEN_ENCRYPTION_KEYS = keys

    assert [error.msg for error in check_encryption_keys()] == messages
