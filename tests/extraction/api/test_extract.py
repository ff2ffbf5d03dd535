"""POST /extract: every answer that its callers may get."""

import uuid
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.utils import timezone
from pypdf import PdfReader
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from extraction import pipeline, submission
from extraction.models import Extraction, State
from tests.extraction.conftest import Integrator
from tests.extraction.sample_documents import locked_pdf, pdf, upload
from tests.extraction.sample_invoices import make_invoice
from tokens.models import TokenMaster, TokenStatus

INVOICE = pdf("INVOICE 4711\nTotal 119.00")


@pytest.fixture(autouse=True)
def _no_waiting(settings: Settings) -> None:
    settings.EXTRACT_WAIT_SECONDS = 0


def post(client: APIClient, headers: dict[str, str] | None = None, **fields: Any) -> Any:
    """A request that is right, but for the fields given; None leaves one out."""
    form = {"file": upload(INVOICE), "companyID": "NT047", "username": "asha", **fields}
    sent = {name: value for name, value in form.items() if value is not None}
    return client.post("/extract", sent, headers=headers or {})


def problem(response: Any) -> dict[str, Any]:
    """The error envelope, after a look at what every one has."""
    body: dict[str, Any] = response.json()
    assert body.pop("status") == "error"
    assert body.pop("data") is None
    assert uuid.UUID(body.pop("request_id"))
    return body


def test_extract_answers_202_and_where_to_ask_while_pending(
    integrator: Integrator, token: TokenMaster
) -> None:
    response = post(integrator.http, branch="North", licenceID="L-1")

    extraction = Extraction.objects.get()
    address = f"/api/v1/extractions/{extraction.pk}/"
    assert response.status_code == 202
    assert response["Location"] == address
    assert response["Retry-After"] == "2"
    assert response.json() == {
        "status": "pending",
        "message": "Invoice is being processed",
        "data": None,
        "extraction": address,
    }
    assert extraction.company_id == "NT047"
    assert extraction.branch == "North"
    assert extraction.requested_by == "asha"
    assert extraction.licence_id == "L-1"
    assert extraction.client == f"client:{integrator.record.prefix}"


