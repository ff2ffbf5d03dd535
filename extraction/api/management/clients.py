"""API clients of the caller's companies. A key is answered once, when it is made."""

from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from django.utils import timezone
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from extraction import clients
from extraction.api.management import documentation
from extraction.api.management.base import ManagementView, change, checked, etag, filled, once, one
from extraction.api.management.inputs import ClientChangeInput, ClientKeyInput, NewClientInput
from extraction.api.management.manager import Manager, manager_of
from extraction.client_admin import ApiClientForm
from extraction.idempotency import AlreadyMade
from extraction.models import ApiClient
from ocrsite.lib.audit import Action
from ocrsite.lib.audited_admin import record_form
from ocrsite.lib.errors import UserFacingError


class ClientsView(ManagementView):
    """The clients of the caller's companies."""

    @documentation.clients
    def get(self, request: Request) -> Response:
        """Answer them, without their keys."""
        rows = manager_of(request).clients().order_by("name", "prefix")
        return Response({"results": [told(client) for client in rows]})

    @documentation.new_client
    def post(self, request: Request) -> Response:
        """Make one, and answer it with its key, this once."""
        manager, values = manager_of(request), checked(NewClientInput, request)
        company_ids = _companies(values, manager)
        keys: list[str] = []

        def make() -> str:
            form = filled(ApiClientForm, ApiClient(), _entered(values))
            client = form.save(commit=False)
            keys.append(clients.create(client, company_ids, by=manager.who))
            what = clients.audited_as(client)
            record_form(form, Action.ADDED, who=manager.who, what=what)
            return str(client.prefix)

        prefix, is_new = once(request, manager, make)
        if not is_new:
            raise AlreadyMade(f"the client {prefix}")
        return _answer(_found(manager, prefix), HTTPStatus.CREATED, api_key=keys[-1])


class ClientView(ManagementView):
    """One client."""

    @documentation.client
    def get(self, request: Request, client: str) -> Response:
        """Answer it, without its keys."""
        return _answer(_found(manager_of(request), client))

    @documentation.client_change
    def patch(self, request: Request, client: str) -> Response:
        """Change what it may do, for which companies, from where and for how long."""
        manager = manager_of(request)
        _found(manager, client)
        values = checked(ClientChangeInput, request)
        company_ids = _companies(values, manager) if "company_ids" in values else None

        def act(row: ApiClient) -> None:
            _require_in_use(row)
            form = filled(ApiClientForm, row, _entered(values))
            row.save(update_fields=form.changed_data)
            what = clients.audited_as(row)
            record_form(form, Action.CHANGED, who=manager.who, what=what)
            if company_ids is not None:
                clients.bind(row, company_ids, by=manager.who)

        change(request, lambda: _locked(manager, client), _etag, act)
        return _answer(_found(manager, client))


class ClientKeyView(ManagementView):
    """Another key of a client."""

    @documentation.client_key
    def post(self, request: Request, client: str) -> Response:
        """Make it, and answer it this once; the latest so far is accepted for a while."""
        manager = manager_of(request)
        _found(manager, client)
        keep_for = timedelta(days=checked(ClientKeyInput, request)["keep_days"])
        keys: list[str] = []

        def make() -> str:
            row = _locked(manager, client)
            _require_in_use(row)
            keys.append(clients.change_key(row, keep_for=keep_for, by=manager.who))
            return client

        _, is_new = once(request, manager, make)
        if not is_new:
            raise AlreadyMade(f"another key of the client {client}")
        return _answer(_found(manager, client), HTTPStatus.CREATED, api_key=keys[-1])


class RevocationView(ManagementView):
    """The end of a client."""

    @documentation.client_revocation
    def post(self, request: Request, client: str) -> Response:
        """Revoke it for good; it may have been revoked before."""
        manager = manager_of(request)
        _found(manager, client)

        def make() -> str:
            clients.revoke(_locked(manager, client), by=manager.who)
            return client

        once(request, manager, make)
        return _answer(_found(manager, client))


def told(client: ApiClient) -> dict[str, Any]:
    """Return a client as the API tells it: without its keys."""
    return {
        **_settings(client),
        "client": client.prefix,
        "last_used_at": client.last_used_at,
        "created_at": client.created,
        "keys": [
            {"prefix": client.prefix, "expires_at": client.key_expires_at},
            *(
                {"prefix": key.prefix, "expires_at": key.expires_at}
                for key in sorted(client.keys.all(), key=lambda key: key.pk)
            ),
        ],
    }


def _settings(client: ApiClient) -> dict[str, Any]:
    return {
        "name": client.name,
        "scopes": client.scopes.split(),
        "company_ids": sorted(binding.company_id for binding in client.companies.all()),
        "allowed_networks": client.allowed_networks.split(),
        "requests_per_minute": client.requests_per_minute,
        "documents_at_a_time": client.documents_at_a_time,
        "expires_at": client.expiry_date,
        "revoked": client.revoked,
    }


def _etag(client: ApiClient) -> str:
    return etag(_settings(client))


def _answer(client: ApiClient, status: int = HTTPStatus.OK, **secret: str) -> Response:
    return Response({**told(client), **secret}, status=status, headers={"ETag": _etag(client)})


def _found(manager: Manager, prefix: str) -> ApiClient:
    found: ApiClient = one(manager.clients(), prefix=prefix)
    return found


def _locked(manager: Manager, prefix: str) -> ApiClient:
    """Return a client whose row is locked."""
    ApiClient.objects.select_for_update().filter(prefix=prefix).first()
    return _found(manager, prefix)


def _companies(values: dict[str, Any], manager: Manager) -> list[str]:
    """Take the companies out of what was sent. Raises PermissionDenied for another's."""
    return [manager.require(company_id) for company_id in values.pop("company_ids")]


def _entered(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was sent as the admin's form takes it. Raises ValidationError."""
    entered = dict(values)
    if "expires_at" in entered:
        entered["expiry_date"] = entered.pop("expires_at")
        if entered["expiry_date"] and entered["expiry_date"] <= timezone.now():
            raise ValidationError({"expires_at": ["This time has passed. Enter one to come."]})
    if "allowed_networks" in entered:
        entered["allowed_networks"] = "\n".join(entered["allowed_networks"])
    return entered


def _require_in_use(client: ApiClient) -> None:
    if client.revoked:
        raise UserFacingError(
            "client_revoked",
            HTTPStatus.CONFLICT.phrase,
            "This client is revoked for good. Make another one.",
            HTTPStatus.CONFLICT,
        )
