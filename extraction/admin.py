"""Administration of extractions, and of who may submit documents for which company."""

import logging
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from django_q.models import Failure, OrmQ, Schedule, Success
from rest_framework_api_key.admin import APIKeyModelAdmin
from rest_framework_api_key.models import APIKey

from extraction import clients, error_texts
from extraction import erasure_admin as erasure_admin  # likewise
from extraction import grant_admin as grant_admin  # registers the grants
from extraction import usage_labels as usage_labels  # adds a filter to the list of usage
from extraction import worker_admin as worker_admin  # registers the workers
from extraction.access import principal_of
from extraction.account_admin import AccountColumns
from extraction.client_admin import KeyChangeAdmin
from extraction.companies import admin as _companies  # noqa: F401 - registers
from extraction.exports.values import LABELS, is_of_line, known_paths
from extraction.labels import known_keys
from extraction.listing import retrying
from extraction.listing.retrying import ReasonForm
from extraction.models import (
    AccountRule,
    ApiClient,
    ApiClientCompany,
    Attempt,
    CompanyGrant,
    ExportColumn,
    ExportProfile,
    Extraction,
    Label,
    Right,
    RowsPer,
    StaffCompany,
)
from extraction.readers.base import ReadingError
from extraction.readers.registry import model_of, reader_for
from extraction.webhooks import admin as webhooks_admin  # noqa: F401 - registers its own
from logs.error_names import name_of
from logs.models import ErrorSubscription
from ocrsite.lib import audit
from ocrsite.lib.admin import BoundedListMixin, ReadOnlyMixin, two_lines
from ocrsite.lib.admin_companies import SHARED, of_company
from ocrsite.lib.audit import Action, What
from ocrsite.lib.audited_accounts import AuditedGroupAdmin, AuditedUserAdmin
from ocrsite.lib.audited_admin import AuditedAdmin
from tokens.admin import TokenMasterAdmin
from tokens.company_fields import CompanyFilter, NamesCompany, PicksCompany, company_filter
from tokens.encryption import UndecryptableKey
from tokens.key_entry import TOLD_BY_CHANGES
from tokens.models import AlertSubscription, TokenMaster

logger = logging.getLogger(__name__)

# The queue only wakes workers, so its tasks are not shown: an extraction is retried on its page.
# APIKey is the library's own, unused model. Users, groups and keys are registered again below, with
# what this app adds to them.
for model in (Failure, OrmQ, Schedule, Success, APIKey, User, Group, TokenMaster):
    if admin.site.is_registered(model):  # with Redis as the queue, OrmQ is not
        admin.site.unregister(model)
admin.site.register(Group, AuditedGroupAdmin)


class AttemptInline(ReadOnlyMixin, admin.TabularInline[Attempt, Extraction]):
    """The calls of one extraction."""

    model = Attempt
    extra = 0


class LabelInline(ReadOnlyMixin, admin.TabularInline[Label, Extraction]):
    """What it is called by."""

    model = Label
    extra = 0


