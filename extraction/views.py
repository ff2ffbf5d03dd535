"""The pages of operators: result and list. Upload and review have modules of their own."""

from datetime import timedelta
from http import HTTPStatus
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from extraction import error_texts, fairness, liveness, queue_state, submission
from extraction.access import NotAllowed, principal_of, visible_extraction
from extraction.documents.shown_pages import shown_pages
from extraction.forms import ExportForm
from extraction.invoices import annotations, presentation
from extraction.invoices.amounts import grouped
from extraction.invoices.schema import Invoice
from extraction.invoices.stored import current_invoice
from extraction.listing.actions import ACTIONS, actions_of, chosen_by_id
from extraction.listing.conditions import Rows, matching
from extraction.listing.filters import FilterForm
from extraction.listing.page import address, headings, list_page
from extraction.listing.window import Window
from extraction.models import Extraction, State
from tokens.company_days import zone_of
from tokens.usage_report import NOTHING_USED, usage_of_attempts


@require_safe
def extraction_list(request: HttpRequest) -> HttpResponse:
    """List extractions of the companies that the user may act for: sorted, filtered, summed up."""
    principal = principal_of(request)
    form = FilterForm(request.GET, companies=principal.companies())
    # Filters that are not valid, such as a company of others, find nothing.
    filters = form.filters()
    page = None
    if filters is not None:
        page = list_page(Window(filters, principal.company_ids()), form.page_number)
    actions = actions_of(principal)
    context = {
        "form": form,
        "page": page,
        "headings": headings(request.GET, filters),
        "here": request.GET.urlencode(),
        "page_query": address(request.GET),
        "actions": actions,
        "export_form": ExportForm() if "export" in actions and page and page.rows else None,
        "elided": Paginator.ELLIPSIS,
    }
    return render(request, "extraction/list.html", context)


@require_POST
def act_on_list(request: HttpRequest) -> HttpResponseBase:
    """Do something with the chosen extractions, or with all that the address's filters find.

    Those for whose company the user lacks the right are left out.
    """
    action = ACTIONS.get(request.POST.get("action", ""))
    if action is None:
        raise BadRequest
    principal = principal_of(request)
    if not principal.may(action.right):
        raise NotAllowed
    chosen: Rows = Extraction.objects.none()
    if request.POST.get("scope") == "all":
        filters = FilterForm(request.GET, companies=principal.companies()).filters()
        if filters is not None:
            company_ids = principal.company_ids()
            if action.is_unbounded:
                chosen = matching(filters, company_ids)
            else:
                chosen = Window(filters, company_ids).rows
    else:
        visible = Extraction.objects.for_companies(principal.company_ids())
        chosen = chosen_by_id(request.POST.getlist("chosen"), visible)
    response = None
    allowed = principal.company_ids(action.right)
    permitted = chosen
    if allowed is not None and allowed != principal.company_ids():
        permitted = chosen.filter(company_id__in=allowed)
    if permitted.exists():
        response = action.act(request, permitted)
    elif chosen.exists():
        messages.error(request, _("You may not do that with these documents."))
    else:
        messages.info(request, _("Choose at least one document."))
    return response or redirect(f"{reverse('list')}?{request.GET.urlencode()}")


@require_safe
def result(request: HttpRequest, extraction_id: UUID) -> HttpResponse:
    """Show the pages of a document beside what was read from it."""
    extraction = visible_extraction(request, extraction_id, even_deleted=True)
    if extraction.deleted_at:
        until = extraction.deleted_at + timedelta(days=settings.DELETED_DAYS)
        told = {
            "extraction": extraction,
            "company_zone": zone_of(extraction.company_id),
            "removed_at": until,
            "may": principal_of(request).rights(extraction.company_id),
        }
        return render(request, "extraction/deleted.html", told)
    pages = shown_pages(extraction)
    context: dict[str, object] = {
        "extraction": extraction,
        "company_zone": zone_of(extraction.company_id),
        "pages": pages,
        "page_numbers": [page.number for page in pages],
        "may": principal_of(request).rights(extraction.company_id),
        "failure": error_texts.told(extraction.error_message),
        "failure_detail": error_texts.told(extraction.error_detail),
    }
    if extraction.result is not None:
        context |= _result_context(current_invoice(extraction))
        context |= _cost_context(extraction)
    if not extraction.ended:
        context |= _waiting_context(extraction)
    return render(request, "extraction/result.html", context)


@never_cache
@require_safe
def waiting(request: HttpRequest, extraction_id: UUID) -> HttpResponse:
    """Say what an extraction waits for, as a part of its page; nothing once it has ended."""
    extraction = visible_extraction(request, extraction_id)
    if extraction.ended:
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    context: dict[str, object] = {"extraction": extraction}
    if extraction.state == State.WAITING:  # then the page says until when
        context["company_zone"] = zone_of(extraction.company_id)
    return render(request, "extraction/_waiting.html", context | _waiting_context(extraction))


@require_POST
def retry(request: HttpRequest, extraction_id: UUID) -> HttpResponse:
    """Queue a failed extraction again."""
    extraction = visible_extraction(request, extraction_id)
    if submission.retry(extraction, by=principal_of(request)):
        messages.success(request, _("The document is queued again."))
    elif extraction.files_removed_at:
        messages.info(request, _("The document was removed. Upload it again."))
    else:
        messages.info(request, _("Only what failed or was cancelled can be tried again."))
    return redirect("result", extraction.pk)


def _waiting_context(extraction: Extraction) -> dict[str, object]:
    ahead = fairness.ahead_of(extraction) if extraction.state == State.QUEUED else None
    return {
        "ahead": ahead,
        "more_ahead": ahead == fairness.MOST_COUNTED,
        "reader_lives": liveness.has_sign(),
        "is_paused": extraction.state != State.PROCESSING and queue_state.is_paused(),
    }


def _cost_context(extraction: Extraction) -> dict[str, object]:
    """What the calls for a document cost, failed ones too."""
    if not extraction.attempts:
        return {}
    calls = extraction.attempt_set.values_list("pk", flat=True)
    charged = sum(usage_of_attempts(list(calls)).values(), NOTHING_USED)
    costs = [f"{cost.currency} {grouped(cost.amount, cost.currency)}" for cost in charged.costs]
    return {"costs": costs, "unpriced_calls": charged.unpriced_calls}


def _result_context(invoice: Invoice) -> dict[str, object]:
    sections, tables = presentation.sections(invoice), presentation.tables(invoice)
    return {
        "invoice": invoice,
        "reasons": presentation.reasons(invoice, sections, tables),
        "notes": annotations.notes(invoice),
        "origins": annotations.origins(invoice),
        "sections": sections,
        "tables": tables,
        "checks": presentation.checks(invoice),
    }
