"""The upload page, and what its script asks."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import get_current_timezone, localtime
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from extraction import error_texts, first_steps, queue_state, submission
from extraction.access import Principal, principal_of
from extraction.branches import branches_of
from extraction.company_defaults import default_reader
from extraction.exceptions import DocumentRejected
from extraction.forms import UploadForm
from extraction.invoices.amounts import grouped
from extraction.listing.actions import chosen_by_id
from extraction.models import Channel, Extraction, Right, State
from extraction.submission import Origin
from ocrsite.lib.addresses import client_address
from ocrsite.lib.errors import ServiceFault
from tokens.company_days import zone_of
from tokens.selection import NoUsableKey

# The script asks for the states of so many at once.
MOST_STATES = 100
LOCKED = ("password_protected", "wrong_password")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one uploaded file: an extraction, or a reason why there is none.

    ``came_before``: its document had come already, and nothing new is read. ``code`` is that of
    the problem.
    """

    file_name: str
    extraction: Extraction | None = None
    came_before: bool = False
    problem: str = ""
    code: str = ""
    fault: ServiceFault | None = None

    @property
    def notice(self) -> str:
        """What the operator is told of a document that had come already; "" of another one."""
        if not self.came_before or self.extraction is None:
            return ""
        zone = zone_of(self.extraction.company_id)
        came = localtime(self.extraction.created_at, zone)
        told = _("This document came already on %s.")
        named = f" {came:%Z}" if str(zone) != str(get_current_timezone()) else ""
        return told % f"{date_format(came, 'DATETIME_FORMAT')}{named}"


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password")
def upload(request: HttpRequest) -> HttpResponse:
    """Accept documents one by one: a rejected one does not hold up the others."""
    principal = principal_of(request)
    companies = principal.companies(Right.UPLOAD)
    only_sees = principal.company_ids() != [] and not principal.may(Right.UPLOAD)
    if only_sees and request.method != "POST":
        return redirect("list")
    outcomes: list[Outcome] = []
    if request.method == "POST":
        form = UploadForm(request.POST, companies=companies)
        files = request.FILES.getlist("file")
        if not files:
            form.add_error(None, _("Choose at least one file."))
        if form.is_valid():
            origin = Origin(Channel.PAGE, client_address(request))
            outcomes = [_submit(file, principal, form.cleaned_data, origin) for file in files]
        if request.get_preferred_type(["text/html", "application/json"]) == "application/json":
            return _answer_script(form, outcomes)
        if len(outcomes) == 1 and outcomes[0].extraction and not outcomes[0].came_before:
            return redirect("result", outcomes[0].extraction.pk)
        form.offer(
            password=any(outcome.code in LOCKED for outcome in outcomes),
            force=any(outcome.came_before for outcome in outcomes),
        )
    else:
        form = UploadForm(companies=companies)
    return _page(request, form, companies, outcomes)


@require_safe
def states(request: HttpRequest) -> JsonResponse:
    """Answer the states of the extractions whose ids are given, as far as they may be seen."""
    ids = request.GET.getlist("id")
    if len(ids) > MOST_STATES:
        raise BadRequest
    visible = Extraction.objects.for_companies(principal_of(request).company_ids())
    rows = chosen_by_id(ids, visible).only(
        *("state", "needs_review", "reviewed_at", "rejection"),
        *("supplier_name", "invoice_number", "total_amount", "currency"),
        *("error_message", "error_detail"),
    )
    return JsonResponse({"extractions": [_state(extraction) for extraction in rows]})


@require_POST
def try_sample(request: HttpRequest) -> HttpResponse:
    """Have one of the project's own invoices read."""
    principal = principal_of(request)
    form = UploadForm(request.POST, companies=principal.companies(Right.UPLOAD))
    path = first_steps.sample_path(request.POST.get("sample", ""))
    if path is None or not form.is_valid():
        raise BadRequest
    outcome = _submit(
        SimpleUploadedFile(path.name, path.read_bytes()),
        principal,
        form.cleaned_data,
        Origin(Channel.SAMPLE, client_address(request)),
    )
    if outcome.extraction is None:
        messages.error(request, outcome.problem)
        return redirect("upload")
    return redirect("result", outcome.extraction.pk)


