"""GET /api/v1/extractions/<id>/ and its pages."""

import uuid
from collections.abc import Iterable
from typing import Any, cast

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from extraction.api.representations import usage
from extraction.documents.intake import folder_of
from extraction.models import Attempt, Extraction, State
from tests.extraction.conftest import Integrator
from tests.extraction.factories import make_extraction
from tests.extraction.sample_invoices import make_invoice
from tests.tokens.rows import make_token
from tokens.models import TokenUsageLog
from tokens.usage_report import NOTHING_USED

RESULT = make_invoice().model_dump(mode="json")


def address(extraction: Extraction) -> str:
    return f"/api/v1/extractions/{extraction.pk}/"


def metadata(extraction: Extraction) -> dict[str, Any]:
    """What the answer says of the document, beside its state and result."""
    return {
        "file_name": "invoice.pdf",
        "media_type": "application/pdf",
        "size": 1000,
        "page_count": 1,
        "company_id": "NT047",
        "branch": "Default",
        "requested_by": "asha",
        "licence_id": None,
        "labels": {},
        "reader": "auto",
        "model": None,
        "created_at": extraction.created_at.isoformat().replace("+00:00", "Z"),
        "started_at": None,
        "finished_at": None,
        "duplicate_of": None,
        "pages": [],
        "attempts": [],
        "usage": usage(NOTHING_USED),
    }


def with_page(extraction: Extraction, content: bytes = b"jpeg") -> Extraction:
    folder = folder_of(extraction.pk) / "pages"
    folder.mkdir(parents=True)
    (folder / "001.jpg").write_bytes(content)
    return extraction


def test_extraction_in_work_is_pending(integrator: Integrator) -> None:
    extraction = make_extraction(state=State.PROCESSING)

    response = integrator.http.get(address(extraction))

    assert response.status_code == 200
    body = response.json()
    assert body.items() >= metadata(extraction).items()
    assert {name: body[name] for name in body.keys() - metadata(extraction)} == {
        "status": "pending",
        "message": "Invoice is being processed",
        "data": None,
        "extraction": address(extraction),
        "state": "processing",
        "http_status": None,
        "invoice": None,
        "original": None,
    }


def test_who_asks_for_an_extraction_in_work_is_told_when_to_ask_again(
    integrator: Integrator,
) -> None:
    pending, ended = make_extraction(), make_extraction(state=State.FAILED, http_status=502)

    waits = [
        integrator.http.get(f"/api/v1/extractions/{each.pk}/").get("Retry-After")
        for each in (pending, ended)
    ]

    assert waits == ["2", None]


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
    assert {name: body[name] for name in body.keys() - metadata(extraction)} == {
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


def test_extraction_tells_its_pages_and_what_each_call_was_charged(integrator: Integrator) -> None:
    extraction = with_page(make_extraction(state=State.SUCCEEDED, attempts=2, result=RESULT))
    token = make_token(company_id="NT047")
    for number, amount in ((1, 0), (2, 1_397)):
        attempt = Attempt.objects.create(
            extraction=extraction, number=number, token=token, model="gemini", reserved=9_000
        )
        if amount:
            TokenUsageLog.objects.create(
                attempt_id=attempt.pk,
                token=token,
                input_tokens=1_000,
                output_tokens=397,
                total_tokens_used=amount,
            )

    body = integrator.http.get(address(extraction)).json()

    assert body["pages"] == [f"{address(extraction)}pages/1"]
    assert [call["number"] for call in body["attempts"]] == [1, 2]
    assert body["attempts"][0]["usage"] is None
    assert body["usage"] == body["attempts"][1]["usage"]
    assert body["usage"]["total_tokens"] == 1_397
    assert body["usage"]["calls"] == 1
    assert (body["usage"]["costs"], body["usage"]["unpriced_calls"]) == ([], 1)


def test_extraction_tells_what_it_cost(integrator: Integrator) -> None:
    extraction = make_extraction(state=State.SUCCEEDED, attempts=2, result=RESULT)
    token = make_token(company_id="NT047")
    for number, cost in ((1, "0.0030000001"), (2, "0.1")):
        attempt = Attempt.objects.create(
            extraction=extraction, number=number, token=token, model="gemini", reserved=9_000
        )
        TokenUsageLog.objects.create(
            attempt_id=attempt.pk, token=token, total_tokens_used=9, cost=cost, currency="USD"
        )

    body = integrator.http.get(address(extraction)).json()

    calls = [call["usage"]["costs"] for call in body["attempts"]]
    assert calls == [
        [{"currency": "USD", "amount": "0.0030000001"}],
        [{"currency": "USD", "amount": "0.1"}],
    ]
    assert body["usage"]["costs"] == [{"currency": "USD", "amount": "0.1030000001"}]
    assert body["usage"]["unpriced_calls"] == 0


def test_pages_that_were_removed_are_not_named(integrator: Integrator) -> None:
    extraction = with_page(
        make_extraction(state=State.SUCCEEDED, result=RESULT, files_removed_at=timezone.now())
    )

    assert integrator.http.get(address(extraction)).json()["pages"] == []


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


def test_address_without_its_slash_is_told_to_be_so(integrator: Integrator) -> None:
    detail = integrator.http.post("/api/v1/extractions").json()["detail"]

    assert detail == "The address ends with a slash: /api/v1/extractions/"


def test_unknown_address_under_the_api_tells_strangers_nothing(db: None) -> None:
    response = APIClient().get("/api/v1/nothing/")

    assert response.status_code == 401
    assert "Authorization with Api-Key" in response.json()["detail"]
