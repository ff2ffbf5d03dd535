"""The OpenAPI description: for programs, for people, and what a change of it asks for."""

import hashlib
import json
from http import HTTPStatus

import pytest
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from extraction.api.descriptions import FIELDS
from extraction.api.reference import Kind, Type, operations, shapes, type_of
from extraction.api.schema import openapi, written
from tests.extraction.conftest import Integrator
from tests.running_site import ROOT

URL = "/api/schema/"


def test_description_is_served_to_those_who_prove_who_they_are(
    integrator: Integrator, signed_in: Client
) -> None:
    for client in (integrator.http, signed_in):
        response = client.get(URL)
        assert response.status_code == HTTPStatus.OK
        assert response.json()["openapi"].startswith("3.1")
        again = client.get(URL, headers={"If-None-Match": response["ETag"]})
        assert again.status_code == HTTPStatus.NOT_MODIFIED
    assert APIClient().get(URL).status_code == HTTPStatus.UNAUTHORIZED
    assert Client().get("/api/docs/")["Location"] == "/login/?next=/api/docs/"


def test_everybody_may_read_it_where_that_is_set(db: None, settings: Settings) -> None:
    settings.API_DOCS_PUBLIC = True

    assert APIClient().get(URL).status_code == HTTPStatus.OK
    assert Client().get("/api/docs/").status_code == HTTPStatus.OK


def test_page_names_every_operation_and_leads_to_every_shape(signed_in: Client) -> None:
    page = signed_in.get("/api/docs/").content.decode()

    for operation in operations(openapi()):
        assert f'id="{operation.id}"' in page
        assert f"{operation.method} {operation.path}" in page
    for shape in shapes(openapi()):
        assert f'id="shape-{shape.name}"' in page
        assert f'href="#shape-{shape.name}"' in page
    assert "Example of 202" in page
    assert "&quot;status&quot;: &quot;pending&quot;" in page


def test_every_route_of_the_api_is_described() -> None:
    assert set(openapi()["paths"]) == {
        "/extract",
        "/api/v1/batches/",
        "/api/v1/batches/{batch_id}/",
        "/api/v1/companies/",
        "/api/v1/exports/{format_name}/",
        "/api/v1/extractions/",
        "/api/v1/extractions/{extraction_id}/",
        "/api/v1/extractions/{extraction_id}/approve/",
        "/api/v1/extractions/{extraction_id}/cancel/",
        "/api/v1/extractions/{extraction_id}/pages/{number}",
        "/api/v1/extractions/{extraction_id}/reject/",
        "/api/v1/extractions/{extraction_id}/retry/",
        "/api/v1/manage/clients/",
        "/api/v1/manage/clients/{client}/",
        "/api/v1/manage/clients/{client}/key/",
        "/api/v1/manage/clients/{client}/revoke/",
        "/api/v1/manage/companies/",
        "/api/v1/manage/companies/{company_id}/",
        "/api/v1/manage/companies/{company_id}/close/",
        "/api/v1/manage/companies/{company_id}/reopen/",
        "/api/v1/manage/grants/",
        "/api/v1/manage/grants/{grant_id}/",
        "/api/v1/manage/quotas/",
        "/api/v1/manage/quotas/{quota_id}/",
        "/api/v1/manage/tokens/",
        "/api/v1/manage/tokens/{token_id}/",
        "/api/v1/manage/tokens/{token_id}/key/",
        "/api/v1/quota/",
        "/api/v1/usage/",
        "/api/v1/webhooks/",
        "/api/v1/webhooks/{endpoint_id}/",
    }


def test_changelog_names_the_description_as_it_is() -> None:
    """A change of it is told to integrators before it is released."""
    digest = hashlib.sha256(written()).hexdigest()[:12]
    unreleased = (ROOT / "CHANGELOG.md").read_text().split("\n## ")[1]

    assert f"`{digest}`" in unreleased, f"tell the change in CHANGELOG.md, with `{digest}`"


def test_every_post_takes_an_idempotency_key() -> None:
    for path, methods in openapi()["paths"].items():
        if "post" in methods:
            names = {each["name"] for each in methods["post"]["parameters"]}
            assert "Idempotency-Key" in names, path


def test_every_field_of_the_management_api_and_every_sent_example_is_there() -> None:
    shapes_ = openapi()["components"]["schemas"]
    for path, methods in openapi()["paths"].items():
        for operation in methods.values() if "/manage/" in path else ():
            content = operation.get("requestBody", {}).get("content", {})
            for body in content.values():
                assert body["examples"], operation["operationId"]
                shape = shapes_[body["schema"]["$ref"].rpartition("/")[2]]
                for name, field in shape["properties"].items():
                    assert field.get("description"), f"{operation['operationId']}: {name}"


def test_every_parameter_and_field_says_what_it_is() -> None:
    silent = [
        f"{shape}.{name}"
        for shape, described in openapi()["components"]["schemas"].items()
        for name, said in described.get("properties", {}).items()
        if not said.get("description")
    ]
    for path, methods in openapi()["paths"].items():
        for method, operation in methods.items():
            for parameter in operation.get("parameters", ()):
                if not parameter.get("description"):
                    silent.append(f"{method} {path}: {parameter['name']}")

    assert silent == []
    assert "Stable, for programs." in json.dumps(openapi())


def test_every_description_is_used() -> None:
    """What the models describe themselves is not described a second time."""
    shapes_ = openapi()["components"]["schemas"]
    told = {
        text
        for shape in shapes_.values()
        for text in (said["description"] for said in shape.get("properties", {}).values())
    }
    for methods in openapi()["paths"].values():
        for operation in methods.values():
            told |= {each["description"] for each in operation.get("parameters", ())}

    assert {name for name, text in FIELDS.items() if text not in told} == set()


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "string"}, Type((Kind("string"),))),
        ({"type": "string", "format": "date"}, Type((Kind("date (ISO 8601)"),))),
        ({"type": ["string", "null"]}, Type((Kind("string"),), nullable=True)),
        (
            {"anyOf": [{"$ref": "#/x/Party"}, {"type": "null"}]},
            Type((Kind("", "Party"),), nullable=True),
        ),
        (
            {"type": "object", "additionalProperties": {"$ref": "#/x/Evidence"}},
            Type((Kind("map to", "Evidence"),)),
        ),
        ({"type": "array", "items": {"$ref": "#/x/Call"}}, Type((Kind("list of", "Call"),))),
        ({"enum": ["ok", "error"]}, Type((Kind("ok, error"),))),
        ({}, Type((Kind("any"),))),
    ],
    ids=["string", "date", "nullable", "shape or null", "map", "list", "choices", "any"],
)
def test_type_is_told_in_words(schema: dict[str, object], told: Type) -> None:
    assert type_of(schema) == told
