"""The pages on which people review: one invoice with all its values, and the next of the queue."""

from dataclasses import dataclass, field
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from extraction.access import principal_of, visible_extraction
from extraction.documents.shown_pages import shown_pages
from extraction.invoices import annotations, presentation, wording
from extraction.invoices.schema import Invoice, Reason
from extraction.invoices.stored import current_invoice
from extraction.models import Extraction, ReviewState, Right, State
from extraction.review import decisions, queue
from extraction.review.conflict import merged
from extraction.review.decisions import NeedsConfirmation, ReviewConflict
from extraction.review.edits import NOTHING, Edit, InvalidEdit
from extraction.review.form import edit_of, form_of, moved
from extraction.review.history import told
from extraction.review.recheck import edited
from tokens.company_days import zone_of

_ADD = "add:"
_MOVES = {"up": -1, "down": 1}


@dataclass(frozen=True, slots=True)
class Draft:
    """What was sent and is not stored, and why."""

    edit: Edit = NOTHING
    errors: dict[str, str] = field(default_factory=dict)
    add_to: str = ""
    rejection: str = ""
    contradictions: list[Reason] = field(default_factory=list)
    is_conflict: bool = False
    misplaced: list[str] = field(default_factory=list)


@require_http_methods(["GET", "HEAD", "POST"])
def review(request: HttpRequest, extraction_id: UUID) -> HttpResponse:
    """Show an invoice to be corrected, and store what a person decides about it."""
    extraction = visible_extraction(request, extraction_id)
    principal_of(request).demand(Right.CORRECT, extraction.company_id)
    # While it is read again, a form that was open keeps what was typed: it is a conflict.
    is_shown = request.method == "POST" and extraction.has_result
    if extraction.state != State.SUCCEEDED and not is_shown:
        return redirect("result", extraction.pk)
    if request.method != "POST":
        return _page(request, extraction, Draft())
    edit = edit_of(request.POST, extraction.page_count)
    action = request.POST.get("action", "save")
    if action.startswith(_ADD):
        draft = Draft(edit, add_to=action.removeprefix(_ADD), rejection=_rejection(request))
        return _page(request, extraction, draft)
    step, __, row = action.partition(":")
    if step in _MOVES:
        draft = Draft(moved(edit, row, _MOVES[step]), rejection=_rejection(request))
        return _page(request, extraction, draft)
    version = _version(request)
    try:
        return _decide(request, extraction, edit, action, version)
    except InvalidEdit as error:
        draft = Draft(edit, error.errors, rejection=_rejection(request))
    except NeedsConfirmation as error:
        doubtful = list(map(wording.told, error.reasons))
        draft = Draft(edit, contradictions=doubtful, rejection=_rejection(request))
    except ReviewConflict:
        extraction = visible_extraction(request, extraction_id)
        both = merged(extraction, edit, version)
        draft = Draft(
            both.edit,
            both.notes,
            rejection=_rejection(request),
            is_conflict=True,
            misplaced=both.misplaced,
        )
    return _page(request, extraction, draft)


@require_POST
def check(request: HttpRequest, extraction_id: UUID) -> JsonResponse:
    """Answer the page's script what is doubtful after the changes; nothing is stored.

    ``errors`` and ``doubts`` are texts by path; the others are null where there are errors. The
    status is 200 in any case: browsers log any other as an error.
    """
    extraction, principal = visible_extraction(request, extraction_id), principal_of(request)
    principal.demand(Right.CORRECT, extraction.company_id)
    queue.claim(extraction, principal)
    if extraction.state != State.SUCCEEDED or extraction.version != _version(request):
        return JsonResponse({"stale": True, "errors": {}, "doubts": None, "verdict": None})
    try:
        invoice, after = edited(
            current_invoice(extraction),
            edit_of(request.POST, extraction.page_count),
            timezone.now().date(),
        )
    except InvalidEdit as error:
        return JsonResponse({"errors": error.errors, "doubts": None, "verdict": None})
    reasons = [
        reason.model_copy(update={"path": after.typed(reason.path)})
        for reason in map(wording.told, invoice.reasons)
    ]
    doubts: dict[str, str] = {}
    for reason in reasons:
        if reason.path:
            doubts[reason.path] = f"{doubts.get(reason.path, '')} {reason.text}".strip()
    verdict = render_to_string("extraction/_verdict.html", _verdict(invoice, reasons), request)
    return JsonResponse({"errors": {}, "doubts": doubts, "verdict": verdict})


@require_safe
def open_next(request: HttpRequest) -> HttpResponse:
    """Open the oldest invoice to review that nobody else has open, of those after ``after``."""
    principal = principal_of(request)
    after = None
    if text := request.GET.get("after"):
        try:
            rows = Extraction.objects.for_companies(principal.company_ids())
            after = rows.only("pk", "created_at").filter(pk=UUID(text)).first()
        except ValueError:
            after = None
    found = queue.open_next(principal, after)
    if found is not None:
        return redirect("review", found.pk)
    left = queue.to_review(principal).exists()
    messages.info(
        request,
        _("Others have open what is left to review.") if left else _("Nothing is left to review."),
    )
    return redirect("list")


def _decide(
    request: HttpRequest, extraction: Extraction, edit: Edit, action: str, version: int
) -> HttpResponse:
    """Store what was sent. Raises what the functions of ``decisions`` do."""
    by = principal_of(request)
    if action == "reject":
        decisions.reject(extraction, _rejection(request), by=by, version=version)
        messages.success(request, _("%s is rejected.") % extraction.file_name)
    elif action in ("approve", "approve-anyway"):
        anyway = action == "approve-anyway"
        decisions.approve(extraction, edit, by=by, version=version, anyway=anyway)
        messages.success(request, _("%s is approved.") % extraction.file_name)
    else:
        decisions.correct(extraction, edit, by=by, version=version)
        messages.success(request, _("Your changes are saved."))
        return redirect("review", extraction.pk)
    response = redirect("review-next")
    response["Location"] += f"?after={extraction.pk}"
    return response


def _page(request: HttpRequest, extraction: Extraction, draft: Draft) -> HttpResponse:
    principal, invoice = principal_of(request), current_invoice(extraction)
    is_open = extraction.review_state is ReviewState.TO_REVIEW
    pages = shown_pages(extraction)
    context = {
        "extraction": extraction,
        "company_zone": zone_of(extraction.company_id),
        "may": principal.rights(extraction.company_id),
        "pages": pages,
        "page_numbers": [page.number for page in pages],
        "form": form_of(invoice, draft.edit, draft.errors, add_to=draft.add_to),
        "draft": draft,
        "is_open": is_open,
        "others": is_open and not queue.claim(extraction, principal),
        "position": queue.position(principal, extraction) if is_open else None,
        "corrections": [
            told(each) for each in extraction.corrections.order_by("-version", "pk")[:100]
        ],
        **_verdict(invoice, list(map(wording.told, invoice.reasons))),
    }
    return render(request, "extraction/review.html", context)


def _verdict(invoice: Invoice, reasons: list[Reason]) -> dict[str, object]:
    return {
        "invoice": invoice,
        "reasons": reasons,
        "notes": annotations.notes(invoice),
        "checks": presentation.checks(invoice),
    }


def _version(request: HttpRequest) -> int:
    """Return the version that the page showed; -1, which no row has, where none was sent."""
    text = request.POST.get("version", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else -1


def _rejection(request: HttpRequest) -> str:
    return str(request.POST.get("rejection", ""))
