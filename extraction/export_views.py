"""Exports for operators: what they chose of the extractions that they may see."""

import logging
import uuid

from django.core.exceptions import BadRequest
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_safe

from extraction.access import NotAllowed, Principal, principal_of, visible_extraction
from extraction.error_texts import told
from extraction.exports.download import TooManyChosen, download, record_export
from extraction.exports.formats import Format
from extraction.exports.layout import Layout, layout_named
from extraction.exports.refusal import ExportRefused, NotApproved
from extraction.exports.source import invoice_of
from extraction.forms import ExportForm
from extraction.listing.conditions import matching
from extraction.listing.filters import FilterForm
from extraction.models import Extraction, ReviewState, Right, State
from logs.audit import name_extractions
from ocrsite.lib.errors import UserFacingError

logger = logging.getLogger(__name__)

# SQL Server takes 2,100 parameters in a query.
MAX_IDS = 1_000
# Parameters of an export that say how, and not which.
_NO_FILTERS = frozenset({"profile", "export_as", "csrfmiddlewaretoken"})


@require_http_methods(["GET", "POST"])
def export(request: HttpRequest, format_name: str = "") -> HttpResponseBase:
    """Stream the chosen extractions that have succeeded, in the format of the address.

    ``profile`` names a profile of that format by id or name. Without a format in the address
    ``export_as`` is the choice of ExportForm. Answers 404 for an unknown one of these, and for
    documents or a company that the caller may not export; 422 for more than the format can hold.
    """
    principal = principal_of(request)
    if not principal.may(Right.EXPORT):
        raise NotAllowed
    parameters = request.POST if request.method == "POST" else request.GET
    profile = parameters.get("profile", "")
    if not format_name:
        form = ExportForm(parameters)
        if not form.is_valid():
            raise Http404("There is no such format.")
        format_name, _, profile = form.cleaned_data["export_as"].partition(":")
    format_ = _format(format_name)
    layout = _layout(format_name, profile) if profile else None
    try:
        response = download(chosen(request, principal), format_, layout, by=principal)
    except TooManyChosen as error:
        return _refusal(request, error)
    logger.info("Export as %s by user %s", format_name, request.user.pk)
    return response


@require_safe
def einvoice(request: HttpRequest, extraction_id: uuid.UUID) -> HttpResponse:
    """Answer one approved invoice as UBL, or with 422 what it lacks for that."""
    from extraction.exports.ubl import ubl  # lxml, which a web process seldom needs

    extraction = visible_extraction(request, extraction_id)
    principal_of(request).demand(Right.EXPORT, extraction.company_id)
    if extraction.state != State.SUCCEEDED:
        raise Http404("It has not been read.")
    if extraction.review_state is not ReviewState.APPROVED:
        return _refusal(request, NotApproved())
    try:
        xml = ubl(invoice_of(extraction))
    except ExportRefused as refusal:
        return _refusal(request, refusal)
    taken = Extraction.objects.filter(pk=extraction.pk)
    name_extractions(record_export(taken, "ubl", principal_of(request)), [extraction.pk])
    return HttpResponse(
        xml,
        content_type="application/xml",
        headers={"Content-Disposition": f'attachment; filename="{extraction.pk}.xml"'},
    )


def chosen(request: HttpRequest, principal: Principal) -> QuerySet[Extraction]:
    """Return the extractions that a request names: by ``ids``, else by the filters of the list.

    ``ids`` may be repeated, and may hold several with commas between them. Raises Http404 where
    one of them, or the company, is not the caller's to export; TooManyChosen above MAX_IDS.
    """
    parameters = request.POST if request.method == "POST" else request.GET
    company_ids = principal.company_ids(Right.EXPORT)
    visible = Extraction.objects.for_companies(company_ids)
    if "ids" in parameters:
        ids = _ids(parameters.getlist("ids"))
        found = visible.filter(pk__in=ids)
        if found.count() != len(ids):
            raise Http404("One of the documents does not exist.")
        return found
    companies = principal.companies(Right.EXPORT)
    form = FilterForm(parameters, companies=companies, besides=_NO_FILTERS)
    filters = form.filters()
    if filters is None:
        if "company" in form.errors:
            raise Http404("There is no such company.")
        return visible.none()
    return matching(filters, company_ids)


def _ids(texts: list[str]) -> set[uuid.UUID]:
    named = {text.strip() for some in texts for text in some.split(",") if text.strip()}
    if len(named) > MAX_IDS:
        raise TooManyChosen(MAX_IDS)
    try:
        return {uuid.UUID(text) for text in named}
    except ValueError as error:
        raise BadRequest("An id of a document is malformed.") from error


def _format(format_name: str) -> Format:
    try:
        return Format(format_name)
    except ValueError as error:
        raise Http404("There is no such format.") from error


def _layout(format_name: str, profile: str) -> Layout:
    layout = layout_named(format_name, profile)
    if layout is None:
        raise Http404("There is no such profile.")
    return layout


def _refusal(request: HttpRequest, error: UserFacingError) -> HttpResponse:
    advice = error.told() if isinstance(error, ExportRefused) else told(error.detail)
    context = {"problem": error, "advice": advice}
    return render(request, "extraction/refused.html", context, status=error.http_status)
