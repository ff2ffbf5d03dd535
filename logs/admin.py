"""What happened, for staff to read."""

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html

from logs import levels_admin  # noqa: F401 - registers its page
from logs.models import ApplicationLog, FailedRetry, RecentError, RetryAttempt
from ocrsite.admin_tools import ReadOnlyAdmin

_SHOWN = 120


def _beginning(text: str) -> str:
    """The first line, as far as a list has room."""
    line = text.partition("\n")[0]
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"


def _folded(traceback: str | None) -> str:
    if not traceback:
        return "-"
    return format_html("<details><summary>Traceback</summary><pre>{}</pre></details>", traceback)


@admin.register(ApplicationLog)
class ApplicationLogAdmin(ReadOnlyAdmin[ApplicationLog]):
    list_display = ["time", "level", "logger", "beginning", "of_extraction"]
    list_filter = ["level", "timestamp", "logger"]
    search_fields = ["message"]
    # One count less over a table that grows to millions of rows.
    show_full_result_count = False
    exclude = ["exception"]
    readonly_fields = ["traceback"]

    @admin.display(description="time (UTC)", ordering="timestamp")
    def time(self, log: ApplicationLog) -> str:
        """To the millisecond, because much happens within a minute."""
        return log.timestamp.isoformat(" ", "milliseconds").removesuffix("+00:00")

    @admin.display(description="message")
    def beginning(self, log: ApplicationLog) -> str:
        """The message's first line."""
        return _beginning(log.message)

    @admin.display(description="extraction")
    def of_extraction(self, log: ApplicationLog) -> str:
        """One click to everything that was logged about the same extraction."""
        if log.extraction_id is None:
            return "-"
        page = reverse("admin:logs_applicationlog_changelist")
        short = str(log.extraction_id)[:8]
        return format_html('<a href="{}?extraction_id={}">{}</a>', page, log.extraction_id, short)

    @admin.display(description="exception")
    def traceback(self, log: ApplicationLog) -> str:
        """Folded, because the message usually tells enough."""
        return _folded(log.exception)


@admin.register(RetryAttempt)
class RetryAttemptAdmin(ReadOnlyAdmin[RetryAttempt]):
    list_display = [
        "timestamp",
        "company_id",
        "extraction_id",
        "attempt",
        "error_code",
        "is_retryable",
        "delay_seconds",
        "token",
    ]
    list_filter = ["is_retryable", "error_code", "timestamp"]
    list_select_related = ["token"]
    search_fields = ["company_id", "error_message"]


@admin.register(RecentError)
class RecentErrorAdmin(ReadOnlyAdmin[RecentError]):
    list_display = ["timestamp", "minutes_ago", "level", "logger", "beginning"]
    exclude = ["exception"]
    readonly_fields = ["traceback"]

    @admin.display(description="message")
    def beginning(self, error: RecentError) -> str:
        """The message's first line."""
        return _beginning(error.message)

    @admin.display(description="exception")
    def traceback(self, error: RecentError) -> str:
        """Folded, because the message usually tells enough."""
        return _folded(error.exception)


@admin.register(FailedRetry)
class FailedRetryAdmin(ReadOnlyAdmin[FailedRetry]):
    list_display = ["last_attempt", "company_id", "extraction_id", "attempts", "retryable_share"]
    search_fields = ["company_id"]
