"""Grants through the management API, and who may call it at all."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from extraction.access import KnownClient, principal_of
from extraction.api.management import manager as managers
from extraction.models import CompanyGrant
from logs.models import AuditEntry
from tests.extraction.api.management.conftest import BASE, another
from tests.extraction.conftest import Integrator

URL = f"{BASE}grants/"


@pytest.fixture
def asha(db: None) -> User:
    return User.objects.create_user("asha")


def add(http: APIClient, key: str = "", **changed: Any) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    body = {"username": "asha", "company_id": "NT047", **changed}
    return http.post(URL, body, format="json", headers=headers)


@pytest.mark.vendor
def test_grant_is_added_listed_and_removed(http: APIClient, asha: User) -> None:
    response = add(http, "k")

    told = response.json()
    assert (response.status_code, told["username"], told["company_id"]) == (201, "asha", "NT047")
    assert [add(http, "k").json(), add(http).json()["code"]] == [told, "exists_already"]
    assert http.get(URL).json() == {"results": [told]}
    assert http.get(URL, {"username": "ina"}).json() == {"results": []}
    assert http.get(URL, {"company": "NT047"}).json() == {"results": [told]}
    assert http.delete(f"{URL}{told['id']}/").status_code == 204
    assert not CompanyGrant.objects.exists()
    assert http.delete(f"{URL}{told['id']}/").status_code == 404
    assert add(http, "k").status_code == 404  # what that key added is gone
    entries = AuditEntry.objects.filter(object_type="company grant").order_by("entry_id")
    assert [(entry.action, entry.actor, entry.company_id) for entry in entries] == [
        ("added", "Terraform", "NT047"),
        ("deleted", "Terraform", "NT047"),
    ]


def test_grant_of_another_company_or_user_is_refused(http: APIClient, asha: User) -> None:
    CompanyGrant.objects.create(user=asha, company_id="NT048")

    assert add(http, company_id="NT048").status_code == 403
    assert "no active user" in add(http, username="nobody").json()["detail"]
    User.objects.update(is_active=False)
    assert add(http).status_code == 400
    assert http.get(URL).json() == {"results": []}
    assert http.delete(f"{URL}{CompanyGrant.objects.get().pk}/").status_code == 404


def test_people_and_clients_for_something_else_do_not_manage(
    admin_client: Client, integrator: Integrator
) -> None:
    assert admin_client.get(URL).json()["code"] == "permission_denied"
    response = integrator.http.get(URL)
    assert (response.status_code, response.json()["code"]) == (403, "scope_missing")


def test_client_of_no_company_sees_nothing(db: None, asha: User) -> None:
    CompanyGrant.objects.create(user=asha, company_id="NT047")
    http = another("new", "manage").http

    for name in ("tokens", "companies", "clients", "grants"):
        assert http.get(f"{BASE}{name}/").json() == {"results": []}


def test_nothing_is_managed_while_the_database_is_away(
    http: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = KnownClient("abcdefgh", "Terraform", ("NT047",), ("manage",))

    def remembered(request: Any) -> Any:
        principal = principal_of(request)
        return type(principal)(principal.label, principal.name, known)

    monkeypatch.setattr(managers, "principal_of", remembered)

    assert (http.get(URL).status_code, http.get(URL).json()["code"]) == (
        *(503, "database_unavailable"),
    )


@pytest.mark.vendor
@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("get", "companies/a%00b/", 404),
        ("post", "companies/a%00b/close/", 404),
        ("get", "clients/a%00b/", 404),
        ("get", f"tokens/{10**30}/", 404),
        ("delete", f"grants/{10**30}/", 404),
        ("get", "grants/?username=a%00b", 400),
        ("get", "tokens/?company=a%00b", 400),
    ],
)
def test_address_that_names_nothing_is_no_fault(
    http: APIClient, method: str, address: str, status: int
) -> None:
    assert getattr(http, method)(f"{BASE}{address}").status_code == status
