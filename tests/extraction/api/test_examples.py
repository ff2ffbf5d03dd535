"""The examples in the description are what is answered.

Where an answer has changed on purpose: ``EXAMPLES=write python -m pytest`` of this file, by itself.
"""

import json
import os
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from jsonschema import Draft202012Validator
from pytest_django import Settings
from rest_framework.test import APIClient

from extraction.api.examples import FILE
from extraction.api.management.documentation import EXAMPLES
from extraction.api.schema import openapi
from extraction.documents.intake import folder_of
from extraction.models import Extraction, Scope, State
from tests.extraction.api.management.conftest import BASE, another
from tests.extraction.conftest import Integrator
from tests.extraction.factories import make_extraction
from tests.extraction.sample_documents import pdf, upload
from tests.extraction.sample_invoices import make_invoice
from tests.tokens.rows import make_company, make_quota
from tokens.models import TokenMaster, TokenUsageLog
from tokens.periods import Period

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
RESULT = make_invoice(needs_review=True).model_dump(mode="json")
HOOK = "https://erp.example.com/hook"
EXTRACTIONS = "/api/v1/extractions/"
IF_MATCH = {"If-Match": '"0-succeeded"'}
# In place of what is another one each time.
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_ID = "8f14e45f-ceea-467f-a6d4-c3f1a2b9d0e7"
_TIME = re.compile(r"(?!2099)\d{4}-\d\d-\d\dT[\d:.]+Z")
_SHOWN = {
    "token_id": 1,
    "quota_id": 1,
    "id": 1,  # ids of extractions and batches are texts
    "client": "Yb2cHq7P",
    "prefix": "Yb2cHq7P",
    "api_key": "Yb2cHq7P.W9s3kD0tVxQzL5nRgJ8aUe6mHcBfT1yi",
}
_SECRET = re.compile(r"whsec_\S+")


def form(**fields: object) -> dict[str, object]:
    content = upload(pdf("INVOICE 4711\nTotal 119.00"), "acme.pdf")
    return {"file": content, "companyID": "NT047", "username": "asha", **fields}


def read(**fields: Any) -> Extraction:
    """One that was read, with an image of its page."""
    values = {"state": State.SUCCEEDED, "http_status": 200, "result": RESULT, "needs_review": True}
    extraction = make_extraction(
        **{**values, "started_at": NOON, "finished_at": NOON + timedelta(seconds=7), **fields}
    )
    folder = folder_of(extraction.pk) / "pages"
    folder.mkdir(parents=True)
    (folder / "001.jpg").write_bytes(b"image")
    return extraction


def failed() -> Extraction:
    return make_extraction(
        state=State.FAILED,
        http_status=502,
        error_code="server_error",
        error_message="Failed to process invoice",
        error_detail="Gemini is out of order for now. Try again later.",
        started_at=NOON,
        finished_at=NOON + timedelta(seconds=40),
    )


def extracted(us: Integrator) -> Any:
    """What a document is answered that was read before."""
    us.http.post("/extract", form())
    Extraction.objects.update(state=State.SUCCEEDED, http_status=200, result=RESULT)
    return us.http.post("/extract", form())


def batch(us: Integrator) -> Any:
    text = upload(b"no invoice", "notes.txt")
    return us.http.post("/api/v1/batches/", form(file=[form()["file"], text]))


def with_usage(us: Integrator) -> Any:
    TokenUsageLog.objects.create(
        token=TokenMaster.objects.get(),
        company_id="NT047",
        branch="North",
        input_tokens=1_000,
        output_tokens=300,
        thinking_tokens=97,
        total_tokens_used=1_397,
    )
    return us.http.get("/api/v1/usage/", {"group_by": "day,branch"})


def with_quotas(us: Integrator) -> Any:
    make_quota(make_company("NT047"), Period.MONTHLY, 5_000_000)
    return us.http.get("/api/v1/quota/")


def patched(us: Integrator, headers: dict[str, str]) -> Any:
    body = {"values": {"invoice_number": "4712"}}
    return us.http.patch(f"{EXTRACTIONS}{read().pk}/", body, format="json", headers=headers)


def posted(us: Integrator, extraction: Extraction, act: str, body: object = None) -> Any:
    url = f"{EXTRACTIONS}{extraction.pk}/{act}/"
    return us.http.post(url, body or {}, format="json", headers=IF_MATCH)


