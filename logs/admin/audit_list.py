"""The audit list in the admin: read-only, with filters and as CSV."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from logs.admin.csv_export import ExportAdmin, by_keyset, lines
from logs.admin.filters import RANGES, TimeFilter
from logs.models import AuditEntry
from ocrsite.lib.admin import BoundedListMixin, two_lines
from ocrsite.lib.admin_companies import of_company
from ocrsite.lib.audit import Action, ActorKind
from ocrsite.lib.company_choices import company_field
from ocrsite.lib.moments import moment

COLUMNS = (
    *("timestamp", "actor_kind", "actor", "action", "object_type", "object_id", "object_name"),
    *("company_id", "before", "after", "why", "request_id", "address"),
)
_SHOWN = 120

Entries = QuerySet[AuditEntry]


class AuditFilter(TimeFilter):
    """The filters of the audit list."""

    ranges = {**RANGES, "30d": (_("Last 30 days"), timedelta(days=30))}
    field_order = (
        *("actor", "action", "object_type", "object_id", "company_id", "request_id"),
        *("address", "range", "since", "until", "text"),
    )

    actor = forms.CharField(label=_("Who"), required=False)
    action = forms.ChoiceField(
        label=_("Did what"), choices=[("", _("Anything")), *Action.choices], required=False
    )
    object_type = forms.CharField(
        label=_("To what"),
        required=False,
        help_text=_("Such as extraction, user, key, API client."),
    )
    object_id = forms.CharField(label=_("Its id"), required=False)
    company_id = company_field()
    request_id = forms.CharField(label=_("Request"), required=False)
    address = forms.CharField(label=_("From address"), required=False)
    text = forms.CharField(
        label=_("Text"), required=False, help_text=_("In the name, from, to or the reason.")
    )

    def entries(self, seen: Entries) -> Entries:
        """Return what the filters select of these, the newest first; nothing for invalid ones."""
        every = seen.order_by("-timestamp", "-entry_id")
        if not self.is_valid():
            return every.none()
        values = self.cleaned_data
        equal = (
            *("actor", "action", "object_type", "object_id", "company_id", "request_id"),
            "address",
        )
        found = every.filter(**{name: values[name] for name in equal if values[name]})
        since, until = self.times()
        if since:
            found = found.filter(timestamp__gte=since)
        if until:
            found = found.filter(timestamp__lt=until)
        if text := values["text"]:
            columns = ("object_name", "before", "after", "why")
            found = found.filter(
                Q(*((f"{name}__icontains", text) for name in columns), _connector=Q.OR)
            )
        return found


class AuditChangeList(ChangeList):
    """Django's list with one form for all filters."""

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str | None] | None = None
    ) -> Entries:
        """Return what the filters select."""
        self.filter_specs = []
        self.has_filters = self.has_active_filters = False
        self.clear_all_filters_qs = "?"
        self.form = AuditFilter(request.GET, user=request.user)
        return self.form.entries(self.root_queryset)


@admin.register(AuditEntry)
class AuditEntryAdmin(BoundedListMixin[AuditEntry], ExportAdmin[AuditEntry]):
    """Entries are looked at and exported by who may view them, and changed by nobody."""

    company_rule = of_company("company_id")
    export_name = "audit"
    filters = AuditFilter
    list_display = ["time", "who", "did", "to_what", "of_company", "was", "becomes", "why"]
    sortable_by = ()
    actions = None
    fields = [
        *("time", "who", "did", "to_what", "object_id", "company_id", "before", "after"),
        *("why", "address", "of_request"),
    ]
    readonly_fields = ["time", "who", "did", "to_what", "of_request"]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[AuditChangeList]:
        return AuditChangeList

    def exported(self, request: HttpRequest, form: AuditFilter) -> Iterator[str]:
        return lines(by_keyset(form.entries(self.get_queryset(request)), "entry_id"), COLUMNS)

    @admin.display(description=_("time"))
    def time(self, entry: AuditEntry) -> str:
        """To the millisecond: one request may do several things."""
        return moment(entry.timestamp, precise=True, zone=True)

    @admin.display(description=_("who"))
    def who(self, entry: AuditEntry) -> str:
        """The name, what it is the name of where that is no user, and the address it came from."""
        kind = dict(ActorKind.choices).get(entry.actor_kind, entry.actor_kind)
        is_user = entry.actor_kind == ActorKind.USER
        return two_lines(
            entry.actor if is_user else f"{kind} {entry.actor}".strip(), entry.address or ""
        )

    @admin.display(description=_("did"))
    def did(self, entry: AuditEntry) -> str:
        """The action in words."""
        return str(dict(Action.choices).get(entry.action, entry.action))

    @admin.display(description=_("to what"))
    def to_what(self, entry: AuditEntry) -> str:
        """Its kind and name, as a link to all that was done to it."""
        name = entry.object_name or entry.object_id[:8]
        if not entry.object_id:
            return f"{entry.object_type} {name}".strip()
        same = {"object_type": entry.object_type, "object_id": entry.object_id}
        address = reverse("admin:logs_auditentry_changelist", query=same)
        return format_html('{} <a href="{}">{}</a>', entry.object_type, address, name)

    @admin.display(description=_("company"))
    def of_company(self, entry: AuditEntry) -> str:
        """A link to all entries of the company."""
        if not entry.company_id:
            return "-"
        address = reverse(
            "admin:logs_auditentry_changelist", query={"company_id": entry.company_id}
        )
        return format_html('<a href="{}">{}</a>', address, entry.company_id)

    @admin.display(description=_("from"))
    def was(self, entry: AuditEntry) -> str:
        """The beginning."""
        return _beginning(entry.before)

    @admin.display(description=_("to"))
    def becomes(self, entry: AuditEntry) -> str:
        """The beginning."""
        return _beginning(entry.after)

    @admin.display(description=_("request"))
    def of_request(self, entry: AuditEntry) -> str:
        """A link to its log records."""
        if not entry.request_id:
            return "-"
        logs = reverse(
            "admin:logs_applicationlog_changelist", query={"request_id": entry.request_id}
        )
        return format_html('<a href="{}">{}</a>', logs, entry.request_id)


def _beginning(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
