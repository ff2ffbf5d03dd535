from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

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