def _submit(
    file: "UploadedFile[bytes]", principal: Principal, values: dict[str, Any], origin: Origin
) -> Outcome:
    name = file.name or "document"
    try:
        submitted = submission.submit(
            file,
            requested_by=principal.name[:100],
            client=principal.label,
            reader=default_reader(values["company_id"]),
            origin=origin,
            **values,
        )
    except DocumentRejected as error:
        return Outcome(name, problem=error_texts.told(error.detail), code=error.code)
    except ServiceFault as fault:
        return Outcome(name, problem=error_texts.told(fault.detail), code=fault.code, fault=fault)
    except NoUsableKey as error:
        return Outcome(name, problem=error_texts.told(error.message), code=error.code)
    return Outcome(name, submitted.extraction, came_before=not submitted.created)


def _page(
    request: HttpRequest, form: UploadForm, companies: dict[str, str], outcomes: list[Outcome]
) -> HttpResponse:
    accepted = bool(outcomes) and all(outcome.extraction for outcome in outcomes)
    context: dict[str, object] = {
        "form": form,
        "companies": companies,
        "branches": list(branches_of(list(companies)).items()),
        "outcomes": outcomes,
        "max_upload_mb": settings.MAX_UPLOAD_MB,
        "max_pages": settings.MAX_PAGES,
        "is_paused": queue_state.is_paused(),
    }
    if companies and not form.is_bound:
        context |= _first_steps(principal_of(request))
    rejected = form.is_bound and not accepted
    status = HTTPStatus.UNPROCESSABLE_ENTITY if rejected else HTTPStatus.OK
    response = render(request, "extraction/upload.html", context, status=status)
    for fault in filter(None, (outcome.fault for outcome in outcomes)):
        response.status_code = fault.http_status
        for name, value in fault.headers().items():
            response.headers[name] = value
    return response


def _first_steps(principal: Principal) -> dict[str, object]:
    """What is offered as long as nothing has been read."""
    if Extraction.objects.for_companies(principal.company_ids()).exists():
        return {}
    return {
        "samples": first_steps.samples(),
        "demo": _(first_steps.DEMO) if first_steps.reads_offline_only() else "",
        "key": _(first_steps.KEY),
        "key_address": first_steps.key_address(),
    }


def _answer_script(form: UploadForm, outcomes: list[Outcome]) -> JsonResponse:
    """The outcome of each file, always with status 200: browsers log any other as an error."""
    files = [
        {
            "problem": outcome.problem,
            "locked": outcome.code in LOCKED,
            "notice": outcome.notice,
            "id": outcome.extraction and outcome.extraction.pk,
            "page": outcome.extraction and reverse("result", args=[outcome.extraction.pk]),
        }
        for outcome in outcomes
    ]
    problems = [str(error) for errors in form.errors.values() for error in errors]
    return JsonResponse({"files": files, "problem": " ".join(problems)})


def _state(extraction: Extraction) -> dict[str, object]:
    review = extraction.review_state
    return {
        "id": extraction.pk,
        "state": extraction.state,
        "label": extraction.get_state_display(),
        "ended": extraction.ended,
        "review": review or "",
        "review_label": review.label if review else "",
        "detail": _summary(extraction),
    }


def _summary(extraction: Extraction) -> str:
    """What was read, in short, or why nothing was; "" while it is in work."""
    if extraction.state != State.SUCCEEDED:
        return error_texts.told(extraction.error_detail or extraction.error_message)
    amount, currency = extraction.total_amount, extraction.currency
    total = "" if amount is None else f"{grouped(amount, currency)} {currency or ''}".strip()
    return " · ".join(filter(None, (extraction.supplier_name, extraction.invoice_number, total)))
