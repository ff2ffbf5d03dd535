"""Clients of every kind, and rows for their requests, in the database of a running site.

Run there: ``manage.py shell -c "from tests.extraction.api.served_rows import make; make()"``.
"""

import json
import sys
import uuid
from typing import Any

from django.contrib.auth.models import User

from extraction.api.schema import openapi
from extraction.documents.intake import folder_of
from extraction.models import ApiClient, CompanyGrant, Extraction, Scope, State, WebhookEvent
from extraction.models.access import EVERY_SCOPE
from extraction.webhooks import endpoints
from tests.extraction.factories import make_extraction
from tests.extraction.sample_invoices import make_invoice
from tests.tokens.rows import make_company, make_quota, make_token
from tokens.models import Provider
from tokens.periods import Period

COMPANY = "NT047"
HOOKS = "https://hooks.example.com/"
# By the name of the client; "nobody" sends no key.
SCOPES = {**{str(scope): str(scope) for scope in Scope.values}, "every": EVERY_SCOPE}
CALLERS = ("nobody", *SCOPES)
# In which an operation does something.
STATES = {"retry": State.FAILED, "cancel": State.QUEUED}


def make() -> None:
    """Print the keys by client, and what addresses name by client and operation, as JSON."""
    make_token("none", provider=Provider.OFFLINE)
    keys, labels = {}, {"nobody": "user:0"}
    manager = None
    for name, scopes in SCOPES.items():
        client, keys[name] = ApiClient.objects.create_key(name=name, scopes=scopes)
        assert isinstance(client, ApiClient)
        client.companies.create(company_id=COMPANY)
        labels[name] = f"client:{client.prefix}"
        manager = client if name == Scope.MANAGE else manager
    named = {
        caller: {
            f"{method} {path}": (
                _managed(path, manager if caller == Scope.MANAGE else None)
                if "/manage/" in path
                else _arguments(path, labels[caller])
            )
            for path, methods in openapi()["paths"].items()
            for method in methods
        }
        for caller in CALLERS
    }
    json.dump({"keys": keys, "named": named}, sys.stdout)


def _arguments(path: str, label: str) -> dict[str, Any]:
    """What the address of an operation names: rows that this caller owns, and no other operation.

    Those of operations without one in their address are left out.
    """
    found: dict[str, Any] = {"number": 1, "format_name": "csv"}
    if "{extraction_id}" in path or "{batch_id}" in path:
        extraction = _extraction(STATES.get(path.split("/")[-2], State.SUCCEEDED), label)
        found |= {"extraction_id": str(extraction.pk), "batch_id": str(extraction.batch)}
    if "{endpoint_id}" in path:
        endpoint, _ = endpoints.add(
            company_id=COMPANY, url=HOOKS, events=[WebhookEvent.FAILED], by=label, client=label
        )
        found["endpoint_id"] = str(endpoint.pk)
    return {name: value for name, value in found.items() if f"{{{name}}}" in path}


def _managed(path: str, manager: ApiClient | None) -> dict[str, Any]:
    """What an address of the management API names: of a company of this operation, where it may."""
    if manager is None:
        named: dict[str, Any] = {
            **{"token_id": 1, "company_id": COMPANY, "client": "abcdefgh"},
            **{"grant_id": 1, "quota_id": 1},
        }
    else:
        company = make_company(f"M{uuid.uuid4().hex[:8]}")
        manager.companies.create(company_id=company.pk)
        client, _ = ApiClient.objects.create_key(name="managed")
        assert isinstance(client, ApiClient)
        client.companies.create(company_id=company.pk)
        user = User.objects.create_user(f"user-{company.pk}")
        named = {
            "token_id": make_token(f"AIza-{uuid.uuid4().hex}", company_id=company.pk).pk,
            "company_id": company.pk,
            "client": client.prefix,
            "grant_id": CompanyGrant.objects.create(user=user, company_id=company.pk).pk,
            "quota_id": make_quota(company, Period.DAILY, 1_000_000).pk,
        }
    return {name: value for name, value in named.items() if f"{{{name}}}" in path}


def _extraction(state: State, label: str) -> Extraction:
    succeeded = state == State.SUCCEEDED
    extraction = make_extraction(
        company_id=COMPANY,
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
