"""What every page's navigation tells."""

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from extraction.access import principal_of
from extraction.models import Right
from extraction.review import queue


def to_review(request: HttpRequest) -> dict[str, object]:
    """Return how many invoices the user has to review, "" for none, and whether it may upload.

    A context processor. What no page shows costs no query.
    """
    return {
        "to_review": SimpleLazyObject(lambda: _counted(request)),
        "may_upload": SimpleLazyObject(lambda: _may_upload(request)),
    }


def _may_upload(request: HttpRequest) -> bool:
    """Whether the upload page is of use: who sees nothing is told there whom to ask."""
    if not request.user.is_authenticated:
        return False
    principal = principal_of(request)
    return principal.may(Right.UPLOAD) or principal.company_ids() == []


def _counted(request: HttpRequest) -> str:
    if not request.user.is_authenticated:
        return ""
    count = queue.count_for(principal_of(request))
    return f"{count}+" if count == queue.COUNTED else str(count or "")
