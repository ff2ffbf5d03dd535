"""Administration of what protects accounts: locks after failed attempts, and second factors."""

import logging
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from extraction import throttling
from extraction.access import principal_of
from extraction.invoices import wording
from extraction.models import Authenticator, FailedAttempts
from ocrsite.lib.admin import ReadOnlyMixin, two_lines
from ocrsite.lib.admin_companies import UNBOUND_ONLY, of_company
from ocrsite.lib.audited_admin import AuditedAdmin

logger = logging.getLogger(__name__)


# So many companies are named; of the others it is said how many they are.
_NAMED = 5


# What ``throttling.shown`` says of subjects, in English.
_SUBJECTS = (
    gettext_noop("an account that does not exist"),
    gettext_noop("the account {name}"),
    gettext_noop("the codes of the account {name}"),
    gettext_noop("the API key {name}"),
    gettext_noop("password resets of a mail address"),
    gettext_noop("password resets from {network}"),
    gettext_noop("log-ins begun from {network}"),
)


class AccountColumns(admin.ModelAdmin[User]):
    """The columns of the list of users: who may log in, as what, and for which companies."""

    list_display = ["username", "status", "roles", "companies", "email", "last_login"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Fetch what the columns tell of all listed users at once."""
        return (
            super()
            .get_queryset(request)
            .prefetch_related("groups", "company_grants", "staff_companies")
        )

    @admin.display(description=_("status"), ordering="is_active")
    def status(self, user: User) -> str:
        """Whether the user may log in, and is staff."""
        kind, label = (
            ("active", gettext("Active")) if user.is_active else ("disabled", gettext("Inactive"))
        )
        pill = format_html('<span class="pill pill-{}">{}</span>', kind, label)
        if user.is_superuser:
            return two_lines(pill, gettext("Superuser"))
        return two_lines(pill, gettext("Staff") if user.is_staff else "")

    @admin.display(description=_("roles"))
    def roles(self, user: User) -> str:
        """The names of its groups."""
        return ", ".join(sorted(group.name for group in user.groups.all()))

    @admin.display(description=_("companies"))
    def companies(self, user: User) -> str:
        """Those that are granted, and those that staff are bound to."""
        granted = sorted(grant.company_id for grant in user.company_grants.all())
        bound = sorted(row.company_id for row in user.staff_companies.all())
        told = gettext("bound to {companies}").format(companies=_some(bound))
        return two_lines(_some(granted), told if bound else "")


def _some(names: list[str]) -> str:
    """The first NAMED names."""
    named = ", ".join(names[:_NAMED])
    if len(names) <= _NAMED:
        return named
    return gettext("{names} and {count} more").format(names=named, count=len(names) - _NAMED)


class LockedFilter(admin.SimpleListFilter):
    """Whether something is locked now."""

    title, parameter_name = _("locked"), "locked"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Now, or not."""
        return [("yes", gettext("Now")), ("no", gettext("Not now"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[FailedAttempts]
    ) -> QuerySet[FailedAttempts]:
        """Those with the chosen answer."""
        now = timezone.now()
        match self.value():
            case "yes":
                return queryset.filter(locked_until__gt=now)
            case "no":
                return queryset.filter(locked_until__lte=now)
        return queryset


@admin.register(FailedAttempts)
class FailedAttemptsAdmin(ReadOnlyMixin, admin.ModelAdmin[FailedAttempts]):
    """Accounts, API keys and addresses with failed attempts, to look at and to unlock."""

    company_rule = UNBOUND_ONLY
    list_display = ["who", "failures", "last_at", "pill", "locked_until"]
    list_display_links = None
    list_filter = [LockedFilter, "last_at"]
    search_fields = ["subject"]
    search_help_text = _("A user name in full, or a part of an address or of an API key's prefix.")
    ordering = ["-last_at"]
    actions = ["unlock"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Staff with the permission, which the action requires; there is nothing to edit."""
        return admin.ModelAdmin.has_change_permission(self, request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """All fields."""
        return [field.name for field in FailedAttempts._meta.fields]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[FailedAttempts], search_term: str
    ) -> tuple[QuerySet[FailedAttempts], bool]:
        """Find an account by its name, too, of which only a digest is kept."""
        found, may_repeat = super().get_search_results(request, queryset, search_term)
        return found | queryset.filter(subject=throttling.account(search_term).name), may_repeat

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Find out for all listed rows at once who they are."""
        changelist = super().get_changelist_instance(request)
        rows = list(changelist.result_list)
        shown = throttling.shown(row.subject for row in rows)
        for row in rows:
            row.shown = shown[row.subject]
        changelist.result_list = rows
        return changelist

    @admin.display(description=_("who"), ordering="subject")
    def who(self, obj: FailedAttempts) -> str:
        """The account, API key or address."""
        return wording.translated(str(getattr(obj, "shown", obj.subject)), _SUBJECTS)

    @admin.display(description=_("state"))
    def pill(self, obj: FailedAttempts) -> SafeString:
        """Whether it is locked now."""
        if throttling.is_locked(obj):
            return format_html('<span class="pill pill-{}">{}</span>', "failed", gettext("Locked"))
        return format_html('<span class="pill">{}</span>', gettext("Free"))

    @admin.action(description=_("Unlock, and forget the failures"), permissions=["change"])
    def unlock(self, request: HttpRequest, queryset: QuerySet[FailedAttempts]) -> None:
        """Let the chosen ones try again at once."""
        shown = throttling.shown(queryset.values_list("subject", flat=True))
        throttling.unlock(list(shown), by=principal_of(request).who)
        for who in shown.values():
            logger.info("%s unlocked %s.", request.user, who)
        told = gettext("{count} unlocked. Every process knows within 30 seconds.")
        self.message_user(request, told.format(count=len(shown)))


@admin.register(Authenticator)
class AuthenticatorAdmin(ReadOnlyMixin, AuditedAdmin[Authenticator]):
    """Second factors, to remove one that is lost: then the password alone lets its user in."""

    company_rule = of_company(
        *("user__company_grants__company_id", "user__staff_companies__company_id"),
        is_changed=False,
    )
    list_display = ["user", "confirmed_at", "last_used_at"]
    list_select_related = ["user"]
    search_fields = ["user__username"]
    fields = readonly_fields = ("user", "confirmed_at", "last_used_at")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Staff with the permission."""
        return admin.ModelAdmin.has_delete_permission(self, request, obj)

    def delete_model(self, request: HttpRequest, obj: Authenticator) -> None:
        """Remove one, and log it besides the admin's own record."""
        super().delete_model(request, obj)
        logger.warning("%s removed the second factor of %s.", request.user, obj.user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Authenticator]) -> None:
        """Remove the chosen ones likewise."""
        for authenticator in queryset:
            self.delete_model(request, authenticator)
