"""The usage report of a month, for staff: by what they choose, as a page and as a file."""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Min
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.dates import MONTHS
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from django.views.decorators.http import require_safe

from extraction.exports.formats import WRITERS
from extraction.exports.formats import Format as ExportFormat
from extraction.exports.usage_table import (
    COUNT_NAMES,
    NAMES,
    Format,
    UsageTable,
    usage_file,
    usage_table,
)
from extraction.exports.values import Value
from extraction.invoices.amounts import grouped
from extraction.labels import OF_LABEL, grouping, known_keys
from extraction.models import Attempt
from extraction.review.accepted import accepted
from ocrsite.lib.admin import may_add
from ocrsite.lib.downloads import begun
from ocrsite.lib.moments import day as day_html
from ocrsite.lib.staff_companies import bound_companies
from tokens.company_days import between, one_zone, today
from tokens.models import Company, ModelPrice, TokenMaster, TokenUsageLog
from tokens.unpriced import unpriced_models
from tokens.usage_report import Detail, Group, Grouping, Sums, UsageRow, total, usage_sums

# Groups shown on the page; the files have all.
SHOWN = 300
NOT_KNOWN = gettext_noop("not known")
NO_KEY = gettext_noop("no stored key")
NO_COMPANY = gettext_noop("no company")
NO_LABEL = gettext_noop("no such label")
_NAMELESS = frozenset({NOT_KNOWN, NO_KEY, NO_COMPANY, NO_LABEL})
_LOOKUPS = {
    Group.KEY: "token",
    Group.BRANCH: "branch",
    Group.REQUESTER: "requested_by",
    Group.MODEL: "model",
}
_CHOICES = [(group.value, gettext_lazy(NAMES[group])) for group in Group if group != Group.MONTH]


class ReportForm(forms.Form):
    """What a report is of. Without any of it: the current month of every company, by company."""

    month = forms.ChoiceField(label=gettext_lazy("Month"))
    company = forms.ModelChoiceField(
        Company.objects.none(),
        label=gettext_lazy("Company"),
        required=False,
        empty_label=gettext_lazy("All"),
    )
    by = forms.ChoiceField(label=gettext_lazy("Group by"))
    then_by = forms.ChoiceField(required=False, label=gettext_lazy("And by"))

    def __init__(self, data: Mapping[str, Any], bound: Sequence[str] | None) -> None:
        months = [
            (f"{month:%Y-%m}", f"{MONTHS[month.month]} {month.year}") for month in _form_months()
        ]
        given = {"month": months[0][0], "by": Group.COMPANY.value, **data}
        super().__init__(given)
        self.bound_companies = bound
        labels = [
            (f"{OF_LABEL}{key}", _("Label {key}").format(key=key)) for key in known_keys(bound)
        ]
        by, then_by = self.fields["by"], self.fields["then_by"]
        by.choices = [*_CHOICES, *labels]  # type: ignore[attr-defined]
        then_by.choices = [("", "–"), *_CHOICES, *labels]  # type: ignore[attr-defined]
        companies = Company.objects.all()
        self.fields["month"].choices = months  # type: ignore[attr-defined]
        self.fields["company"].queryset = (  # type: ignore[attr-defined]
            companies if bound is None else companies.filter(company_id__in=bound)
        )

    def clean(self) -> dict[str, Any]:
        """Refuse two labels at once."""
        chosen = self.cleaned_data
        names = {chosen.get("by", ""), chosen.get("then_by", "")}
        if len([name for name in names if name.startswith(OF_LABEL)]) > 1:
            self.add_error("then_by", _("Choose one label at most."))
        return chosen

    def report(self) -> "Report":
        """Return the report; the form is valid."""
        chosen = self.cleaned_data
        first = date.fromisoformat(f"{chosen['month']}-01")
        names = dict.fromkeys(filter(None, [chosen["by"], chosen["then_by"]]))
        company: Company | None = chosen["company"]
        return Report(
            since=first,
            until=_next_month(first) - timedelta(days=1),
            groups=[grouping(name) for name in names],
            company_ids=company.ids if company else self.bound_companies,
        )


