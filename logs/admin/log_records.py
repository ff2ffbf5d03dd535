"""The models of this app in the admin. All but LoggerLevel are read-only."""

import uuid
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html, format_html_join
from django.views.decorators.http import require_safe

from logs.admin import csv_export, pagination
from logs.admin.changelist import LogList
from logs.admin.failure_summary import what_fails_most
from logs.admin.filters import LogFilter
from logs.models import (
    ApplicationLog,
    ErrorDigest,
    ErrorGroup,
    FailedRetry,
    LoggerLevel,
    RecentError,
    RetentionRun,
    RetryAttempt,
)
from ocrsite.lib.admin import ReadOnlyAdmin
from ocrsite.lib.admin_companies import SHARED, UNBOUND_ONLY, of_company
from ocrsite.lib.audited_admin import AuditedAdmin
from ocrsite.lib.moments import moment
from ocrsite.lib.staff_companies import bound_companies

_SHOWN = 120
# Periods of the summary of failed calls.
SUMMARY_DAYS = (1, 7, 30)


def _beginning(text: str) -> str:
    """The first line, as far as a list has room."""
    line = text.partition("\n")[0]
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"


def _folded(traceback: str | None) -> str:
    if not traceback:
        return "-"
    return format_html("<details><summary>Traceback</summary><pre>{}</pre></details>", traceback)


def _records(text: str, **filters: object) -> str:
    """A link to the log records that the filters select."""
    address = reverse("admin:logs_applicationlog_changelist", query=filters)
    return format_html('<a href="{}">{}</a>', address, text)


def _of_extraction(extraction_id: uuid.UUID | None) -> str:
    if extraction_id is None:
        return "-"
    return _records(str(extraction_id)[:8], extraction_id=extraction_id)


