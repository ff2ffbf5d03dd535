"""The models of this app in the admin. All but LoggerLevel are read-only."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from logs.admin import pagination
from logs.admin.cells import first_line, folded, of_extraction, records
from logs.admin.changelist import LogList
from logs.admin.csv_export import ExportAdmin, lines
from logs.admin.filters import LogFilter
from logs.models import (
    ApplicationLog,
    ErrorDigest,
    ErrorGroup,
    LoggerLevel,
    RetentionRun,
)
from ocrsite.lib.admin import ReadOnlyAdmin, two_lines
from ocrsite.lib.admin_companies import SHARED, UNBOUND_ONLY, of_company
from ocrsite.lib.audited_admin import AuditedAdmin
from ocrsite.lib.moments import moment
from ocrsite.lib.staff_companies import bound_companies


@admin.register(ApplicationLog)
class ApplicationLogAdmin(ExportAdmin[ApplicationLog]):
    company_rule = of_company("company_id")
    export_name = "log"
    filters = LogFilter
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

    def exported(self, request: HttpRequest, form: LogFilter) -> Iterator[str]:
        return lines(pagination.every(form.selection(bound_companies(request.user))))

    @admin.display(description=_("time"))
    def time(self, log: ApplicationLog) -> str:
        """To the millisecond, because much happens within a minute."""
        return moment(log.timestamp, precise=True, zone=True)

    @admin.display(description=_("level"))
    def pill(self, log: ApplicationLog) -> str:
        """With its colour."""
        return format_html('<span class="pill pill-{}">{}</span>', log.level.lower(), log.level)

    @admin.display(description=_("message"))
    def beginning(self, log: ApplicationLog) -> str:
        """The message's first line."""
        return first_line(log.message)

    @admin.display(description=_("company"))
    def of_company(self, log: ApplicationLog) -> str:
        """A link to all records of the company."""
        return records(log.company_id, company_id=log.company_id) if log.company_id else "-"

    @admin.display(description=_("extraction"))
    def of_extraction(self, log: ApplicationLog) -> str:
        """A link to all records of the extraction."""
        return of_extraction(log.extraction_id)

    @admin.display(description=_("error group"))
    def of_group(self, log: ApplicationLog) -> str:
        """A link to all records of the error group."""
        return records(log.fingerprint[:8], fingerprint=log.fingerprint) if log.fingerprint else "-"

    @admin.display(description=_("exception"))
    def traceback(self, log: ApplicationLog) -> str:
        """Folded, because the message usually is enough."""
        return folded(log.exception)

    @admin.display(description=_("everything about"))
    def related(self, log: ApplicationLog) -> str:
        """Links to all records of the same extraction, request and error group."""
        links = [
            (gettext("the extraction"), "extraction_id", log.extraction_id),
            (gettext("the request"), "request_id", log.request_id),
            (gettext("the error group"), "fingerprint", log.fingerprint),
        ]
        found = [(records(text, **{name: value}),) for text, name, value in links if value]
        return format_html_join(", ", "{}", found) or "-"


@admin.register(ErrorGroup)
class ErrorGroupAdmin(ReadOnlyAdmin[ErrorGroup]):
    company_rule = UNBOUND_ONLY
    list_display = ["exception_or_logger", "records", "last", "beginning", "place", "first"]
    list_filter = ["last_seen"]
    search_fields = ["exception_type", "place", "logger", "message"]
    show_full_result_count = False
    actions = None
    readonly_fields = ["records"]

    @admin.display(description=_("exception"), ordering="exception_type")
    def exception_or_logger(self, group: ErrorGroup) -> str:
        """Its type; the logger where none was raised."""
        return group.exception_type or group.logger

    @admin.display(description=_("message"))
    def beginning(self, group: ErrorGroup) -> str:
        """The first line of the first error's message."""
        return first_line(group.message)

    @admin.display(description=_("records"), ordering="count")
    def records(self, group: ErrorGroup) -> str:
        """Their number, as a link to those that are still kept."""
        return records(str(group.count), fingerprint=group.fingerprint)

    @admin.display(description=_("first seen"), ordering="first_seen")
    def first(self, group: ErrorGroup) -> str:
        """To the minute."""
        return moment(group.first_seen, zone=True)

    @admin.display(description=_("last seen"), ordering="last_seen")
    def last(self, group: ErrorGroup) -> str:
        """To the minute."""
        return moment(group.last_seen, zone=True)


@admin.register(ErrorDigest)
class ErrorDigestAdmin(ReadOnlyAdmin[ErrorDigest]):
    company_rule = UNBOUND_ONLY
    list_display = ["created_at", "groups", "claimed_until", "sent_at"]
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[ErrorDigest]:
        """Count the groups of all listed digests at once."""
        return super().get_queryset(request).annotate(group_count=Count("errorgroup"))

    @admin.display(description=_("new groups"))
    def groups(self, digest: ErrorDigest) -> int:
        """How many it lists."""
        return int(digest.group_count)  # type: ignore[attr-defined]  # annotated above


@admin.register(RetentionRun)
class RetentionRunAdmin(ReadOnlyAdmin[RetentionRun]):
    company_rule = UNBOUND_ONLY
    list_display = ["started_at", "what", "outcome", "deleted", "archived", "amount", "ended_at"]
    list_filter = ["what", "started_at"]
    show_full_result_count = False
    actions = None

    @admin.display(description=_("outcome"))
    def outcome(self, run: RetentionRun) -> str:
        """Whether all was done, with the error that kept it from that."""
        if run.error:
            name, text = "failed", gettext("Failed")
        elif run.ended_at is None:
            name, text = "processing", gettext("Running")
        else:
            name, text = (
                ("ok", gettext("Done")) if run.is_complete else ("waiting", gettext("More to do"))
            )
        pill = format_html('<span class="pill pill-{}">{}</span>', name, text)
        return two_lines(pill, first_line(run.error))

    @admin.display(description=_("size"), ordering="size")
    def amount(self, run: RetentionRun) -> str:
        """In kilobytes or larger units."""
        return filesizeformat(run.size)


@admin.register(LoggerLevel)
class LoggerLevelAdmin(AuditedAdmin[LoggerLevel]):
    company_rule = SHARED
    list_display = ["logger", "level"]
