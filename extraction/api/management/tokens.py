"""The providers' keys. A key comes in, is stored encrypted, and never goes out."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from extraction.api.management import documentation
from extraction.api.management.base import (
    ManagementView,
    asked,
    change,
    checked,
    etag,
    filled,
    once,
    one,
)
from extraction.api.management.inputs import KeyChangeInput, KeyRotationInput, NewKeyInput
from extraction.api.management.manager import Manager, manager_of
from ocrsite.lib import audit
from ocrsite.lib.audit import Action
from ocrsite.lib.audited_admin import record_form
from tokens.forms import TokenForm
from tokens.key_entry import TOLD_BY_CHANGES, save_entered
from tokens.models import DEFAULT_THRESHOLD, TokenMaster, TokenUsageSummary, by_client


class KeysView(ManagementView):
    """The keys of the caller's companies."""

    @documentation.keys
    def get(self, request: Request) -> Response:
        """Answer them, masked."""
        rows = manager_of(request).tokens()
        if company := asked(request, "company").get("company"):
            rows = rows.filter(company_id=company)
        return Response({"results": [told(token) for token in rows]})

    @documentation.new_key
    def post(self, request: Request) -> Response:
        """Add one, to be called at once."""
        manager, values = manager_of(request), checked(NewKeyInput, request)
        values["company_id"] = manager.require(values["company_id"])

        def make() -> str:
            token = TokenMaster()
            _enter(token, values, manager)
            return str(token.pk)

        pk, _ = once(request, manager, make)
        return _answer(one(manager.tokens(), pk=pk), HTTPStatus.CREATED)


class KeyView(ManagementView):
    """One key."""

    @documentation.key
    def get(self, request: Request, token_id: int) -> Response:
        """Answer it, masked."""
        return _answer(one(manager_of(request).tokens(), pk=token_id))

    @documentation.key_change
    def patch(self, request: Request, token_id: int) -> Response:
        """Change limit, threshold, status and the rest: never the key, and never whose it is."""
        manager = manager_of(request)
        one(manager.tokens(), pk=token_id)
        values = checked(KeyChangeInput, request)
        change(
            request,
            lambda: _locked(manager, token_id),
            _etag,
            lambda token: _enter(token, values, manager),
        )
        return _answer(one(manager.tokens(), pk=token_id))


class KeyRotationView(ManagementView):
    """The key in the place of the stored one."""

    @documentation.key_rotation
    def post(self, request: Request, token_id: int) -> Response:
        """Store it: calls from now on are made with it."""
        manager = manager_of(request)
        one(manager.tokens(), pk=token_id)
        values = checked(KeyRotationInput, request)

        def make() -> str:
            _enter(_locked(manager, token_id), values, manager)
            return str(token_id)

        once(request, manager, make)
        return _answer(one(manager.tokens(), pk=token_id))


def told(token: TokenMaster) -> dict[str, Any]:
    """Return a key as the API tells it: masked."""
    return {
        "token_id": token.pk,
        "company_id": token.company_id,
        "masked_key": token.masked_key,
        **_settings(token),
        "status": token.effective_status,
        "status_reason": token.status_reason,
        "used": token.used,
        "reserved": token.unspent - token.free,
        "remaining": token.unspent,
        "created_at": token.created_at,
    }


def _settings(token: TokenMaster) -> dict[str, Any]:
    has_summary = hasattr(token, "summary")
    names = (
        *("company_name", "provider", "total_token_limit", "model", "project"),
        *("max_concurrent_calls", "requests_per_minute", "expires_at"),
    )
    return {
        **{name: getattr(token, name) for name in names},
        "threshold": token.summary.threshold if has_summary else DEFAULT_THRESHOLD,
    }


def _etag(token: TokenMaster) -> str:
    return etag({**_settings(token), "status": token.status, "key": token.key_fingerprint})


def _answer(token: TokenMaster, status: int = HTTPStatus.OK) -> Response:
    return Response(told(token), status=status, headers={"ETag": _etag(token)})


def _locked(manager: Manager, token_id: int) -> TokenMaster:
    """Return a key whose totals are locked, as by whatever else changes keys."""
    TokenUsageSummary.objects.lock(token_id)
    found: TokenMaster = one(manager.tokens(), pk=token_id)
    return found


def _enter(token: TokenMaster, values: Mapping[str, Any], manager: Manager) -> None:
    """Make or change a key as in the admin, and record it. Raises ValidationError."""
    action = Action.ADDED if token._state.adding else Action.CHANGED
    sent = {("new_key" if name == "key" else name): value for name, value in values.items()}
    form = filled(TokenForm, token, sent)
    save_entered(token, form, by=by_client(manager.client.name))
    what = audit.row(token)
    record_form(form, action, who=manager.who, what=what, left_out=TOLD_BY_CHANGES)
