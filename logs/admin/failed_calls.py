"""The list of failed calls in the admin, by reasons that have names."""

from datetime import timedelta
from operator import itemgetter
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from logs import error_names
from logs.admin.cells import first_line, of_extraction
from logs.admin.failure_summary import what_fails_most
from logs.models import RetryAttempt
from ocrsite.lib.admin import ReadOnlyAdmin, two_lines
from ocrsite.lib.admin_companies import of_company
from ocrsite.lib.numbers import grouped

# Periods of the summary of failed calls.
SUMMARY_DAYS = (1, 7, 30)


class ReasonFilter(admin.SimpleListFilter):
    """Why it failed. By the known names: Django's filter would read the table for its values."""

    title = _("reason")
    parameter_name = "error_code"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Every code with its name, by name."""
        named = ((code, str(name)) for code, name in error_names.NAMES.items())
        return sorted(named, key=itemgetter(1))

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[RetryAttempt]
    ) -> QuerySet[RetryAttempt]:
        """Those with this code."""
        return queryset.filter(error_code=self.value()) if self.value() else queryset


class LastAllowedFilter(admin.SimpleListFilter):
    """Whether the policy allowed no other call, as the contract's vw_FailedRetries tells."""

    title = _("tries left")
    parameter_name = "last_allowed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """None was left, or one was."""
        return [("yes", gettext("None: the extraction was given up")), ("no", gettext("Some"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[RetryAttempt]
    ) -> QuerySet[RetryAttempt]:
        """Those with the chosen answer."""
        match self.value():
            case "yes":
                return queryset.filter(attempt__gte=F("attempts_allowed"))
            case "no":
                return queryset.filter(attempt__lt=F("attempts_allowed"))
        return queryset


@admin.register(RetryAttempt)
class RetryAttemptAdmin(ReadOnlyAdmin[RetryAttempt]):
    company_rule = of_company("company_id")
    list_display = [
        *("timestamp", "reason", "company_id", "of_extraction", "token", "tries"),
        *("beginning", "wait"),
    ]
    list_filter = [LastAllowedFilter, "timestamp", ReasonFilter]
    list_select_related = ["token"]
    search_fields = ["company_id", "error_code", "error_message"]
    search_help_text = _("Company id, or a part of the provider's words.")
    show_full_result_count = False

    @admin.display(description=_("reason"), ordering="error_code")
    def reason(self, attempt: RetryAttempt) -> str:
        """Its name, with the provider's own code."""
        return two_lines(error_names.name_of(attempt.error_code), attempt.provider_code or "")

    @admin.display(description=_("extraction"))
    def of_extraction(self, attempt: RetryAttempt) -> str:
        """A link to all records of the extraction."""
        return of_extraction(attempt.extraction_id)

    @admin.display(description=_("try"), ordering="attempt")
    def tries(self, attempt: RetryAttempt) -> str:
        """Which, of how many that were allowed."""
        allowed = attempt.attempts_allowed
        return f"{attempt.attempt} of {allowed}" if allowed else str(attempt.attempt)

    @admin.display(description=_("message"))
    def beginning(self, attempt: RetryAttempt) -> str:
        """The message's first line."""
        return first_line(attempt.error_message)

    @admin.display(description=_("wait"), ordering="delay_seconds", empty_value="-")
    def wait(self, attempt: RetryAttempt) -> str:
        """Before the next call; none followed where there is none."""
        return "" if attempt.delay_seconds is None else f"{grouped(attempt.delay_seconds, 1)} s"

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
            "title": gettext("What fails most"),
            "choices": SUMMARY_DAYS,
            "chosen": chosen,
            "failures": what_fails_most(
                timezone.now() - timedelta(days=chosen), self.get_queryset(request)
            ),
        }
        return TemplateResponse(request, "admin/logs/retryattempt/summary.html", context)
