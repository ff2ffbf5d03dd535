"""``/api/schema/`` and ``/api/docs/``: the OpenAPI description, for programs and for people.

Everybody may read them where API_DOCS_PUBLIC is set, else those who prove who they are.
"""

import hashlib
import json
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request

from extraction.api import documentation
from extraction.api.descriptions import describe
from extraction.api.examples import exemplify
from extraction.api.reference import operations, shapes
from extraction.api.views import ApiView

Endpoint = tuple[str, str, str, Any]


def without_aliases(endpoints: list[Endpoint]) -> list[Endpoint]:
    """Leave out the second spelling of an address (a hook of drf-spectacular's)."""
    return [endpoint for endpoint in endpoints if endpoint[0] != "/extract/"]


def complete(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Describe every field, and add examples (a hook of drf-spectacular's)."""
    return exemplify(describe(result))


@cache
def openapi() -> dict[str, Any]:
    """Return the description, made once in a process."""
    generator: Any = SchemaGenerator  # which has no types
    schema: dict[str, Any] = generator().get_schema(request=None, public=True)
    return schema


@cache
def written() -> bytes:
    """Return the description as it is served."""
    return json.dumps(openapi(), indent=2, ensure_ascii=False, default=str).encode() + b"\n"


@documentation.nothing
class SchemaView(ApiView):
    """The description for programs."""

    def get_permissions(self) -> list[Any]:
        """Ask who is asking, unless everybody may know."""
        return [AllowAny() if settings.API_DOCS_PUBLIC else IsAuthenticated()]

    def get(self, request: Request) -> HttpResponseBase | None:
        """Answer it as JSON, or 304 to who has it."""
        response = HttpResponse(written(), content_type="application/json")
        response["ETag"] = f'"{hashlib.sha256(written()).hexdigest()[:16]}"'
        return get_conditional_response(request._request, response["ETag"], response=response)


@login_not_required
@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """Show the description to people."""
    if not (settings.API_DOCS_PUBLIC or request.user.is_authenticated):
        return redirect_to_login(request.get_full_path())
    context = {"operations": operations(openapi()), "shapes": shapes(openapi())}
    return render(request, "extraction/api_docs.html", context)
