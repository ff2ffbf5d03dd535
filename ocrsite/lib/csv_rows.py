"""What the rows of a CSV file would change, told by the forms of the admin, and then done by it.

Every row goes the way of a form that somebody fills in: its checks, the companies that staff are
bound to, the domain functions and the audit list are those of the admin, a CsvMixin.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db.models import Model
from django.forms.utils import from_current_timezone
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

REMOVE = "remove"
HIDDEN = "(not shown)"
_YES, _NO = ("yes", "true", "1", "on"), ("", "no", "false", "0", "off")


@dataclass(frozen=True, slots=True)
class CsvColumns:
    """How the rows of a model are written: columns by the fields of its admin's form.

    ``identity`` names the columns that find the row, by lookups. ``secret`` ones are taken in and
    never given out, not even in a preview; ``notes`` are taken in and change nothing by themselves.
    ``related`` are the lookups of values that are no column of the row's own. ``may_remove`` adds
    the column ``remove``.
    """

    fields: Mapping[str, str]
    identity: Mapping[str, str]
    secret: frozenset[str] = frozenset()
    notes: frozenset[str] = frozenset()
    related: Mapping[str, str] = field(default_factory=dict)
    may_remove: bool = False

    @property
    def known(self) -> list[str]:
        """Every column of a file that is read."""
        own = [column for column in self.identity if column not in self.fields]
        return [*own, *self.fields, *([REMOVE] if self.may_remove else [])]

    @property
    def exported(self) -> list[str]:
        """Those of a file that is written."""
        left_out = self.secret | self.notes | {REMOVE}
        return [name for name in self.known if name not in left_out]


@dataclass(frozen=True, slots=True)
class Difference:
    """What one column changes from and to; of a secret one only that it does."""

    column: str
    before: str
    after: str


@dataclass(slots=True)
class Planned:
    """What one row of a file would do, or why it does nothing."""

    number: int
    name: str = ""
    action: str = ""
    differences: list[Difference] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    form: Any = None
    row: Any = None

    @property
    def does_something(self) -> bool:
        """Whether it is to be applied."""
        return not self.problems and self.action in ("add", "change", "remove")


def cells_of(columns: CsvColumns, row: Model) -> dict[str, str]:
    """Return a row as the cells of its line, without secrets."""
    found = {name: _text(_value(row, lookup)) for name, lookup in columns.identity.items()}
    for column, name in columns.fields.items():
        if column not in columns.secret | columns.notes:
            found[column] = _text(_value(row, columns.related.get(column, name)))
    return found


def plan(
    model_admin: Any,
    request: HttpRequest,
    columns: CsvColumns,
    cells: Mapping[str, str],
    number: int,
) -> Planned:
    """Return what a row of a file would do, as the admin's form sees it. Changes nothing."""
    planned = Planned(number)
    try:
        planned.row = _found(model_admin, request, columns, cells)
        if cells.get(REMOVE, "").lower() not in _NO:
            _plan_removal(model_admin, request, planned, cells[REMOVE])
        else:
            _plan_form(model_admin, request, columns, cells, planned)
    except ValidationError as error:
        planned.problems += error.messages
    planned.name = planned.name or (str(planned.row) if planned.row else "")
    return planned


def apply(model_admin: Any, request: HttpRequest, planned: Planned) -> None:
    """Do what was planned, as the admin does for a form that was sent. In a transaction."""
    if planned.action == REMOVE:
        model_admin.log_deletions(request, type(planned.row).objects.filter(pk=planned.row.pk))
        model_admin.delete_model(request, planned.row)
        return
    change = planned.action == "change"
    row = model_admin.save_form(request, planned.form, change=change)
    model_admin.save_model(request, row, planned.form, change)
    model_admin.save_related(request, planned.form, [], change)
    message = model_admin.construct_change_message(request, planned.form, [], add=not change)
    (model_admin.log_change if change else model_admin.log_addition)(request, row, message)


def _found(
    model_admin: Any,
    request: HttpRequest,
    columns: CsvColumns,
    cells: Mapping[str, str],
) -> Model | None:
    """The row that a line names; None for a new one. Raises ValidationError for an unknown one."""
    given = {lookup: cells.get(column, "") for column, lookup in columns.identity.items()}
    if not all(given.values()):
        return None
    try:
        row: Model | None = model_admin.get_queryset(request).filter(**given).first()
    except (ValueError, ValidationError, OverflowError) as error:
        raise _unknown(given) from error
    if row is None and not set(columns.identity) <= set(columns.fields):
        raise _unknown(given)
    return row


def _unknown(given: Mapping[str, str]) -> ValidationError:
    return ValidationError(_("There is no {name}.").format(name=", ".join(given.values())))


