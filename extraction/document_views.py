"""What people do with a document that came by mistake, or was read wrongly.

They cancel it, delete it and get it back, or have it read again.
"""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from extraction import deletion, outcomes, submission
from extraction.access import NotAllowed, principal_of, visible_extraction
from extraction.forms import ReadAgainForm
from extraction.listing.actions import chosen_by_id
from extraction.listing.batches import Batch, Skipped
from extraction.models import Extraction, Right
from tokens.company_days import zone_of, zones_of

PAGE_SIZE = 25
# Of more deleted ones the latest are listed.
LISTED = 1_000
UNDER_WAY = gettext_noop("It is being read: a call under way is paid for, and is not cut off.")


@require_POST
def cancel(request: HttpRequest, extraction_id: UUID) -> HttpResponse:
    """Have a document not read that no process has taken yet."""
    extraction = visible_extraction(request, extraction_id)
    if outcomes.cancel(extraction, by=principal_of(request)):
        told = [_("The reading is cancelled.")]
        if extraction.has_result:
            told.append(_("What was read earlier is back."))
        messages.success(request, " ".join(told))
    elif visible_extraction(request, extraction_id).ended:
        messages.info(request, _("It is too late: the document has been read."))
    else:
        messages.info(request, _(UNDER_WAY))
    return redirect("result", extraction.pk)


@require_POST
def delete(request: HttpRequest, extraction_id: UUID) -> HttpResponse:
    """Take a document out of every list; its page offers to undo that."""
    extraction = visible_extraction(request, extraction_id)
    if not deletion.delete(extraction, by=principal_of(request)):
        messages.info(request, " ".join([_(UNDER_WAY), _("Delete it when that has ended.")]))
    return redirect("result", extraction.pk)


@require_POST
def undo(request: HttpRequest, extraction_id: UUID) -> HttpResponse:
    """List a deleted document again."""
    extraction = visible_extraction(request, extraction_id, even_deleted=True)
    if deletion.undo(extraction, by=principal_of(request)):
        messages.success(request, _("%s is back.") % extraction.file_name)
    return redirect("result", extraction.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def read_again(request: HttpRequest, extraction_id: UUID) -> HttpResponse:
    """Ask how a document is to be read again, say what that replaces, and have it done."""
    extraction = visible_extraction(request, extraction_id)
    principal_of(request).demand(Right.CORRECT, extraction.company_id)
    if not extraction.ended or extraction.files_removed_at:
        messages.info(request, _("Only a document that is kept, and is not being read, can be."))
        return redirect("result", extraction.pk)
    form = ReadAgainForm(request.POST or None, company_id=extraction.company_id)
    is_changed = request.POST.get("version", "") != str(extraction.version)
    if form.is_valid() and not is_changed:
        by = principal_of(request)
        if submission.read_again(extraction, by=by, reader=form.reader, key=form.key):
            messages.success(request, _("The document is queued to be read again."))
            return redirect("result", extraction.pk)
        is_changed, extraction = True, visible_extraction(request, extraction_id)
    context = {
        "extraction": extraction,
        "form": form,
        "company_zone": zone_of(extraction.company_id),
        "is_changed": form.is_bound and is_changed,
        "corrections": extraction.corrections.exclude(path="").count(),
    }
    return render(request, "extraction/read_again.html", context)


@require_safe
def deleted(request: HttpRequest) -> HttpResponse:
    """List what was deleted and can be got back, the latest first."""
    principal = principal_of(request)
    rows = _deleted(principal.company_ids()).order_by("-deleted_at", "-pk")
    rows = rows.only("file_name", "company_id", "supplier_name", "invoice_number", *_WHEN)
    page = Paginator(rows[:LISTED], PAGE_SIZE).get_page(request.GET.get("page"))
    zones = zones_of({row.company_id for row in page}) if page.object_list else {}
    context = {
        "page": page,
        "rows": [(row, zones[row.company_id]) for row in page],
        "listed": LISTED,
        "days": settings.DELETED_DAYS,
        "may_undo": principal.may(Right.DELETE),
    }
    return render(request, "extraction/deleted_list.html", context)


@require_POST
def undo_chosen(request: HttpRequest) -> HttpResponse:
    """List the chosen ones of the deleted documents again."""
    by = principal_of(request)
    if not by.may(Right.DELETE):
        raise NotAllowed
    rows = _deleted(by.company_ids(Right.DELETE))
    chosen = chosen_by_id(request.POST.getlist("chosen"), rows)
    if not chosen.exists():
        messages.info(request, _("Choose at least one document."))
        return redirect("deleted")
    batch = Batch(_("back"))
    for extraction in batch.each_of(chosen):
        batch.note(None if deletion.undo(extraction, by=by) else Skipped.CHANGED)
    batch.tell(request)
    return redirect("deleted")


_WHEN = ("deleted_at", "deleted_by")


def _deleted(company_ids: list[str] | None) -> QuerySet[Extraction]:
    return Extraction.with_deleted.for_companies(company_ids).deleted()
