"""``GET /api/v1/quota/``: what the caller's companies and their keys may still spend."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Q
from django.http import QueryDict
from rest_framework.exceptions import ValidationError

from extraction.access import Principal
from tokens import quotas
from tokens.costs import amount_of
from tokens.models import Quota, TokenMaster
from tokens.models.quota import Unit
from tokens.periods import Period
from tokens.quotas import QuotaState


def quota_answer(parameters: QueryDict, principal: Principal) -> dict[str, Any]:
    """Return the quotas of the caller's companies, or of one of them. Raises ValidationError."""
    if unknown := [name for name in parameters if name != "company"]:
        raise ValidationError({name: ["is no parameter of quota."] for name in unknown})
    if len(asked := parameters.getlist("company")) > 1:
        raise ValidationError({"company": ["must be given once."]})
    company_ids = principal.company_ids()
    if asked and asked[0]:
        if asked[0] not in principal.companies():
            raise ValidationError({"company": ["is none of your companies."]})
        company_ids = asked
    return {"results": [*_of_companies(company_ids), *_of_keys(company_ids)]}


def _of_companies(company_ids: Sequence[str] | None) -> list[dict[str, Any]]:
    """The quotas that renew: those of companies first, then those of keys."""
    rows = Quota.objects.all()
    if company_ids is not None:
        rows = rows.filter(Q(company__in=company_ids) | Q(token__company_id__in=company_ids))
    found = sorted(quotas.states(rows), key=lambda state: (bool(state.quota.token), state.quota.pk))
    return [_renewing(state) for state in found]


def _of_keys(company_ids: Sequence[str] | None) -> list[dict[str, Any]]:
    """What each key may spend in its whole life."""
    tokens = TokenMaster.objects.select_related("summary").order_by("company_id", "token_id")
    if company_ids is not None:
        tokens = tokens.filter(company_id__in=company_ids)
    return [
        {
            "company_id": token.company_id,
            "token_id": token.pk,
            "period": Period.TOTAL,
            "unit": Unit.TOKENS,
            "currency": None,
            "limit": token.total_token_limit,
            "used": token.used,
            "reserved": token.unspent - token.free,
            "remaining": token.unspent,
            "starts_at": None,
            "resets_at": None,
        }
        for token in tokens
    ]


def _renewing(state: QuotaState) -> dict[str, Any]:
    quota = state.quota
    return {
        "company_id": quota.token.company_id if quota.token else quota.company_id,
        "token_id": quota.token_id,
        "period": quota.period,
        "unit": quota.unit,
        "currency": quota.currency or None,
        **{
            name: told(quota, getattr(state, name))
            for name in ("limit", "used", "reserved", "remaining")
        },
        "starts_at": state.starts_at if state.resets_at else None,
        "resets_at": state.resets_at,
    }


def told(quota: Quota, amount: int) -> int | str:
    """Return LLM tokens as they are; money as the decimal number that costs are told as."""
    return f"{amount_of(amount).normalize():f}" if quota.currency else amount
