"""Extractions to be exported, read page by page."""

import uuid
from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, QuerySet

from extraction.exports.values import Exported
from extraction.invoices.schema import Invoice
from extraction.labels import labels_by_extraction
from extraction.models import Extraction, Label, State
from logs.audit import name_extractions
from tokens.company_days import zones_of

# Rows per query. A result with many lines has some 100 KB of JSON.
PAGE_SIZE = 200
# So many are read at a time: whole ones take ten times as much as their bytes.
_IDS_AT_ONCE = 200
_ID_BYTES = 16
_COLUMNS = (
    *("id", "company_id", "branch", "requested_by", "file", "file_name", "media_type"),
    *("created_at", "state", "needs_review", "model", "files_removed_at", "result"),
    *("reviewed_at", "rejection"),
)


def exported(
    chosen: QuerySet[Extraction], page_size: int = PAGE_SIZE, *, entry_id: int | None = None
) -> Iterator[Exported]:
    """Yield those of the chosen that have succeeded, the oldest first.

    ``entry_id``: of the audit list, which then names them. Which they are is asked once, and 16
    bytes kept of each: no database then sorts them again for every page, and no cursor stays open
    while the answer is read.
    """
    rows = chosen.filter(state=State.SUCCEEDED)
    ids = _ids_of(rows)
    any_labelled = bool(ids) and Label.objects.exists()
    zones: dict[str, ZoneInfo] = {}
    for start in range(0, len(ids), page_size * _ID_BYTES):
        some = ids[start : start + page_size * _ID_BYTES]
        page = [uuid.UUID(bytes=bytes(some[at : at + _ID_BYTES])) for at in _steps(len(some))]
        if entry_id is not None:
            name_extractions(entry_id, page)
        found = {extraction.pk: extraction for extraction in _still_chosen(rows, page)}
        labels = labels_by_extraction(found) if any_labelled else {}
        if new := {extraction.company_id for extraction in found.values()}.difference(zones):
            zones |= zones_of(new)
        for pk in page:
            if extraction := found.get(pk):  # still there, and still chosen
                yield Exported(
                    extraction,
                    invoice_of(extraction),
                    labels.get(pk, {}),
                    zones[extraction.company_id],
                )


def invoice_of(extraction: Extraction) -> Invoice:
    """Return the invoice that an extraction which has succeeded is exported as."""
    return Invoice.model_validate(extraction.result)


def _still_chosen(rows: QuerySet[Extraction], page: Sequence[uuid.UUID]) -> QuerySet[Extraction]:
    """Return those of a page that are among the rows.

    By their ids first: where the other conditions stand beside them, SQLite looks into the index of
    states, and reads all rows of one for every page.
    """
    chosen = Exists(rows.order_by().filter(pk=OuterRef("pk")))
    return Extraction.with_deleted.filter(chosen, pk__in=page).only(*_COLUMNS).order_by()


def _ids_of(rows: QuerySet[Extraction]) -> bytearray:
    ids = bytearray()
    for pk in rows.order_by("created_at", "pk").values_list("pk", flat=True).iterator(_IDS_AT_ONCE):
        ids += pk.bytes
    return ids


def _steps(size: int) -> range:
    return range(0, size, _ID_BYTES)
