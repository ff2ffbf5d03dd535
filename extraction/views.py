"""The pages of operators: upload, result, list."""

from dataclasses import dataclass
from http import HTTPStatus
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.core.files.uploadedfile import UploadedFile
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from extraction import submission
from extraction.access import Principal, principal_of, visible_extraction
from extraction.documents.shown_pages import shown_pages
from extraction.exceptions import DocumentRejected
from extraction.forms import UploadForm
from extraction.invoices import annotations, presentation
from extraction.invoices.schema import Invoice
from extraction.invoices.stored import current_invoice
from extraction.listing.actions import ACTIONS, chosen_by_id
from extraction.listing.conditions import Rows
from extraction.listing.filters import FilterForm
from extraction.listing.page import address, headings, list_page
from extraction.listing.window import Window
from extraction.models import Extraction, State
from ocrsite.lib.errors import ServiceFault
from tokens.selection import NoUsableKey


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one uploaded file: an extraction, or a reason why there is none."""

    file_name: str
    extraction: Extraction | None = None
    problem: str = ""
    fault: ServiceFault | None = None


@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: HttpRequest) -> HttpResponse:
    """Accept documents one by one: a rejected one does not hold up the others."""
    principal = principal_of(request)
    companies = principal.companies()
    outcomes: list[Outcome] = []
    if request.method == "POST":
        form = UploadForm(request.POST, companies=companies)
        files = request.FILES.getlist("file")
        if not files:
            form.add_error(None, "Choose at least one file.")
        if form.is_valid():
            outcomes = [_submit(file, principal, form.cleaned_data) for file in files]
        if request.get_preferred_type(["text/html", "application/json"]) == "application/json":
            return _answer_script(form, outcomes)
        if len(outcomes) == 1 and outcomes[0].extraction:
            return redirect("result", outcomes[0].extraction.pk)
    else:
        form = UploadForm(companies=companies)
    accepted = bool(outcomes) and all(outcome.extraction for outcome in outcomes)
    rejected = form.is_bound and not accepted
    context = {
        "form": form,
        "companies": companies,
        "outcomes": outcomes,
        "max_upload_mb": settings.MAX_UPLOAD_MB,
        "max_pages": settings.MAX_PAGES,
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if rejected else HTTPStatus.OK
    response = render(request, "extraction/upload.html", context, status=status)
    for fault in filter(None, (outcome.fault for outcome in outcomes)):
        response.status_code = fault.http_status
        for name, value in fault.headers().items():
            response.headers[name] = value
    return response


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
    context = {
        "form": form,
        "page": page,
        "headings": headings(request.GET, filters),
        "here": request.GET.urlencode(),
        "page_query": address(request.GET),
        "actions": ACTIONS,
        "elided": Paginator.ELLIPSIS,
    }
    return render(request, "extraction/list.html", context)


@require_POST
def act_on_list(request: HttpRequest) -> HttpResponseBase:
    """Do something with the chosen extractions, or with all that the address's filters find."""
    action = ACTIONS.get(request.POST.get("action", ""))
    if action is None:
        raise BadRequest
    principal = principal_of(request)
    chosen: Rows = Extraction.objects.none()
    if request.POST.get("scope") == "all":
        filters = FilterForm(request.GET, companies=principal.companies()).filters()
        if filters is not None:
            chosen = Window(filters, principal.company_ids()).rows
    else:
        visible = Extraction.objects.for_companies(principal.company_ids())
        chosen = chosen_by_id(request.POST.getlist("chosen"), visible)
    response = None
    if chosen.exists():
        response = action.act(request, chosen)
    else:
        messages.info(request, "Choose at least one document.")
    return response or redirect(f"{reverse('list')}?{request.GET.urlencode()}")


@require_safe
def result(request: HttpRequest, extraction_id: UUID) -> HttpResponse:
    """Show the pages of a document beside what was read from it."""
    extraction = visible_extraction(request, extraction_id)
    pages = shown_pages(extraction)
    context: dict[str, object] = {
        "extraction": extraction,
        "pages": pages,
        "page_numbers": [page.number for page in pages],
    }
    if extraction.state == State.SUCCEEDED:
        context |= _result_context(current_invoice(extraction))
    return render(request, "extraction/result.html", context)


@require_POST
def retry(request: HttpRequest, extraction_id: UUID) -> HttpResponse:
    """Queue a failed extraction again."""
    extraction = visible_extraction(request, extraction_id)
    if submission.retry(extraction):
        messages.success(request, "The document is queued again.")
    elif extraction.files_removed_at:
        messages.info(request, "The document was removed. Upload it again.")
    else:
        messages.info(request, "Only a failed extraction can be tried again.")
    return redirect("result", extraction.pk)


def _submit(file: "UploadedFile[bytes]", principal: Principal, values: dict[str, str]) -> Outcome:
    name = file.name or "document"
    try:
        submitted = submission.submit(
            file,
            company_id=values["company_id"],
            branch=values["branch"],
            requested_by=principal.name[:100],
            client=principal.label,
        )
    except DocumentRejected as error:
        return Outcome(name, problem=error.detail)
    except ServiceFault as fault:
        return Outcome(name, problem=fault.detail, fault=fault)
    except NoUsableKey as error:
        return Outcome(name, problem=error.message)
    return Outcome(name, submitted.extraction)


def _answer_script(form: UploadForm, outcomes: list[Outcome]) -> JsonResponse:
    """The outcome of each file, always with status 200: browsers log any other as an error."""
    files = [
        {
            "problem": outcome.problem,
            "page": outcome.extraction and reverse("result", args=[outcome.extraction.pk]),
            "poll": outcome.extraction and reverse("api-extraction", args=[outcome.extraction.pk]),
        }
        for outcome in outcomes
    ]
    problems = [str(error) for errors in form.errors.values() for error in errors]
    return JsonResponse({"files": files, "problem": " ".join(problems)})


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