@admin.register(Extraction)
class ExtractionAdmin(BoundedListMixin[Extraction], ReadOnlyMixin, admin.ModelAdmin[Extraction]):
    """Every extraction, to look at and to retry."""

    company_rule = of_company("company_id")
    list_display = ["file_name", "pill", "company_id", "requester", "created_at"]
    list_filter = [CompanyFilter, "state", "needs_review", "created_at"]
    search_fields = ["company_id", "file_name", "requested_by"]
    inlines = [LabelInline, AttemptInline]
    actions = ["retry"]
    readonly_fields = ["trace"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Extraction]:
        """Do not fetch the large columns for the list."""
        return super().get_queryset(request).defer("result", "checks")

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Staff with the right, which the action asks for."""
        return request.user.has_perm(Right.RETRY.permission)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """All but the lease: only the system changes an extraction."""
        fields = [field.name for field in Extraction._meta.fields if field.name != "lease_id"]
        return ["trace", *fields]

    @admin.display(description=_("what happened"))
    def trace(self, obj: Extraction) -> SafeString:
        """A link to its timeline."""
        return format_html('<a href="{}">{}</a>', reverse("trace", args=[obj.pk]), gettext("Trace"))

    def view_on_site(self, obj: Extraction) -> str:
        """The page with images and fields."""
        return reverse("result", args=[obj.pk])

    @admin.display(description=_("state"), ordering="state")
    def pill(self, obj: Extraction) -> str:
        """The state as a pill, and why it failed."""
        pill = format_html(
            '<span class="pill pill-{}">{}</span>', obj.state, obj.get_state_display()
        )
        return two_lines(pill, name_of(obj.error_code))

    @admin.display(description=_("requested by"), ordering="requested_by")
    def requester(self, obj: Extraction) -> str:
        """With the branch."""
        return two_lines(obj.requested_by, obj.branch)

    @admin.action(description=_("Try failed extractions again"), permissions=["retry"])
    def retry(
        self, request: HttpRequest, queryset: QuerySet[Extraction]
    ) -> TemplateResponse | None:
        """Say what the failed ones cost the last time, ask for a reason, and queue them again."""
        failed = retrying.failed_among(queryset)
        form = ReasonForm(request.POST if "why" in request.POST else None)
        if not failed.rows:
            self.message_user(
                request, gettext("None of them failed, or their documents were removed.")
            )
            return None
        if form.is_valid():
            by, why = principal_of(request), form.cleaned_data["why"]
            queued = retrying.retry_all(failed, by=by, why=why)
            told = gettext("{count} queued again.").format(count=queued)
            self.message_user(request, told)
            return None
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": gettext("Try failed extractions again"),
            "form": form,
            "documents": len(failed.rows),
            "has_more": failed.has_more,
            "cost": failed.last_cost(),
            "at_once": retrying.RETRIED_AT_ONCE,
            "chosen": [row.pk for row in failed.rows],
        }
        return TemplateResponse(request, "admin/extraction/extraction/retry.html", context)


class ApiClientCompanyInline(PicksCompany, admin.TabularInline[ApiClientCompany, ApiClient]):
    """The companies that a client may act for."""

    model = ApiClientCompany
    form = NamesCompany[ApiClientCompany]
    extra = 1


@admin.register(ApiClient)
class ApiClientAdmin(KeyChangeAdmin, APIKeyModelAdmin):
    """Create, bind and revoke clients. A key is shown once, by the message after its creation."""

    company_rule = of_company("companies__company_id")
    list_display = [  # type: ignore[assignment]  # a tuple of six there
        *("name", "pill", "prefix", "bound_to", "last_used_at", "expiry_date", "created"),
    ]
    list_filter = ("created", company_filter("companies__company_id"))  # type: ignore[assignment]  # a tuple of one
    inlines = [ApiClientCompanyInline]

    def audited_as(self, obj: Any) -> What:
        """By the prefix, which other tables name it by."""
        return clients.audited_as(obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiClient]:
        """Fetch the companies of all listed clients at once."""
        clients: QuerySet[ApiClient] = super().get_queryset(request)
        return clients.prefetch_related("companies")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Clients are revoked instead, so that what their extractions name still exists."""
        return False

    @admin.display(description=_("companies"))
    def bound_to(self, obj: ApiClient) -> str:
        """The ids of its companies."""
        return ", ".join(binding.company_id for binding in obj.companies.all())

    @admin.display(description=_("status"))
    def pill(self, obj: ApiClient) -> SafeString:
        """Whether its key is still accepted."""
        if obj.revoked:
            kind, told = "disabled", gettext("Disabled")
        elif obj.has_expired:
            kind, told = "expired", gettext("Expired")
        else:
            kind, told = "active", gettext("Active")
        return format_html('<span class="pill pill-{}">{}</span>', kind, told)


class CompanyGrantInline(PicksCompany, admin.TabularInline[CompanyGrant, User]):
    """The companies that an operator may act for."""

    model = CompanyGrant
    form = NamesCompany[CompanyGrant]
    extra = 1


class StaffCompanyInline(admin.TabularInline[StaffCompany, User]):
    """The companies that a member of staff is bound to."""

    model = StaffCompany
    extra = 1
    verbose_name_plural = _("companies of staff: with any, this user sees no other company")


class AlertSubscriptionInline(admin.StackedInline[AlertSubscription, User]):
    """Whether this user gets alerts by mail."""

    model = AlertSubscription
    can_delete = False


class ErrorSubscriptionInline(admin.StackedInline[ErrorSubscription, User]):
    """Whether this user gets the daily mail of new errors."""

    model = ErrorSubscription
    can_delete = False


class AccountRuleInline(admin.StackedInline[AccountRule, User]):
    """Whether this user's password has to be changed."""

    model = AccountRule
    can_delete = False


