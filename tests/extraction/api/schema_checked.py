"""A client of the API whose every answer must be as the OpenAPI description says."""

import gzip
import json
import re
from typing import Any

from jsonschema import Draft202012Validator
from rest_framework.test import APIClient

from extraction.api.schema import openapi


class SchemaCheckedClient(APIClient):
    """Fails where an answer has a status or a shape that the description does not name."""

    def request(self, **kwargs: Any) -> Any:
        response = super().request(**kwargs)
        assert_described(kwargs["REQUEST_METHOD"], response)
        return response


def assert_described(method: str, response: Any) -> None:
    """Compare an answer with what is described for its address; others are not looked at."""
    match = getattr(response, "resolver_match", None)
    path = "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", match.route) if match else ""
    operations = openapi()["paths"].get(path.replace("/extract/", "/extract"), {})
    if method.lower() not in operations:
        return
    answers = operations[method.lower()]["responses"]
    assert str(response.status_code) in answers, f"{method} {path}: {response.status_code}"
    shape = answers[str(response.status_code)].get("content", {}).get("application/json")
    if shape is None:
        return
    assert response["Content-Type"] == "application/json"
    packed = response.get("Content-Encoding") == "gzip"
    body = json.loads(gzip.decompress(response.content) if packed else response.content)
    problems = [error.message for error in _validator(shape["schema"]).iter_errors(body)]
    assert problems == [], f"{method} {path} {response.status_code}: {problems}"


def _validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": openapi()["components"]})
