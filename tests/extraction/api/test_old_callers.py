"""Callers of the former service: their requests as they wrote them, byte by byte, and the answers.

What is expected stands in the contract; the names of fields come in its order.
"""

import json
import uuid
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import requests
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from extraction.models import Extraction, State
from tests.extraction.conftest import Integrator
from tests.extraction.sample_documents import pdf
from tests.extraction.sample_invoices import LINE, make_invoice
from tokens.models import TokenMaster, TokenStatus

INVOICE = pdf("INVOICE 4711\nTotal 119.00")
FIELDS = {"companyID": "NT047", "username": "asha", "branch": "North", "licenceID": "L-1"}


@pytest.fixture(autouse=True)
def _no_waiting(settings: Settings) -> None:
    settings.EXTRACT_WAIT_SECONDS = 0


def multipart(boundary: str, part: str, file: str, between: str = "") -> bytes:
    """A form in the handwriting of a client: how it writes the head of a part and that of a file.

    ``between`` are the headers that it writes below each head.
    """
    parts = [
        f"--{boundary}\r\n{part.format(name=name)}\r\n{between}\r\n{value}\r\n".encode()
        for name, value in FIELDS.items()
    ]
    head = f"--{boundary}\r\n{file}\r\n\r\n".encode()
    return b"".join([*parts, head, INVOICE, f"\r\n--{boundary}--\r\n".encode()])


QUOTED = 'Content-Disposition: form-data; name="{name}"'
FILE = 'Content-Disposition: form-data; name="file"; filename="acme.pdf"\r\nContent-Type: '


def by_requests() -> tuple[str, bytes]:
    prepared = requests.Request(
        "POST", "http://x/extract", data=FIELDS, files={"file": ("acme.pdf", INVOICE)}
    ).prepare()
    assert isinstance(prepared.body, bytes)
    return str(prepared.headers["Content-Type"]), prepared.body


def written(boundary: str, *handwriting: str, quoted: bool = False) -> tuple[str, bytes]:
    named = f'"{boundary}"' if quoted else boundary
    return f"multipart/form-data; boundary={named}", multipart(boundary, *handwriting)


HANDWRITINGS = {
    "curl": written("-" * 24 + "d74496d66958873e", QUOTED, f"{FILE}application/pdf"),
    "requests": by_requests(),
    "fetch of Node.js": written(
        "----formdata-undici-012345678901", QUOTED, f"{FILE}application/octet-stream"
    ),
    "fetch of a browser": written(
        "----WebKitFormBoundary7MA4YWxkTrZu0gW", QUOTED, f"{FILE}application/pdf"
    ),
    "axios": written("-" * 26 + "912783401827364501928374", QUOTED, f"{FILE}application/pdf"),
    ".NET": written(
        "6c6a1f5e-6d3c-4b0f-9a57-0d4e1f6a2b3c",
        "Content-Disposition: form-data; name={name}",
        "Content-Disposition: form-data; name=file; filename=acme.pdf; filename*=utf-8''acme.pdf",
        "Content-Type: text/plain; charset=utf-8\r\n",
        quoted=True,
    ),
    "Java": written(
        "gc0p4Jq0M2Yt08jU534c0p",
        QUOTED,
        f"{FILE}application/octet-stream\r\nContent-Transfer-Encoding: binary",
        "Content-Type: text/plain; charset=ISO-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n",
    ),
}


def send(client: APIClient, handwriting: str = "curl", path: str = "/extract") -> Any:
    content_type, body = HANDWRITINGS[handwriting]
    return client.post(path, body, content_type=content_type)


@pytest.mark.parametrize("path", ["/extract", "/extract/"])
@pytest.mark.parametrize("handwriting", HANDWRITINGS)
def test_form_is_read_and_answered_alike_whoever_wrote_it(
    integrator: Integrator, token: TokenMaster, handwriting: str, path: str
) -> None:
    response = send(integrator.http, handwriting, path)

    extraction = Extraction.objects.get()
    address = f"/api/v1/extractions/{extraction.pk}/"
    assert (response.status_code, response["Location"]) == (202, address)
    assert response.content == (
        b'{"status":"pending","message":"Invoice is being processed","data":null,'
        b'"extraction":"' + address.encode() + b'"}'
    )
    assert (extraction.file_name, extraction.size) == ("acme.pdf", len(INVOICE))
    sent = (extraction.company_id, extraction.requested_by, extraction.branch)
    assert (*sent, extraction.licence_id) == tuple(FIELDS.values())


