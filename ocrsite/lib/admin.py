"""What the admin pages of all apps share."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import Any, TypeVar

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import flatten
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import AdminSplitDateTime
from django.core.exceptions import FieldDoesNotExist
from django.core.paginator import Paginator
from django.db.models import DateTimeField, Field, ForeignKey, IntegerField, Model, QuerySet
from django.forms import CheckboxInput
from django.forms import Field as FormField
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.html import format_html
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from ocrsite.lib.moments import moment
from ocrsite.lib.numbers import grouped

M = TypeVar("M", bound=Model)

# Of the lookups of a time, those that compare it with one.
_COMPARISONS = frozenset({"", "exact", "gt", "gte", "lt", "lte"})
NO_TIME = "-"
_DATE, _TIME = gettext_lazy("date"), gettext_lazy("time")


class ReadOnlyMixin:
    """For an admin or an inline whose rows staff can see and nobody can add, change or delete."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False


# So many rows of a table that grows with every document are listed.
LISTED = 10_000


class BoundedPaginator(Paginator[Any]):
    """Counts and pages through LISTED rows at most; what it tells must not grow with the table."""

    @cached_property
    def count(self) -> int:
        """How many are listed."""
        return min(self._found, LISTED)

    @property
    def is_cut(self) -> bool:
        """Whether there are more."""
        return self._found > LISTED

    @cached_property
    def _found(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[: LISTED + 1].count())


class BoundedListMixin(admin.ModelAdmin[M]):
    """For an admin of a table that grows with every document: lists the first rows of its order."""

    paginator = BoundedPaginator
    show_full_result_count = False

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        """Django's; refuses an action on all that are found where not all of them are listed."""
        if request.POST.get("select_across") == "1" and BoundedPaginator(queryset, 1).is_cut:
            messages.warning(
                request,
                _(
                    "More than {limit} are found, and not all of them are listed. Nothing was "
                    "done: filter the list until it shows them all."
                ).format(limit=grouped(LISTED)),
            )
            return None
        return super().response_action(request, queryset, *args, **kwargs)


class ReadOnlyAdmin(ReadOnlyMixin, admin.ModelAdmin[M]):
    """The rows of a model, read-only."""


class ListPage(ChangeList):
    """Django's list, which takes the times in its address for those of the site's time zone."""

    def get_filters_params(
        self, params: dict[str, Any] | None = None
    ) -> dict[str, list[str | bool]]:
        """Return the filters of the address; a time without a zone gets the one of the pages."""
        found: dict[str, list[str | bool]] = super().get_filters_params(params)
        return {
            name: [_with_zone(value) for value in values] if self._is_time(name) else values
            for name, values in found.items()
        }

    def _is_time(self, lookup: str) -> bool:
        name, _, comparison = lookup.partition("__")
        return comparison in _COMPARISONS and is_time(self.model, name)


def _with_zone(value: str | bool) -> str | bool:
    """Return a time as one with its offset; anything else as it is, which Django refuses."""
    text = str(value)
    try:
        day = parse_date(text)
        time = datetime(day.year, day.month, day.day) if day else parse_datetime(text)
        if time is None or timezone.is_aware(time):
            return value
        return timezone.make_aware(time).astimezone(UTC).isoformat()
    except (ValueError, OverflowError) as error:
        raise IncorrectLookupParameters(error) from error


