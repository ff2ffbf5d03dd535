"""PATCH, DELETE, approve/, reject/ and cancel/ of an extraction."""

import json
from typing import Any

import pytest

from extraction.models import Correction, Extraction, State
from tests.extraction.conftest import Integrator
from tests.extraction.factories import make_extraction
from tests.extraction.sample_invoices import make_invoice

READ = make_invoice(needs_review=True).model_dump(mode="json")


def address(extraction: Extraction, act: str = "") -> str:
    return f"/api/v1/extractions/{extraction.pk}/{act}"


def read_one(**fields: Any) -> Extraction:
    return make_extraction(
        **{
            "state": State.SUCCEEDED,
            "http_status": 200,
            "result": READ,
            "needs_review": True,
            **fields,
        }
    )


def send(
    integrator: Integrator,
    method: str,
    url: str,
    body: object = None,
    *,
    seen: str | None = '"0-succeeded"',
) -> Any:
    headers = {} if seen is None else {"If-Match": seen}
    return integrator.http.generic(
        method, url, json.dumps(body or {}), content_type="application/json", headers=headers
    )


def test_value_is_corrected_and_the_one_read_is_kept(integrator: Integrator) -> None:
    extraction = read_one()
    seen = integrator.http.get(address(extraction))["ETag"]

    body = {"values": {"supplier.name": "Acme Ltd", "due_date": None}, "confirmed": ["currency"]}
    response = send(integrator, "PATCH", address(extraction), body, seen=seen)

    assert response.status_code == 200
    assert response.json()["invoice"]["supplier"]["name"] == "Acme Ltd"
    assert response.json()["original"] == READ
    assert response["ETag"] != seen
    assert response["ETag"] == integrator.http.get(address(extraction))["ETag"]
    by = f"client:{integrator.record.prefix}"
    assert set(Correction.objects.values_list("client", flat=True)) == {by}


def test_of_two_changes_the_second_is_told_of_the_first(integrator: Integrator) -> None:
    extraction = read_one()
    body = {"values": {"invoice_number": "A-1"}}
    assert send(integrator, "PATCH", address(extraction), body).status_code == 200

    response = send(integrator, "PATCH", address(extraction), {"values": {"invoice_number": "B"}})

    assert (response.status_code, response.json()["code"]) == (412, "changed_meanwhile")
    extraction.refresh_from_db()
    assert extraction.result
    assert extraction.result["invoice_number"] == "A-1"


@pytest.mark.parametrize("act", ["", "approve/", "reject/"])
def test_caller_states_what_it_saw(integrator: Integrator, act: str) -> None:
    extraction = read_one()
    method = "POST" if act else "PATCH"
    body = {"reason": "Not ours."} if act == "reject/" else {}

    missing = send(integrator, method, address(extraction, act), body, seen=None)
    old = send(integrator, method, address(extraction, act), body, seen='"7-succeeded"')

    assert (missing.status_code, missing.json()["code"]) == (428, "version_missing")
    assert (old.status_code, old.json()["code"]) == (412, "changed_meanwhile")


def test_what_is_not_read_yet_has_nothing_to_correct(integrator: Integrator) -> None:
    extraction = make_extraction()

    response = send(integrator, "PATCH", address(extraction), seen='"0-queued"')

    assert (response.status_code, response.json()["code"]) == (412, "changed_meanwhile")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"values": {"total_amount": "much"}}, "total_amount"),
        ({"values": {"colour": "red"}}, "colour"),
        ({"values": {"a b": "red"}}, "paths"),
        ({"values": {"\ud800": "red"}}, "paths"),
        ({"values": {"invoice_number": "\ud800"}}, "values"),
        ({"values": {"invoice_number": ["A"]}}, "values"),
        ({"values": {"invoice_number": "x" * 2001}}, "values"),
        ({"values": {f"line_items.{row}.amount": "1" for row in range(1001)}}, "values"),
        ({"confirmed": ["DROP TABLE"]}, "confirmed"),
        ({"removed": ["line_items.x"]}, "removed"),
        ({"order": {"line_items": ["first"]}}, "order"),
        ({"value": {"total_amount": "1"}}, "changes"),
        ([], "non_field_errors"),
        ("text", "non_field_errors"),
    ],
    ids=[
        "no number",
        "unknown",
        "no path",
        "surrogate in a path",
        "surrogate",
        "no text",
        "too long",
        "too many",
        "confirmed",
        "removed",
        "order",
        "unknown key",
        "list",
        "text body",
    ],
)
def test_change_that_cannot_be_meant_is_rejected(
    integrator: Integrator, body: object, told: str
) -> None:
    extraction = read_one()

    response = integrator.http.generic(
        "PATCH",
        address(extraction),
        json.dumps(body),
        content_type="application/json",
        headers={"If-Match": '"0-succeeded"'},
    )

    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
    assert told in response.json()["detail"]
    assert not Correction.objects.exists()


