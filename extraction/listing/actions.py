"""What can be done with the chosen extractions of the list: a registry that others add to."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from extraction import deletion, error_texts, outcomes, submission
from extraction.access import Principal, principal_of
from extraction.company_defaults import default_profile
from extraction.exports.download import TooManyChosen, download
from extraction.exports.formats import Format
from extraction.exports.layout import Layout, layout_named, layout_of
from extraction.forms import ExportForm, ReadAgainForm
from extraction.listing import retrying
from extraction.listing.batches import AT_ONCE, Batch, Skipped
from extraction.listing.conditions import TO_REVIEW, Rows
from extraction.listing.retrying import ReasonForm
from extraction.models import Right, State
from extraction.review import decisions


@dataclass(frozen=True, slots=True)
class Action:
    """One button. ``act`` gets the chosen rows, for which the user has the right, in no order.

    It answers with a response, such as a file; or with None, when the list is shown again with the
    messages that it left. ``is_unbounded``: all that are found are every match of the filters, not
    only those that the list looked at.
    """

    label: StrOrPromise
    right: Right
    act: Callable[[HttpRequest, Rows], HttpResponseBase | None]
    is_unbounded: bool = False


def retry_failed(request: HttpRequest, chosen: Rows) -> HttpResponse | None:
    """Say what the failed ones cost the last time, ask for a reason, and queue them again."""
    failed = retrying.failed_among(chosen)
    if not failed.rows:
        messages.info(request, gettext("None of them failed, or their documents were removed."))
        return None
    form = ReasonForm(request.POST if "why" in request.POST else None)
    if not form.is_valid():
        context = {
            "form": form,
            "documents": len(failed.rows),
            "has_more": failed.has_more,
            "cost": failed.last_cost(),
            "at_once": retrying.RETRIED_AT_ONCE,
            "here": request.GET.urlencode(),
            "scope": request.POST.get("scope"),
            "chosen": request.POST.getlist("chosen"),
        }
        return render(request, "extraction/retry_many.html", context)
    why = form.cleaned_data["why"]
    queued = retrying.retry_all(failed, by=principal_of(request), why=why)
    told = ngettext("%d document is queued again.", "%d documents are queued again.", queued)
    messages.success(request, told % queued)
    if failed.has_more:
        messages.info(request, gettext("There are more: try them again as well."))
    return None


def approve(request: HttpRequest, chosen: Rows) -> None:
    """Approve those of which nothing is doubtful."""
    by, batch = principal_of(request), Batch(gettext("approved"))
    read = chosen.filter(state=State.SUCCEEDED)
    batch.skip(read.filter(TO_REVIEW), Skipped.DOUBTFUL)
    batch.skip(read.filter(reviewed_at__isnull=False), Skipped.DECIDED)
    batch.skip(chosen.exclude(state=State.SUCCEEDED), Skipped.UNREAD)
    for extraction in batch.each_of(read.filter(needs_review=False, reviewed_at=None)):
        try:
            decisions.approve(extraction, by=by, version=extraction.version)
        except decisions.NeedsConfirmation:
            batch.note(Skipped.DOUBTFUL)
        except decisions.ReviewConflict:
            batch.note(Skipped.CHANGED)
        else:
            batch.note(None)
    batch.tell(request)


def cancel(request: HttpRequest, chosen: Rows) -> None:
    """Cancel those that no process has taken."""
    by, batch = principal_of(request), Batch(gettext("cancelled"))
    batch.skip(chosen.filter(state=State.PROCESSING), Skipped.UNDER_WAY)
    batch.skip(chosen.filter(state__in=State.ended()), Skipped.ENDED)
    for extraction in batch.each_of(chosen.filter(state__in=[State.QUEUED, State.WAITING])):
        batch.note(None if outcomes.cancel(extraction, by=by) else Skipped.CHANGED)
    batch.tell(request)


def delete(request: HttpRequest, chosen: Rows) -> None:
    """Delete those that are not being read."""
    by, batch = principal_of(request), Batch(gettext("deleted"))
    batch.skip(chosen.filter(state=State.PROCESSING), Skipped.UNDER_WAY)
    for extraction in batch.each_of(chosen.exclude(state=State.PROCESSING)):
        batch.note(None if deletion.delete(extraction, by=by) else Skipped.CHANGED)
    batch.tell(request)


def read_again(request: HttpRequest, chosen: Rows) -> HttpResponse | None:
    """Ask how they are to be read, and then have them read again; what people decided is kept."""
    companies = set(chosen.order_by().values_list("company_id", flat=True).distinct()[:2])
    asked = "how" in request.POST
    form = ReadAgainForm(
        request.POST if asked else None,
        company_id=companies.pop() if len(companies) == 1 else None,
    )
    ended = chosen.filter(state__in=State.ended())
    kept = ended.filter(files_removed_at=None)
    undecided = kept.filter(reviewed_at=None)
    if not form.is_valid():
        context = {
            "form": form,
            "documents": undecided.order_by().count(),
            "at_once": AT_ONCE,
            "here": request.GET.urlencode(),
            "scope": request.POST.get("scope"),
            "chosen": request.POST.getlist("chosen"),
        }
        return render(request, "extraction/read_many_again.html", context)
    by, batch = principal_of(request), Batch(gettext("queued to be read again"))
    batch.skip(chosen.filter(state__in=State.unended()), Skipped.WAITING)
    batch.skip(ended.filter(files_removed_at__isnull=False), Skipped.REMOVED)
    batch.skip(kept.filter(reviewed_at__isnull=False), Skipped.CORRECTED)
    for extraction in batch.each_of(undecided):
        if extraction.original is not None:
            batch.note(Skipped.CORRECTED)
        elif submission.read_again(extraction, by=by, reader=form.reader, key=form.key):
            batch.note(None)
        else:
            batch.note(Skipped.CHANGED)
    batch.tell(request)
    return None


def export(request: HttpRequest, chosen: Rows) -> HttpResponseBase | None:
    """Export them as ExportForm says. Raises Http404 for what it does not offer."""
    form = ExportForm(request.POST)
    if not form.is_valid():
        raise Http404("There is no such format.")
    format_name, _, profile = form.cleaned_data["export_as"].partition(":")
    layout = layout_named(format_name, profile) if profile else None
    return _download(request, chosen, Format(format_name), layout)


def _exported_as(format_: Format) -> Callable[[HttpRequest, Rows], HttpResponseBase | None]:
    return lambda request, chosen: _download(request, chosen, format_, None)


def _download(
    request: HttpRequest, chosen: Rows, format_: Format, layout: Layout | None
) -> HttpResponseBase | None:
    try:
        layout = layout or _layout_for(chosen, format_)
        return download(chosen, format_, layout, by=principal_of(request))
    except TooManyChosen as error:
        messages.error(request, error_texts.told(error.detail))
        return None


def _layout_for(chosen: Rows, format_: Format) -> Layout | None:
    """The columns that the company of all the chosen ones has for this format."""
    companies = chosen.order_by().values_list("company_id", flat=True).distinct()[:2]
    profiles = [default_profile(company_id, format_) for company_id in companies]
    return layout_of(profiles[0]) if len(profiles) == 1 and profiles[0] else None


# By the names in requests, in the order of their buttons.
ACTIONS: dict[str, Action] = {
    "csv": Action(_("Export as CSV"), Right.EXPORT, _exported_as(Format.CSV), is_unbounded=True),
    "xlsx": Action(
        _("Export to Excel"), Right.EXPORT, _exported_as(Format.XLSX), is_unbounded=True
    ),
    "zip": Action(
        _("Save the documents"), Right.EXPORT, _exported_as(Format.DOCUMENTS), is_unbounded=True
    ),
    "export": Action(_("Export"), Right.EXPORT, export, is_unbounded=True),
    "retry": Action(_("Try failed ones again…"), Right.RETRY, retry_failed),
    "read-again": Action(_("Read again…"), Right.CORRECT, read_again),
    "approve": Action(_("Approve what is not doubtful"), Right.APPROVE, approve),
    "cancel": Action(_("Cancel the reading"), Right.RETRY, cancel),
    "delete": Action(_("Delete"), Right.DELETE, delete),
}


def actions_of(principal: Principal) -> dict[str, Action]:
    """Return the actions for which somebody has the right."""
    return {name: action for name, action in ACTIONS.items() if principal.may(action.right)}


def chosen_by_id(ids: list[str], visible: Rows) -> Rows:
    """Return the rows of these ids among the visible ones. What is no id names no row."""
    keys = set()
    for text in ids:
        try:
            keys.add(UUID(text))
        except ValueError:
            continue
    return visible.filter(pk__in=keys)