@dataclass(frozen=True)
class Report:
    """The usage of a month, by groups; ``company_ids`` None: of every company."""

    since: date
    until: date
    groups: Sequence[Grouping]
    company_ids: Sequence[str] | None

    @cached_property
    def rows(self) -> list[UsageRow]:
        """The sums of each group."""
        return usage_sums(self.company_ids, self.since, self.until, self.groups)

    @cached_property
    def sums(self) -> Sums:
        """The sums of all."""
        return total(self.rows)

    @cached_property
    def table(self) -> UsageTable:
        """The report as a table."""
        return usage_table(self.rows, self.groups, _names(self.rows))

    def accepted(self) -> int:
        """How many invoices were approved in the month."""
        return accepted(self.company_ids, self.since, self.until)

    def addresses(self) -> Iterator[str]:
        """Yield for each row the address of the list of its calls; "" where no list has them."""
        zone = one_zone(self.company_ids)
        companies = {company.company_id: company for company in Company.objects.all()}
        for row in self.rows:
            if Group.COMPANY not in row.values:
                yield _address(row, self, self.company_ids, zone)
                continue
            company_id = row.values[Group.COMPANY]
            named = companies.get(company_id or "")
            if named:
                yield _address(row, self, named.ids, named.zone)
            else:
                # Their days are those of the site.
                ids = [company_id] if company_id else []
                yield _address(row, self, ids, ZoneInfo(settings.DISPLAY_TIME_ZONE))


@admin.site.admin_view
@require_safe
def usage_report(request: HttpRequest) -> HttpResponse:
    """Show the report."""
    form = _form(request)
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": _("Usage report"),
        "opts": TokenUsageLog._meta,
        "form": form,
        "formats": [
            (format_.label, reverse("usage-report-file", args=[format_], query=request.GET))
            for format_ in Format
        ],
        "unpriced": unpriced_models(),
        "may_price": may_add(ModelPrice, request),
    }
    if form.is_valid():
        context |= _shown(form.report())
    return TemplateResponse(request, "admin/tokens/tokenusagelog/report.html", context)