@admin.register(ApplicationLog)
class ApplicationLogAdmin(ReadOnlyAdmin[ApplicationLog]):
    company_rule = of_company("company_id")
    list_display = [
        "time",
        "pill",
        "logger",
        "beginning",
        "of_company",
        "of_extraction",
        "of_group",
    ]
    # Any other order would sort the whole table.
    sortable_by = ()
    actions = None
    fields = [
        *("time", "level", "logger", "message", "traceback", "related"),
        *("module", "function_name", "line_number", "process_id", "host"),
        *("extraction_id", "request_id", "company_id", "user", "fingerprint"),
    ]
    readonly_fields = ["time", "traceback", "related"]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[LogList]:
        return LogList

    def get_urls(self) -> list[URLPattern]:
        export = path(
            "export/",
            self.admin_site.admin_view(self.export_view),
            name="logs_applicationlog_export",
        )
        return [export, *super().get_urls()]

    @method_decorator(require_safe)
    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Stream what the filters select as CSV; invalid filters lead back to the list."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = LogFilter(request.GET)
        if not form.is_valid():
            changelist = reverse("admin:logs_applicationlog_changelist", query=request.GET)
            return HttpResponseRedirect(changelist)
        name = f"log-{timezone.now():%Y%m%d-%H%M}.csv"
        return StreamingHttpResponse(
            csv_export.lines(pagination.every(form.selection(bound_companies(request.user)))),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    @admin.display(description="time")
    def time(self, log: ApplicationLog) -> str:
        """To the millisecond, because much happens within a minute."""
        return moment(log.timestamp, precise=True)

    @admin.display(description="level")
    def pill(self, log: ApplicationLog) -> str:
        """With its colour."""
        return format_html('<span class="pill pill-{}">{}</span>', log.level.lower(), log.level)

    @admin.display(description="message")
    def beginning(self, log: ApplicationLog) -> str:
        """The message's first line."""
        return _beginning(log.message)

    @admin.display(description="company")
    def of_company(self, log: ApplicationLog) -> str:
        """A link to all records of the company."""
        return _records(log.company_id, company_id=log.company_id) if log.company_id else "-"

    @admin.display(description="extraction")
    def of_extraction(self, log: ApplicationLog) -> str:
        """A link to all records of the extraction."""
        return _of_extraction(log.extraction_id)

    @admin.display(description="error group")
    def of_group(self, log: ApplicationLog) -> str:
        """A link to all records of the error group."""
        return (
            _records(log.fingerprint[:8], fingerprint=log.fingerprint) if log.fingerprint else "-"
        )

    @admin.display(description="exception")
    def traceback(self, log: ApplicationLog) -> str:
        """Folded, because the message usually is enough."""
        return _folded(log.exception)

    @admin.display(description="everything about")
    def related(self, log: ApplicationLog) -> str:
        """Links to all records of the same extraction, request and error group."""
        links = [
            ("the extraction", "extraction_id", log.extraction_id),
            ("the request", "request_id", log.request_id),
            ("the error group", "fingerprint", log.fingerprint),
        ]
        found = [(_records(text, **{name: value}),) for text, name, value in links if value]
        return format_html_join(", ", "{}", found) or "-"


@admin.register(ErrorGroup)
class ErrorGroupAdmin(ReadOnlyAdmin[ErrorGroup]):
    company_rule = UNBOUND_ONLY
    list_display = ["exception_or_logger", "place", "beginning", "records", "first", "last"]
    list_filter = ["last_seen"]
    search_fields = ["exception_type", "place", "logger", "message"]
    show_full_result_count = False
    actions = None
    readonly_fields = ["records"]

    @admin.display(description="exception", ordering="exception_type")
    def exception_or_logger(self, group: ErrorGroup) -> str:
        """Its type; the logger where none was raised."""
        return group.exception_type or group.logger

    @admin.display(description="message")
    def beginning(self, group: ErrorGroup) -> str:
        """The first line of the first error's message."""
        return _beginning(group.message)

    @admin.display(description="records", ordering="count")
    def records(self, group: ErrorGroup) -> str:
        """Their number, as a link to those that are still kept."""
        return _records(str(group.count), fingerprint=group.fingerprint)

    @admin.display(description="first seen", ordering="first_seen")
    def first(self, group: ErrorGroup) -> str:
        """To the minute."""
        return moment(group.first_seen)

    @admin.display(description="last seen", ordering="last_seen")
    def last(self, group: ErrorGroup) -> str:
        """To the minute."""
        return moment(group.last_seen)


@admin.register(ErrorDigest)
class ErrorDigestAdmin(ReadOnlyAdmin[ErrorDigest]):
    company_rule = UNBOUND_ONLY
    list_display = ["created_at", "groups", "claimed_until", "sent_at"]
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[ErrorDigest]:
        """Count the groups of all listed digests at once."""
        return super().get_queryset(request).annotate(group_count=Count("errorgroup"))

    @admin.display(description="new groups")
    def groups(self, digest: ErrorDigest) -> int:
        """How many it lists."""
        return int(digest.group_count)  # type: ignore[attr-defined]  # annotated above


@admin.register(RetentionRun)
class RetentionRunAdmin(ReadOnlyAdmin[RetentionRun]):
    company_rule = UNBOUND_ONLY
    list_display = [
        "started_at",
        "what",
        "cutoff",
        "archived",
        "deleted",
        "amount",
        "is_complete",
        "ended_at",
        "error",
    ]
    list_filter = ["what", "started_at"]
    show_full_result_count = False
    actions = None

    @admin.display(description="size", ordering="size")
    def amount(self, run: RetentionRun) -> str:
        """In kilobytes or larger units."""
        return filesizeformat(run.size)


@admin.register(RetryAttempt)
class RetryAttemptAdmin(ReadOnlyAdmin[RetryAttempt]):
    company_rule = of_company("company_id")
    list_display = [
        "timestamp",
        "company_id",
        "of_extraction",
        "token",
        "attempt",
        "error_class",
        "error_code",
        "provider_code",
        "beginning",
        "delay_seconds",
    ]
    # Not by class or code: Django would search the whole table for their values.
    list_filter = ["timestamp"]
    list_select_related = ["token"]
    search_fields = ["company_id", "error_code", "error_message"]
    show_full_result_count = False

    @admin.display(description="extraction")
    def of_extraction(self, attempt: RetryAttempt) -> str:
        """A link to all records of the extraction."""
        return _of_extraction(attempt.extraction_id)

    @admin.display(description="message")
    def beginning(self, attempt: RetryAttempt) -> str:
        """The message's first line."""
        return _beginning(attempt.error_message)

    def get_urls(self) -> list[URLPattern]:
        summary = path(
            "summary/",
            self.admin_site.admin_view(self.summary_view),
            name="logs_retryattempt_summary",
        )
        return [summary, *super().get_urls()]

    @method_decorator(require_safe)
    def summary_view(self, request: HttpRequest) -> HttpResponse:
        """Show which calls failed most often in the last days."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        days = request.GET.get("days", "")
        chosen = int(days) if days in map(str, SUMMARY_DAYS) else SUMMARY_DAYS[0]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "What fails most",
            "choices": SUMMARY_DAYS,
            "chosen": chosen,
            "failures": what_fails_most(
                timezone.now() - timedelta(days=chosen), self.get_queryset(request)
            ),
        }
        return TemplateResponse(request, "admin/logs/retryattempt/summary.html", context)


@admin.register(RecentError)
class RecentErrorAdmin(ReadOnlyAdmin[RecentError]):
    company_rule = UNBOUND_ONLY
    list_display = ["timestamp", "minutes_ago", "level", "logger", "beginning"]
    show_full_result_count = False
    actions = None
    exclude = ["exception"]
    readonly_fields = ["traceback"]

    @admin.display(description="message")
    def beginning(self, error: RecentError) -> str:
        """The message's first line."""
        return _beginning(error.message)

    @admin.display(description="exception")
    def traceback(self, error: RecentError) -> str:
        """Folded, because the message usually is enough."""
        return _folded(error.exception)


@admin.register(FailedRetry)
class FailedRetryAdmin(ReadOnlyAdmin[FailedRetry]):
    company_rule = of_company("company_id")
    list_display = ["last_attempt", "company_id", "extraction_id", "attempts", "retryable_share"]
    search_fields = ["company_id"]


@admin.register(LoggerLevel)
class LoggerLevelAdmin(AuditedAdmin[LoggerLevel]):
    company_rule = SHARED
    list_display = ["logger", "level"]