@admin.register(User)
class OperatorAdmin(AccountColumns, AuditedUserAdmin):
    """Django's user admin with the password's rule, the granted companies and the mails."""

    company_rule = of_company(
        *("company_grants__company_id", "staff_companies__company_id"), is_changed=False
    )
    inlines = [
        AccountRuleInline,
        CompanyGrantInline,
        StaffCompanyInline,
        AlertSubscriptionInline,
        ErrorSubscriptionInline,
    ]
    list_filter = (
        *(*AuditedUserAdmin.list_filter, "account_rule__must_change_password"),
        company_filter("company_grants__company_id"),
    )
    actions = ["have_password_changed"]

    @admin.action(description=_("Demand a new password at the next log-in"), permissions=["change"])
    def have_password_changed(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Demand it of the chosen ones."""
        for user in queryset:
            with transaction.atomic():
                AccountRule.objects.update_or_create(
                    user=user, defaults={"must_change_password": True}
                )
                audit.record(
                    Action.CHANGED,
                    who=audit.user(request.user),
                    what=audit.row(user),
                    after="must_change_password is on",
                )
            self.log_change(request, user, "The password must be changed at the next log-in.")
            logger.info("%s demands a new password of %s.", request.user, user.get_username())
        told = gettext("Users who must change their password: {count}.")
        self.message_user(request, told.format(count=len(queryset)))


class ExportColumnForm(forms.ModelForm[ExportColumn]):
    """A column whose value is one that an invoice can have."""

    path = forms.ChoiceField(
        label=_("Value"),
        required=False,
        choices=lambda: [
            ("", gettext("(empty)")),
            *((path, path) for path in known_paths()),
            *((f"{LABELS}{key}", f"{LABELS}{key}") for key in known_keys()),
        ],
    )

    class Meta:
        model = ExportColumn
        fields = ["position", "heading", "path"]


class ExportColumnFormSet(
    forms.BaseInlineFormSet[ExportColumn, ExportProfile, forms.ModelForm[ExportColumn]]
):
    """The columns of a profile, which has at least one."""

    def clean(self) -> None:
        """Raise ValidationError for values of lines where there is one row per invoice."""
        super().clean()
        kept = [form for form in self.forms if form not in self.deleted_forms]
        for form in kept:
            path = form.cleaned_data.get("path", "") if form.is_valid() else ""
            if is_of_line(path) and self.instance.rows_per == RowsPer.INVOICE:
                form.add_error("path", gettext("Values of lines need one row per line."))


class ExportColumnInline(admin.TabularInline[ExportColumn, ExportProfile]):
    """The columns from left to right."""

    model = ExportColumn
    form = ExportColumnForm
    formset = ExportColumnFormSet
    extra = 1
    min_num = 1

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Refuse a profile without a column."""
        return super().get_formset(request, obj, **{"validate_min": True, **kwargs})


@admin.register(ExportProfile)
class ExportProfileAdmin(AuditedAdmin[ExportProfile]):
    """Which columns exports have."""

    company_rule = SHARED
    list_display = ["name", "format", "rows_per"]
    inlines = [ExportColumnInline]


@admin.register(TokenMaster)
class TestableTokenAdmin(AuditedAdmin[TokenMaster], TokenMasterAdmin):
    """The keys, with a button that tests one: only this app can call a provider."""

    audited_elsewhere = TOLD_BY_CHANGES

    def get_urls(self) -> list[URLPattern]:
        test = path(
            "<int:token_id>/test/",
            self.admin_site.admin_view(self.test_view),
            name="tokens_tokenmaster_test",
        )
        return [test, *super().get_urls()]

    @method_decorator(require_POST)
    def test_view(self, request: HttpRequest, token_id: int) -> HttpResponse:
        """Have the provider check a key, free of charge, and show and record the outcome."""
        token = get_object_or_404(self.get_queryset(request), pk=token_id)
        if not self.has_change_permission(request, token):
            raise PermissionDenied
        try:
            reader = reader_for(token.provider)
            reader.check_key(api_key=token.reveal_key(), model=model_of(token))
        except UndecryptableKey:
            level = messages.ERROR
            outcome = "The stored key cannot be decrypted. Enter it again."
            told = gettext("The stored key cannot be decrypted. Enter it again.")
        except ReadingError as error:
            level, outcome = messages.ERROR, error.detail
            told = error_texts.told(outcome)
        else:
            level, outcome = messages.SUCCESS, f"{token.provider} accepts the key."
            told = gettext("{provider} accepts the key.").format(provider=token.provider)
        self.log_change(request, token, f"Tested the key: {outcome}")
        audit.record(
            Action.TESTED, who=audit.user(request.user), what=audit.row(token), after=outcome
        )
        logger.info("The key of token %s was tested: %s", token.pk, outcome)
        self.message_user(request, told, level)
        return redirect("admin:tokens_tokenmaster_change", token.pk)
