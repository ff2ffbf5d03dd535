"""Extractions to be exported, read page by page."""

from collections.abc import Iterator

from django.db.models import Q, QuerySet

from extraction.exports.values import Exported
from extraction.invoices.schema import Invoice
from extraction.models import Extraction, State

# Rows per query. A result with many lines has some 100 KB of JSON.
PAGE_SIZE = 200
_COLUMNS = (
    *("id", "company_id", "branch", "requested_by", "file", "file_name", "media_type"),
    *("created_at", "state", "needs_review", "model", "files_removed_at", "result"),
)


def exported(chosen: QuerySet[Extraction], page_size: int = PAGE_SIZE) -> Iterator[Exported]:
    """Yield those of the chosen that have succeeded, the oldest first.

    By short queries, each of which begins where the one before it ended, instead of one cursor
    that stays open while the answer is read. What arrives meanwhile is exported too.
    """
    rows = chosen.filter(state=State.SUCCEEDED).only(*_COLUMNS).order_by("created_at", "pk")
    page = list(rows[:page_size])
    while page:
        for extraction in page:
            yield Exported(extraction, invoice_of(extraction))
        if len(page) < page_size:
            return
        last = page[-1]
        after = Q(created_at__gt=last.created_at) | Q(created_at=last.created_at, pk__gt=last.pk)
        # The first condition follows from the other, and is what an index can seek.
        page = list(rows.filter(after, created_at__gte=last.created_at)[:page_size])


def invoice_of(extraction: Extraction) -> Invoice:
    """Return the invoice that an extraction which has succeeded is exported as."""
    return Invoice.model_validate(extraction.result)