def test_extract_answers_200_and_the_old_names_when_the_document_was_read_before(
    integrator: Integrator, token: TokenMaster
) -> None:
    post(integrator.http)
    Extraction.objects.update(
        state=State.SUCCEEDED, result=make_invoice().model_dump(mode="json"), http_status=200
    )

    response = post(integrator.http)

    body = response.json()
    assert response.status_code == 200
    assert (body["status"], body["message"]) == ("ok", "Invoice processed successfully")
    assert body["data"]["invoice_no"] == "4711"
    assert body["data"]["total_amount"] == 119.0
    assert "code" not in body
    assert Extraction.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_extract_answers_the_result_that_came_while_it_waited(
    integrator: Integrator,
    token: TokenMaster,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.EXTRACT_WAIT_SECONDS = 60
    # In place of a worker: read the document at the moment that it is queued.
    monkeypatch.setattr(
        submission, "wake", lambda pk: transaction.on_commit(partial(pipeline.process, pk))
    )

    response = post(integrator.http)

    assert response.status_code == 200
    assert response.json()["status"] == "ok"


@pytest.mark.parametrize("status", [402, 422, 502, 504])
def test_extract_answers_the_status_of_the_failure(
    integrator: Integrator, token: TokenMaster, status: int
) -> None:
    post(integrator.http)
    Extraction.objects.update(
        state=State.FAILED,
        http_status=status,
        error_code="some_code",
        error_message="Failed to process invoice",
        error_detail="What happened.",
    )

    response = post(integrator.http)

    assert response.status_code == status
    assert problem(response) == {
        "code": "some_code",
        "message": "Failed to process invoice",
        "detail": "What happened.",
        "extraction": f"/api/v1/extractions/{Extraction.objects.get().pk}/",
    }


@pytest.mark.parametrize(("seconds", "told"), [(40.25, "41"), (-5, "1")])
def test_extract_says_when_to_come_back_after_503(
    seconds: float, told: str, integrator: Integrator, token: TokenMaster
) -> None:
    post(integrator.http)
    now = timezone.now()
    Extraction.objects.update(
        state=State.FAILED, http_status=503, retry_after_at=now + timedelta(seconds=seconds)
    )

    with time_machine.travel(now, tick=False):
        response = post(integrator.http)

    assert (response.status_code, response["Retry-After"]) == (503, told)


def test_extract_takes_names_in_any_case_and_division_for_branch(
    integrator: Integrator, token: TokenMaster
) -> None:
    form = {"FILE": upload(INVOICE), "companyid": " NT047 ", "UserName": "asha", "DIVISION": "East"}

    response = integrator.http.post("/extract/", form)

    assert response.status_code == 202
    assert Extraction.objects.get().branch == "East"


def test_extract_fills_in_the_default_branch(integrator: Integrator, token: TokenMaster) -> None:
    post(integrator.http, branch="")

    assert Extraction.objects.get().branch == "Default"


def test_extract_reads_again_when_forced(integrator: Integrator, token: TokenMaster) -> None:
    for _ in range(2):
        assert post(integrator.http, force="true").status_code == 202

    assert Extraction.objects.count() == 2


def test_extract_returns_the_same_extraction_for_the_same_idempotency_key(
    integrator: Integrator, token: TokenMaster
) -> None:
    headers = {"Idempotency-Key": "order-1"}
    first, second = (post(integrator.http, headers, force="true") for _ in range(2))

    assert first["Location"] == second["Location"]
    assert Extraction.objects.count() == 1


def test_extract_answers_409_for_the_same_idempotency_key_with_another_document(
    integrator: Integrator, token: TokenMaster
) -> None:
    headers = {"Idempotency-Key": "order-1"}
    post(integrator.http, headers)

    response = post(integrator.http, headers, file=upload(pdf("another")))

    assert response.status_code == 409
    assert problem(response)["code"] == "idempotency_conflict"


@pytest.mark.parametrize("key", ["k" * 201, "tab\there"])
def test_extract_rejects_an_idempotency_key_that_cannot_be_kept(
    integrator: Integrator, key: str
) -> None:
    response = post(integrator.http, {"Idempotency-Key": key})

    assert response.status_code == 400
    assert problem(response)["detail"] == (
        "Idempotency-Key: must be printable and not longer than 200 characters."
    )


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"file": None}, "file: is required: send the document as a file."),
        ({"file": "text"}, "file: must be sent as a file, not as text."),
        ({"companyID": None}, "companyID: is required."),
        ({"companyID": "  "}, "companyID: must not be empty."),
        ({"companyID": "N" * 51}, "companyID: must not be longer than 50 characters."),
        ({"username": None}, "username: is required."),
        ({"username": "u" * 10_000}, "username: must not be longer than 100 characters."),
        ({"username": "as\x1bha"}, "username: must not contain control characters."),
        ({"branch": "b" * 51}, "branch: must not be longer than 50 characters."),
        ({"branch": "a\nb"}, "branch: must not contain control characters."),
        ({"licenceID": "l" * 101}, "licenceID: must not be longer than 100 characters."),
        ({"force": "perhaps"}, "force: must be true or false."),
    ],
)
def test_extract_names_the_field_that_is_wrong(
    integrator: Integrator, fields: dict[str, Any], detail: str
) -> None:
    response = post(integrator.http, **fields)

    assert response.status_code == 400
    assert problem(response) == {
        "code": "invalid_request",
        "message": "Bad Request",
        "detail": detail,
    }


@pytest.mark.parametrize("endpoint", ["/extract", "/api/v1/extractions/", "/api/v1/batches/"])
@pytest.mark.parametrize("name", ["document", "file[]", "file2"])
def test_file_under_another_name_is_rejected_and_no_document_is_lost(
    integrator: Integrator, endpoint: str, name: str
) -> None:
    form: dict[str, Any] = {
        "file": upload(INVOICE, "1.pdf"),
        name: upload(INVOICE, "2.pdf"),
        "companyID": "NT047",
        "username": "asha",
    }

    response = integrator.http.post(endpoint, form)

    assert response.status_code == 400
    assert response.json()["detail"] == f"{name}: is no field for a document: send each as file."
    assert not Extraction.objects.exists()


@pytest.mark.parametrize("endpoint", ["/extract", "/api/v1/extractions/"])
@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        (
            {"file": ["first", "second"]},
            "file: one document per request: send each file in a request of its own.",
        ),
        (
            {"File": ["second"]},
            "file: one document per request: send each file in a request of its own.",
        ),
        ({"companyID": ["NT047", "NT048"]}, "companyID: must be sent once."),
        ({"companyID": ["NT047"], "companyid": ["NT047"]}, "companyID: must be sent once."),
        ({"branch": ["a", "b"]}, "branch: must be sent once."),
        ({"Division": ["a", "b"]}, "division: must be sent once."),
        ({"force": ["true", "true"]}, "force: must be sent once."),
    ],
)
def test_field_that_is_sent_twice_is_rejected_and_no_document_is_lost(
    integrator: Integrator, endpoint: str, fields: dict[str, list[str]], detail: str
) -> None:
    form: dict[str, Any] = {"file": [INVOICE], "companyID": ["NT047"], "username": ["asha"]}
    form |= fields
    for name in ("file", "File"):
        if name in form:
            form[name] = [upload(INVOICE, f"{number}.pdf") for number in range(len(form[name]))]

    response = integrator.http.post(endpoint, form)

    assert response.status_code == 400
    body = response.json()
    assert (body["code"], body["detail"]) == ("invalid_request", detail)
    assert not Extraction.objects.exists()


