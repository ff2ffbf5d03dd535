"""One page of the list: its rows, what they sum up to, and the addresses of its links."""

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.core.paginator import Paginator
from django.db.models import Count, Sum
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from extraction import labels
from extraction.invoices.amounts import grouped, rounded_sum
from extraction.listing.filters import NEWEST_FIRST, SORTS, Filters
from extraction.listing.window import Window
from extraction.models import Extraction
from logs.error_names import name_of
from tokens.company_days import zones_of

PAGE_SIZE = 25
# Everything else is shown on the page of the extraction alone, and may be large.
_SHOWN = (
    *("company_id", "branch", "requested_by", "file_name", "state", "created_at"),
    "error_code",
    *(
        "needs_review",
        "reviewed_at",
        "reviewed_by",
        "rejection",
        "supplier_name",
        "supplier_tax_id",
        "invoice_number",
        "invoice_date",
    ),
    *("due_date", "total_amount", "currency", "document_type", "duplicate_of"),
)
# Sorted downwards by the first click.
_DOWN_FIRST = {"date", "due", "total", "reviewed", "received"}
# What stands below another value, in its column.
_BELOW = {"supplier": "tax-id", "state": "reviewed"}
_HEADINGS = {
    "file": _("Document"),
    "supplier": _("Supplier"),
    "tax-id": _("Tax ID"),
    "number": _("Number"),
    "date": _("Date"),
    "due": _("Due"),
    "total": _("Total"),
    "state": _("State"),
    "reviewed": _("Reviewed"),
    "type": _("Type"),
    "company": _("Company"),
    "received": _("Received"),
}
_TYPES = {
    "invoice": _("invoice"),
    "credit_note": _("credit note"),
    "receipt": _("receipt"),
    "other": _("other"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One extraction; ``total`` is its total for people, ``failure`` the name of why it failed.

    ``zone`` is the time zone of its company.
    """

    extraction: Extraction
    total: str
    type: StrOrPromise
    failure: str
    labels: list[str]
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Total:
    """The sum of one currency; that of credit notes is not taken off that of the others."""

    currency: str
    amount: str
    documents: int
    of_credit_notes: bool


@dataclass(frozen=True, slots=True)
class Heading:
    """A column's heading; ``address`` sorts by it, ``sorted`` is its value of aria-sort.

    ``below``: that of the value which stands below in the same column.
    """

    name: str
    label: StrOrPromise
    address: str
    sorted: str
    below: "Heading | None" = None


@dataclass(frozen=True, slots=True)
class ListPage:
    """What a page of the list shows."""

    rows: list[Row]
    number: int
    pages: int
    page_numbers: list[int | str]
    documents: int
    totals: list[Total]
    window: Window
    older: list[dict[str, object]]
    groups: list[tuple[str, str, int]]
    """For a filter by a key: each of its values, the filter for it, and how many there are."""


def list_page(window: Window, number: int) -> ListPage:
    """Return a page; the last one where there are fewer."""
    totals, documents = _totals(window)
    ordered = window.ordered()
    # The order may leave out rows that have no value to sort by.
    found = ordered[: window.limit].count() if window.has_whole_order else documents
    paginator = Paginator(range(found), PAGE_SIZE)
    number = min(number, paginator.num_pages)
    start = PAGE_SIZE * (number - 1)
    rows = ordered.only(*_SHOWN).prefetch_related("labels")[start : start + PAGE_SIZE]
    older = window.older()
    companies = {*(row.company_id for row in rows), *(row["company_id"] for row in older)}
    zones = zones_of(companies) if companies else {}
    return ListPage(
        rows=[_row(extraction, zones[extraction.company_id]) for extraction in rows],
        number=number,
        pages=paginator.num_pages,
        page_numbers=list(paginator.get_elided_page_range(number, on_each_side=2, on_ends=1)),
        documents=documents,
        totals=totals,
        window=window,
        older=[{**row, "zone": zones[row["company_id"]]} for row in older],
        groups=_groups(window),
    )


def headings(query: QueryDict, filters: Filters | None) -> list[Heading]:
    """Return the columns' headings, whose links keep the filters and begin at the first page."""
    sort = filters.sort if filters else NEWEST_FIRST

    def heading(name: str) -> Heading:
        current = sort.removeprefix("-") == name
        down = not sort.startswith("-") if current else name in _DOWN_FIRST
        is_sorted = ("descending" if sort.startswith("-") else "ascending") if current else ""
        target = address(query, sort=f"-{name}" if down else name)
        below = heading(_BELOW[name]) if name in _BELOW else None
        return Heading(name, _HEADINGS[name], target, is_sorted, below)

    return [heading(name) for name in SORTS if name not in _BELOW.values()]


def address(query: QueryDict, **changes: str) -> str:
    """Return the query of an address like this one, on its first page, without empty filters."""
    kept = QueryDict(mutable=True)
    for name, values in query.lists():
        if name not in {"page", *changes} and any(values):
            kept.setlist(name, values)
    kept.update({name: value for name, value in changes.items() if value})
    return kept.urlencode()


def _groups(window: Window) -> list[tuple[str, str, int]]:
    key = window.filters.label.strip()
    if not key or "=" in key:
        return []
    found = labels.counts(window.rows, key)
    return [(value, f"{key}={value}", documents) for value, documents in found]


def _row(extraction: Extraction, zone: ZoneInfo) -> Row:
    amount = extraction.total_amount
    return Row(
        extraction=extraction,
        total="" if amount is None else grouped(amount, extraction.currency),
        type=_TYPES.get(extraction.document_type or "", ""),
        failure=name_of(extraction.error_code),
        labels=[str(label) for label in extraction.labels.all()],
        zone=zone,
    )


def _totals(window: Window) -> tuple[list[Total], int]:
    """Return the sums by currency, and how many rows there are."""
    if not window.has_totals:
        return [], window.rows.count()
    sums = (
        window.rows.values("currency", "document_type")
        .annotate(documents=Count("pk"), summed=Count("total_amount"), total=Sum("total_amount"))
        .order_by()
    )
    documents = 0
    found: defaultdict[tuple[str, bool], list[tuple[Decimal, int]]] = defaultdict(list)
    for each in sums:
        documents += each["documents"]
        if each["summed"]:
            of_credit_notes = each["document_type"] == "credit_note"
            total = (each["total"], each["summed"])
            found[each["currency"] or "", of_credit_notes].append(total)
    totals = [
        Total(
            currency=currency,
            amount=grouped(rounded_sum((amount for amount, _ in parts), currency), currency),
            documents=sum(count for _, count in parts),
            of_credit_notes=of_credit_notes,
        )
        for (currency, of_credit_notes), parts in sorted(found.items())
    ]
    return totals, documents
