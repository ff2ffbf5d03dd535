"""The ``reader`` of a request: what of a document is to be read."""

from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from extraction import pipeline
from extraction.models import Extraction
from tests.extraction.conftest import Integrator
from tests.extraction.readers.einvoice.einvoices import cii, pdf
from tests.extraction.sample_documents import upload
from tokens.models import TokenMaster

PRINTED = "Lieferant GmbH    Rechnung RE-17 vom 05.03.2026\n\nGesamtbetrag  67,83 EUR"


@pytest.fixture(autouse=True)
def _no_waiting(settings: Settings) -> None:
    settings.EXTRACT_WAIT_SECONDS = 0


@pytest.fixture(params=["/extract", "/api/v1/extractions/"])
def endpoint(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def post(client: Integrator, endpoint: str, content: bytes, **fields: str) -> Any:
    form = {"file": upload(content), "companyID": "NT047", "username": "asha", **fields}
    return client.http.post(endpoint, form)


@pytest.mark.parametrize(
    ("fields", "reader"),
    [
        ({}, "auto"),
        ({"reader": ""}, "auto"),
        ({"Reader": "einvoice"}, "einvoice"),
        ({"READER": "model"}, "model"),
    ],
)
def test_the_reader_is_kept_with_the_request(
    integrator: Integrator,
    token: TokenMaster,
    endpoint: str,
    fields: dict[str, str],
    reader: str,
    tmp_path: Path,
) -> None:
    content = pdf(tmp_path, PRINTED).read_bytes()

    assert post(integrator, endpoint, content, **fields).status_code == 202
    assert Extraction.objects.get().reader == reader


@pytest.mark.parametrize("reader", ["gpt", "Auto", "e-invoice", "0"])
def test_an_unknown_reader_is_refused(
    integrator: Integrator, token: TokenMaster, endpoint: str, reader: str, tmp_path: Path
) -> None:
    content = pdf(tmp_path, PRINTED).read_bytes()

    response = post(integrator, endpoint, content, reader=reader)

    assert response.status_code == 400
    assert "reader: must be one of auto, einvoice, model." in response.json()["detail"]
    assert not Extraction.objects.exists()


def test_the_result_names_what_was_read(
    integrator: Integrator, token: TokenMaster, endpoint: str, tmp_path: Path
) -> None:
    content = pdf(tmp_path, PRINTED, {"factur-x.xml": cii()}).read_bytes()
    post(integrator, endpoint, content)
    pipeline.process(Extraction.objects.get().pk)

    response = post(integrator, endpoint, content)

    assert response.status_code == 200
    assert response.json()["data"]["invoice_no"] == "RE-17"
    assert (Extraction.objects.get().result or {})["model"] == "e-invoice"


def test_a_document_without_an_einvoice_is_answered_with_422(
    integrator: Integrator, token: TokenMaster, tmp_path: Path
) -> None:
    post(integrator, "/extract", pdf(tmp_path, PRINTED).read_bytes(), reader="einvoice")
    extraction = Extraction.objects.get()

    pipeline.process(extraction.pk)

    body = integrator.http.get(f"/api/v1/extractions/{extraction.pk}/").json()
    assert (body["http_status"], body["code"]) == (422, "no_einvoice")
    assert "There is no readable e-invoice" in body["detail"]
