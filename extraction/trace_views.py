"""The page that tells staff what happened to an extraction."""

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from extraction.access import visible_extraction
from extraction.trace.events import events, money_of
from extraction.trace.rows import LOGS_SHOWN, logs_of, rows_of
from extraction.trace.timeline import timeline
from tokens.company_days import zone_of

SEE_TRACES = "extraction.view_extraction"
SEE_LOGS = "logs.view_applicationlog"
SEE_USAGE = "tokens.view_tokenusagelog"


@require_safe
def trace(request: HttpRequest, extraction_id: UUID) -> HttpResponse:
    """Show staff who may see extractions in the admin one timeline, log records and usage."""
    user = request.user
    if not (user.is_staff and user.has_perm(SEE_TRACES)):
        raise PermissionDenied
    extraction = visible_extraction(request, extraction_id, even_deleted=True)
    rows = rows_of(extraction)
    context = {
        "extraction": extraction,
        "company_zone": zone_of(extraction.company_id),
        "lines": timeline(events(rows)),
        "usage": [(row, money_of(row)) for row in rows.usage] if user.has_perm(SEE_USAGE) else [],
        "logs": logs_of(extraction) if user.has_perm(SEE_LOGS) else [],
        "may_see_logs": user.has_perm(SEE_LOGS),
        "logs_shown": LOGS_SHOWN,
    }
    return render(request, "extraction/trace.html", context)