def webhook(us: Integrator) -> Any:
    values = {"company_id": "NT047", "url": HOOK, "events": ["extraction.succeeded"]}
    return us.http.post("/api/v1/webhooks/", values, format="json")


def stranger(us: Integrator) -> Any:
    us.http.credentials()
    return us.http.get(EXTRACTIONS)


def elsewhere(us: Integrator) -> Any:
    return us.http.post("/extract", form(companyID="OTHER"))


def unpaid(us: Integrator) -> Any:
    TokenMaster.objects.all().delete()
    return us.http.post("/extract", form())


def to_staff(ask: Callable[[APIClient], Any]) -> Callable[[Integrator], Any]:
    """What a program of staff is answered that manages NT047."""

    def answer(us: Integrator) -> Any:
        us.record.delete()
        make_company("NT047", name="Rubi Traders")
        User.objects.create_user("asha")
        return ask(another("Terraform", Scope.MANAGE, "NT047").http)

    return answer


def make(http: APIClient, kind: str, operation: str, **changed: object) -> Any:
    body = {**EXAMPLES[operation], **changed}
    return http.post(f"{BASE}{kind}/", body, format="json")


def act(http: APIClient, address: str, body: object = None) -> Any:
    return http.post(f"{BASE}{address}/", body or {}, format="json")


def change(http: APIClient, address: str, body: object, etag: str = "") -> Any:
    headers = {"If-Match": etag} if etag else {}
    return http.patch(f"{BASE}{address}/", body, format="json", headers=headers)


def key_of(http: APIClient) -> str:
    return f"tokens/{make(http, 'tokens', 'add_key').json()['token_id']}"


def client_of(http: APIClient) -> str:
    return f"clients/{make(http, 'clients', 'add_client').json()['client']}"


def quota_of(http: APIClient) -> str:
    return f"quotas/{make(http, 'quotas', 'add_quota').json()['quota_id']}"


MANAGED: dict[str, Callable[[APIClient], Any]] = {
    "add_key 201": lambda http: make(http, "tokens", "add_key"),
    "add_key 400": lambda http: make(http, "tokens", "add_key", key=""),
    "add_key 403": lambda http: make(http, "tokens", "add_key", company_id="OTHER"),
    "list_keys 200": lambda http: make(http, "tokens", "add_key") and http.get(f"{BASE}tokens/"),
    "get_key 200": lambda http: http.get(f"{BASE}{key_of(http)}/"),
    "get_key 404": lambda http: http.get(f"{BASE}tokens/0/"),
    "change_key 200": lambda http: change(http, key_of(http), EXAMPLES["change_key"]),
    "change_key 412": lambda http: change(http, key_of(http), EXAMPLES["change_key"], '"0"'),
    "rotate_key 200": lambda http: act(http, f"{key_of(http)}/key", EXAMPLES["rotate_key"]),
    "list_managed_companies 200": lambda http: http.get(f"{BASE}companies/"),
    "add_company 201": lambda http: make(http, "companies", "add_company"),
    "get_company 200": lambda http: http.get(f"{BASE}companies/NT047/"),
    "change_company 200": lambda http: change(http, "companies/NT047", EXAMPLES["change_company"]),
    "close_company 200": lambda http: act(http, "companies/NT047/close", EXAMPLES["close_company"]),
    "reopen_company 200": lambda http: act(
        http, "companies/NT047/reopen", EXAMPLES["reopen_company"]
    ),
    "add_client 201": lambda http: make(http, "clients", "add_client"),
    "list_clients 200": lambda http: client_of(http) and http.get(f"{BASE}clients/"),
    "get_client 200": lambda http: http.get(f"{BASE}{client_of(http)}/"),
    "change_client 200": lambda http: change(http, client_of(http), EXAMPLES["change_client"]),
    "change_client_key 201": lambda http: act(http, f"{client_of(http)}/key"),
    "revoke_client 200": lambda http: act(http, f"{client_of(http)}/revoke"),
    "add_grant 201": lambda http: make(http, "grants", "add_grant"),
    "list_grants 200": lambda http: (
        make(http, "grants", "add_grant") and http.get(f"{BASE}grants/")
    ),
    "add_quota 201": lambda http: make(http, "quotas", "add_quota"),
    "list_quotas 200": lambda http: quota_of(http) and http.get(f"{BASE}quotas/"),
    "get_managed_quota 200": lambda http: http.get(f"{BASE}{quota_of(http)}/"),
    "change_quota 200": lambda http: change(http, quota_of(http), EXAMPLES["change_quota"]),
}
ANSWERS: dict[str, Callable[[Integrator], Any]] = {
    "extract 200": extracted,
    "extract 202": lambda us: us.http.post("/extract", form()),
    "extract 400": lambda us: us.http.post("/extract", form(companyID="")),
    "extract 402": unpaid,
    "extract 403": elsewhere,
    "extract 415": lambda us: us.http.post("/extract", form(file=upload(b"no invoice"))),
    "extract 422": lambda us: us.http.post("/extract", form(file=upload(b"%PDF-1.7\n"))),
    "submit 202": lambda us: us.http.post(EXTRACTIONS, form()),
    "list_extractions 200": lambda us: read() and us.http.get(EXTRACTIONS),
    "list_extractions 400": lambda us: us.http.get(EXTRACTIONS, {"state": "lost"}),
    "list_extractions 401": stranger,
    "get_extraction 200": lambda us: us.http.get(f"{EXTRACTIONS}{read().pk}/"),
    "get_extraction 404": lambda us: us.http.get(f"{EXTRACTIONS}{uuid.uuid4()}/"),
    "correct 200": lambda us: patched(us, IF_MATCH),
    "correct 412": lambda us: patched(us, {"If-Match": '"7-succeeded"'}),
    "correct 428": lambda us: patched(us, {}),
    "approve 200": lambda us: posted(us, read(), "approve", {"anyway": True}),
    "reject 200": lambda us: posted(us, read(), "reject", {"reason": "Not ours."}),
    "retry 202": lambda us: posted(us, failed(), "retry"),
    "retry 409": lambda us: posted(us, read(), "retry"),
    "cancel 200": lambda us: posted(us, make_extraction(), "cancel"),
    "cancel 409": lambda us: posted(us, read(), "cancel"),
    "submit_batch 202": batch,
    "get_batch 200": lambda us: us.http.get(batch(us).json()["address"]),
    "list_companies 200": lambda us: us.http.get("/api/v1/companies/"),
    "get_usage 200": with_usage,
    "get_quota 200": with_quotas,
    "add_webhook 201": webhook,
    "list_webhooks 200": lambda us: webhook(us) and us.http.get("/api/v1/webhooks/"),
    **{name: to_staff(ask) for name, ask in MANAGED.items()},
}


