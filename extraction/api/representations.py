"""What goes out through the API: the envelope, the whole extraction, and its line in the list."""

from typing import Any

from django.urls import reverse

from extraction.documents.intake import drawn_pages
from extraction.exceptions import PROCESSED
from extraction.invoices.legacy import legacy_data
from extraction.invoices.schema import Invoice
from extraction.invoices.stored import current_invoice
from extraction.labels import labels_of
from extraction.models import Attempt, Extraction, State
from logs import context as log_context
from tokens.usage_report import COUNTS, NOTHING_USED, Sums, usage_of_attempts

PENDING = "Invoice is being processed"

# What is said of an extraction beside its result, by the names of the columns.
_METADATA = (
    *("file_name", "media_type", "size", "page_count", "company_id", "branch", "requested_by"),
    *("licence_id", "reader", "model", "created_at", "started_at", "finished_at", "duplicate_of"),
)
_LISTED = (
    *("file_name", "page_count", "company_id", "branch", "requested_by", "licence_id"),
    *("created_at", "finished_at", "duplicate_of", "state", "http_status", "needs_review"),
    *("document_type", "supplier_name", "supplier_tax_id", "invoice_number", "invoice_date"),
    *("due_date", "currency"),
)
# The columns that a line of the list is made of; the result itself may be large.
LISTED_COLUMNS = (
    *_LISTED,
    *("total_amount", "reviewed_by", "reviewed_at", "rejection", "error_code"),
    *("error_message", "error_detail"),
)


def envelope(extraction: Extraction) -> dict[str, Any]:
    """Return an extraction in the form that ``POST /extract`` answers."""
    body: dict[str, Any] = {
        "status": "pending",
        "message": PENDING,
        "data": None,
        "extraction": reverse("api-extraction", args=[extraction.pk]),
    }
    if extraction.state == State.SUCCEEDED:
        body |= _answered(current_invoice(extraction)) | {"reviewed": _reviewed(extraction)}
    elif extraction.ended:
        body |= {
            "status": "error",
            "message": extraction.error_message,
            "code": extraction.error_code,
            "detail": extraction.error_detail,
            "request_id": log_context.current().request_id or "",
        }
    return body


def _answered(invoice: Invoice) -> dict[str, Any]:
    return {
        "status": "ok",
        "message": PROCESSED,
        "data": legacy_data(invoice),
        "needs_review": invoice.needs_review,
        "reasons": [reason.model_dump() for reason in invoice.reasons],
        "warnings": invoice.warnings,
    }


def _reviewed(extraction: Extraction) -> dict[str, Any] | None:
    """Return who decided about the invoice, when and how; None where nobody did."""
    if extraction.reviewed_at is None:
        return None
    return {
        "by": extraction.reviewed_by,
        "at": extraction.reviewed_at,
        "decision": extraction.review_state,
        "reason": extraction.rejection or None,
    }


def degraded_representation(invoice: Invoice) -> dict[str, Any]:
    """Return in full what was read while nothing could be stored, to be asked for later."""
    return {
        **_answered(invoice),
        "reviewed": None,
        "extraction": None,
        "state": State.SUCCEEDED,
        "http_status": 200,
        "invoice": invoice.model_dump(mode="json"),
        "original": None,
    }


def representation(extraction: Extraction) -> dict[str, Any]:
    """Return an extraction in full: the envelope, where it comes from, and the canonical invoice.

    ``original``: the invoice as it was read, null while nobody has changed it.
    """
    return {
        **envelope(extraction),
        "state": extraction.state,
        "http_status": extraction.http_status,
        "invoice": extraction.result,
        "original": extraction.original,
        **_fields(extraction, _METADATA),
        "labels": labels_of(extraction),
        "pages": _pages(extraction),
        **_calls(extraction),
    }


def line(extraction: Extraction) -> dict[str, Any]:
    """Return an extraction as the list shows it, made of LISTED_COLUMNS."""
    total = extraction.total_amount
    status = _STATUS.get(State(extraction.state), "pending")
    # One that could not be read again has its earlier result, and an error beside it.
    problem = extraction if status == "error" else Extraction()
    return {
        "extraction": reverse("api-extraction", args=[extraction.pk]),
        "status": status,
        **_fields(extraction, _LISTED),
        "labels": labels_of(extraction),
        "total_amount": None if total is None else f"{total.normalize():f}",
        "reviewed": _reviewed(extraction),
        "code": problem.error_code or None,
        "message": problem.error_message or None,
        "detail": problem.error_detail or None,
    }


_STATUS = {State.SUCCEEDED: "ok", State.FAILED: "error", State.CANCELLED: "error"}


def _fields(extraction: Extraction, names: tuple[str, ...]) -> dict[str, Any]:
    """Columns by their names; what was left out by the caller is null."""
    return {name: _or_none(getattr(extraction, name)) for name in names}


def _or_none(value: object) -> object:
    return None if value == "" else value


def _pages(extraction: Extraction) -> list[str]:
    """The addresses of the page images that there are; those of a document at work come later."""
    if not extraction.ended or extraction.files_removed_at:
        return []
    return [
        reverse("api-page", args=[extraction.pk, number]) for number in drawn_pages(extraction.pk)
    ]


def _calls(extraction: Extraction) -> dict[str, Any]:
    """The calls to a provider with what each was charged, and the sum."""
    attempts = list(Attempt.objects.filter(extraction=extraction)) if extraction.attempts else []
    charged = usage_of_attempts([attempt.pk for attempt in attempts])
    calls = [
        {
            "number": attempt.number,
            "model": attempt.model,
            "outcome": attempt.outcome,
            "code": attempt.code or None,
            "started_at": attempt.started_at,
            "finished_at": attempt.finished_at,
            "usage": usage(charged[attempt.pk]) if attempt.pk in charged else None,
        }
        for attempt in attempts
    ]
    return {"attempts": calls, "usage": usage(sum(charged.values(), NOTHING_USED))}


def usage(sums: Sums) -> dict[str, Any]:
    """Return LLM tokens and money as the API tells them."""
    costs = [
        {"currency": cost.currency, "amount": f"{cost.amount.normalize():f}"} for cost in sums.costs
    ]
    return {name: getattr(sums, name) for name in COUNTS} | {"costs": costs}
