"""The admin of keys and of the ledger. A key is entered here and never shown in full."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html, format_html_join
from django.views.decorators.debug import sensitive_post_parameters

import tokens.alert_admin
import tokens.price_admin  # noqa: F401 - it registers itself
from ocrsite.lib.admin import ReadOnlyAdmin, ReadOnlyMixin
from ocrsite.lib.audited_admin import AuditedAdmin
from tokens import encryption, services
from tokens.forms import FindByKeyForm, TokenForm
from tokens.models import (
    CoolDown,
    LedgerAlert,
    ThresholdAlert,
    TokenChange,
    TokenMaster,
    TokenReservation,
    TokenStatusRow,
    TokenUsageLog,
    TokenUsageSummary,
    UsageSummaryRow,
)

WHY_IT_STAYS = "The records of its use. A used key is never deleted: set its status to Disabled."
SHOWN_CHANGES = 10


@admin.register(TokenMaster)
class TokenMasterAdmin(admin.ModelAdmin[TokenMaster]):
    form = TokenForm
    list_display = [
        "company_id",
        "company_name",
        "provider",
        "state",
        "key",
        "total_token_limit",
        "used_tokens",
        "remaining_tokens",
        "expires_at",
    ]
    list_filter = ["status", "provider", "created_at"]
    list_select_related = ["summary"]
    search_fields = ["company_id", "company_name"]
    search_help_text = "Company id or name."
    actions = None
    readonly_fields = [
        "key",
        "used_tokens",
        "remaining_tokens",
        "status_reason",
        "cool_down",
        "created_at",
        "history",
    ]
    fieldsets = [
        (None, {"fields": ["company_id", "company_name", "provider", "model"]}),
        ("Key", {"fields": ["key", "new_key", "expires_at"]}),
        (
            "Quota",
            {"fields": ["total_token_limit", "threshold", "used_tokens", "remaining_tokens"]},
        ),
        (
            "Calls",
            {"fields": ["project", "max_concurrent_calls", "requests_per_minute", "cool_down"]},
        ),
        ("Status", {"fields": ["status", "status_reason", "created_at"]}),
        ("Changes", {"fields": ["why", "history"]}),
    ]

    @admin.display(description="status", ordering="status")
    def state(self, token: TokenMaster) -> str:
        """An active key past its expiry is shown as Expired."""
        status = token.effective_status
        return format_html('<span class="pill pill-{}">{}</span>', status.lower(), status)

    @admin.display(description="stored key", empty_value="none")
    def key(self, token: TokenMaster) -> str:
        """Masked."""
        return token.masked_key

    @admin.display(description="used LLM tokens", ordering="summary__total_used_tokens")
    def used_tokens(self, token: TokenMaster) -> int:
        """Since the key was added."""
        return token.used

    @admin.display(description="remaining LLM tokens", ordering="summary__total_remaining_tokens")
    def remaining_tokens(self, token: TokenMaster) -> int:
        """The limit minus the use; negative when the limit was lowered below it."""
        return token.unspent

    @admin.display(description="blocked until", empty_value="not blocked")
    def cool_down(self, token: TokenMaster) -> str:
        """The cool-downs of the key and of its project, with their reasons."""
        if token.pk is None:  # the form for a new key
            return ""
        rows = CoolDown.objects.of(token).filter(blocked_until__gt=timezone.now())
        lines = ((f"{row.blocked_until:%Y-%m-%d %H:%M:%S}", row.reason) for row in rows)
        return format_html_join("", "<div>{} UTC: {}</div>", lines)

    @admin.display(description="latest changes", empty_value="none")
    def history(self, token: TokenMaster) -> str:
        """The newest changes of status, limit and key, with a link to all of them."""
        changes = TokenChange.objects.filter(token_id=token.pk)[:SHOWN_CHANGES]
        if not changes:
            return ""
        lines = format_html_join(
            "",
            "<li>{} {} by {}. {}</li>",
            ((f"{row.changed_at:%Y-%m-%d %H:%M}", row, row.actor, row.reason) for row in changes),
        )
        address = reverse("admin:tokens_tokenchange_changelist", query={"token": token.pk})
        return format_html('<ul>{}</ul><a href="{}">All changes</a>', lines, address)

    @method_decorator(sensitive_post_parameters("new_key"))
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Django's, with the key kept out of error reports."""
        return super().changeform_view(request, object_id, form_url, extra_context)

    def save_model(
        self, request: HttpRequest, obj: TokenMaster, form: TokenForm, change: bool
    ) -> None:
        """Save only what was changed: calls under way change the same row."""
        user, entered = request.user.get_username(), form.cleaned_data
        changed = set(form.changed_data)
        fields = changed.intersection(TokenForm.Meta.fields)
        if entered["new_key"]:
            obj.api_key = entered["new_key"]
            fields.add("api_key")
        if "status" in changed:
            obj.status_reason = f"Set by {user}."
            fields.add("status_reason")
        if not change:
            services.create_token(token=obj, threshold=entered["threshold"])
            return
        services.update_token(
            token=obj,
            fields=fields,
            by=user,
            reason=entered["why"],
            threshold=entered["threshold"] if "threshold" in changed else None,
        )

    def get_deleted_objects(
        self, objs: Sequence[TokenMaster] | QuerySet[TokenMaster], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Refuse to delete a used key, without loading its many usage rows, and say what to do."""
        if TokenUsageLog.objects.filter(token__in=objs).exists():
            return [], {}, set(), [WHY_IT_STAYS]
        deleted, counts, lacking, protected = super().get_deleted_objects(objs, request)
        # These are deleted with their key, though nobody may delete them alone.
        owned = (TokenUsageSummary, TokenChange, ThresholdAlert, CoolDown)
        lacking -= {str(model._meta.verbose_name) for model in owned}
        return deleted, counts, lacking, [*protected, WHY_IT_STAYS] if protected else []

    def get_urls(self) -> list[URLPattern]:
        find = path(
            "find/", self.admin_site.admin_view(self.find_view), name="tokens_tokenmaster_find"
        )
        return [find, *super().get_urls()]

    @method_decorator(sensitive_post_parameters("key"))
    def find_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for a full key and list the rows that hold it, by its fingerprint."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        form = FindByKeyForm(request.POST or None)
        if form.is_valid():
            fingerprint = encryption.fingerprint(form.cleaned_data["key"])
            changelist = reverse("admin:tokens_tokenmaster_changelist")
            return HttpResponseRedirect(f"{changelist}?key_fingerprint={fingerprint}")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Find a key",
            "form": form,
        }
        return TemplateResponse(request, "admin/tokens/tokenmaster/find.html", context)


@admin.register(TokenChange)
class TokenChangeAdmin(ReadOnlyAdmin[TokenChange]):
    list_display = [
        "changed_at",
        "token",
        "what",
        "from_value",
        "to_value",
        "actor",
        "reason",
    ]
    list_filter = ["what", "changed_at"]
    list_select_related = ["token"]
    search_fields = ["token__company_id", "actor"]


@admin.register(CoolDown)
class CoolDownAdmin(ReadOnlyMixin, AuditedAdmin[CoolDown]):
    """Keys and projects that may not be called now. Deleting a cool-down lets calls go on."""

    list_display = ["blocked_until", "project", "token", "reason", "half_open"]
    list_select_related = ["token"]
    search_fields = ["project", "token__company_id"]

    def has_delete_permission(self, request: HttpRequest, obj: CoolDown | None = None) -> bool:
        """Staff with the permission: they may know that the quota was raised."""
        return admin.ModelAdmin.has_delete_permission(self, request, obj)


@admin.register(ThresholdAlert)
class ThresholdAlertAdmin(ReadOnlyAdmin[ThresholdAlert]):
    list_display = ["created_at", "token", "threshold", "remaining", "limit", "sent_at"]
    list_filter = ["created_at"]
    list_select_related = ["token"]
    search_fields = ["token__company_id", "token__company_name"]


@admin.register(LedgerAlert)
class LedgerAlertAdmin(ReadOnlyAdmin[LedgerAlert]):
    list_display = ["created_at", "findings", "sent_at", "resolved_at"]
    list_filter = ["created_at", "resolved_at"]
    fields = ["created_at", "findings", "claimed_until", "sent_at", "resolved_at"]


@admin.register(TokenUsageLog)
class TokenUsageLogAdmin(ReadOnlyAdmin[TokenUsageLog]):
    list_display = [
        "logged_at",
        "company_id",
        "token",
        "branch",
        "requested_by",
        "input_tokens",
        "output_tokens",
        "thinking_tokens",
        "total_tokens_used",
        "model",
        "cost",
        "currency",
        "estimated",
    ]
    list_filter = ["estimated", "logged_at"]
    list_select_related = ["token"]
    search_fields = ["company_id", "branch", "requested_by"]


@admin.register(TokenUsageSummary)
class TokenUsageSummaryAdmin(ReadOnlyAdmin[TokenUsageSummary]):
    list_display = [
        "token",
        "total_used_tokens",
        "reserved_tokens",
        "total_remaining_tokens",
        "threshold",
        "last_updated",
    ]
    list_select_related = ["token"]
    search_fields = ["token__company_id", "token__company_name"]


@admin.register(TokenReservation)
class TokenReservationAdmin(ReadOnlyAdmin[TokenReservation]):
    list_display = ["attempt_id", "token", "amount", "created_at", "leased_until"]
    list_select_related = ["token"]


@admin.register(TokenStatusRow)
class TokenStatusRowAdmin(ReadOnlyAdmin[TokenStatusRow]):
    list_display = [
        "token_id",
        "company_id",
        "company_name",
        "provider",
        "status",
        "total_used_tokens",
        "total_remaining_tokens",
        "threshold",
        "health",
        "last_updated",
    ]
    list_filter = ["health_status", "status"]
    search_fields = ["company_id", "company_name"]

    @admin.display(description="health", ordering="health_status")
    def health(self, row: TokenStatusRow) -> str:
        """OK, WARNING or EXCEEDED."""
        status = row.health_status
        return format_html('<span class="pill pill-{}">{}</span>', status.lower(), status)


@admin.register(UsageSummaryRow)
class UsageSummaryRowAdmin(ReadOnlyAdmin[UsageSummaryRow]):
    list_display = [
        "company_id",
        "company_name",
        "total_branches",
        "total_users",
        "total_requests",
        "total_tokens_used",
        "average_tokens",
        "last_used",
        "days_active",
    ]
    search_fields = ["company_id", "company_name"]
