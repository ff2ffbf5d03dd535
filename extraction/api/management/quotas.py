"""Quotas that renew: what a company with all its keys, or one key, may spend in each period."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.db import transaction
from rest_framework.exceptions import ValidationError
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
from extraction.api.management.inputs import NewQuotaInput, QuotaChangeInput
from extraction.api.management.manager import Manager, manager_of
from extraction.api.quota import told as amount
from ocrsite.lib import audit
from ocrsite.lib.audit import Action
from ocrsite.lib.audited_admin import record_form
from tokens import quota_changes, quotas
from tokens.models import Quota, by_client
from tokens.quota_forms import SingleQuotaForm
from tokens.quotas import QuotaState

_SETTINGS = ("period", "unit", "first_day", "raised_until")
_AMOUNTS = ("limit", "raised_by")


class QuotasView(ManagementView):
    """The quotas of the caller's companies and of their keys."""

    @documentation.quotas
    def get(self, request: Request) -> Response:
        """Answer them as they stand."""
        asked(request)
        found = quotas.states(manager_of(request).quotas())
        return Response({"results": [told(s) for s in sorted(found, key=lambda s: s.quota.pk)]})

    @documentation.new_quota
    def post(self, request: Request) -> Response:
        """Make one; what was used in its current period before counts."""
        manager, values = manager_of(request), checked(NewQuotaInput, request)
        whose = _whose(values, manager)

        def make() -> str:
            quota = Quota()
            _enter(quota, {**values, **whose}, manager)
            return str(quota.pk)

        pk, _ = once(request, manager, make)
        return _answer(manager, int(pk), HTTPStatus.CREATED)


class QuotaView(ManagementView):
    """One quota."""

    @documentation.managed_quota
    def get(self, request: Request, quota_id: int) -> Response:
        """Answer it as it stands."""
        return _answer(manager_of(request), quota_id)

    @documentation.quota_change
    def patch(self, request: Request, quota_id: int) -> Response:
        """Change limit, period or raise; whose it is never changes."""
        manager = manager_of(request)
        one(manager.quotas(), pk=quota_id)
        values = checked(QuotaChangeInput, request)
        change(
            request,
            lambda: Quota.objects.select_for_update().get(pk=quota_id),
            _etag,
            lambda quota: _enter(quota, values, manager),
        )
        return _answer(manager, quota_id)

    @documentation.quota_removal
    def delete(self, request: Request, quota_id: int) -> Response:
        """Remove it with its sums: nothing limits these periods any more."""
        manager = manager_of(request)
        quota = one(manager.quotas(), pk=quota_id)
        with transaction.atomic():
            audit.record(Action.DELETED, who=manager.who, what=audit.row(quota))
            quota_changes.remove_quota(quota=quota, by=by_client(manager.client.name))
        return Response(status=HTTPStatus.NO_CONTENT)


def told(state: QuotaState) -> dict[str, Any]:
    """Return a quota as the API tells it, with how it stands."""
    quota = state.quota
    return {
        "quota_id": quota.pk,
        "company_id": quota.token.company_id if quota.token else quota.company_id,
        "token_id": quota.token_id,
        **_settings(quota),
        **{n: amount(quota, getattr(state, n)) for n in ("used", "reserved", "remaining")},
        "resets_at": state.resets_at,
    }


def _settings(quota: Quota) -> dict[str, Any]:
    return {
        **{name: getattr(quota, name) for name in _SETTINGS},
        **{name: amount(quota, getattr(quota, name)) for name in _AMOUNTS},
        "currency": quota.currency or None,
    }


def _etag(quota: Quota) -> str:
    return etag(_settings(quota))


def _answer(manager: Manager, quota_id: int, status: int = HTTPStatus.OK) -> Response:
    quota = one(manager.quotas(), pk=quota_id)
    (state,) = quotas.states(Quota.objects.filter(pk=quota.pk))
    return Response(told(state), status=status, headers={"ETag": _etag(quota)})


def _whose(values: dict[str, Any], manager: Manager) -> dict[str, Any]:
    """Take out whose quota it is to be: a key's or a company's. Raises ValidationError."""
    company_id, token_id = values.pop("company_id", None), values.pop("token_id", None)
    if (company_id is None) == (token_id is None):
        raise ValidationError({"company_id": ["Send either company_id or token_id."]})
    if token_id is not None:
        return {"token": one(manager.tokens(), pk=token_id).pk}
    return {"company": one(manager.companies(), pk=manager.require(company_id)).pk}


def _enter(quota: Quota, values: Mapping[str, Any], manager: Manager) -> None:
    """Make or change a quota as in the admin, and record it. Raises ValidationError."""
    action = Action.ADDED if quota._state.adding else Action.CHANGED
    sent = {"currency": quota.currency, **values}
    currency = sent.pop("currency") or ""
    # The forms take amounts with their currency, as people write them.
    amounts = {name: f"{sent[name]} {currency}" for name in _AMOUNTS if name in sent}
    form = filled(SingleQuotaForm, quota, {**sent, **amounts})
    reason = form.cleaned_data["why"]
    quota_changes.save_quota(quota=quota, by=by_client(manager.client.name), reason=reason)
    record_form(form, action, who=manager.who, what=audit.row(quota))
