"""The admin of alerts of every kind, and of who gets them by mail."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from ocrsite.lib.admin import ReadOnlyAdmin
from ocrsite.lib.admin_companies import UNBOUND_ONLY, of_company
from ocrsite.lib.audited_admin import AuditedAdmin
from tokens.models import AlertRecipient, Company, SiteAlert


class OpenFilter(admin.SimpleListFilter):
    """Whether what an alert tells is over."""

    title, parameter_name = _("state"), "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Open, or over."""
        return [("open", pgettext("of an alert", "Open")), ("over", gettext("Over"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[SiteAlert]) -> QuerySet[SiteAlert]:
        """Those in the chosen state."""
        if self.value() in ("open", "over"):
            return queryset.filter(resolved_at__isnull=self.value() == "open")
        return queryset


@admin.register(SiteAlert)
class SiteAlertAdmin(ReadOnlyAdmin[SiteAlert]):
    """What was found wrong, and until when."""

    company_rule = of_company("company_id")
    list_display = ["created_at", "pill", "kind", "company_id", "text", "sent_at", "resolved_at"]
    list_filter = [OpenFilter, "kind", "created_at"]
    search_fields = ["company_id", "text"]
    fields = ["created_at", "kind", "company_id", "text", "sent_at", "told_at", "resolved_at"]

    @admin.display(description=_("state"), ordering="resolved_at")
    def pill(self, obj: SiteAlert) -> SafeString:
        """Whether it is over."""
        if obj.resolved_at:
            return format_html('<span class="pill ">{}</span>', gettext("Over"))
        return format_html(
            '<span class="pill pill-failed">{}</span>', pgettext("of an alert", "Open")
        )


def _companies() -> list[tuple[str, str]]:
    return [
        ("", gettext("Every company")),
        *((each.pk, str(each)) for each in Company.objects.active()),
    ]


class RecipientForm(forms.ModelForm[AlertRecipient]):
    """Who gets which alerts."""

    company_id = forms.ChoiceField(label=_("Company"), required=False, choices=_companies)
    user = forms.ModelChoiceField(
        User.objects.filter(is_staff=True, is_active=True).exclude(email=""),
        label=_("Member of staff"),
        required=False,
        help_text=_("One who has a mail address."),
    )

    class Meta:
        model = AlertRecipient
        fields = ["user", "address", "company_id", "kind"]


@admin.register(AlertRecipient)
class AlertRecipientAdmin(AuditedAdmin[AlertRecipient]):
    """Who gets which alerts by mail."""

    company_rule = UNBOUND_ONLY
    form = RecipientForm
    list_display = ["who", "company_id", "kind"]
    list_filter = ["kind"]
    list_select_related = ["user"]
    search_fields = ["address", "user__username", "company_id"]

    @admin.display(description=_("who"))
    def who(self, obj: AlertRecipient) -> str:
        """The user or the address."""
        return obj.address or str(obj.user)
