from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from pytest_django.fixtures import DjangoAssertNumQueries
from rest_framework.test import APIClient

from extraction.models import FailedAttempts
from tests.extraction.conftest import Integrator

ADDRESS = "/api/v1/nothing/"  # 404 for those who are let in


def status_with(authorization: str) -> tuple[int, str]:
    response = APIClient().get(ADDRESS, headers={"Authorization": authorization})
    return response.status_code, response.json()["code"]


def test_valid_key_is_accepted(integrator: Integrator) -> None:
    assert status_with(f"Api-Key {integrator.key}") == (404, "not_found")


@pytest.mark.parametrize("key", ["unknown.secret", "nodot", "\xff.\xfe", "x" * 10_000])
def test_unknown_key_is_rejected(integrator: Integrator, key: str) -> None:
    assert status_with(f"Api-Key {key}") == (401, "invalid_api_key")


def test_wrong_secret_looks_like_an_unknown_key(integrator: Integrator) -> None:
    assert status_with(f"Api-Key {integrator.record.prefix}.wrong") == (401, "invalid_api_key")


def test_revoked_key_is_rejected(integrator: Integrator) -> None:
    integrator.record.revoked = True
    integrator.record.save()

    assert status_with(f"Api-Key {integrator.key}") == (401, "invalid_api_key")


def test_expired_key_is_rejected(integrator: Integrator) -> None:
    integrator.record.expiry_date = timezone.now() - timedelta(seconds=1)
    integrator.record.save()

    assert status_with(f"Api-Key {integrator.key}") == (401, "invalid_api_key")


@pytest.mark.parametrize("authorization", ["Api-Key ", "Api-Key", "Bearer abc", ""])
def test_no_key_is_no_credentials(db: None, authorization: str) -> None:
    assert status_with(authorization) == (401, "not_authenticated")


@pytest.fixture
def standing_clock() -> Iterator[None]:
    """Stop the time of day: locks of a few seconds do not run out on a slow machine."""
    with time_machine.travel(timezone.now(), tick=False):
        yield


def call(key: str, address: str = "1.2.3.4") -> Any:
    client = APIClient(REMOTE_ADDR=address)
    return client.get(ADDRESS, headers={"Authorization": f"Api-Key {key}"})


@pytest.mark.usefixtures("standing_clock")
def test_wrong_keys_of_a_client_are_throttled_wherever_they_come_from(
    integrator: Integrator,
) -> None:
    guess = f"{integrator.record.prefix}.wrong"
    answers = [call(guess, address=f"1.2.3.{number}") for number in range(7)]

    assert [answer.status_code for answer in answers] == [401] * 6 + [429]
    assert answers[-1].json()["code"] == "too_many_attempts"
    assert answers[-1].json()["detail"].startswith("Too many attempts have failed.")
    assert 1 <= int(answers[-1]["Retry-After"]) <= 2
    # This process does not know the right key yet.
    assert call(integrator.key).status_code == 429


@pytest.mark.usefixtures("standing_clock")
def test_wrong_keys_from_one_address_are_throttled(integrator: Integrator) -> None:
    statuses = [call(f"prefix{number:02}.wrong").status_code for number in range(22)]

    assert statuses == [401] * 21 + [429]
    assert call(integrator.key).status_code == 429
    assert call(integrator.key, address="9.9.9.9").status_code == 404


@pytest.mark.usefixtures("standing_clock")
def test_a_client_that_is_known_goes_on_whatever_others_guess(integrator: Integrator) -> None:
    assert call(integrator.key).status_code == 404
    for number in range(30):
        call(f"prefix{number:02}.wrong")
        call(f"{integrator.record.prefix}.wrong")

    assert call("prefix00.wrong").status_code == 429
    assert call(integrator.key).status_code == 404


@pytest.mark.usefixtures("standing_clock")
def test_the_database_is_not_asked_for_each_guess(
    integrator: Integrator, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(30):
        call(f"prefix{number:02}.wrong")

    with django_assert_num_queries(0):
        assert call("another0.wrong").status_code == 429


@pytest.mark.usefixtures("standing_clock")
def test_prefixes_that_are_made_up_are_not_counted(integrator: Integrator) -> None:
    for number in range(10):
        call(f"prefix{number:02}.wrong")

    assert FailedAttempts.objects.get().subject == "address:1.2.3.4"


@pytest.mark.usefixtures("standing_clock")
def test_extract_tells_the_lock_in_its_envelope(integrator: Integrator) -> None:
    for number in range(30):
        call(f"prefix{number:02}.wrong")

    response = APIClient(REMOTE_ADDR="1.2.3.4").post(
        "/extract", headers={"Authorization": "Api-Key any.key"}
    )

    assert response.status_code == 429
    assert (response.json()["status"], response.json()["code"]) == ("error", "too_many_attempts")


def test_wrong_keys_are_logged_without_the_key(
    integrator: Integrator, caplog: pytest.LogCaptureFixture
) -> None:
    call("a-secret.in-the-wrong-place")
    call(f"{integrator.record.prefix}.wrong")

    told = [record.getMessage() for record in caplog.records if record.name.startswith("extr")]
    assert told == [
        "Invalid API key of no client from 1.2.3.4.",
        f"Invalid API key with the prefix {integrator.record.prefix} from 1.2.3.4.",
    ]
    assert "wrong" not in caplog.text