def test_branch_and_its_former_name_may_both_be_sent(
    integrator: Integrator, token: TokenMaster
) -> None:
    assert post(integrator.http, branch="North", Division="South", unknown="x").status_code == 202
    assert Extraction.objects.get().branch == "North"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"file": None, "pdf_url": "http://intranet/x.pdf"}, "url_fetch_disabled"),
        ({"file": None, "extractFromLink": "1"}, "url_fetch_disabled"),
        ({"connection_params": "Server=x"}, "connection_params_refused"),
    ],
)
def test_extract_rejects_what_the_former_service_took(
    integrator: Integrator, fields: dict[str, Any], code: str
) -> None:
    response = post(integrator.http, **fields)

    assert response.status_code == 400
    assert problem(response)["code"] == code


def test_extract_ignores_an_unused_link(integrator: Integrator, token: TokenMaster) -> None:
    assert post(integrator.http, pdf_url="", extractFromLink="0").status_code == 202


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "empty_file"),
        (b"<html></html>", 415, "unsupported_media_type"),
        (b"%PDF-1.7 broken", 422, "corrupt_file"),
    ],
)
def test_extract_rejects_a_document_that_nobody_can_read(
    integrator: Integrator, token: TokenMaster, content: bytes, status: int, code: str
) -> None:
    response = post(integrator.http, file=SimpleUploadedFile("x.pdf", content))

    assert response.status_code == status
    body = problem(response)
    assert (body["code"], body["message"]) == (code, "Failed to convert PDF")
    assert not Extraction.objects.exists()


def test_extract_rejects_a_file_above_the_limit(
    integrator: Integrator, token: TokenMaster, settings: Settings
) -> None:
    settings.MAX_UPLOAD_MB = 1

    response = post(integrator.http, file=upload(INVOICE + b"\0" * 1024 * 1024))

    assert response.status_code == 413
    assert problem(response)["code"] == "file_too_large"


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (
            TokenStatus.EXPIRED,
            "token_expired",
            "Your AI token has expired. Please renew your subscription.",
        ),
        (
            TokenStatus.DISABLED,
            "token_exceeded",
            "Your AI token is no longer available or has been disabled. Please contact support.",
        ),
    ],
)
def test_extract_answers_402_without_a_usable_token(
    integrator: Integrator, token: TokenMaster, status: TokenStatus, code: str, message: str
) -> None:
    TokenMaster.objects.update(status=status)

    response = post(integrator.http)

    body = problem(response)
    assert response.status_code == 402
    assert (body["code"], body["message"]) == (code, message)


def test_extract_answers_402_for_a_company_without_any_token(integrator: Integrator) -> None:
    response = post(integrator.http)

    assert response.status_code == 402
    assert problem(response)["message"] == (
        "No active token found for your company. Please contact support."
    )


def test_extract_answers_403_for_another_company(integrator: Integrator) -> None:
    response = post(integrator.http, companyID="NT048")

    assert response.status_code == 403
    assert problem(response)["code"] == "company_not_allowed"


def test_extract_answers_401_without_credentials(db: None) -> None:
    response = post(APIClient())

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Api-Key"
    assert problem(response)["code"] == "not_authenticated"


