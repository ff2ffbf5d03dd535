"""What every page's navigation tells."""

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from extraction.review import queue


def to_review(request: HttpRequest) -> dict[str, object]:
    """Return how many invoices the user has to review, "" for none: one query, where it is shown.

    A context processor.
    """
    return {"to_review": SimpleLazyObject(lambda: _counted(request))}


def _counted(request: HttpRequest) -> str:
    if not request.user.is_authenticated:
        return ""
    count = queue.count_for(request.user)
    return f"{count}+" if count == queue.COUNTED else str(count or "")
