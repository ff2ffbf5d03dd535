"""``/api/v1/webhooks/``: an API client's own webhooks."""

import json
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.db import transaction
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from extraction import idempotency
from extraction.access import KnownClient, Principal, principal_of
from extraction.api import documentation
from extraction.api.bodies import BoundedJSONParser
from extraction.api.serializers import WebhookInput
from extraction.api.views import ApiView, idempotency_key
from extraction.idempotency import AlreadyMade
from extraction.models import ApiClient, Scope, WebhookEndpoint
from extraction.webhooks import endpoints
from extraction.webhooks.endpoints import InvalidEndpoint
from ocrsite.lib import audit
from ocrsite.lib.audit import Action
from ocrsite.lib.errors import DatabaseUnavailable

# Of one client.
MOST = 20


class WebhooksView(ApiView):
    """The webhooks of the client that asks."""

    parser_classes = (BoundedJSONParser,)

    @documentation.webhooks
    def get(self, request: Request) -> Response:
        """Answer them, without their secrets."""
        return Response({"results": [_told(each) for each in _own(principal_of(request))]})

    @documentation.new_webhook
    def post(self, request: Request) -> Response:
        """Add one for what this client sends, and answer it with its secret, this once."""
        principal = principal_of(request)
        own = _own(principal)
        form = WebhookInput(data=request.data)
        form.is_valid(raise_exception=True)
        values = form.validated_data
        if not principal.sees(values["company_id"]):
            raise PermissionDenied(
                "You may not act for this company. Check company_id, or ask for access to it.",
                code="company_not_allowed",
            )
        answer: dict[str, Any] = {}

        def add() -> str:
            if own.count() >= MOST:
                raise ValidationError({"url": [f"A client has at most {MOST} webhooks."]})
            with transaction.atomic():
                endpoint, secret = endpoints.add(
                    **values, by=principal.label, client=principal.label
                )
                audit.record(Action.ADDED, who=principal.who, what=audit.row(endpoint))
            answer.update(_told(endpoint), secret=secret)
            return str(endpoint.pk)

        try:
            before = idempotency.made_once(
                add,
                client=principal.label,
                key=idempotency_key(request),
                request=f"{request.path} {json.dumps(values, sort_keys=True)}",
            )
        except InvalidEndpoint as error:
            raise ValidationError({error.field: [str(error)]}) from error
        if before is not None:
            raise AlreadyMade(f"the webhook {before}")
        return Response(answer, status=HTTPStatus.CREATED)


class WebhookView(ApiView):
    """One webhook of the client that asks."""

    @documentation.webhook_deletion
    def delete(self, request: Request, endpoint_id: UUID) -> Response:
        """Remove it with its deliveries; what waits is not sent."""
        principal = principal_of(request)
        endpoint = _own(principal).filter(pk=endpoint_id).first()
        if endpoint is None:
            raise NotFound("There is no such webhook of yours.")
        with transaction.atomic():
            audit.record(Action.DELETED, who=principal.who, what=audit.row(endpoint))
            endpoint.delete()
        return Response(status=HTTPStatus.NO_CONTENT)


def _own(principal: Principal) -> Any:
    """The endpoints of a client. People have the admin for theirs."""
    if isinstance(principal.actor, KnownClient):
        raise DatabaseUnavailable
    if not isinstance(principal.actor, ApiClient):
        raise PermissionDenied("API clients manage their webhooks here; staff do it in the admin.")
    principal.demand_scope(Scope.SUBMIT)
    return WebhookEndpoint.objects.filter(client=principal.label).order_by("created_at", "pk")


def _told(endpoint: WebhookEndpoint) -> dict[str, Any]:
    return {
        "id": str(endpoint.pk),
        "company_id": endpoint.company_id,
        "url": endpoint.url,
        "events": endpoint.event_list,
        "enabled": endpoint.enabled,
        "disabled_reason": endpoint.disabled_reason,
        "failing_since": endpoint.failing_since,
        "last_success_at": endpoint.last_success_at,
        "created_at": endpoint.created_at,
    }
