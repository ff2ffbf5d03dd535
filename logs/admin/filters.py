"""The filters of the list of log records, and what they share with those of the audit list."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django import forms
from django.db.models import Q, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact, In
from django.utils import timezone
from django.utils.functional import lazy
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from logs.admin.pagination import Selection
from logs.models import ERROR_LEVELS, ApplicationLog, LogLevel
from ocrsite.lib.company_choices import ChoosesCompany, company_field

RANGES: Mapping[str, tuple[StrOrPromise, timedelta]] = {
    "15m": (_("Last 15 minutes"), timedelta(minutes=15)),
    "1h": (_("Last hour"), timedelta(hours=1)),
    "1d": (_("Last day"), timedelta(days=1)),
    "7d": (_("Last week"), timedelta(days=7)),
}
# Both levels of errors, as vw_RecentErrors has them.
ERRORS = "ERRORS"
# For a condition without an index, if no time is chosen.
DEFAULT_RANGE = "1d"


def moment_field(label: StrOrPromise) -> forms.DateTimeField:
    """Return a field for a day and a time of the pages' zone, which its label names."""
    widget = forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M:%S")
    zone = lazy(timezone.get_current_timezone_name, str)()
    return forms.DateTimeField(
        label=format_lazy("{} ({})", label, zone), required=False, widget=widget
    )


class TimeFilter(ChoosesCompany):
    """Filters of a list and of its export by time, from an address's parameters."""

    # The names in the address, with what they are called and how far back they go.
    ranges: ClassVar[Mapping[str, tuple[StrOrPromise, timedelta]]] = RANGES

    range = forms.ChoiceField(label=_("Time"), required=False)
    since = moment_field(_("From"))
    until = moment_field(_("To"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [(key, name) for key, (name, _) in self.ranges.items()]
        self.fields["range"].choices = [("", gettext("Any, or from – to")), *names]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Reject times that contradict each other."""
        values: dict[str, Any] = super().clean() or {}
        since, until = values.get("since"), values.get("until")
        if values.get("range") and (since or until):
            raise forms.ValidationError(gettext("Choose either a time or from – to."))
        if since and until and since > until:
            raise forms.ValidationError(gettext("The end is before the beginning."))
        return values

    def times(self) -> tuple[datetime | None, datetime | None]:
        """Return the first moment and the one after the last, of valid filters."""
        values = self.cleaned_data
        if values["range"]:
            return timezone.now() - self.ranges[values["range"]][1], None
        return values["since"], values["until"]


class LogFilter(TimeFilter):
    """The filters of the list of log records."""

    field_order = (
        *("level", "logger", "company_id", "user", "extraction_id", "request_id"),
        *("fingerprint", "range", "since", "until", "text"),
    )

    level = forms.ChoiceField(
        label=_("Level"),
        choices=[("", _("Any")), (ERRORS, _("ERROR and CRITICAL")), *LogLevel.choices],
        required=False,
    )
    logger = forms.CharField(
        label=_("Logger"),
        required=False,
        help_text=_("The whole name, or its beginning with a *: extraction.*"),
    )
    company_id = company_field()
    user = forms.CharField(label=_("User"), required=False)
    extraction_id = forms.UUIDField(label=_("Extraction"), required=False)
    request_id = forms.CharField(label=_("Request"), required=False)
    fingerprint = forms.CharField(label=_("Error group"), required=False)
    text = forms.CharField(
        label=_("Text"),
        required=False,
        help_text=_("In message or traceback; without a time, of the last day."),
    )

    @property
    def has_default_range(self) -> bool:
        """Whether the filters need a time and none is chosen: then it is the last day."""
        values = self.cleaned_data
        chosen = values.get("range") or values.get("since") or values.get("until")
        return not chosen and bool(self._unindexed())

    def selection(self, bound: list[str] | None = None) -> Selection:
        """Return the records, of these companies only; none for invalid filters."""
        logs = ApplicationLog.objects.all()
        if not self.is_valid():
            return Selection(logs.none())
        unindexed, equal = self._unindexed(), self._equal()
        if bound is not None:
            if equal:
                unindexed &= Q(In(Coalesce("company_id", Value("")), bound))
            else:
                logs = logs.filter(company_id__in=bound)
        for number, (name, value) in enumerate(equal):
            if number == 0:
                logs = logs.filter(**{name: value})
            else:
                # As an expression, or the database might use an index that leaves more to read.
                unindexed &= Q(Exact(Coalesce(name, Value("")), value))
        return Selection(logs, *self.times(), unindexed)

    def _equal(self) -> list[tuple[str, Any]]:
        """The conditions that have an index, first the one that probably selects the fewest."""
        values = self.cleaned_data
        is_rare = values["level"] in ERROR_LEVELS
        names = [
            *("extraction_id", "request_id", "fingerprint"),
            *(("level", "company_id", "logger") if is_rare else ("company_id", "logger", "level")),
        ]
        return [
            (name, values[name]) for name in names if values[name] and not self._has_no_index(name)
        ]

    def times(self) -> tuple[datetime | None, datetime | None]:
        """Return those of the last day where a time is needed and none was chosen."""
        if self.has_default_range:
            return timezone.now() - self.ranges[DEFAULT_RANGE][1], None
        return super().times()

    def _has_no_index(self, name: str) -> bool:
        if name == "level":
            return bool(self.cleaned_data["level"] == ERRORS)
        return name == "logger" and self._is_prefix()

    def _is_prefix(self) -> bool:
        return str(self.cleaned_data.get("logger", "")).endswith("*")

    def _unindexed(self) -> Q:
        """The conditions without an index: records are examined one by one."""
        values = self.cleaned_data
        conditions = Q()
        if self._is_prefix():
            conditions &= Q(logger__startswith=values["logger"].removesuffix("*"))
        if values.get("level") == ERRORS:
            conditions &= Q(level__in=sorted(ERROR_LEVELS))
        if values.get("user"):
            conditions &= Q(user=values["user"])
        if text := values.get("text"):
            conditions &= Q(message__icontains=text) | Q(exception__icontains=text)
        return conditions