def plain(value: Any) -> Any:
    """An answer with one id, one time and one secret in place of all."""
    match value:
        case dict():
            return {
                name: _SHOWN[name] if of and type(of) is type(_SHOWN.get(name)) else plain(of)
                for name, of in value.items()
            }
        case list():
            return [plain(each) for each in value]
        case str():
            dated = _TIME.sub(f"{NOON:%Y-%m-%dT%H:%M:%SZ}", _UUID.sub(_ID, value))
            return _SECRET.sub("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", dated)
        case _:
            return value


def stored() -> dict[str, dict[str, Any]]:
    examples: dict[str, dict[str, Any]] = json.loads(FILE.read_text("utf-8"))
    return examples


@pytest.mark.parametrize("name", ANSWERS)
def test_example_is_what_is_answered(
    name: str, integrator: Integrator, token: TokenMaster, data_dir: Path, settings: Settings
) -> None:
    settings.EXTRACT_WAIT_SECONDS = 0
    settings.WEBHOOK_HOSTS = ["erp.example.com"]
    operation, status = name.split()

    with time_machine.travel(NOON, tick=False):
        response = ANSWERS[name](integrator)

    assert str(response.status_code) == status
    answered = plain(response.json())
    examples = stored()
    if os.environ.get("EXAMPLES") == "write":
        examples.setdefault(operation, {})[status] = answered
        FILE.write_text(json.dumps(examples, indent=1, ensure_ascii=False) + "\n", "utf-8")
    assert examples[operation][status] == answered


def test_every_example_is_answered_and_as_described() -> None:
    stored_ = {f"{operation} {status}" for operation, of in stored().items() for status in of}
    shown = {}
    for methods in openapi()["paths"].values():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                content = answer.get("content", {}).get("application/json", {})
                if "example" in content:
                    shown[f"{operation['operationId']} {status}"] = content

    assert stored_ == set(ANSWERS) == set(shown)
    for name, content in shown.items():
        schema = {**content["schema"], "components": openapi()["components"]}
        problems = [
            each.message for each in Draft202012Validator(schema).iter_errors(content["example"])
        ]
        assert problems == [], name
