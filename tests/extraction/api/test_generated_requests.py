"""Requests that schemathesis makes up from the served description, right ones and wrong ones.

Each answer must be as described, and none the service's own failure. ``make chaos`` makes up more.
"""

import uuid
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
import schemathesis
from django.contrib.auth.models import User
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from extraction.api.schema import openapi
from extraction.documents.intake import folder_of
from extraction.models import ApiClient, CompanyGrant, Extraction, Scope, State, WebhookEvent
from extraction.models.access import EVERY_SCOPE
from extraction.webhooks import endpoints
from tests.extraction.factories import make_extraction
from tests.extraction.sample_documents import pdf
from tests.extraction.sample_invoices import make_invoice
from tests.tokens.rows import make_company, make_quota
from tokens.models import TokenMaster
from tokens.periods import Period

HOOKS = "https://hooks.example.com/"
CHECKS: list[CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
OPERATIONS = [(method, path) for path, methods in openapi()["paths"].items() for method in methods]
# In which an operation does something.
STATES = {"retry": State.FAILED, "cancel": State.QUEUED}
# What gets a body beyond the first checks, in place of what was made up.
TELLING = {
    **{"companyID": "NT047", "company_id": "NT047", "url": HOOKS, "extractFromLink": False},
    **{"username": "ina", "branch": "", "licenceID": "", "password": "", "labels": ""},
    **{"pdf_url": "", "file_name": "a.pdf", "company_ids": ["NT047"], "scopes": ["read"]},
    **{"key": "AIza-a-key-that-was-made-up", "threshold": 0, "time_zone": "", "export_as": ""},
    **{"expires_at": "2099-12-31T00:00:00Z", "raised_until": "2099-12-31T00:00:00Z"},
    **{"allowed_networks": ["192.0.2.0/24"]},
}


@dataclass(frozen=True)
class Asked:
    """One operation of the description, with a client's key and rows that it is about."""

    operation: Any
    key: str
    path_parameters: dict[str, object]

    def requests(self) -> st.SearchStrategy[Case[Any]]:
        """Right and wrong requests, some of the right ones about rows that there are."""
        definition = self.operation.definition.raw
        has_input = definition.get("parameters") or "requestBody" in definition
        is_decided = any(each["name"] == "If-Match" for each in definition.get("parameters", []))
        is_managed = "/manage/" in self.operation.path
        headers = {"If-Match": "*" if is_managed else '"0-succeeded"'} if is_decided else {}
        right: st.SearchStrategy[Case[Any]] = self.operation.as_strategy(GenerationMode.POSITIVE)
        known = self.operation.as_strategy(
            GenerationMode.POSITIVE, path_parameters=self.path_parameters, headers=headers
        )
        if not has_input:
            return right  # nothing could be wrong
        wrong = self.operation.as_strategy(GenerationMode.NEGATIVE)
        return st.one_of(right, known.map(_telling), wrong)


def _telling(case: Case[Any]) -> Case[Any]:
    """Have a body be about the client's company, with a document."""
    body: Any = case.body
    if isinstance(body, dict):
        body.update({name: value for name, value in TELLING.items() if name in body})
        if "companyID" in body:
            is_json = case.media_type == "application/json"
            content = b64encode(pdf("x")).decode() if is_json else pdf("x")
            body["file"] = [content] if isinstance(body.get("file"), list) else content
    return case


@cache
def _described() -> Any:
    """The description as it is served, read once."""
    handler = WSGIHandler()

    def site(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as a server does, which closes what it has sent."""
        answer = handler(environ, start_response)
        try:
            return [b"".join(answer)]
        finally:
            answer.close()

    return schemathesis.openapi.from_wsgi("/api/schema/", site)


@pytest.fixture
def asked(
    request: pytest.FixtureRequest,
    token: TokenMaster,
    data_dir: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> Asked:
    (method, path), scopes = request.param
    # Else each request's end closes the connection, whose transaction is the test's.
    monkeypatch.setattr(connection, "close_if_unusable_or_obsolete", lambda: None)
    settings.EXTRACT_WAIT_SECONDS = 0
    settings.WEBHOOK_HOSTS = ["hooks.example.com"]
    settings.API_DOCS_PUBLIC = True
    client, key = ApiClient.objects.create_key(name="ERP", scopes=scopes)
    assert isinstance(client, ApiClient)
    client.companies.create(company_id="NT047")
    label = f"client:{client.prefix}"
    endpoint, _ = endpoints.add(
        company_id="NT047", url=HOOKS, events=[WebhookEvent.FAILED], by=label, client=label
    )
    extraction = _extraction(STATES.get(path.split("/")[-2], State.SUCCEEDED), label)
    own = {
        "extraction_id": str(extraction.pk),
        "batch_id": str(extraction.batch),
        "endpoint_id": str(endpoint.pk),
        "number": 1,
        "format_name": "csv",
        **_managed(token),
    }
    return Asked(
        _described()[path][method],
        key,
        {name: value for name, value in own.items() if f"{{{name}}}" in path},
    )


def _managed(token: TokenMaster) -> dict[str, object]:
    """What the addresses of the management API name."""
    user = User.objects.create_user("ina")
    client, _ = ApiClient.objects.create_key(name="DMS")
    assert isinstance(client, ApiClient)
    client.companies.create(company_id="NT047")
    return {
        "quota_id": make_quota(token, Period.DAILY, 1_000_000).pk,
        "token_id": token.pk,
        "company_id": make_company("NT047").pk,
        "client": client.prefix,
        "grant_id": CompanyGrant.objects.create(user=user, company_id="NT047").pk,
    }


def _scopes(path: str) -> tuple[str, str]:
    """Those of a client that may ask for it, and of one that may not, or not for everything."""
    able = str(Scope.MANAGE) if path.startswith("/api/v1/manage/") else EVERY_SCOPE
    return able, str(Scope.SUBMIT)


def _extraction(state: State, label: str) -> Extraction:
    succeeded = state == State.SUCCEEDED
    extraction = make_extraction(
        state=state,
        http_status={State.SUCCEEDED: 200, State.FAILED: 502}.get(state),
        result=make_invoice().model_dump(mode="json") if succeeded else None,
        client=label,
        batch=uuid.uuid4(),
    )
    pages = folder_of(extraction.pk) / "pages"
    pages.mkdir(parents=True)
    (pages / "001.jpg").write_bytes(b"image")
    return extraction


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(
            (operation, scopes), id=f"{operation[0]} {operation[1]} {scopes.replace(' ', '+')}"
        )
        for operation in OPERATIONS
        for scopes in _scopes(operation[1])
    ],
    indirect=True,
)
@pytest.mark.parametrize("number", [8, pytest.param(30, marks=pytest.mark.chaos)])
@pytest.mark.no_cover  # the tests of each endpoint measure it
def test_every_answer_is_as_described(asked: Asked, number: int) -> None:
    @seed(15)
    @hypothesis_settings(
        max_examples=number,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(asked.requests())
    def ask(case: Case[Any]) -> None:
        # Of packed answers, schemathesis' client for WSGI can read nothing.
        headers = {"Authorization": f"Api-Key {asked.key}", "Accept-Encoding": "identity"}
        with transaction.atomic():
            response = case.call(headers=headers)
            transaction.set_rollback(True)
        case.validate_response(response, CHECKS)

    ask()
