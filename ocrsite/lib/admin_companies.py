"""Which rows staff see in the admin who are bound to companies: one rule for each ModelAdmin.

The site mixes ``CompanyMixin`` into every admin (ocrsite/admin_site.py). An admin states its rule
as ``company_rule``; bound staff see nothing of one that states none.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar, cast

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import lookup_spawns_duplicates
from django.core.exceptions import ValidationError
from django.db.models import F, Model, Q, QuerySet
from django.http import Http404, HttpRequest
from django.utils.translation import gettext_lazy as _

from ocrsite.lib.staff_companies import bound_companies, within

M = TypeVar("M", bound=Model)
Rows = QuerySet[Any]

NOT_YOURS = _("This is none of your companies.")
# What a form calls the company of its row.
_COMPANY_FIELDS = ("company_id", "company")


@dataclass(frozen=True, slots=True)
class CompanyRule:
    """Whose the rows of an admin are, and whether bound staff may see and change them.

    ``lookups`` lead from a row to the ids of its companies; without any, rows are nobody's. Bound
    staff see a row of which one leads to a company of theirs, and none to another.
    """

    lookups: tuple[str, ...] = ()
    is_seen: bool = True
    is_changed: bool = True

    def rows(self, rows: Rows, bound: list[str]) -> Rows:
        """Return those of the rows that staff bound to these companies see."""
        if not self.is_seen:
            return rows.none()
        if not self.lookups:
            return rows
        model = rows.model
        spawning = any(lookup_spawns_duplicates(model._meta, each) for each in self.lookups)
        if len(self.lookups) == 1 and not spawning:
            return rows.filter(**{f"{self.lookups[0]}__in": bound})
        mine, others = Q(), Q()
        for lookup in self.lookups:
            found = model._base_manager.using(rows.db).alias(_company=F(lookup)).order_by()
            mine |= Q(pk__in=found.filter(_company__in=bound).values("pk"))
            foreign = found.filter(_company__isnull=False).exclude(_company__in=bound)
            others |= Q(pk__in=foreign.values("pk"))
        return rows.filter(mine).exclude(others)


def of_company(*lookups: str, is_changed: bool = True) -> CompanyRule:
    """Return the rule for rows of companies, to which lookups such as "token__company_id" lead."""
    return CompanyRule(lookups, is_changed=is_changed)


# Rows that every company shares: bound staff see them and change nothing of them.
SHARED = CompanyRule(is_changed=False)
# Rows about all companies at once: bound staff see none of them.
UNBOUND_ONLY = CompanyRule(is_seen=False, is_changed=False)


def rule_of(model_admin: Any) -> CompanyRule:
    """Return the rule that an admin states; UNBOUND_ONLY where it states none."""
    rule: CompanyRule = getattr(model_admin, "company_rule", UNBOUND_ONLY)
    return rule


class PickerMixin:
    """Offers bound staff only those rows to choose from that they see in the admin of these."""

    admin_site: Any

    def formfield_for_foreignkey(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> forms.ModelChoiceField[Any] | None:
        """Django's, limited."""
        kwargs = self._limited(db_field, request, kwargs)
        super_: Any = super()
        field: forms.ModelChoiceField[Any] | None = super_.formfield_for_foreignkey(
            db_field, request, **kwargs
        )
        return field

    def formfield_for_manytomany(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> forms.ModelMultipleChoiceField[Any] | None:
        """Django's, limited."""
        kwargs = self._limited(db_field, request, kwargs)
        super_: Any = super()
        field: forms.ModelMultipleChoiceField[Any] | None = super_.formfield_for_manytomany(
            db_field, request, **kwargs
        )
        return field

    def _limited(
        self, db_field: Any, request: HttpRequest, kwargs: dict[str, Any]
    ) -> dict[str, Any]:
        bound = bound_companies(request.user)
        if bound is None:
            return kwargs
        other = db_field.remote_field.model
        rows = kwargs.get("queryset")
        rows = other._default_manager.all() if rows is None else rows
        rule = rule_of(self.admin_site._registry.get(other))
        return {**kwargs, "queryset": rule.rows(rows, bound)}


class CompanyMixin(PickerMixin, admin.ModelAdmin[M]):
    """Shows bound staff the rows that the admin's rule allows, whatever the page."""

    company_rule: CompanyRule

    def get_queryset(self, request: HttpRequest) -> QuerySet[M]:
        """Of lists, their filters, actions, pickers and pages of one row."""
        rows = super().get_queryset(request)
        bound = bound_companies(request.user)
        return rows if bound is None else rule_of(self).rows(rows, bound)

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> M | None:
        """Raise Http404 for bound staff where they see none, whether or not there is one."""
        found = super().get_object(request, object_id, from_field)
        if found is None and bound_companies(request.user) is not None:
            raise Http404
        return found

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """With the permission, unless the rule hides all rows."""
        return self._may(request, changes=False) and super().has_view_permission(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """With the permission, unless the rule has bound staff change nothing."""
        return self._may(request) and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """With the permission, unless the rule has bound staff change nothing."""
        return self._may(request) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """With the permission, unless the rule has bound staff change nothing."""
        return self._may(request) and super().has_delete_permission(request, obj)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm[M]]:
        """Django's, which refuses bound staff another company."""
        form = super().get_form(request, obj, change=change, **kwargs)
        bound = bound_companies(request.user)
        return form if bound is None else _checked(form, bound)

    def get_formsets_with_inlines(self, request: HttpRequest, obj: Any = None) -> Iterator[Any]:
        """Django's, whose forms refuse bound staff another company."""
        bound = bound_companies(request.user)
        for formset, inline in super().get_formsets_with_inlines(request, obj):
            if bound is not None:
                cast("Any", formset).form = _checked(cast("Any", formset).form, bound)
            yield formset, inline

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Django's, with pickers that offer what bound staff see."""
        inlines = super().get_inlines(request, obj)
        bound = bound_companies(request.user)
        return list(inlines) if bound is None else [_limited_inline(each) for each in inlines]

    def _may(self, request: HttpRequest, *, changes: bool = True) -> bool:
        if bound_companies(request.user) is None:
            return True
        rule = rule_of(self)
        return rule.is_changed if changes else rule.is_seen


@cache
def _limited_inline(inline: type[Any]) -> type[Any]:
    return type(inline.__name__, (PickerMixin, inline), {"__module__": inline.__module__})


def _checked(form: Any, bound: list[str]) -> Any:
    """Return a class of forms that neither offers nor takes companies which are not among these."""

    class Checked(form):  # type: ignore[misc]  # a class of the moment
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            for name in _COMPANY_FIELDS:
                field = self.fields.get(name)
                if isinstance(field, forms.ChoiceField) and not hasattr(field, "queryset"):
                    choices = list(cast("Iterable[tuple[str, str]]", field.choices))
                    offered = within([value for value, _ in choices], [*bound, ""])
                    field.choices = [each for each in choices if each[0] in offered]

        def clean(self) -> Any:
            cleaned = super().clean()
            values = self.cleaned_data if cleaned is None else cleaned
            for name in _COMPANY_FIELDS:
                chosen = values.get(name)
                if chosen and not within([str(getattr(chosen, "pk", chosen))], bound):
                    self.add_error(name, ValidationError(NOT_YOURS, code="other_company"))
            return cleaned

    return Checked
