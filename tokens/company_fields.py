"""Fields in which staff choose a company, wherever a row names one by its id."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import lookup_spawns_duplicates
from django.contrib.admin.views.main import PAGE_VAR
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ValidationError
from django.db.models import Field, Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ocrsite.lib.staff_companies import bound_companies
from tokens.models import Company
from tokens.models.company import folded

if TYPE_CHECKING:
    from django.contrib.admin.filters import _ListFilterChoices

    _Admin = admin.options.BaseModelAdmin[Any]
else:
    _Admin = object

M = TypeVar("M", bound=Model)


def company_options(user: User | AnonymousUser) -> list[tuple[str, str]]:
    """Return ids and labels of the companies that a member of staff may choose, by id."""
    return [(company.company_id, _label(company)) for company in _offered(user)]


def filter_options(user: User | AnonymousUser) -> list[tuple[str, str]]:
    """Return the same with each other way in which rows write an id, to filter rows by."""
    return [
        (written, _label(company) if written == company.company_id else f"“{written}”")
        for company in _offered(user)
        for written in company.ids
    ]


def refusal(company_id: str, known: str | None) -> ValidationError:
    """Return the error for an id that is no company's, or ``known`` written in another way."""
    if known is None:
        told = _("There is no company “%(id).50s”. Choose one of the list, or add it first.")
    else:
        told = _("“%(id).50s” is not how this company is written. Choose “%(known)s”.")
    return ValidationError(told, code="invalid_choice", params={"id": company_id, "known": known})


class CompanyField(forms.ChoiceField):
    """One of the companies, of which the form is given the id.

    The companies are read once, when the field is made: make it for each request.
    """

    def __init__(self, user: User | AnonymousUser, **kwargs: Any) -> None:
        self._companies = dict(company_options(user))
        super().__init__(
            label=_("Company"),
            help_text=_how_to_add(user),
            **kwargs,
        )
        self._offer()

    def keep(self, company_id: str) -> None:
        """Offer the id of a row that has one already, and has no company yet."""
        if company_id and self._known(company_id) is None:
            self._companies[company_id] = company_id
            self._offer()

    def prepare_value(self, value: Any) -> Any:
        """Show the company of an id that is written in another way."""
        return (self._known(value) or value) if isinstance(value, str) else value

    def to_python(self, value: Any) -> str:
        """Leave out the blanks around it."""
        return str(super().to_python(value)).strip()

    def validate(self, value: Any) -> None:
        """Raise ValidationError for none, and for what is no company's id as it is written."""
        forms.Field.validate(self, value)
        if value and value not in self._companies:
            raise refusal(value, self._known(value))

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether another company is chosen: however its id is written, it is the same."""
        return folded(initial or "") != folded(data or "")

    def _offer(self) -> None:
        self.choices = [("", _("Choose a company")), *self._companies.items()]

    def _known(self, company_id: str) -> str | None:
        """The company's id, for any way to write it."""
        if company_id in self._companies:
            return company_id
        sought = folded(company_id)
        return next((known for known in self._companies if folded(known) == sought), None)


class NamesCompany(forms.ModelForm[M]):
    """For the form of a row that names its company: what was not changed stays as it is written."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields.get("company_id")
        if isinstance(field, CompanyField):
            field.keep(getattr(self.instance, "company_id", "") or "")

    def clean_company_id(self) -> str:
        """Return the id; for the same company the row's own."""
        if self.instance.pk is not None and "company_id" not in self.changed_data:
            return str(self.initial["company_id"])
        return str(self.cleaned_data["company_id"])


class PicksCompany(_Admin):
    """For an admin or an inline of rows that name their company."""

    def formfield_for_dbfield(
        self, db_field: "Field[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> forms.Field | None:
        """Have the company chosen."""
        if db_field.name == "company_id":
            return CompanyField(request.user)
        return super().formfield_for_dbfield(db_field, request, **kwargs)


class CompanyFilter(admin.SimpleListFilter):
    """Rows of one company, chosen from a list; of every way in which its id is written."""

    title, parameter_name = gettext_lazy("company"), "company"
    template = "admin/company_filter.html"
    # What of the listed model names the company.
    path: ClassVar[str] = "company_id"

    def __init__(
        self, request: HttpRequest, params: dict[str, Any], model: type[Model], model_admin: Any
    ) -> None:
        super().__init__(request, params, model, model_admin)
        # The other parameters of the list, which stay.
        self.kept: list[tuple[str, str]] = []
        self.chosen = self.value() or ""
        offered = dict(self.lookup_choices)
        if self.chosen and self.chosen not in offered:
            known = next((id_ for id_ in offered if folded(id_) == folded(self.chosen)), None)
            error = refusal(self.chosen, known)
            messages.error(request, " ".join(error.messages))

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """All of them."""
        return company_options(request.user)

    def choices(self, changelist: Any) -> "Iterator[_ListFilterChoices]":
        """All, and each; which other parameters stay is found out for the form."""
        own = {self.parameter_name, PAGE_VAR}
        self.kept = [(name, value) for name, value in changelist.params.items() if name not in own]
        for value, label in [("", _("All")), *self.lookup_choices]:
            yield {
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": label,
                "selected": self.chosen == value,
            }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        """Those of the chosen one; none for an id that is no company's."""
        if not self.chosen:
            return queryset
        offered = self.chosen in dict(self.lookup_choices)
        company = Company.objects.filter(pk=self.chosen).first() if offered else None
        found = queryset.filter(**{f"{self.path}__in": [] if company is None else company.ids})
        has_many = lookup_spawns_duplicates(queryset.model._meta, self.path)
        return found.distinct() if has_many else found


def company_filter(path: str) -> type[CompanyFilter]:
    """Return the filter for a model that names its company elsewhere than in ``company_id``."""
    return type("CompanyFilter", (CompanyFilter,), {"path": path})


def _how_to_add(user: User | AnonymousUser) -> str:
    """The way to a company that is not offered, for who may add one."""
    if not user.has_perm("tokens.add_company") or bound_companies(user) is not None:
        return ""
    return format_html(
        _('Not in the list? <a href="{}">Add the company</a> first.'),
        reverse("admin:tokens_company_add"),
    )


def _offered(user: User | AnonymousUser) -> QuerySet[Company]:
    companies = Company.objects.only("company_id", "name", "closed_at", "other_spellings")
    bound = bound_companies(user)
    return companies if bound is None else companies.filter(pk__in=bound)


def _label(company: Company) -> str:
    label = f"{company.company_id} – {company.name}" if company.name else company.company_id
    return f"{label} (closed)" if company.is_closed else label
