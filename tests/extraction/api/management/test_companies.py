"""Companies through the management API: added, changed, closed and opened again."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from extraction.api.management.documentation import EXAMPLES
from logs.models import AuditEntry
from tests.extraction.api.management.conftest import BASE
from tests.extraction.conftest import Integrator
from tests.tokens.rows import make_company
from tokens.models import Company

URL = f"{BASE}companies/"


def post(http: APIClient, address: str, body: Any, key: str = "") -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    return http.post(f"{URL}{address}", body, format="json", headers=headers)


@pytest.mark.vendor
def test_company_is_added_and_managed_from_then_on(http: APIClient) -> None:
    response = post(http, "", EXAMPLES["add_company"], "k")
    again = post(http, "", EXAMPLES["add_company"], "k")
    another = post(http, "", EXAMPLES["add_company"])

    told = response.json()
    assert (response.status_code, told["company_id"], told["name"]) == (
        *(201, "NT050"),
        "Rubi Traders",
    )
    assert (again.status_code, again.json()) == (201, told)
    assert (another.status_code, another.json()["code"]) == (409, "exists_already")
    listed = http.get(URL).json()["results"]
    assert [each["company_id"] for each in listed] == ["NT047", "NT050"]
    entries = AuditEntry.objects.filter(action="added")
    assert {(entry.object_type, entry.actor) for entry in entries} == {
        ("company", "Terraform"),
        ("company of an API client", "Terraform"),
    }


def test_other_spelling_of_a_company_is_the_same_one(http: APIClient) -> None:
    make_company("NT048")

    response = post(http, "", {"company_id": " nt048 "})

    assert (response.status_code, response.json()["code"]) == (409, "exists_already")
    assert http.get(f"{URL}NT048/").status_code == 404


def test_company_is_changed_and_what_is_left_out_stays(http: APIClient) -> None:
    before = http.get(f"{URL}NT047/")

    response = http.patch(
        f"{URL}NT047/",
        {**EXAMPLES["change_company"], "default_reader": "model"},
        format="json",
        headers={"If-Match": before["ETag"]},
    )
    stale = http.patch(
        f"{URL}NT047/", {"name": "x"}, format="json", headers={"If-Match": before["ETag"]}
    )

    assert response.json() == {
        **before.json(),
        "name": "Rubi Traders Ltd",
        "branches": ["Kathmandu", "Pokhara"],
        "default_reader": "model",
    }
    assert response["ETag"] != before["ETag"]
    assert stale.status_code == 412
    entry = AuditEntry.objects.get(action="changed")
    assert (entry.actor, entry.company_id) == ("Terraform", "NT047")
    assert "name: Rubi Traders Ltd" in entry.after


@pytest.mark.vendor
def test_company_is_closed_and_its_manager_opens_it_again(http: APIClient) -> None:
    closed = post(http, "NT047/close/", EXAMPLES["close_company"], "c")
    again = post(http, "NT047/close/", EXAMPLES["close_company"], "c")
    once_more = post(http, "NT047/close/", EXAMPLES["close_company"])
    is_closed = Company.objects.get().is_closed
    opened = post(http, "NT047/reopen/", EXAMPLES["reopen_company"])

    assert [each.status_code for each in (closed, again, once_more, opened)] == [200] * 4
    assert (is_closed, opened.json()["closed_at"]) == (True, None)
    assert closed.json()["closed_at"] is not None
    whys = AuditEntry.objects.filter(action="changed").order_by("entry_id")
    assert [(entry.why, entry.actor) for entry in whys] == [
        ("The contract has ended.", "Terraform"),
        ("There is a new contract.", "Terraform"),
    ]


def test_id_with_a_slash_is_found(http: APIClient, manager: Integrator) -> None:
    assert post(http, "", {"company_id": "A/B"}).status_code == 201

    assert http.get(f"{URL}A%2FB/").json()["company_id"] == "A/B"
    assert post(http, "A%2FB/close/", {"why": "x"}).json()["closed_at"] is not None


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"time_zone": "Asia/Atlantis"}, "time_zone"),
        ({"default_reader": "ocr"}, "default_reader"),
        ({"export_as": "csv:9999"}, "export_as"),
        ({"name": "x" * 201}, "name"),
        ({"branches": "one"}, "branches"),
        ({"branches": ["a\nb"]}, "branches"),
        ({"company_id": "NT051"}, "company_id: is no field"),
    ],
)
def test_change_that_cannot_be_is_refused(
    http: APIClient, body: dict[str, Any], words: str
) -> None:
    before = Company.objects.values().get()

    response = http.patch(f"{URL}NT047/", body, format="json")

    assert response.status_code == 400
    assert words in response.json()["detail"]
    assert Company.objects.values().get() == before


def test_reason_is_required(http: APIClient) -> None:
    assert post(http, "NT047/close/", {}).status_code == 400
    assert not Company.objects.get().is_closed
