"""``GET /api/v1/extractions/``: what the operators' filters find, page by page with a cursor."""

from datetime import datetime
from typing import Any, cast

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request

from extraction.access import principal_of
from extraction.api.representations import LISTED_COLUMNS, line
from extraction.listing.conditions import Rows, matching
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

    def found(self, company_ids: list[str] | None) -> Rows:
        """Return the extractions selected. Raises ValidationError, by parameter."""
        if not self.is_valid():
            problems = {name: [str(e) for e in errors] for name, errors in self.errors.items()}
            problems["parameters"] = problems.pop(NON_FIELD_ERRORS, [])
            raise ValidationError(problems)
        own = {"page", "status", "received_since", "received_before"}
        values = {name: value for name, value in self.cleaned_data.items() if name not in own}
        rows = matching(Filters(**{**values, "sort": values["sort"] or NEWEST_FIRST}), company_ids)
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
    page = pages.paginate_queryset(rows, request) or []
    return {
        "next": pages.get_next_link(),
        "previous": pages.get_previous_link(),
        "results": [line(extraction) for extraction in page],
    }