@admin.site.admin_view
@require_safe
def usage_report_file(request: HttpRequest, format_name: str) -> HttpResponseBase:
    """Send the report as a file; a choice that is none leads back to the page, which says so."""
    form = _form(request)
    if format_name not in Format.values:
        raise Http404
    if not form.is_valid():
        return redirect(reverse("usage-report", query=request.GET))
    report, format_ = form.report(), Format(format_name)
    name = f"usage-{report.since:%Y-%m}.{format_}"
    return StreamingHttpResponse(
        begun(usage_file(report.table, format_)),
        content_type=WRITERS[ExportFormat(format_)].content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@admin.site.admin_view
@require_safe
def document_of_call(request: HttpRequest, attempt_id: uuid.UUID) -> HttpResponse:
    """Lead from a call to the document that it was made for, in the admin."""
    _require_permission(request)
    attempt = get_object_or_404(Attempt, pk=attempt_id)
    return redirect("admin:extraction_extraction_change", attempt.extraction_id)


def _form(request: HttpRequest) -> ReportForm:
    """Return what is asked for. Raises PermissionDenied for those who may not see usage."""
    _require_permission(request)
    return ReportForm(request.GET.dict(), bound_companies(request.user))


def _require_permission(request: HttpRequest) -> None:
    if not request.user.has_perm("tokens.view_tokenusagelog"):
        raise PermissionDenied


def _shown(report: Report) -> dict[str, Any]:
    """Return what the page says of a report."""
    table, costs, approved = report.table, report.sums.costs, report.accepted()
    return {
        "report": report,
        "headings": [(text, n >= table.groups) for n, text in enumerate(_headings(report))],
        "lines": [
            (_cells(row[: table.groups]), address, _cells(row[table.groups :]))
            for row, address in zip(table.rows[:SHOWN], report.addresses(), strict=False)
        ],
        "foot": _cells(table.foot[table.groups :]),
        "groups": table.groups,
        "left_out": max(0, len(table.rows) - SHOWN),
        "costs": [_money(cost.amount, cost.currency) for cost in costs],
        "unpriced_calls": _told(report.sums.unpriced_calls) if report.sums.unpriced_calls else "",
        "approved": approved,
        "per_approved": [
            _money(cost.amount / approved, cost.currency) for cost in costs if approved
        ],
    }


def _cells(values: Sequence[Value]) -> list[str]:
    return [_told(value) for value in values]


def _told(value: Value) -> str:
    if value is None:
        return _(NOT_KNOWN)
    if isinstance(value, Decimal):
        return grouped(value)
    if isinstance(value, int):
        return number_format(value, force_grouping=True)
    if isinstance(value, date):
        return day_html(value)
    return _(value) if value in _NAMELESS else str(value)


def _headings(report: Report) -> list[str]:
    """Those of the files in the reader's language."""
    groups = [
        _("Label {key}").format(key=group.name.removeprefix(OF_LABEL))
        if isinstance(group, Detail)
        else _(NAMES[group])
        for group in report.groups
    ]
    costs = [_("Cost ({currency})").format(currency=cost.currency) for cost in report.sums.costs]
    return [*groups, *(_(name) for name in COUNT_NAMES.values()), *costs]


def _money(amount: Decimal, currency: str) -> str:
    return f"{currency} {grouped(amount, currency)}"


def _names(rows: Sequence[UsageRow]) -> Callable[[Grouping, Any], Value]:
    """Return what writes the value of a group; a key is written masked."""
    ids = {row.values[Group.KEY] for row in rows if row.values.get(Group.KEY)}
    keys = {
        key.pk: f"{key.company_id} {key.masked_key} (#{key.pk})"
        for key in TokenMaster.objects.filter(pk__in=ids)
    }

    def named(group: Grouping, value: Any) -> Value:
        if isinstance(group, Detail):
            return NO_LABEL if value is None else str(value)
        if group == Group.KEY:
            return keys.get(value, NO_KEY)
        if group == Group.MODEL:
            return value or NOT_KNOWN
        if group == Group.COMPANY:
            return value or NO_COMPANY
        return value if isinstance(value, date) else str(value)

    return named


def _address(
    row: UsageRow, report: Report, company_ids: Sequence[str] | None, zone: ZoneInfo | None
) -> str:
    """Return the address of the list of a row's calls: of any company, of some, or ([]) of none.

    "" where their days are those of several time zones, so that no list has just them.
    """
    if zone is None:
        return ""
    day = row.values.get(Group.DAY)
    begin, end = between(day or report.since, day or report.until, zone)
    filters = {"logged_at__gte": begin.isoformat(), "logged_at__lt": end.isoformat()}
    if company_ids:
        filters["of_company_id__in"] = ",".join(company_ids)
    elif company_ids is not None:
        filters["of_company_id__isnull"] = "True"
    for group, lookup in _LOOKUPS.items():
        if group in row.values:
            value = row.values[group]
            named = {lookup: value} if value is not None else {f"{lookup}__isnull": "True"}
            filters |= named
    for detail in report.groups:
        if isinstance(detail, Detail):
            filters["label"] = f"{detail.name.removeprefix(OF_LABEL)}={row.values[detail] or ''}"
    return reverse("admin:tokens_tokenusagelog_changelist", query=filters)


def _form_months() -> list[date]:
    """The months in which anything was charged, as their first days, and this one; newest first."""
    now = today()
    first = TokenUsageLog.objects.aggregate(first=Min("logged_at"))["first"]
    month = min(now, timezone.localdate(first) if first else now).replace(day=1)
    months = []
    while month <= now:
        months.append(month)
        month = _next_month(month)
    return months[::-1]


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)