# The contract's names, in its order; company_name is the vendor, dealer_name the customer.
DATA = (
    '{"order_no":"","invoice_no":"4711","delivery_note":"","vehicle_no":"","transporter":"",'
    '"date":"2026-11-03","dealer_name":"","pws_no":"","company_name":"Supplier Ltd",'
    '"transaction_type":"","transaction_date":"","due_date":"","invoice_miti":"2083-07-17",'
    '"invoice_date":"2026-11-03","sub_total":100.0,"discount_total":null,"taxable_value":null,'
    '"vat_total":19.0,"total_amount":119.0,"products":[{"sku":"Soap","sku_code":"","quantity":2.0,'
    '"shortage":null,"breakage":null,"leakage":null,"batch":"","sno":"","rate":50.0,'
    '"discount":null,"mrp":null,"vat":null,"hscode":"","altQty":null,"unit":""}]}'
)


def test_result_has_the_names_of_the_former_service_in_their_order(
    integrator: Integrator, token: TokenMaster
) -> None:
    send(integrator.http)
    invoice = make_invoice(
        supplier={"name": "Supplier Ltd", "tax_id": None, "address": None},
        line_items=[LINE],
        subtotal=Decimal(100),
        tax_total=Decimal(19),
        invoice_date=date(2026, 11, 3),
        invoice_miti="2083-07-17",
    )
    Extraction.objects.update(
        state=State.SUCCEEDED, result=invoice.model_dump(mode="json"), http_status=200
    )

    response = send(integrator.http)

    address = f"/api/v1/extractions/{Extraction.objects.get().pk}/"
    assert response.status_code == 200
    assert response.content.decode().startswith(
        '{"status":"ok","message":"Invoice processed successfully","data":'
        f'{DATA},"extraction":"{address}"'
    )


EXPIRED = "Your AI token has expired. Please renew your subscription."
DISABLED = "Your AI token is no longer available or has been disabled. Please contact support."
MISSING = "No active token found for your company. Please contact support."


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (TokenStatus.EXPIRED, EXPIRED),
        (TokenStatus.EXCEEDED, DISABLED),
        (TokenStatus.DISABLED, DISABLED),
        (None, MISSING),
    ],
)
def test_company_without_a_key_is_told_so_in_the_words_of_the_former_service(
    integrator: Integrator, token: TokenMaster, status: TokenStatus | None, message: str
) -> None:
    if status is None:
        token.delete()
    else:
        TokenMaster.objects.update(status=status)

    response = send(integrator.http)

    assert response.status_code == 402
    assert_begins_as_an_error(response, message)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (422, "Failed to process invoice"),
        (502, "Failed to process invoice"),
        (503, "Failed to process invoice"),
        (504, "Failed to process invoice"),
    ],
)
def test_failure_is_told_in_the_words_of_the_former_service(
    integrator: Integrator, token: TokenMaster, status: int, message: str
) -> None:
    send(integrator.http)
    Extraction.objects.update(
        state=State.FAILED,
        http_status=status,
        error_code="server_error",
        error_message=message,
        error_detail="What happened.",
        finished_at=timezone.now(),
    )

    response = send(integrator.http)

    assert response.status_code == status
    assert_begins_as_an_error(response, message, has_extraction=True)


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"hello", 415), (b"", 422), (b"%PDF-1.7\n", 422), (b"%PDF" + bytes(2**20), 413)],
    ids=["text", "empty", "cut", "large"],
)
def test_file_that_nobody_can_read_is_told_so_in_the_words_of_the_former_service(
    integrator: Integrator, settings: Settings, content: bytes, status: int
) -> None:
    settings.MAX_UPLOAD_MB = 1
    content_type, body = HANDWRITINGS["curl"]
    sent = body.replace(INVOICE, content)

    response = integrator.http.post("/extract", sent, content_type=content_type)

    assert response.status_code == status
    assert_begins_as_an_error(response, "Failed to convert PDF")


def test_every_error_of_the_api_has_four_fields_and_no_other(integrator: Integrator) -> None:
    response = integrator.http.get(f"/api/v1/extractions/{uuid.uuid4()}/")

    assert response.status_code == 404
    assert list(response.json()) == ["code", "message", "detail", "request_id"]


def assert_begins_as_an_error(response: Any, message: str, *, has_extraction: bool = False) -> None:
    """Compare an error with the contract's envelope: status, message, data, extraction, code."""
    assert response.content.startswith(
        b'{"status":"error","message":' + json.dumps(message).encode() + b',"data":null,"'
    )
    names = list(response.json())[3:]
    assert names == [*(["extraction"] if has_extraction else []), "code", "detail", "request_id"]
