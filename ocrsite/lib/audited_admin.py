"""An admin whose changes stand in the audit list, with what they changed from and to."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, TypeVar

from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import override

from ocrsite.lib import audit
from ocrsite.lib.audit import Action, What, Who
from ocrsite.lib.translations import in_english

M = TypeVar("M", bound=Model)

# What stands for a secret.
HIDDEN = "(not shown)"
_SECRET_NAMES = ("password", "secret", "key")
_SWITCH = {True: "is on", False: "is off"}


class AuditedAdmin(admin.ModelAdmin[M]):
    """Django's, with an entry in the audit list for each row that a form adds, changes or deletes.

    The entry is written in the transaction of the change. A form's field ``why`` is its reason. Of
    passwords, secrets and keys it says only that they changed.
    """

    # Fields whose changes the domain function records itself.
    audited_elsewhere: frozenset[str] = frozenset()

    def audited_as(self, obj: Any) -> What:
        """What an entry says of a row of this admin."""
        return audit.row(obj)

    def save_related(
        self,
        request: HttpRequest,
        form: "forms.ModelForm[M]",
        formsets: Iterable[Any],
        change: bool,
    ) -> None:
        """Record what was saved, once all of it is."""
        super().save_related(request, form, formsets, change)
        what = self.audited_as(form.instance)
        action = Action.CHANGED if change else Action.ADDED
        self._record(request, form, action, what)
        for formset in formsets:
            self._record_inline(request, formset, what.name)

    def delete_model(self, request: HttpRequest, obj: M) -> None:
        """Record it, too."""
        what = self.audited_as(obj)
        with transaction.atomic():
            super().delete_model(request, obj)
            audit.record(Action.DELETED, who=audit.user(request.user), what=what)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[M]) -> None:
        """Record each of them, too."""
        gone = [self.audited_as(obj) for obj in queryset]
        with transaction.atomic():
            super().delete_queryset(request, queryset)
            for what in gone:
                audit.record(Action.DELETED, who=audit.user(request.user), what=what)

    def _record(self, request: HttpRequest, form: Any, action: Action, what: What) -> None:
        left_out = self.audited_elsewhere
        record_form(form, action, who=audit.user(request.user), what=what, left_out=left_out)

    def _record_inline(self, request: HttpRequest, formset: Any, of: str) -> None:
        """Record rows that belong to a row, such as the grants of a user, under both names."""
        for obj in formset.deleted_objects:
            audit.record(Action.DELETED, who=audit.user(request.user), what=_part(obj, of))
        changed = [obj for obj, _ in formset.changed_objects]
        for action, rows in ((Action.ADDED, formset.new_objects), (Action.CHANGED, changed)):
            for form in formset.forms:
                if any(form.instance is obj for obj in rows):
                    self._record(request, form, action, _part(form.instance, of))


def record_form(
    form: Any, action: Action, *, who: Who, what: What, left_out: frozenset[str] = frozenset()
) -> None:
    """Record what a valid form adds or changes; nothing where it changes nothing.

    ``left_out`` names fields whose changes the domain function records itself.
    """
    old, new = _differences(form, left_out if action is Action.CHANGED else frozenset())
    if not (old or new) and action is Action.CHANGED:
        return
    audit.record(
        action,
        who=who,
        what=what,
        before="" if action is Action.ADDED else old,
        after=new,
        why=form.cleaned_data.get("why") or "",
    )


def _part(obj: Model, of: str) -> What:
    return audit.row(obj, name=f"{of}: {in_english(obj)}")


def _differences(form: Any, left_out: frozenset[str]) -> tuple[str, str]:
    """What the changed fields were and are, a line each."""
    with override(None):
        pairs = list(_changed(form, left_out | {"why", "DELETE"}))
    old = "\n".join(before for before, _ in pairs if before)
    return old, "\n".join(after for _, after in pairs)


def _changed(form: Any, left_out: frozenset[str]) -> Iterator[tuple[str, str]]:
    for name in form.changed_data:
        field = form.fields[name]
        if name in left_out:
            continue
        if _is_secret(name, field):
            yield "", f"{name}: {HIDDEN}"
        elif isinstance(field, forms.BooleanField):
            # Not as a value, or "must_change_password" would be redacted.
            is_on = bool(form.cleaned_data.get(name))
            yield f"{name} {_SWITCH[not is_on]}", f"{name} {_SWITCH[is_on]}"
        else:
            before = _told(field, form.get_initial_for_field(field, name))
            after = _told(field, form.cleaned_data.get(name))
            yield f"{name}: {before}" if before else "", f"{name}: {after}"


def _is_secret(name: str, field: forms.Field) -> bool:
    if isinstance(field.widget, forms.PasswordInput):
        return True
    is_text = isinstance(field, forms.CharField)
    return is_text and any(word in name.lower() for word in _SECRET_NAMES)


def _told(field: forms.Field, value: Any) -> str:
    """A value as people read it."""
    if value is None or value == "":
        return ""
    if isinstance(field, forms.ModelMultipleChoiceField):
        return ", ".join(sorted(map(str, value)))
    if isinstance(field, forms.ModelChoiceField) and not isinstance(value, Model):
        found = field.queryset.filter(pk=value).first() if field.queryset is not None else None
        return str(value if found is None else found)
    return value.isoformat() if isinstance(value, datetime) else str(value)