@pytest.mark.parametrize(
    ("content", "status"),
    [("[" * 100_000, 400), ("{", 400), ('{"a": NaN}', 400), (" " * 1024 * 1025, 413)],
    ids=["nested", "cut off", "no JSON", "too large"],
)
def test_body_that_cannot_be_read_is_rejected(
    integrator: Integrator, content: str, status: int
) -> None:
    response = integrator.http.generic(
        "PATCH", address(read_one()), content, content_type="application/json"
    )

    assert response.status_code == status


def test_invoice_is_approved_with_changes(integrator: Integrator) -> None:
    extraction = read_one()
    body = {"values": {"supplier.name": "Acme Ltd"}, "anyway": True}

    response = send(integrator, "POST", address(extraction, "approve/"), body)

    assert response.status_code == 200
    answer = response.json()
    assert (answer["needs_review"], answer["reviewed"]["decision"]) == (False, "approved")
    assert answer["invoice"]["supplier"]["name"] == "Acme Ltd"


def test_contradiction_is_told_before_it_is_approved(integrator: Integrator) -> None:
    extraction = read_one()
    body = {"values": {"total_amount": "1.00", "tax_total": "900.00", "taxable_amount": "50.00"}}

    response = send(integrator, "POST", address(extraction, "approve/"), body)

    assert (response.status_code, response.json()["code"]) == (409, "contradictions")
    assert "anyway" in response.json()["detail"]
    extraction.refresh_from_db()
    assert extraction.reviewed_at is None
    body["anyway"] = True  # type: ignore[assignment]
    assert send(integrator, "POST", address(extraction, "approve/"), body).status_code == 200


def test_invoice_is_rejected_with_its_reason(integrator: Integrator) -> None:
    extraction = read_one()

    none = send(integrator, "POST", address(extraction, "reject/"), {"reason": ""})
    response = send(integrator, "POST", address(extraction, "reject/"), {"reason": "Not ours."})

    assert none.status_code == 400
    assert response.status_code == 200
    reviewed = response.json()["reviewed"]
    assert (reviewed["decision"], reviewed["reason"]) == ("rejected", "Not ours.")


def test_queued_one_is_cancelled_and_no_other(integrator: Integrator) -> None:
    queued, at_work = make_extraction(), make_extraction(state=State.PROCESSING)

    response = integrator.http.post(address(queued, "cancel/"))

    assert (response.status_code, response.json()["state"]) == (200, "cancelled")
    for extraction in (queued, at_work, read_one()):
        response = integrator.http.post(address(extraction, "cancel/"))
        assert (response.status_code, response.json()["code"]) == (409, "not_possible_now")


def test_deleted_one_is_gone(integrator: Integrator) -> None:
    extraction = read_one()

    assert integrator.http.delete(address(extraction)).status_code == 204
    assert integrator.http.delete(address(extraction)).status_code == 404
    assert integrator.http.get("/api/v1/extractions/").json()["results"] == []
    at_work = make_extraction(state=State.PROCESSING)
    assert integrator.http.delete(address(at_work)).json()["code"] == "not_possible_now"


@pytest.mark.parametrize(
    ("method", "act"),
    [("PATCH", ""), ("DELETE", ""), ("POST", "approve/"), ("POST", "reject/"), ("POST", "cancel/")],
)
def test_one_of_another_company_does_not_exist(
    integrator: Integrator, method: str, act: str
) -> None:
    extraction = read_one(company_id="NT048")

    assert send(integrator, method, address(extraction, act)).status_code == 404
