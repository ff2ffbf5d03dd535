"""POST /api/v1/extractions/<id>/retry/."""

import pytest
from django.test import Client
from django.utils import timezone

from extraction.models import Extraction, State
from tests.extraction.conftest import Integrator
from tests.extraction.factories import make_extraction


def retry_address(extraction: Extraction) -> str:
    return f"/api/v1/extractions/{extraction.pk}/retry/"


def test_failed_one_is_queued_again_and_it_is_logged_by_whom(
    integrator: Integrator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "extraction.submission")
    extraction = make_extraction(state=State.FAILED, http_status=502, error_code="server_error")

    response = integrator.http.post(retry_address(extraction))

    assert response.status_code == 202
    assert response["Location"] == f"/api/v1/extractions/{extraction.pk}/"
    assert response["Retry-After"]
    assert response.json()["state"] == "queued"
    extraction.refresh_from_db()
    assert extraction.state == State.QUEUED
    told = f"client:{integrator.record.prefix} queued {extraction.pk} again"
    assert told in [record.getMessage() for record in caplog.records]


def test_cancelled_one_is_queued_again(integrator: Integrator) -> None:
    extraction = make_extraction(state=State.CANCELLED, http_status=409, error_code="cancelled")

    assert integrator.http.post(retry_address(extraction)).status_code == 202


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"state": State.SUCCEEDED}, "Only a failed"),
        ({"state": State.PROCESSING}, "Only a failed"),
        ({"state": State.FAILED, "files_removed_at": timezone.now()}, "Send it again"),
    ],
    ids=["succeeded", "processing", "removed"],
)
def test_any_other_is_a_conflict(
    integrator: Integrator, fields: dict[str, object], words: str
) -> None:
    extraction = make_extraction(**fields)

    response = integrator.http.post(retry_address(extraction))

    assert (response.status_code, response.json()["code"]) == (409, "not_failed")
    assert words in response.json()["detail"]
    before = extraction.state
    extraction.refresh_from_db()
    assert extraction.state == before


def test_one_of_another_company_does_not_exist(integrator: Integrator) -> None:
    extraction = make_extraction(company_id="NT048", state=State.FAILED)

    assert integrator.http.post(retry_address(extraction)).status_code == 404


def test_session_needs_a_csrf_token(signed_in: Client) -> None:
    client = Client(enforce_csrf_checks=True)
    client.cookies = signed_in.cookies
    extraction = make_extraction(state=State.FAILED)

    assert client.post(retry_address(extraction)).status_code == 403
