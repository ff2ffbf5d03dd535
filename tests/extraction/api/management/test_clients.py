"""API clients through the management API: made, changed, given other keys, revoked."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from rest_framework.test import APIClient

from extraction.api.management.documentation import EXAMPLES
from extraction.models import ApiClient, IdempotencyKey, Scope
from logs.models import AuditEntry
from tests.extraction.api.management.conftest import BASE, another
from tests.extraction.conftest import Integrator
from tests.tokens.rows import make_company

URL = f"{BASE}clients/"


def post(http: APIClient, address: str, body: Any, key: str = "") -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    return http.post(f"{URL}{address}", body, format="json", headers=headers)


def add(http: APIClient, key: str = "", **changed: Any) -> Any:
    return post(http, "", {**EXAMPLES["add_client"], "allowed_networks": [], **changed}, key)


def status_of(key: str) -> int:
    headers = {"Authorization": f"Api-Key {key}"}
    return APIClient().get("/api/v1/companies/", headers=headers).status_code


def test_client_is_made_and_its_key_answered_once(http: APIClient) -> None:
    response = post(http, "", EXAMPLES["add_client"])

    told = response.json()
    key = told.pop("api_key")
    assert response.status_code == 201
    assert told["scopes"] == ["submit", "read"]
    assert told["allowed_networks"] == ["192.0.2.0/24"]
    assert (told["company_ids"], told["expires_at"]) == (["NT047"], "2099-12-31T00:00:00Z")
    assert told["keys"] == [{"prefix": told["client"], "expires_at": None}]
    assert http.get(URL).json() == {"results": [told]}
    assert http.get(f"{URL}{told['client']}/").json() == told
    assert status_of(key) == 403  # from another network
    assert key not in str(list(AuditEntry.objects.values()))


def test_repeated_request_makes_one_client_and_gives_no_key_again(http: APIClient) -> None:
    first, again, other = add(http, "k"), add(http, "k"), add(http, "k", name="DMS")

    assert [each.status_code for each in (first, again, other)] == [201, 409, 409]
    assert (again.json()["code"], other.json()["code"]) == ("already_made", "idempotency_conflict")
    assert first.json()["client"] in again.json()["detail"]
    assert len(http.get(URL).json()["results"]) == 1
    secret = first.json()["api_key"].partition(".")[2]
    assert secret not in str([*IdempotencyKey.objects.values(), again.content])


def test_client_is_changed(http: APIClient) -> None:
    made = add(http)
    before = {name: value for name, value in made.json().items() if name != "api_key"}
    make_company("NT050")

    changed = http.patch(
        f"{URL}{before['client']}/",
        {**EXAMPLES["change_client"], "requests_per_minute": None},
        format="json",
        headers={"If-Match": made["ETag"]},
    )
    stale = http.patch(
        f"{URL}{before['client']}/",
        {"name": "x"},
        format="json",
        headers={"If-Match": made["ETag"]},
    )

    assert changed.json() == {
        **before,
        "scopes": ["read", "usage"],
        "expires_at": None,
        "requests_per_minute": None,
    }
    assert stale.status_code == 412
    entry = AuditEntry.objects.filter(action="changed").latest("pk")
    assert (entry.actor_kind, entry.actor) == ("client", "Terraform")
    assert "scopes: read usage" in entry.after


def test_companies_of_a_client_are_changed(manager: Integrator) -> None:
    make_company("NT048")
    manager.record.companies.create(company_id="NT048")
    prefix = add(manager.http).json()["client"]

    def bound(*company_ids: str) -> Any:
        return manager.http.patch(
            f"{URL}{prefix}/", {"company_ids": list(company_ids)}, format="json"
        )

    assert bound("NT047", "NT048").json()["company_ids"] == ["NT047", "NT048"]
    assert bound("NT048").json()["company_ids"] == ["NT048"]
    assert bound("NT049").status_code == 403
    assert bound().status_code == 400
    told = AuditEntry.objects.filter(object_type="company of an API client").order_by("entry_id")
    assert [entry.action for entry in told] == ["added", "added", "deleted"]


@pytest.mark.vendor
def test_client_gets_another_key_beside_the_one_so_far(http: APIClient) -> None:
    made = add(http).json()
    address = f"{made['client']}/key/"

    second = post(http, address, EXAMPLES["change_client_key"], "k")
    again = post(http, address, EXAMPLES["change_client_key"], "k")
    both = status_of(made["api_key"]), status_of(second.json()["api_key"])
    third = post(http, address, {"keep_days": 0})

    assert (second.status_code, again.status_code) == (201, 409)
    assert again.json()["code"] == "already_made"
    assert both == (200, 200)
    assert len(second.json()["keys"]) == 2
    keys = [made["api_key"], second.json()["api_key"], third.json()["api_key"]]
    assert [status_of(key) for key in keys] == [401, 401, 200]
    assert post(http, address, {"keep_days": 31}).status_code == 400


def test_revoked_client_is_revoked_for_good(http: APIClient) -> None:
    made = add(http).json()
    address = f"{made['client']}/"

    revoked = [http.post(f"{URL}{address}revoke/").json()["revoked"] for _ in range(2)]
    changed = http.patch(f"{URL}{address}", {"name": "x"}, format="json")
    another_key = post(http, f"{address}key/", {})

    assert revoked == [True, True]
    assert status_of(made["api_key"]) == 401
    assert [each.json()["code"] for each in (changed, another_key)] == ["client_revoked"] * 2
    assert AuditEntry.objects.filter(after="revoked is on", actor="Terraform").count() == 1


@pytest.mark.vendor
def test_clients_that_manage_or_have_companies_of_others_are_not_managed(
    http: APIClient, manager: Integrator
) -> None:
    wider = another("DMS", "read", "NT047", "NT048")
    unbound = another("none", "read")

    assert http.get(URL).json() == {"results": []}
    for client in (manager, wider, unbound):
        assert http.get(f"{URL}{client.record.prefix}/").status_code == 404
        assert post(http, f"{client.record.prefix}/key/", {}).status_code == 404
        assert http.post(f"{URL}{client.record.prefix}/revoke/").status_code == 404


@pytest.mark.parametrize(
    ("changed", "status", "words"),
    [
        ({"scopes": ["manage"]}, 400, "scopes"),
        ({"scopes": []}, 400, "scopes"),
        ({"scopes": ["pay"]}, 400, "scopes"),
        ({"company_ids": ["NT047", "NT048"]}, 403, "none of your companies"),
        ({"company_ids": []}, 400, "company_ids"),
        ({"allowed_networks": ["nowhere"]}, 400, "is no network"),
        ({"requests_per_minute": 0}, 400, "requests_per_minute"),
        ({"documents_at_a_time": 2_000_000_000}, 400, "documents_at_a_time"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, 400, "expires_at: This time has passed"),
        ({"name": ""}, 400, "name"),
        ({"name": "😀" * 26}, 400, "name"),
        ({"revoked": True}, 400, "revoked: is no field"),
    ],
)
def test_client_that_cannot_be_is_refused(
    http: APIClient, changed: dict[str, Any], status: int, words: str
) -> None:
    response = add(http, **changed)

    assert response.status_code == status
    assert words in response.json()["detail"]
    assert ApiClient.objects.count() == 1


def test_client_that_manages_cannot_submit(admin_client: Client, manager: Integrator) -> None:
    with pytest.raises(ValidationError, match="not for one client"):
        another("both", f"{Scope.MANAGE} {Scope.SUBMIT}")
    manager.record.scopes = "manage submit"
    with pytest.raises(ValidationError, match="not for one client"):
        manager.record.save()
    address = f"/admin/extraction/apiclient/{manager.record.pk}/change/"
    form = {"name": "Terraform", "scopes": ["manage", "submit"]}

    page = admin_client.post(address, form).content.decode()

    assert "are not for one client" in page
    assert ApiClient.objects.get().scopes == "manage"


def test_new_client_is_for_what_clients_were_for(http: APIClient) -> None:
    body = {"name": "ERP", "company_ids": ["NT047"]}

    assert post(http, "", body).json()["scopes"] == ["submit", "read", "correct", "usage"]