def test_extract_takes_the_session_of_an_operator_with_its_csrf_token(
    operator: User, token: TokenMaster
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(operator)
    client.get("/")
    csrf_token = client.cookies["csrftoken"].value
    form = {"companyID": "NT047", "username": "asha"}

    rejected = client.post("/extract", {"file": upload(INVOICE), **form})
    accepted = client.post(
        "/extract", {"file": upload(INVOICE), **form}, headers={"X-CSRFToken": csrf_token}
    )

    assert (rejected.status_code, rejected.json()["status"]) == (403, "error")
    assert accepted.status_code == 202
    assert Extraction.objects.get().client == f"user:{operator.pk}"


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_extract_answers_405_to_other_methods(integrator: Integrator, method: str) -> None:
    response = getattr(integrator.http, method)("/extract")

    assert response.status_code == 405
    assert response["Allow"] == "POST, OPTIONS"
    assert problem(response)["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    ("content_type", "status", "code"),
    [
        ("text/csv", 415, "unsupported_media_type"),
        ("application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        ("multipart/form-data", 400, "parse_error"),
        ("multipart/form-data; boundary=x", 400, "invalid_request"),
    ],
)
def test_extract_rejects_a_body_that_is_no_form(
    integrator: Integrator, content_type: str, status: int, code: str
) -> None:
    response = integrator.http.generic(
        "POST", "/extract", data='{"companyID": "NT047"}', content_type=content_type
    )

    assert response.status_code == status
    assert problem(response)["code"] == code


def test_extract_rejects_text_fields_of_a_megabyte(integrator: Integrator) -> None:
    response = post(integrator.http, username="u" * 1024 * 1024)

    assert response.status_code == 413
    assert problem(response)["code"] == "form_too_large"


def test_extract_rejects_a_form_of_a_thousand_fields(integrator: Integrator) -> None:
    fields: dict[str, Any] = dict.fromkeys(map(str, range(1001)), "")

    response = post(integrator.http, **fields)

    assert response.status_code == 400
    assert problem(response)["code"] == "bad_request"


def test_extract_answers_json_whatever_a_caller_accepts(integrator: Integrator) -> None:
    response = post(integrator.http, {"Accept": "text/html"}, companyID="NT048")

    assert response.status_code == 403
    assert response["Content-Type"] == "application/json"


def test_api_post_answers_202_in_full(integrator: Integrator, token: TokenMaster) -> None:
    form = {"file": upload(INVOICE), "companyID": "NT047", "username": "asha"}

    response = integrator.http.post("/api/v1/extractions/", form)

    assert response.status_code == 202
    assert response.json()["state"] == "queued"
    assert response["Location"] == f"/api/v1/extractions/{Extraction.objects.get().pk}/"


def test_api_post_answers_errors_without_the_envelope(integrator: Integrator) -> None:
    response = integrator.http.post("/api/v1/extractions/", {})

    assert response.status_code == 400
    assert set(response.json()) == {"code", "message", "detail", "request_id"}


@pytest.mark.parametrize("endpoint", ["/extract", "/api/v1/extractions/"])
def test_locked_pdf_is_unlocked_with_its_password(
    integrator: Integrator, token: TokenMaster, data_dir: Path, endpoint: str
) -> None:
    locked = locked_pdf(user=" blank ", owner="owner")
    form = {"companyID": "NT047", "username": "asha", "Password": " blank "}

    response = integrator.http.post(endpoint, {**form, "file": upload(locked)})

    assert response.status_code == 202
    extraction = Extraction.objects.get()
    assert not PdfReader(data_dir / "files" / extraction.file).is_encrypted


@pytest.mark.parametrize(
    ("fields", "code"),
    [({}, "password_protected"), ({"password": "wrong"}, "wrong_password")],
)
def test_locked_pdf_without_its_password_says_what_to_do(
    integrator: Integrator, token: TokenMaster, fields: dict[str, Any], code: str
) -> None:
    locked = upload(locked_pdf(user="user", owner="owner"))

    response = post(integrator.http, file=locked, **fields)

    assert response.status_code == 422
    assert problem(response) == {
        "message": "Failed to convert PDF",
        "code": code,
        "detail": {
            "password_protected": "The file is locked with a password. Send it again with its "
            "password, or without the lock.",
            "wrong_password": "The password does not open the file. Check it and send both again.",
        }[code],
    }
    assert not Extraction.objects.exists()


@pytest.mark.parametrize(
    ("password", "detail"),
    [
        ("p" * 128, "password: must not be longer than 127 characters."),
        ("a\x1bb", "password: must not contain control characters."),
    ],
)
def test_password_that_none_can_be_is_refused_and_not_repeated(
    integrator: Integrator, password: str, detail: str
) -> None:
    response = post(integrator.http, password=password)

    assert response.status_code == 400
    assert problem(response)["detail"] == detail


def test_locked_pdf_sent_again_is_not_read_again(
    integrator: Integrator, token: TokenMaster
) -> None:
    locked = locked_pdf(user="user", owner="owner")
    for password in ("user", "owner"):
        response = post(integrator.http, file=upload(locked), password=password)
        assert response.status_code == 202

    assert Extraction.objects.count() == 1
