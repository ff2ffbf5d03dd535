"""The OpenAPI description of the management API: what stands in its views' decorators."""

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema

from extraction.api.documentation import IDEMPOTENCY_KEY, answers
from extraction.api.management.answers import (
    ClientWithKey,
    Grant,
    Grants,
    ManagedClient,
    ManagedClients,
    ManagedCompanies,
    ManagedCompany,
    ManagedKey,
    ManagedKeys,
    ManagedQuota,
    ManagedQuotas,
)
from extraction.api.management.inputs import (
    ClientChangeInput,
    ClientKeyInput,
    CompanyChangeInput,
    GrantInput,
    KeyChangeInput,
    KeyRotationInput,
    NewClientInput,
    NewCompanyInput,
    NewKeyInput,
    NewQuotaInput,
    QuotaChangeInput,
    WhyInput,
)

F = TypeVar("F", bound=Callable[..., Any])

# What is sent in the examples, and what tests send.
EXAMPLES: dict[str, dict[str, Any]] = {
    "add_key": {
        "company_id": "NT047",
        "key": "AIza-the-key-of-the-provider",
        "total_token_limit": 2_000_000,
        "threshold": 100_000,
    },
    "change_key": {"total_token_limit": 5_000_000, "why": "More branches."},
    "rotate_key": {"key": "AIza-another-key-of-the-provider", "why": "Yearly change."},
    "add_company": {"company_id": "NT050", "name": "Rubi Traders", "time_zone": "Asia/Kathmandu"},
    "change_company": {"name": "Rubi Traders Ltd", "branches": ["Kathmandu", "Pokhara"]},
    "close_company": {"why": "The contract has ended."},
    "reopen_company": {"why": "There is a new contract."},
    "add_client": {
        "name": "ERP",
        "company_ids": ["NT047"],
        "scopes": ["submit", "read"],
        "allowed_networks": ["192.0.2.0/24"],
        "requests_per_minute": 120,
        "documents_at_a_time": 50,
        "expires_at": "2099-12-31T00:00:00Z",
    },
    "change_client": {"scopes": ["read", "usage"], "expires_at": None},
    "change_client_key": {"keep_days": 7},
    "add_quota": {"company_id": "NT047", "period": "monthly", "limit": 3_000_000},
    "change_quota": {"raised_by": 500_000, "raised_until": "2099-12-31T00:00:00Z", "why": "Peak."},
    "add_grant": {"username": "asha", "company_id": "NT047"},
}
_IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag of what the caller saw: it is changed only if it is still so.",
)
_COMPANY = OpenApiParameter("company", description="One of the caller's companies alone, by id.")


def _post(operation: str, summary: str, request: Any, found: dict[int, Any]) -> Callable[[F], F]:
    return extend_schema(
        operation_id=operation,
        summary=summary,
        request=request,
        parameters=[IDEMPOTENCY_KEY],
        responses=answers(found, 400, 403, 404, 409, 413, 415),
        examples=_examples(operation),
    )


def _patch(operation: str, summary: str, request: Any, found: Any, *wrong: int) -> Callable[[F], F]:
    return extend_schema(
        operation_id=operation,
        summary=summary,
        request=request,
        parameters=[_IF_MATCH],
        responses=answers({200: found}, 400, 403, 404, 412, 413, 415, *wrong),
        examples=_examples(operation),
    )


def _examples(operation: str) -> list[OpenApiExample]:
    if operation not in EXAMPLES:
        return []
    return [OpenApiExample(operation, value=EXAMPLES[operation], request_only=True)]


def _get(operation: str, summary: str, found: Any, **parameters: Any) -> Callable[[F], F]:
    return extend_schema(
        operation_id=operation,
        summary=summary,
        responses=answers({200: found}, 400, 403, 404),
        **parameters,
    )


keys = _get("list_keys", "The providers' keys, masked", ManagedKeys, parameters=[_COMPANY])
new_key = _post("add_key", "Add a provider's key", NewKeyInput, {201: ManagedKey})
key = _get("get_key", "One key, masked", ManagedKey)
key_change = _patch("change_key", "Change limit, status and more", KeyChangeInput, ManagedKey)
key_rotation = _post(
    "rotate_key", "Replace the stored key by another", KeyRotationInput, {200: ManagedKey}
)
companies = _get("list_managed_companies", "The caller's companies", ManagedCompanies)
new_company = _post("add_company", "Add a company", NewCompanyInput, {201: ManagedCompany})
company = _get("get_company", "One company", ManagedCompany)
company_change = _patch("change_company", "Change a company", CompanyChangeInput, ManagedCompany)
company_closing = _post("close_company", "Close a company", WhyInput, {200: ManagedCompany})
company_reopening = _post(
    "reopen_company", "Open a closed company again", WhyInput, {200: ManagedCompany}
)
clients = _get("list_clients", "The API clients", ManagedClients)
new_client = _post("add_client", "Make an API client", NewClientInput, {201: ClientWithKey})
client = _get("get_client", "One API client", ManagedClient)
client_change = _patch(
    "change_client", "Change an API client", ClientChangeInput, ManagedClient, 409
)
client_key = _post(
    "change_client_key", "Give a client another key", ClientKeyInput, {201: ClientWithKey}
)
client_revocation = _post("revoke_client", "Revoke a client for good", None, {200: ManagedClient})
quotas = _get("list_quotas", "The quotas that renew", ManagedQuotas)
new_quota = _post("add_quota", "Make a quota that renews", NewQuotaInput, {201: ManagedQuota})
managed_quota = _get("get_managed_quota", "One quota that renews", ManagedQuota)
quota_change = _patch("change_quota", "Change a quota", QuotaChangeInput, ManagedQuota)
quota_removal = extend_schema(
    operation_id="remove_quota",
    summary="Remove a quota",
    responses={204: OpenApiResponse(description="It is gone."), **answers({}, 403, 404)},
)
grants = _get(
    "list_grants",
    "Who may see which company",
    Grants,
    parameters=[_COMPANY, OpenApiParameter("username", description="The grants of one user.")],
)
new_grant = _post("add_grant", "Let a user see a company", GrantInput, {201: Grant})
grant_removal = extend_schema(
    operation_id="remove_grant",
    summary="Take a company from a user",
    responses={204: OpenApiResponse(description="It is gone."), **answers({}, 403, 404)},
)
