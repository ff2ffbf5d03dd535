"""The OpenAPI description of the endpoints: what stands in the views' decorators."""

from collections.abc import Mapping
from typing import Any, cast

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    PolymorphicProxySerializer,
    extend_schema,
)

from extraction.api.answers import (
    Companies,
    Envelope,
    Extraction,
    ExtractionsPage,
    ExtractProblem,
    NewWebhook,
    Problem,
    QuotaAnswer,
    ReadUnstored,
    UsageAnswer,
    Webhooks,
)
from extraction.api.batch_answers import Batch, SentBatch
from extraction.api.listing import ListForm
from extraction.api.review import ApprovalInput, EditInput, RejectionInput
from extraction.api.serializers import BatchInput, DocumentInput, ExtractionInput, WebhookInput
from extraction.api.usage import LONGEST_PERIOD
from extraction.exports.formats import WRITERS, Format
from tokens.usage_report import Group

_WRONG = {
    400: "The request is wrong.",
    401: "Nobody proved who is asking.",
    403: "The caller may not do this, or the company is closed.",
    404: "There is nothing here that the caller may see.",
    409: "What is asked contradicts what there is.",
    412: "It is not as the caller saw it.",
    428: "If-Match is missing.",
    429: "Too many attempts; Retry-After says when to try again.",
    500: "The service failed. Support finds the cause by the request id.",
    503: "The service cannot do it now; Retry-After says when to try again.",
}
_EXTRACTED = {
    402: "No key of the company can pay for it.",
    413: "The document or the form is too large.",
    415: "The document is of no accepted type.",
    422: "The document cannot be read.",
    502: "The model failed after every retry.",
    504: "The model took too long.",
}
_PREFER = OpenApiParameter(
    "Prefer",
    str,
    OpenApiParameter.HEADER,
    description="respond-async, or wait=N: at most N seconds.",
)
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="Kept for 24 hours: the same key and request are answered, and nothing done twice.",
)


_IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag of what the caller has.",
)
_UNCHANGED = OpenApiResponse(description="The caller has it as it is.")


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How API clients prove who they are."""

    target_class = "extraction.api.authentication.ApiClientAuthentication"
    name = "ApiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return the scheme."""
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Api-Key` and the key, with a blank between them.",
        }


def _either(name: str, *shapes: type) -> PolymorphicProxySerializer:
    proxy: Any = PolymorphicProxySerializer  # typed for DRF's serializers alone
    return cast(
        "PolymorphicProxySerializer",
        proxy(component_name=name, serializers=list(shapes), resource_type_field_name=None),
    )


# A document may be rejected, or have been recorded and have failed.
_FAILED = _either("SubmissionProblem", Problem, Extraction)


def answers(
    found: Mapping[int, Any], *statuses: int, problem: Any = Problem
) -> dict[int, OpenApiResponse]:
    """Return the answers of an operation: shapes by status, and the statuses of its errors."""
    words = {**_WRONG, **_EXTRACTED}
    return {
        **{status: OpenApiResponse(shape) for status, shape in found.items()},
        **{
            status: OpenApiResponse(problem, description=words[status])
            for status in sorted({401, 403, 429, 500, 503, *statuses})
        },
    }


_SELECTS = {
    "text": "Words of number, supplier, tax id or file name; or the total.",
    "company": "One of the caller's companies.",
    "state": "Where it stands.",
    "status": "As in the envelope.",
    "review": "needed, done (approved or rejected), or none needed.",
    "since": "First day of the invoice date.",
    "until": "Last day of the invoice date.",
    "branch": "The branch, in any case.",
    "requester": "A part of who asked.",
    "label": "key=value, or a key alone for every value of it.",
    "batch": "Those that were sent together, by the id of their batch.",
    "duplicates": "Whether the same bytes came before.",
    "received_since": "Time with an offset (ISO 8601), counted itself.",
    "received_before": "Time with an offset (ISO 8601), not counted itself.",
    "sort": "By time of receipt; - before it: the newest first, as without it.",
}


def _filters() -> list[OpenApiParameter]:
    """The parameters of the list, which has them from its form."""
    form = ListForm({}, companies={})
    return [
        OpenApiParameter(
            name,
            description=_SELECTS[name],
            enum=[value for value, _ in getattr(field, "choices", []) if value] or None,
        )
        for name, field in form.fields.items()
    ] + [
        OpenApiParameter("cursor", description="Part of the addresses of pages."),
        OpenApiParameter("page_size", int, description="1 to 200; 50 without it."),
    ]


_DOCUMENT: Any = {"multipart/form-data": ExtractionInput, "application/json": DocumentInput}
submission = extend_schema(
    operation_id="submit",
    summary="Submit a document",
    request=_DOCUMENT,
    parameters=[_PREFER, IDEMPOTENCY_KEY],
    responses={
        **answers(
            {200: _either("Submission", Extraction, ReadUnstored), 202: Extraction}, 400, 403
        ),
        **answers({}, 409, *_EXTRACTED, problem=_FAILED),
    },
)
extract = extend_schema(
    operation_id="extract",
    summary="Submit a document and wait for its result",
    request=_DOCUMENT,
    parameters=[_PREFER, IDEMPOTENCY_KEY],
    responses=answers(
        {200: _either("Extracted", Envelope, ReadUnstored), 202: Envelope},
        400,
        403,
        409,
        *_EXTRACTED,
        problem=ExtractProblem,
    ),
)
# A batch may be wrong as a whole, or each of its files may have been refused.
_NONE_TAKEN = _either("BatchProblem", Problem, SentBatch)
new_batch = extend_schema(
    operation_id="submit_batch",
    summary="Submit many documents",
    description="Each file is accepted or refused by itself. Where all were refused the status is "
    "the one that they share, or else 422.",
    request={"multipart/form-data": BatchInput},
    parameters=[IDEMPOTENCY_KEY],
    responses={
        **answers({202: SentBatch}, 400),
        **answers({}, 402, 403, 409, 413, 415, 422, 429, 503, problem=_NONE_TAKEN),
    },
)
batch = extend_schema(
    operation_id="get_batch",
    summary="How far a batch is",
    responses=answers({200: Batch}, 404),
)
listing = extend_schema(
    operation_id="list_extractions",
    summary="List extractions",
    parameters=_filters(),
    responses=answers({200: ExtractionsPage}, 400, 404),
)
extraction = extend_schema(
    operation_id="get_extraction",
    summary="One extraction",
    parameters=[_IF_NONE_MATCH],
    responses={304: _UNCHANGED, **answers({200: Extraction}, 404, 412)},
)
retry = extend_schema(
    operation_id="retry",
    summary="Read a failed or cancelled one again",
    request=None,
    parameters=[IDEMPOTENCY_KEY],
    responses=answers({202: Extraction}, 400, 403, 404, 409),
)
_IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="The ETag of the extraction as the caller saw it.",
)
correction = extend_schema(
    operation_id="correct",
    summary="Correct values",
    request={"application/json": EditInput},
    parameters=[_IF_MATCH],
    responses=answers({200: Extraction}, 400, 403, 404, 412, 413, 415, 428),
)
approval = extend_schema(
    operation_id="approve",
    summary="Approve an invoice",
    request={"application/json": ApprovalInput},
    parameters=[_IF_MATCH, IDEMPOTENCY_KEY],
    responses=answers({200: Extraction}, 400, 403, 404, 409, 412, 413, 415, 428),
)
rejection = extend_schema(
    operation_id="reject",
    summary="Reject an invoice",
    request={"application/json": RejectionInput},
    parameters=[_IF_MATCH, IDEMPOTENCY_KEY],
    responses=answers({200: Extraction}, 400, 403, 404, 409, 412, 413, 415, 428),
)
cancellation = extend_schema(
    operation_id="cancel",
    summary="Cancel what no process has taken",
    request=None,
    parameters=[IDEMPOTENCY_KEY],
    responses=answers({200: Extraction}, 400, 403, 404, 409),
)
deletion = extend_schema(
    operation_id="delete",
    summary="Delete an extraction",
    responses={204: None, **answers({}, 403, 404, 409)},
)
page = extend_schema(
    operation_id="get_page",
    summary="The image of a page",
    parameters=[_IF_NONE_MATCH],
    responses={
        (200, "image/jpeg"): OpenApiTypes.BINARY,
        304: _UNCHANGED,
        **answers({}, 404, 412),
    },
)
export = extend_schema(
    operation_id="export",
    summary="Export invoices as one file",
    parameters=[
        OpenApiParameter(
            "format_name",
            location=OpenApiParameter.PATH,
            enum=Format.values,
            description="Of file.",
        ),
        OpenApiParameter("profile", description="Name or id of a profile of columns (csv, xlsx)."),
        *(one for one in _filters() if one.name not in ("sort", "cursor", "page_size")),
    ],
    responses={
        **{
            (200, writer.content_type.partition(";")[0]): OpenApiTypes.BINARY
            for writer in WRITERS.values()
        },
        **answers({}, 400, 403, 404, 422),
    },
)
companies = extend_schema(
    operation_id="list_companies",
    summary="The companies that the caller may act for",
    responses=answers({200: Companies}),
)
usage = extend_schema(
    operation_id="get_usage",
    summary="LLM tokens and money that were charged",
    parameters=[
        OpenApiParameter(
            "since", OpenApiTypes.DATE, description="First day, in each company's zone."
        ),
        OpenApiParameter(
            "until",
            OpenApiTypes.DATE,
            description=f"Last day, counted; at most {LONGEST_PERIOD} days in all.",
        ),
        OpenApiParameter(
            "group_by",
            description=f"Some of {', '.join(Group)}, label:KEY (once); commas between.",
        ),
        OpenApiParameter("company", description="One of the caller's alone."),
    ],
    responses=answers({200: UsageAnswer}, 400, 403),
)
quota = extend_schema(
    operation_id="get_quota",
    summary="What may still be spent",
    parameters=[OpenApiParameter("company", description="One of the caller's alone.")],
    responses=answers({200: QuotaAnswer}, 400, 403),
)
nothing = extend_schema(exclude=True)


webhooks = extend_schema(
    operation_id="list_webhooks",
    summary="The webhooks of this client",
    responses=answers({200: Webhooks}, 403),
)
new_webhook = extend_schema(
    operation_id="add_webhook",
    summary="Add a webhook for what this client sends",
    request=WebhookInput,
    parameters=[IDEMPOTENCY_KEY],
    responses=answers({201: NewWebhook}, 400, 403, 409),
)
webhook_deletion = extend_schema(
    operation_id="delete_webhook",
    summary="Remove a webhook",
    responses={204: OpenApiResponse(description="It is gone."), **answers({}, 403, 404)},
)