class PageMixin(admin.ModelAdmin[M]):
    """What every list and form of the admin has: its site mixes it in (ocrsite/admin_site.py).

    Times name their zone, and what they are in UTC; numbers of a list have commas; a list is
    called what the index calls it; the two fields of a time, which share one label, have names of
    their own.
    """

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Django's, with the index's name for its title."""
        context = {"title": self._list_name(), **(extra_context or {})}
        return super().changelist_view(request, context)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Django's, with the list's name for the way back."""
        context = {"list_name": self._list_name(), **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, context)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Replace Django's class, and no other."""
        chosen = super().get_changelist(request, **kwargs)
        return ListPage if chosen is ChangeList else chosen

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Replace the columns of times and of whole numbers."""
        return [self._listed(column) for column in super().get_list_display(request)]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Add the columns that replace times; a form leaves a field out by its name."""
        fields = list(super().get_readonly_fields(request, obj))
        shown = [self._shown(field, request) for field in fields]
        return [*fields, *(each for each in shown if each not in fields)]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Replace the times among the fields that nobody here may change."""
        fieldsets = super().get_fieldsets(request, obj)
        names = [name for _, options in fieldsets for name in flatten(options["fields"])]
        if obj is None or self.has_change_permission(request, obj):
            names = list(super().get_readonly_fields(request, obj))
        return [
            (title, {**options, "fields": self._replaced(options["fields"], names, request)})
            for title, options in fieldsets
        ]

    def formfield_for_dbfield(
        self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> FormField | None:
        """Django's, with a name for each of the two fields of a time."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None:
            _name_parts(field)
        return field

    def get_formsets_with_inlines(self, request: HttpRequest, obj: Any = None) -> Any:
        """Django's, with names for the fields of a table, whose headings are no labels."""
        for formset, inline in super().get_formsets_with_inlines(request, obj):
            for field in formset.form.base_fields.values():
                _name_parts(field)
            if isinstance(inline, admin.TabularInline):
                for name, field in formset.form.base_fields.items():
                    field.widget.attrs.setdefault("aria-label", field.label or name)
                formset.get_deletion_widget = staticmethod(_deletion_widget)
            yield formset, inline

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Django's, in English: it is stored."""
        with override(None):
            return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Likewise."""
        with override(None):
            return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Likewise."""
        with override(None):
            return super().log_deletions(request, queryset)

    def _list_name(self) -> str:
        site: Any = self.admin_site  # ours
        return str(site.name_of(self.model))

    def _listed(self, column: Any) -> Any:
        if self._is_time(column):
            return _column(self.model, column)
        if isinstance(column, str) and is_number(self.model, column):
            return _number(self.model, column)
        return column

    def _is_time(self, name: Any) -> bool:
        return isinstance(name, str) and is_time(self.model, name)

    def _shown(self, name: Any, request: HttpRequest) -> Any:
        """What replaces a field that is not changed: a time, or a row that is not to be opened."""
        if self._is_time(name):
            return _column(self.model, name)
        other = related_to(self.model, name) if isinstance(name, str) else None
        if other is not None and not may_see(other, request):
            return _unlinked(self.model, name)
        return name

    def _replaced(self, fields: Iterable[Any], fixed: list[Any], request: HttpRequest) -> list[Any]:
        """Return the fields of a fieldset, each once; those of a row stay in it."""
        found: dict[Any, None] = {}
        for field in fields:
            if isinstance(field, list | tuple):
                found[tuple(self._replaced(field, fixed, request))] = None
            else:
                found[self._shown(field, request) if field in fixed else field] = None
        return list(found)


def _name_parts(field: FormField) -> None:
    """Give each of the two fields of a time a name."""
    if isinstance(field.widget, AdminSplitDateTime):
        for widget, part in zip(field.widget.widgets, (_DATE, _TIME), strict=True):
            widget.attrs["aria-label"] = format_lazy("{}: {}", field.label, part)


def _deletion_widget() -> CheckboxInput:
    return CheckboxInput({"aria-label": _("Delete")})


def may_see(model: type[Model], request: HttpRequest) -> bool:
    """Whether who asks may open rows of a model in the admin, so that a link to one is of use."""
    of_model = admin.site._registry.get(model)
    return of_model is not None and of_model.has_view_or_change_permission(request)


def may_add(model: type[Model], request: HttpRequest) -> bool:
    """Whether who asks may add rows of a model in the admin."""
    of_model = admin.site._registry.get(model)
    return of_model is not None and of_model.has_add_permission(request)


def is_time(model: type[Model], name: str) -> bool:
    """Whether this is the name of a field of the model that holds a time."""
    try:
        return isinstance(model._meta.get_field(name), DateTimeField)
    except FieldDoesNotExist:
        return False


def is_number(model: type[Model], name: str) -> bool:
    """Whether this is the name of a field of the model that counts something."""
    try:
        field = model._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return isinstance(field, IntegerField) and not field.primary_key and not field.choices


def related_to(model: type[Model], name: str) -> type[Model] | None:
    """Return the model to whose row a foreign key of this name leads; None for another field."""
    try:
        field = model._meta.get_field(name)
    except FieldDoesNotExist:
        return None
    other = field.related_model if isinstance(field, ForeignKey) else None
    return other if isinstance(other, type) else None


def two_lines(first: str, second: str) -> str:
    """Return a cell whose second line is smaller; without one, the first."""
    if not second:
        return first
    return format_html('{}<span class="second-line">{}</span>', first, second)


@cache
def _unlinked(model: type[Model], name: str) -> Callable[[Any], str]:
    """Return a field of the admin that shows which row another one names, without a link to it."""
    field: Any = model._meta.get_field(name)

    @admin.display(description=field.verbose_name, empty_value=NO_TIME)
    def column(row: Any) -> str:
        named = getattr(row, name)
        return "" if named is None else str(named)

    column.__name__ = name  # of its class in the page
    return column


@cache
def _number(model: type[Model], name: str) -> Callable[[Any], str]:
    """Return a column of the admin that shows a whole number as people read it: 1,234,567."""
    field: Any = model._meta.get_field(name)

    @admin.display(description=field.verbose_name, ordering=name)
    def column(row: Any) -> str:
        value = getattr(row, name)
        return "" if value is None else grouped(value)

    column.__name__ = name  # of its class in the page
    return column


@cache
def _column(model: type[Model], name: str) -> Callable[[Any], str]:
    """Return a column or field of the admin that shows a time; "-" for none."""
    field: Any = model._meta.get_field(name)

    @admin.display(description=field.verbose_name, ordering=name, empty_value=NO_TIME)
    def column(row: Any) -> str:
        return moment(getattr(row, name), zone=True)

    column.__name__ = name  # of its class in the page
    return column
