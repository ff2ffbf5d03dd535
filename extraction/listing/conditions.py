"""What filters mean to the database. Nothing here is bounded; ``extraction.listing.window`` is."""

from collections.abc import Sequence

from django.db.models import Case, DecimalField, IntegerField, Q, QuerySet, Value, When
from django.db.models.functions import Cast
from django.db.models.lookups import Exact

from extraction import labels
from extraction.invoices.amounts import amounts_meant
from extraction.listing.filters import SORTS, Filters
from extraction.models import Extraction

Rows = QuerySet[Extraction]
# "In" uses an index where SQLite would read a bare column as the whole condition.
TO_REVIEW = Q(needs_review__in=[True], reviewed_at=None)

_SEARCHED = ("invoice_number", "supplier_name", "supplier_tax_id", "file_name")


def matching(filters: Filters, company_ids: Sequence[str] | None) -> Rows:
    """Return every extraction that fulfils the filters, of the companies given, in their order.

    None means every company. As many rows as there are: for exports, never for a page.
    """
    sign = "-" if filters.sort.startswith("-") else ""
    column = SORTS[filters.sort.removeprefix("-")]
    wanted, company = conditions(filters), of_companies(filters, company_ids)
    if begins_with_label(filters):
        del wanted["label"]
        found = Q(all_of([company, *wanted.values()]), labels.few(filters.label))
    else:
        found = Q(company, *wanted.values())
    return Extraction.objects.filter(found).order_by(f"{sign}{column}", f"{sign}pk")


def begins_with_label(filters: Filters) -> bool:
    """Whether a label alone leaves so few rows that no other index is looked into."""
    return bool(filters.label) and labels.is_rare(filters.label)


def of_companies(filters: Filters, company_ids: Sequence[str] | None) -> Q:
    """The companies that may be seen and are asked for; of another one there is nothing."""
    ids = asked_companies(filters, company_ids)
    if ids is None:
        return Q()
    return Q(company_id=ids[0]) if len(ids) == 1 else Q(company_id__in=ids)


def asked_companies(filters: Filters, company_ids: Sequence[str] | None) -> list[str] | None:
    """Their ids; None means every company."""
    if not filters.company:
        return None if company_ids is None else list(company_ids)
    granted = company_ids is None or filters.company in company_ids
    return [filters.company] if granted else []


def conditions(filters: Filters) -> dict[str, Q]:
    """Return the conditions but that of the company, by the names of their filters."""
    found = {
        "batch": Q(batch=filters.batch) if filters.batch else None,
        "branch": Q(branch__iexact=filters.branch) if filters.branch else None,
        "state": Q(state=filters.state) if filters.state else None,
        "review": _REVIEW.get(filters.review),
        "dates": _between(filters),
        "requester": Q(requested_by__icontains=filters.requester) if filters.requester else None,
        "label": labels.condition(filters.label) if filters.label else None,
        "duplicates": _DUPLICATES.get(filters.duplicates),
        # Last, as the one that costs most: what the others reject is not searched.
        "text": _contains(filters.text) if filters.text else None,
    }
    return {name: condition for name, condition in found.items() if condition is not None}


def all_of(conditions: Sequence[Q]) -> Q:
    """Conditions as one expression, for which no database looks into an index.

    It might choose one that leaves more rows to read than the one that is meant.
    """
    together = Q()
    for condition in conditions:
        together &= condition
    if not together:
        return Q()
    fulfilled = Case(When(together, then=Value(1)), default=Value(0), output_field=IntegerField())
    return Q(Exact(fulfilled, 1))


def exactly(text: str) -> list[Q]:
    """The conditions, each with an index, of rows that a search text names in full."""
    written = [text, text.upper()]
    named = [Q(**{f"{column}__in": written}) for column in _SEARCHED]
    amounts = _signed(text)
    return [*named, Q(total_amount__in=amounts)] if amounts else named


_REVIEW = {
    "needed": TO_REVIEW,
    "done": Q(reviewed_at__isnull=False),
    "none": Q(needs_review=False),
}
_DUPLICATES = {"only": Q(duplicate_of__isnull=False), "none": Q(duplicate_of=None)}


def _contains(text: str) -> Q:
    """Every word stands in one of the columns, or the whole is the total."""
    words = Q()
    for word in text.split():
        # SQLite ignores the case of ASCII letters only.
        forms = {word} if word.isascii() else {word, word.upper(), word.lower()}
        anywhere = Q()
        for column in _SEARCHED:
            for form in sorted(forms):
                anywhere |= Q(**{f"{column}__icontains": form})
        words &= anywhere
    amounts = _signed(text)
    return words | Q(total_amount__in=amounts) if amounts else words


def _signed(text: str) -> list[Cast]:
    """The amounts that a text can mean; some systems print those of credit notes negative.

    As texts: mssql-django rounds decimal parameters of a query that groups to whole numbers.
    """
    column = DecimalField(max_digits=24, decimal_places=6)
    return [
        Cast(Value(f"{sign}{amount:f}"), column)
        for amount in sorted(amounts_meant(text))
        for sign in ("", "-")
    ]


def _between(filters: Filters) -> Q | None:
    if filters.since is None and filters.until is None:
        return None
    days = Q()
    if filters.since is not None:
        days &= Q(invoice_date__gte=filters.since)
    if filters.until is not None:
        days &= Q(invoice_date__lte=filters.until)
    return days
