"""The admin of keys and of the ledger. A key is entered here and never shown in full."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext, gettext_noop, pgettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters

import tokens.alert_admin
import tokens.price_admin  # noqa: F401 - it registers itself
from ocrsite.lib.admin import BoundedListMixin, ReadOnlyAdmin, ReadOnlyMixin, two_lines
from ocrsite.lib.admin_companies import UNBOUND_ONLY, CompanyRule, of_company
from ocrsite.lib.audited_admin import AuditedAdmin
from ocrsite.lib.csv_admin import CsvMixin
from ocrsite.lib.moments import moment
from ocrsite.lib.numbers import grouped
from tokens import encryption
from tokens.company_fields import PicksCompany, company_filter
from tokens.forms import FindByKeyForm, TokenForm
from tokens.key_entry import save_entered
from tokens.key_list import KEY_COLUMNS, KeyList, shown_key
from tokens.models import (
    CoolDown,
    LedgerAlert,
    Quota,
    QuotaChange,
    QuotaSum,
    ThresholdAlert,
    TokenChange,
    TokenMaster,
    TokenReservation,
    TokenUsageLog,
    TokenUsageSummary,
    UsageSummaryRow,
)
from tokens.models.usage import company_of
from tokens.quota_admin import QuotaInline, save_quotas

WHY_IT_STAYS = gettext_noop(
    "The records of its use. A used key is never deleted: set its status to Disabled."
)
SHOWN_CHANGES = 10
OfKey = company_filter("token__company_id")


@admin.register(TokenMaster)
class TokenMasterAdmin(CsvMixin[TokenMaster], PicksCompany, KeyList):
    company_rule = of_company("company_id")
    csv_columns = KEY_COLUMNS
    form = TokenForm
    readonly_fields = [
        "stored_key",
        "fingerprint",
        "used_tokens",
        "remaining_tokens",
        "reserved_tokens",
        "status_reason",
        "cool_down",
        "created_at",
        "history",
    ]
    fieldsets = [
        (None, {"fields": ["company_id", "company_name", "provider", "model"]}),
        (_("Key"), {"fields": ["stored_key", "fingerprint", "new_key", "expires_at"]}),
        (
            _("Quota"),
            {
                "fields": [
                    *("total_token_limit", "threshold"),
                    *("used_tokens", "remaining_tokens", "reserved_tokens"),
                ]
            },
        ),
        (
            _("Calls"),
            {"fields": ["project", "max_concurrent_calls", "requests_per_minute", "cool_down"]},
        ),
        (_("Status"), {"fields": ["status", "status_reason", "created_at"]}),
        (_("Changes"), {"fields": ["why", "history"]}),
    ]

    def get_inlines(self, request: HttpRequest, obj: TokenMaster | None) -> list[Any]:
        """Quotas are made once the key is there."""
        return [QuotaInline] if obj else []

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Save the quotas of the key."""
        save_quotas(request, form, formset)

    @admin.display(description=_("stored key"))
    def stored_key(self, token: TokenMaster) -> str:
        """Masked."""
        return shown_key(token) or gettext("none")

    @admin.display(description=_("fingerprint"))
    def fingerprint(self, token: TokenMaster) -> str:
        """The key's keyed digest, by which its rows are found."""
        return token.key_fingerprint or gettext("none")

    @admin.display(description=_("used LLM tokens"))
    def used_tokens(self, token: TokenMaster) -> str:
        """Since the key was added."""
        return grouped(token.used)

    @admin.display(description=_("remaining LLM tokens"))
    def remaining_tokens(self, token: TokenMaster) -> str:
        """The limit minus the use; negative when the limit was lowered below it."""
        return grouped(token.unspent)

    @admin.display(description=_("reserved by calls under way"))
    def reserved_tokens(self, token: TokenMaster) -> str:
        """Of what remains."""
        return grouped(token.unspent - token.free)

    @admin.display(description=_("blocked until"))
    def cool_down(self, token: TokenMaster) -> str:
        """The cool-downs of the key and of its project, with their reasons."""
        if token.pk is None:  # the form for a new key
            return gettext("not blocked")
        rows = CoolDown.objects.of(token).filter(blocked_until__gt=timezone.now())
        lines = ((moment(row.blocked_until, zone=True), row.reason) for row in rows)
        return format_html_join("", "<div>{}: {}</div>", lines) or gettext("not blocked")

    @admin.display(description=_("latest changes"))
    def history(self, token: TokenMaster) -> str:
        """The newest changes of status, limit and key, with a link to all of them."""
        changes = TokenChange.objects.filter(token_id=token.pk)[:SHOWN_CHANGES]
        if not changes:
            return gettext("none")
        lines = format_html_join(
            "",
            gettext("<li>{} {} by {}. {}</li>"),
            ((moment(row.changed_at, zone=True), row, row.actor, row.reason) for row in changes),
        )
        address = reverse("admin:tokens_tokenchange_changelist", query={"token": token.pk})
        return format_html('<ul>{}</ul><a href="{}">{}</a>', lines, address, gettext("All changes"))

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
        """Save only what was changed."""
        save_entered(obj, form, by=request.user.get_username())

    def get_deleted_objects(
        self, objs: Sequence[TokenMaster] | QuerySet[TokenMaster], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Refuse to delete a used key, without loading its many usage rows, and say what to do."""
        if TokenUsageLog.objects.filter(token__in=objs).exists():
            return [], {}, set(), [gettext(WHY_IT_STAYS)]
        deleted, counts, lacking, protected = super().get_deleted_objects(objs, request)
        # These are deleted with their key, though nobody may delete them alone.
        owned = (
            *(TokenUsageSummary, TokenChange, ThresholdAlert, CoolDown),
            *(Quota, QuotaSum, QuotaChange),
        )
        lacking -= {str(model._meta.verbose_name) for model in owned}
        return deleted, counts, lacking, [*protected, gettext(WHY_IT_STAYS)] if protected else []

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
            "title": gettext("Find a key"),
            "form": form,
        }
        return TemplateResponse(request, "admin/tokens/tokenmaster/find.html", context)


@admin.register(TokenChange)
class TokenChangeAdmin(ReadOnlyAdmin[TokenChange]):
    company_rule = of_company("token__company_id")
    list_display = ["changed_at", "token", "what", "change", "actor", "reason"]
    list_filter = [OfKey, "what", "changed_at"]
    list_select_related = ["token"]
    search_fields = ["token__company_id", "actor"]

    @admin.display(description=_("from → to"))
    def change(self, row: TokenChange) -> str:
        """Both values."""
        return f"{row.from_value} → {row.to_value}"


@admin.register(CoolDown)
class CoolDownAdmin(ReadOnlyMixin, AuditedAdmin[CoolDown]):
    """Keys and projects that may not be called now. Deleting a cool-down lets calls go on."""

    company_rule = of_company("token__company_id")
    list_display = ["blocked_until", "project", "token", "reason", "half_open"]
    list_filter = [OfKey]
    list_select_related = ["token"]
    search_fields = ["project", "token__company_id"]

    def has_delete_permission(self, request: HttpRequest, obj: CoolDown | None = None) -> bool:
        """Staff with the permission: they may know that the quota was raised."""
        return admin.ModelAdmin.has_delete_permission(self, request, obj)


@admin.register(ThresholdAlert)
class ThresholdAlertAdmin(ReadOnlyAdmin[ThresholdAlert]):
    company_rule = of_company("token__company_id")
    list_display = ["created_at", "token", "threshold", "remaining", "limit", "sent_at"]
    list_filter = [OfKey, "created_at"]
    list_select_related = ["token"]
    search_fields = ["token__company_id", "token__company_name"]


@admin.register(LedgerAlert)
class LedgerAlertAdmin(ReadOnlyAdmin[LedgerAlert]):
    company_rule = UNBOUND_ONLY
    list_display = ["created_at", "findings", "sent_at", "resolved_at"]
    list_filter = ["created_at", "resolved_at"]
    fields = ["created_at", "findings", "claimed_until", "sent_at", "resolved_at"]


class OwnOrOfKey(CompanyRule):
    """For calls: the company that a row names, or where it names none that of its key."""

    def rows(self, rows: QuerySet[Any], bound: list[str]) -> QuerySet[Any]:
        """Return those of the companies."""
        named: QuerySet[Any] = rows.alias(own_or_of_key=company_of())
        return named.filter(own_or_of_key__in=bound)


@admin.register(TokenUsageLog)
class TokenUsageLogAdmin(BoundedListMixin[TokenUsageLog], ReadOnlyAdmin[TokenUsageLog]):
    company_rule = OwnOrOfKey(("company_id", "token__company_id"))
    list_display = [
        *("logged_at", "company", "amount", "price", "requester", "token", "model"),
        *("estimated", "document"),
    ]
    list_filter = [company_filter("of_company_id"), "estimated", "logged_at"]
    list_select_related = ["token"]
    search_fields = ["company_id", "branch", "requested_by"]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """The way to the document is for who may see documents."""
        columns = list(super().get_list_display(request))
        if not request.user.has_perm("extraction.view_extraction"):
            columns.remove("document")
        return columns

    def get_queryset(self, request: HttpRequest) -> QuerySet[TokenUsageLog]:
        """With ``of_company_id`` to filter by: rows that SQL inserted may name their key alone."""
        keys = TokenMaster.objects.filter(pk=OuterRef("token_id")).values("company_id")
        rows = super().get_queryset(request)
        return rows.alias(of_company_id=company_of(key_company=Subquery(keys[:1])))

    @admin.display(description=_("company"), ordering="company_id", empty_value="-")
    def company(self, row: TokenUsageLog) -> str | None:
        """Its own, or that of its key."""
        return row.company_id or (row.token.company_id if row.token else None)

    @admin.display(description=_("LLM tokens"), ordering="total_tokens_used")
    def amount(self, row: TokenUsageLog) -> str:
        """All, and of which kinds."""
        counts = {
            "input": grouped(row.input_tokens),
            "output": grouped(row.output_tokens),
            "thinking": grouped(row.thinking_tokens),
        }
        if row.thinking_tokens:
            kinds = gettext("{input} in, {output} out, {thinking} thinking")
        else:
            kinds = gettext("{input} in, {output} out")
        return two_lines(grouped(row.total_tokens_used), kinds.format(**counts))

    @admin.display(description=_("cost"), ordering="cost", empty_value="-")
    def price(self, row: TokenUsageLog) -> str:
        """With its currency; none where no price was known."""
        return "" if row.cost is None else f"{row.cost.normalize():f} {row.currency}"

    @admin.display(description=_("document"), empty_value="-")
    def document(self, row: TokenUsageLog) -> str:
        """The way to it; none of a call that was made while the database was away."""
        if row.attempt_id is None or row.key_fingerprint:
            return ""
        address = reverse("document-of-call", args=[row.attempt_id])
        return format_html('<a href="{}">{}</a>', address, pgettext("a link", "Open"))

    @admin.display(description=_("requested by"), ordering="requested_by")
    def requester(self, row: TokenUsageLog) -> str:
        """With the branch."""
        return two_lines(row.requested_by, row.branch)


@admin.register(TokenReservation)
class TokenReservationAdmin(ReadOnlyAdmin[TokenReservation]):
    company_rule = of_company("token__company_id")
    list_display = ["token", "amount", "created_at", "leased_until", "attempt_id"]
    list_filter = [OfKey]
    list_select_related = ["token"]


@admin.register(UsageSummaryRow)
class UsageSummaryRowAdmin(ReadOnlyAdmin[UsageSummaryRow]):
    company_rule = of_company("company_id")
    list_display = [
        *("company", "total_tokens_used", "total_requests", "average"),
        *("last_used", "days_active", "total_branches", "total_users"),
    ]
    search_fields = ["company_id", "company_name"]

    @admin.display(description=_("company"), ordering="company_id")
    def company(self, row: UsageSummaryRow) -> str:
        """Its id and name."""
        return two_lines(row.company_id, row.company_name or "")

    def get_model_perms(self, request: HttpRequest) -> dict[str, bool]:
        """Keep it out of the index: the list of usage leads to it."""
        return {}

    @admin.display(
        description=_("LLM tokens a request"), ordering="average_tokens", empty_value="-"
    )
    def average(self, row: UsageSummaryRow) -> str:
        """Rounded."""
        return "" if row.average_tokens is None else grouped(row.average_tokens, 0)