def _plan_removal(model_admin: Any, request: HttpRequest, planned: Planned, written: str) -> None:
    if written.lower() not in _YES:
        raise ValidationError(_("Write yes or no in the column remove."))
    if planned.row is None:
        planned.action = ""  # it is gone already
        return
    if not model_admin.has_delete_permission(request, planned.row):
        raise ValidationError(_("You may not remove this."))
    planned.action = REMOVE


def _plan_form(
    model_admin: Any,
    request: HttpRequest,
    columns: CsvColumns,
    cells: Mapping[str, str],
    planned: Planned,
) -> None:
    row, change = planned.row, planned.row is not None
    allowed = (
        model_admin.has_change_permission(request, row)
        if change
        else model_admin.has_add_permission(request)
    )
    if not allowed:
        raise ValidationError(
            _("You may not change this.") if change else _("You may not add one.")
        )
    form_class: Any = model_admin.csv_form(request, row)
    blank = form_class(instance=row)
    data = _data(blank, columns, cells)
    planned.form = form = form_class(data, instance=row)
    if not form.is_valid():
        planned.problems = _problems(form, columns)
        return
    planned.differences = _differences(form, columns)
    planned.name = str(row) if change else ", ".join(filter(None, cells_shown(columns, cells)))
    planned.action = ("change" if planned.differences else "") if change else "add"


def cells_shown(columns: CsvColumns, cells: Mapping[str, str]) -> list[str]:
    """Return the cells of a line that name a new row: its first two that are no secrets."""
    shown = (name for name in columns.fields if name not in columns.secret)
    return [cells.get(name, "") for name in shown][:2]


def _data(blank: Any, columns: CsvColumns, cells: Mapping[str, str]) -> dict[str, Any]:
    """What a form sends in which the cells are filled in, and everything else left as it is."""
    by_field = {name: column for column, name in columns.fields.items()}
    data: dict[str, Any] = {}
    for name, form_field in blank.fields.items():
        column = by_field.get(name)
        if column in cells and column is not None:
            value: Any = _sent(form_field, cells[column], columns.related.get(column))
        else:
            value = blank.get_initial_for_field(form_field, name)
        _put(data, name, form_field, value)
    return data


def _put(data: dict[str, Any], name: str, form_field: forms.Field, value: Any) -> None:
    if isinstance(form_field, forms.SplitDateTimeField):
        local = timezone.localtime(value) if isinstance(value, datetime) else None
        data[f"{name}_0"] = f"{local:%Y-%m-%d}" if local else value or ""
        data[f"{name}_1"] = f"{local:%H:%M:%S}" if local else ""
    elif isinstance(form_field, forms.BooleanField):
        if value:
            data[name] = "on"
    elif value is not None:
        data[name] = form_field.prepare_value(value)


def _sent(form_field: forms.Field, text: str, lookup: str | None) -> Any:
    """A cell as the form's field takes it. Raises ValidationError."""
    if isinstance(form_field, forms.BooleanField):
        if text.lower() not in (*_YES, *_NO):
            told = _("“{text}” is neither yes nor no.").format(text=text[:50])
            raise ValidationError(told)
        return text.lower() in _YES
    if isinstance(form_field, forms.SplitDateTimeField) and text:
        return _moment(text)
    if isinstance(form_field, forms.ModelChoiceField) and lookup and text:
        rows: Any = form_field.queryset
        try:
            return rows.get(**{lookup.partition("__")[2]: text}).pk
        except ObjectDoesNotExist as error:
            told = _("There is no “{name}”.").format(name=text[:100])
            raise ValidationError(told) from error
    return text


def _moment(text: str) -> datetime | str:
    """A time; one without an offset is one of the site's zone. What is none, the form refuses."""
    try:
        found = parse_datetime(text)
    except ValueError:
        return text
    if found is None:
        return text
    return found if timezone.is_aware(found) else from_current_timezone(found)


def _problems(form: Any, columns: CsvColumns) -> list[str]:
    by_field = {name: column for column, name in columns.fields.items()}
    return [
        f"{by_field.get(name, name)}: {message}" if name != "__all__" else str(message)
        for name, messages in form.errors.items()
        for message in messages
    ]


def _differences(form: Any, columns: CsvColumns) -> list[Difference]:
    found = []
    for column, name in columns.fields.items():
        if name in form.changed_data and column not in columns.notes:
            before = form.get_initial_for_field(form.fields[name], name)
            after = form.cleaned_data.get(name)
            found.append(
                Difference(column, "", HIDDEN)
                if column in columns.secret
                else Difference(column, _text(before), _text(after))
            )
    return found


def _value(row: Any, lookup: str) -> Any:
    for name in lookup.split("__"):
        row = getattr(row, name, None)
    return row


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds")
    return str(value)
