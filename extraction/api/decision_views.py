"""What programs decide about an extraction: approve, reject, cancel and retry.

Each is done once for an Idempotency-Key.
"""

import json
from collections.abc import Callable
from http import HTTPStatus
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from extraction import idempotency, outcomes, submission
from extraction.access import principal_of, visible_extraction
from extraction.api import documentation
from extraction.api.bodies import BoundedJSONParser
from extraction.api.representations import representation
from extraction.api.review import ApprovalInput, RejectionInput, edit_in, seen_version, told
from extraction.api.views import POLL_AFTER, ApiView, idempotency_key, with_etag
from extraction.exceptions import NotRetried, UnderWay
from extraction.models import Extraction
from extraction.review import decisions


class ApproveView(ApiView):
    """The decision that an invoice is right."""

    parser_classes = (BoundedJSONParser,)

    @documentation.approval
    def post(self, request: Request, extraction_id: UUID) -> Response:
        """Store it with the changes sent; 409 where its values contradict each other."""
        extraction = visible_extraction(request, extraction_id)
        form = ApprovalInput(data=request.data)
        form.is_valid(raise_exception=True)
        by, anyway = principal_of(request), form.validated_data["anyway"]

        def approve() -> None:
            version = seen_version(request, extraction)
            edit = edit_in(form.validated_data)
            decisions.approve(extraction, edit, by=by, version=version, anyway=anyway)

        with told():
            _once(approve, request, extraction, form.validated_data)
        return with_etag(extraction)


class RejectView(ApiView):
    """The decision that an invoice is not to be used."""

    parser_classes = (BoundedJSONParser,)

    @documentation.rejection
    def post(self, request: Request, extraction_id: UUID) -> Response:
        """Store it with its reason."""
        extraction = visible_extraction(request, extraction_id)
        form = RejectionInput(data=request.data)
        form.is_valid(raise_exception=True)
        reason, by = form.validated_data["reason"], principal_of(request)

        def reject() -> None:
            version = seen_version(request, extraction)
            decisions.reject(extraction, reason, by=by, version=version)

        with told():
            _once(reject, request, extraction, form.validated_data)
        return with_etag(extraction)


class CancelView(ApiView):
    """The end of what no process has taken."""

    @documentation.cancellation
    def post(self, request: Request, extraction_id: UUID) -> Response:
        """Cancel it; 409 once it is being read, or has ended."""
        extraction = visible_extraction(request, extraction_id)

        def cancel() -> None:
            if not outcomes.cancel(extraction, by=principal_of(request)):
                raise UnderWay

        _once(cancel, request, extraction)
        return with_etag(visible_extraction(request, extraction_id))


class RetryView(ApiView):
    """A failed extraction, once more."""

    @documentation.retry
    def post(self, request: Request, extraction_id: UUID) -> Response:
        """Queue it again and answer 202; 409 when it has not failed or its document is gone."""
        extraction = visible_extraction(request, extraction_id)

        def retry() -> None:
            if not submission.retry(extraction, by=principal_of(request)):
                raise NotRetried(document_removed=extraction.files_removed_at is not None)

        _once(retry, request, extraction)
        extraction.refresh_from_db()
        body = representation(extraction)
        headers = {"Location": body["extraction"], "Retry-After": str(POLL_AFTER)}
        return Response(body, status=HTTPStatus.ACCEPTED, headers=headers)


def _once(
    act: Callable[[], None], request: Request, extraction: Extraction, asked: object = None
) -> None:
    """Do what a POST asks for, unless its Idempotency-Key did so already."""
    idempotency.once(
        act,
        client=principal_of(request).label,
        key=idempotency_key(request),
        request=f"{request.path} {json.dumps(asked, sort_keys=True)}",
        extraction=extraction,
    )
