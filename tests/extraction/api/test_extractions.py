"""GET /api/v1/extractions/<id>/ and its pages."""

import uuid
from collections.abc import Iterable
from typing import cast

import pytest
from django.test import Client
from rest_framework.test import APIClient

from extraction.documents.intake import folder_of
from extraction.models import Extraction, State
from tests.extraction.conftest import Integrator
from tests.extraction.factories import make_extraction
from tests.extraction.sample_invoices import make_invoice


def address(extraction: Extraction) -> str:
    return f"/api/v1/extractions/{extraction.pk}/"


def with_page(extraction: Extraction, content: bytes = b"jpeg") -> Extraction:
    folder = folder_of(extraction.pk) / "pages"
    folder.mkdir(parents=True)
    (folder / "001.jpg").write_bytes(content)
    return extraction


def test_extraction_in_work_is_pending(integrator: Integrator) -> None:
    extraction = make_extraction(state=State.PROCESSING)

    response = integrator.http.get(address(extraction))

    assert response.status_code == 200
    assert response.json() == {
        "status": "pending",
        "message": "Invoice is being processed",
        "data": None,
        "extraction": address(extraction),
        "state": "processing",
        "http_status": None,
        "invoice": None,
        "original": None,
    }


def test_extraction_that_succeeded_carries_both_forms_of_the_invoice(
    integrator: Integrator,
) -> None:
    result = make_invoice().model_dump(mode="json")
    extraction = make_extraction(state=State.SUCCEEDED, result=result, http_status=200)

    body = integrator.http.get(address(extraction)).json()

    assert (body["status"], body["state"], body["http_status"]) == ("ok", "succeeded", 200)
    assert body["invoice"] == result
    assert body["data"]["company_name"] == "Supplier <Ltd>"


def test_extraction_that_failed_is_answered_with_200_and_its_error(integrator: Integrator) -> None:
    extraction = make_extraction(
        state=State.FAILED,
        http_status=504,
        error_code="timed_out",
        error_message="Failed to process invoice",
        error_detail="The model took too long.",
    )

    response = integrator.http.get(address(extraction))

    body = response.json()
    assert uuid.UUID(body.pop("request_id"))
    assert response.status_code == 200
    assert body == {
        "status": "error",
        "message": "Failed to process invoice",
        "data": None,
        "code": "timed_out",
        "detail": "The model took too long.",
        "extraction": address(extraction),
        "state": "failed",
        "http_status": 504,
        "invoice": None,
        "original": None,
    }


def test_extraction_of_another_company_does_not_exist(
    integrator: Integrator, signed_in: Client
) -> None:
    theirs = with_page(make_extraction(company_id="NT048"))

    for client in (integrator.http, signed_in):
        for path in (address(theirs), f"{address(theirs)}pages/1"):
            response = client.get(path)
            assert response.status_code == 404
            assert response.json()["code"] == "not_found"


def test_extraction_is_for_those_who_prove_who_they_are(db: None) -> None:
    response = APIClient().get(address(make_extraction()))

    assert response.status_code == 401
    assert set(response.json()) == {"code", "message", "detail", "request_id"}


def test_page_image_is_served_privately(integrator: Integrator) -> None:
    extraction = with_page(make_extraction(), b"\xff\xd8jpeg")

    response = integrator.http.get(f"{address(extraction)}pages/1", headers={"Accept": "image/*"})

    assert response.status_code == 200
    assert b"".join(cast("Iterable[bytes]", response)) == b"\xff\xd8jpeg"
    assert response["Content-Type"] == "image/jpeg"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"] == "private, max-age=3600"


@pytest.mark.parametrize("number", ["0", "2", "9" * 300, "9" * 5000, "..%2F..%2Fdb"])
def test_page_that_the_document_does_not_have_is_404(integrator: Integrator, number: str) -> None:
    extraction = with_page(make_extraction())

    response = integrator.http.get(f"{address(extraction)}pages/{number}")

    assert response.status_code == 404


def test_page_that_is_not_drawn_yet_is_404(integrator: Integrator) -> None:
    response = integrator.http.get(f"{address(make_extraction())}pages/1")

    assert response.status_code == 404
    assert response.json()["detail"] == "There is no image of this page."


@pytest.mark.parametrize("method", ["get", "post", "options"])
def test_unknown_address_under_the_api_is_404(integrator: Integrator, method: str) -> None:
    response = getattr(integrator.http, method)("/api/v1/nothing/")

    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


def test_unknown_address_under_the_api_tells_strangers_nothing(db: None) -> None:
    assert APIClient().get("/api/v1/nothing/").status_code == 401
