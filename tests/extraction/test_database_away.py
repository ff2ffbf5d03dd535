"""What people and programs are told while the database cannot be reached."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.http import HttpResponse
from django.test import Client

from extraction.api import long_polling
from extraction.models import Extraction
from tests.extraction.conftest import Integrator
from tests.extraction.factories import make_extraction
from tests.extraction.sample_documents import pdf, upload
from tests.outages import database_away
from tokens.models import TokenMaster

pytestmark = pytest.mark.django_db(transaction=True)

DETAIL = "The service cannot reach its database. Try again in a moment."
SOME_ID = uuid.UUID("5f3c1f5e-8a51-4a8e-9d0f-2f4f4d1c7b61")
PAGES = ["/", "/extractions/", f"/extractions/{SOME_ID}/", "/admin/", "/login/", "/nowhere"]


@pytest.fixture
def visitor(operator: User) -> Client:
    """An operator's session, whose errors are answered as in production."""
    client = Client(raise_request_exception=False)
    client.force_login(operator)
    return client


@pytest.fixture
def away() -> Iterator[None]:
    with database_away():
        yield


def assert_page_says_so(response: Any) -> None:
    page = response.content.decode()
    assert response.status_code == 503
    assert response["Retry-After"] == "30"
    assert response["Content-Type"].startswith("text/html")
    assert "The service is not available" in page
    assert DETAIL in page
    assert "Log out" not in page


def problem_of(response: Any) -> dict[str, Any]:
    assert response.status_code == 503
    assert response["Retry-After"] == "30"
    body: dict[str, Any] = response.json()
    assert uuid.UUID(body.pop("request_id"))
    return body


PROBLEM = {"code": "database_unavailable", "message": "Service Unavailable", "detail": DETAIL}
ENVELOPE = {"status": "error", "data": None, **PROBLEM}


@pytest.mark.parametrize("page", PAGES)
def test_every_page_says_that_the_database_is_away(visitor: Client, away: None, page: str) -> None:
    assert_page_says_so(visitor.get(page))


def test_upload_of_a_form_says_so_on_a_page(visitor: Client, away: None) -> None:
    assert_page_says_so(visitor.post("/", {"file": upload(pdf("INVOICE"))}))


def test_upload_of_the_script_says_so_in_json(visitor: Client, away: None) -> None:
    response = visitor.post(
        "/", {"file": upload(pdf("INVOICE"))}, headers={"Accept": "application/json"}
    )

    assert problem_of(response) == PROBLEM


@pytest.mark.parametrize(
    "path",
    ["/api/v1/extractions/", f"/api/v1/extractions/{SOME_ID}/", "/api/v1/nowhere"],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_every_api_endpoint_says_so(integrator: Integrator, path: str, method: str) -> None:
    with database_away():
        response = getattr(integrator.http, method)(path)

    assert problem_of(response) == PROBLEM


def test_extract_says_so_in_its_envelope(integrator: Integrator) -> None:
    with database_away():
        response = integrator.http.post("/extract", {"file": upload(pdf("INVOICE"))})

    assert problem_of(response) == ENVELOPE


def test_signed_in_operator_is_told_by_the_api_too(visitor: Client, away: None) -> None:
    assert problem_of(visitor.post("/extract")) == ENVELOPE


def test_session_that_cannot_be_saved_leads_to_503(operator: User) -> None:
    """The view has done its work; Django's middleware fails after it."""

    def lose_connection(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "django_session" in sql and not sql.startswith("SELECT"):
            raise OperationalError("the server closed the connection")
        return execute(sql, params, many, context)

    client = Client(raise_request_exception=False)
    with connection.execute_wrapper(lose_connection):
        response = client.post("/login/", {"username": "asha", "password": "a-long-password"})

    assert_page_says_so(response)


def test_api_whose_middleware_fails_answers_in_its_form(visitor: Client) -> None:
    def lose_session(_request: Any, response: HttpResponse) -> HttpResponse:
        raise OperationalError("the server closed the connection")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "django.contrib.messages.middleware.MessageMiddleware.process_response",
            lambda _self, request, response: lose_session(request, response),
        )
        response = visitor.post("/extract")

    assert problem_of(response) == ENVELOPE


def test_fault_that_is_not_the_databases_stays_a_fault(visitor: Client) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    with connection.execute_wrapper(fail):
        response = visitor.get("/")

    assert response.status_code == 500
    assert "Something went wrong" in response.content.decode()


def test_health_is_503_and_says_when_to_ask_again(away: None) -> None:
    response = Client().get("/healthz")

    assert (response.status_code, response.json()) == (503, {"status": "error"})
    assert response["Retry-After"] == "30"


@pytest.mark.parametrize("endpoint", ["/extract", "/api/v1/extractions/"])
def test_file_is_removed_when_its_row_could_not_be_written(
    integrator: Integrator, token: TokenMaster, data_dir: Path, endpoint: str
) -> None:
    form = {"file": upload(pdf("INVOICE")), "companyID": "NT047", "username": "asha"}

    with connection.execute_wrapper(lose_connection_at_insert):
        response = integrator.http.post(endpoint, form)

    assert problem_of(response)["code"] == "database_unavailable"
    assert not [path for path in (data_dir / "files").rglob("*") if path.is_file()]
    assert not Extraction.objects.exists()


def test_file_of_an_operator_is_removed_when_its_row_could_not_be_written(
    visitor: Client, token: TokenMaster, data_dir: Path
) -> None:
    form = {"file": upload(pdf("INVOICE")), "company_id": "NT047", "branch": "Default"}

    with connection.execute_wrapper(lose_connection_at_insert):
        response = visitor.post("/", form)

    assert_page_says_so(response)
    assert not [path for path in (data_dir / "files").rglob("*") if path.is_file()]
    assert not Extraction.objects.exists()


def lose_connection_at_insert(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    """Lose the connection at the moment that the row is written."""
    if sql.startswith("INSERT") and "extraction_extraction" in sql:
        raise OperationalError("the server closed the connection")
    return execute(sql, params, many, context)


def test_request_that_waits_is_told_where_to_ask_when_the_database_goes_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    extraction = make_extraction()
    outage = database_away()
    monkeypatch.setattr(long_polling.poller, "wait", lambda *_: outage.__enter__())
    try:
        waited = long_polling.wait_until_ended(extraction.pk, 30)
    finally:
        outage.__exit__(None, None, None)

    assert (waited.pk, waited.ended) == (extraction.pk, False)


def test_other_errors_of_a_request_that_waits_are_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    extraction = make_extraction()
    monkeypatch.setattr(long_polling.poller, "wait", lambda *_: Extraction.objects.all().delete())

    with pytest.raises(Extraction.DoesNotExist):
        long_polling.wait_until_ended(extraction.pk, 30)
