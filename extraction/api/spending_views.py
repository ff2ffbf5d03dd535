"""What the caller's companies spent, and what they may still spend."""

from django.contrib.auth.models import User
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from extraction.access import Principal, principal_of
from extraction.api import documentation
from extraction.api.quota import quota_answer
from extraction.api.usage import usage_answer
from extraction.api.views import ApiView
from extraction.models import Scope


class UsageView(ApiView):
    """The LLM tokens and the money that the caller's companies were charged."""

    @documentation.usage
    def get(self, request: Request) -> Response:
        """Answer the sums of a period, grouped as the parameters say."""
        principal = _who_may_see_usage(request)
        return Response(usage_answer(request.query_params, principal))


class QuotaView(ApiView):
    """What the caller's companies may still spend."""

    @documentation.quota
    def get(self, request: Request) -> Response:
        """Answer each quota as it stands."""
        principal = _who_may_see_usage(request)
        return Response(quota_answer(request.query_params, principal))


def _who_may_see_usage(request: Request) -> Principal:
    """Return who asks. Raises PermissionDenied and ScopeMissing for those who may not."""
    principal = principal_of(request)
    principal.demand_scope(Scope.USAGE)
    may_see = not isinstance(principal.actor, User) or principal.actor.has_perm(
        "tokens.view_tokenusagelog"
    )
    if not may_see:
        raise PermissionDenied("You may not see usage. Ask an administrator for it.")
    return principal
