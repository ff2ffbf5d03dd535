"""``GET /api/v1/extractions/``: what the operators' filters find, page by page with a cursor."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request

from extraction.access import principal_of
from extraction.api.representations import LISTED_COLUMNS, line
from extraction.listing import edges
from extraction.listing.conditions import Rows, asked_companies, begins_with_label, matching
from extraction.listing.filters import FilterForm, Filters
from extraction.models import State

OLDEST_FIRST, NEWEST_FIRST = "received", "-received"
_STATES = {
    "pending": [State.QUEUED, State.PROCESSING, State.WAITING],
    "ok": [State.SUCCEEDED],
    "error": [State.FAILED, State.CANCELLED],
}


class _Instant(forms.CharField):
    """A time in ISO 8601. One without an offset is rejected: whose midnight it is, is unknown."""

    def clean(self, value: Any) -> datetime | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            instant = parse_datetime(text)
        except ValueError:
            instant = None
        if instant is None or timezone.is_naive(instant):
            raise forms.ValidationError(
                "Write the time as 2026-11-24T09:30:00Z, or with an offset as +05:45."
            )
        return instant


class ListForm(FilterForm):
    """The operators' filters; beside them the status of the envelope, and when it was received."""

    page = None  # type: ignore[assignment]  # Django's way to drop an inherited field
    status = forms.ChoiceField(required=False, choices=[(name, name) for name in ("", *_STATES)])
    received_since = _Instant(required=False)
    received_before = _Instant(required=False)
    sort = forms.ChoiceField(required=False, choices=[(n, n) for n in (OLDEST_FIRST, NEWEST_FIRST)])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if isinstance(field, forms.ChoiceField):
                field.error_messages["invalid_choice"] = "“%(value).50s” is none of the choices."
        company = cast("forms.ChoiceField", self.fields["company"])
        company.error_messages["invalid_choice"] = "“%(value).50s” is none of your companies."

    def asked(self) -> Filters:
        """Return the operators' filters. Raises ValidationError, by parameter."""
        if not self.is_valid():
            problems = {name: [str(e) for e in errors] for name, errors in self.errors.items()}
            problems["parameters"] = problems.pop(NON_FIELD_ERRORS, [])
            raise ValidationError(problems)
        own = {"page", "status", "received_since", "received_before"}
        values = {name: value for name, value in self.cleaned_data.items() if name not in own}
        return Filters(**{**values, "sort": values["sort"] or NEWEST_FIRST})

    def found(self, company_ids: list[str] | None) -> Rows:
        """Return the extractions selected. Raises ValidationError, by parameter."""
        rows = matching(self.asked(), company_ids)
        status = self.cleaned_data["status"]
        if status:
            rows = rows.filter(state__in=_STATES[status])
        if since := self.cleaned_data["received_since"]:
            rows = rows.filter(created_at__gte=since)
        if before := self.cleaned_data["received_before"]:
            rows = rows.filter(created_at__lt=before)
        return rows


class _Pages(CursorPagination):
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200

    def nearest(self, parts: Sequence[Rows], request: Request) -> Q:
        """Return a bound to the rows of all parts, behind which the page asked for has none.

        It is the first of the places where a page of each part alone would end. Without it a
        database sorts the rows of all companies, since an index has the order of each alone.
        """
        cursor = self.decode_cursor(request) or Cursor(offset=0, reverse=False, position=None)
        [order, *_] = self.get_ordering(request, parts[0], None)
        is_falling = order.startswith("-") != cursor.reverse
        sign, beyond, within = ("-", "lt", "gte") if is_falling else ("", "gt", "lte")
        after = Q(**{f"created_at__{beyond}": cursor.position}) if cursor.position else Q()
        place = cursor.offset + (self.get_page_size(request) or self.page_size)
        ends = edges.values(
            [
                edges.edge(
                    part.filter(after).order_by(f"{sign}created_at", f"{sign}pk"),
                    "created_at",
                    place,
                )
                for part in parts
            ]
        )
        if not ends:
            return Q()
        return Q(**{f"created_at__{within}": max(ends) if is_falling else min(ends)})

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        """The order of the rows found, whose first column a cursor names a place in."""
        return tuple(queryset.query.order_by)

    def decode_cursor(self, request: Request) -> Cursor | None:
        """Reject a cursor that no page has named: the database would reject its place."""
        cursor = super().decode_cursor(request)
        if cursor is not None and not _is_named(cursor):
            raise ValidationError({"cursor": ["is none that a page has named."]})
        return cursor


def _is_named(cursor: Cursor) -> bool:
    """Whether a page may have named it: its place is a time, or the end of the list."""
    if cursor.position is None:
        return bool(cursor.reverse or cursor.offset)
    try:
        place = parse_datetime(str(cursor.position))
    except ValueError:
        return False
    return place is not None and timezone.is_aware(place)


def extractions_page(request: Request) -> dict[str, Any]:
    """Return a page: ``next`` and ``previous`` are addresses or null.

    Raises ScopeMissing and ValidationError.
    """
    principal = principal_of(request)
    principal.demand_reading()
    form = ListForm(
        request.query_params,
        companies=principal.companies(),
        besides=("cursor", "page_size"),
    )
    rows = form.found(principal.company_ids()).only(*LISTED_COLUMNS).prefetch_related("labels")
    pages = _Pages()
    filters = form.asked()
    companies = asked_companies(filters, principal.company_ids()) or []
    if len(companies) > 1 and not begins_with_label(filters):
        parts = [rows.filter(company_id=each) for each in companies]
        rows = rows.filter(pages.nearest(parts, request))
    page = pages.paginate_queryset(rows, request) or []
    return {
        "next": pages.get_next_link(),
        "previous": pages.get_previous_link(),
        "results": [line(extraction) for extraction in page],
    }
