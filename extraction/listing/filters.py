"""The filters of the list, from an address's parameters. What is wrong with them is said."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, cast
from uuid import UUID

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from extraction.forms import company_choices
from extraction.models import State
from extraction.models.label import MAX_KEY_LENGTH, MAX_VALUE_LENGTH

MOST_WORDS = 10
# The columns that the list is sorted by, by their names in addresses; "-" before them: descending.
SORTS = {
    "file": "file_name",
    "supplier": "supplier_name",
    "tax-id": "supplier_tax_id",
    "number": "invoice_number",
    "date": "invoice_date",
    "due": "due_date",
    "total": "total_amount",
    "state": "state",
    "reviewed": "reviewed_at",
    "type": "document_type",
    "company": "company_id",
    "received": "created_at",
}
NEWEST_FIRST = "-received"
_DIRECTED = [f"{sign}{name}" for name in SORTS for sign in ("", "-")]


@dataclass(frozen=True, slots=True)
class Filters:
    """Valid filters; empty ones select everything."""

    text: str = ""
    company: str = ""
    branch: str = ""
    state: str = ""
    review: str = ""
    since: date | None = None
    until: date | None = None
    requester: str = ""
    label: str = ""
    duplicates: str = ""
    batch: UUID | None = None
    sort: str = NEWEST_FIRST


class _DayInput(forms.DateInput):
    """A field for a day. What is no day is left out of it: browsers complain in their console."""

    input_type = "date"

    def format_value(self, value: Any) -> str | None:
        try:
            return date.fromisoformat(str(value)).isoformat()
        except ValueError:
            return None


def _day(label: StrOrPromise) -> forms.DateField:
    return forms.DateField(
        label=label,
        required=False,
        widget=_DayInput,
        input_formats=["%Y-%m-%d"],
        error_messages={"invalid": _("Write the date as 2026-11-24.")},
    )


class FilterForm(forms.Form):
    """Which extractions to list, in which order, and which page of them.

    Parameters that it does not know, or that are given twice, are errors: a filter that is dropped
    would list too much.
    """

    text = forms.CharField(
        label=_("Search"),
        required=False,
        max_length=200,
        widget=forms.TextInput(
            {"type": "search", "placeholder": _("Number, supplier, file name or total")}
        ),
    )
    company = forms.ChoiceField(label=_("Company"), required=False)
    state = forms.ChoiceField(
        label=_("State"), required=False, choices=[("", _("All")), *State.choices]
    )
    review = forms.ChoiceField(
        label=_("Review"),
        required=False,
        choices=[
            ("", _("All")),
            ("needed", _("Needs review")),
            ("done", _("Reviewed")),
            ("none", _("Needs none")),
        ],
    )
    since = _day(_("Invoice date from"))
    until = _day(_("Invoice date to"))
    branch = forms.CharField(label=_("Branch"), required=False, max_length=50)
    requester = forms.CharField(label=_("Requested by"), required=False, max_length=100)
    label = forms.CharField(
        label=_("Label"),
        required=False,
        max_length=MAX_KEY_LENGTH + 1 + MAX_VALUE_LENGTH,
        widget=forms.TextInput({"placeholder": _("key=value, or a key")}),
    )
    duplicates = forms.ChoiceField(
        label=_("Duplicates"),
        required=False,
        choices=[("", _("All")), ("only", _("Duplicates only")), ("none", _("No duplicates"))],
    )
    batch = forms.UUIDField(
        required=False,
        widget=forms.HiddenInput,
        error_messages={"invalid": _("There is no such batch of files.")},
    )
    sort = forms.ChoiceField(
        required=False,
        choices=[(name, name) for name in _DIRECTED],
        widget=forms.HiddenInput,
        error_messages={"invalid_choice": _("The list has no order “%(value).50s”.")},
    )
    page = forms.IntegerField(
        required=False,
        min_value=1,
        widget=forms.HiddenInput,
        error_messages={
            "invalid": _("A page is a number from 1."),
            "min_value": _("A page is a number from 1."),
        },
    )

    def __init__(
        self, data: QueryDict, *, companies: Mapping[str, str], besides: Collection[str] = ()
    ) -> None:
        """Read them from the parameters of a request; ``besides`` are those that are no filters."""
        super().__init__(data)
        self._query = data
        self._besides = besides
        company = cast("forms.ChoiceField", self.fields["company"])
        company.choices = [("", _("All")), *company_choices(companies)]

    def clean_text(self) -> str:
        """Reject a text of too many words to look for."""
        text: str = self.cleaned_data["text"]
        if len(text.split()) > MOST_WORDS:
            raise forms.ValidationError(gettext("Search for at most %d words.") % MOST_WORDS)
        return text

    def clean(self) -> dict[str, Any]:
        """Reject dates that contradict each other, and parameters that would be dropped."""
        values: dict[str, Any] = super().clean() or {}
        since, until = values.get("since"), values.get("until")
        if since and until and since > until:
            self.add_error("until", gettext("The end is before the beginning."))
        for name, given in self._query.lists():
            if name in self._besides:
                continue
            if name not in self.fields:
                self.add_error(None, gettext("The list has no filter “%.50s”.") % name)
            elif len(given) > 1:
                self.add_error(None, gettext("“%s” is given more than once.") % name)
        return values

    def filters(self) -> Filters | None:
        """Return the filters; None when one of them is not valid."""
        if not self.is_valid():
            return None
        values = {name: value for name, value in self.cleaned_data.items() if name != "page"}
        return Filters(**{**values, "sort": values["sort"] or NEWEST_FIRST})

    @property
    def page_number(self) -> int:
        """The page asked for; the first where none is."""
        return self.cleaned_data.get("page") or 1

    @property
    def further(self) -> list[forms.BoundField]:
        """The fields behind the search."""
        return [field for field in self.visible_fields() if field.name != "text"]

    @property
    def further_used(self) -> bool:
        """Whether one of these is filled in."""
        return any(field.value() for field in self.further)

    @property
    def used(self) -> bool:
        """Whether anything but order and page is filled in."""
        fields = (field for field in self if field.name not in ("sort", "page"))
        return any(field.value() for field in fields) or bool(self.errors)

    @property
    def problems(self) -> list[str]:
        """What is wrong with anything that has no field on the page."""
        hidden = [problem for field in self.hidden_fields() for problem in field.errors]
        return [str(problem) for problem in [*self.non_field_errors(), *hidden]]
