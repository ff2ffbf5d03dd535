"""A program of staff that manages NT047."""

import pytest
from rest_framework.test import APIClient

from extraction.models import ApiClient, Scope
from tests.extraction.api.schema_checked import SchemaCheckedClient
from tests.extraction.conftest import Integrator
from tests.tokens.rows import make_company

BASE = "/api/v1/manage/"


def another(name: str, scopes: str, *company_ids: str) -> Integrator:
    record, key = ApiClient.objects.create_key(name=name, scopes=scopes)
    assert isinstance(record, ApiClient)
    for company_id in company_ids:
        record.companies.create(company_id=company_id)
    http = SchemaCheckedClient()
    http.credentials(HTTP_AUTHORIZATION=f"Api-Key {key}")
    return Integrator(record, key, http)


@pytest.fixture
def manager(db: None) -> Integrator:
    make_company("NT047")
    return another("Terraform", Scope.MANAGE, "NT047")


@pytest.fixture
def http(manager: Integrator) -> APIClient:
    """What it calls with."""
    return manager.http
