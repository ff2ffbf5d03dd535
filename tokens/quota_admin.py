"""The admin of quotas that renew: what each key and company may spend, and has left."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ocrsite.lib.admin import ListPage, ReadOnlyAdmin
from ocrsite.lib.admin_companies import of_company
from ocrsite.lib.audited_admin import AuditedAdmin
from ocrsite.lib.moments import moment
from tokens import quota_changes, quotas
from tokens.key_list import quota_bar
from tokens.models import Quota, QuotaChange
from tokens.quota_forms import QuotaForm, QuotaFormSet, SingleQuotaForm
from tokens.quotas import QuotaState
from tokens.unpriced import unpriced_for

_NOW = _("Now")
_STATE_COLUMNS = ("used", "reserved", "remaining", "resets_at")


class StateColumns:
    """What of a quota's current period is used, reserved and left."""

    @admin.display(description=_("used"))
    def used(self, quota: Quota) -> str:
        """In the period that is now."""
        return _number(_state(quota), "used")

    @admin.display(description=_("reserved"))
    def reserved(self, quota: Quota) -> str:
        """By calls under way."""
        return _number(_state(quota), "reserved")

    @admin.display(description=_("remaining"))
    def remaining(self, quota: Quota) -> str:
        """Of the limit with what it is raised by; negative after it was lowered."""
        return _number(_state(quota), "remaining")

    @admin.display(description=_("renews"))
    def resets_at(self, quota: Quota) -> str:
        """When the period ends; nobody has to do anything."""
        state = _state(quota)
        return (moment(state.resets_at, zone=True) if state else "") or gettext("never")


class QuotaInline(StateColumns, admin.StackedInline[Quota, Any]):
    """The quotas of a key or of a company, on its page; ``save`` records what is changed."""

    model = Quota
    form = QuotaForm
    formset = QuotaFormSet
    extra = 0
    fields = [*QuotaForm.Meta.fields, _STATE_COLUMNS]
    readonly_fields = _STATE_COLUMNS
    verbose_name_plural = _("quotas that renew")


def save_quotas(request: HttpRequest, form: Any, formset: Any) -> None:
    """Save what was entered in a ``QuotaInline``, with the reason that its page asks for."""
    by, reason = request.user.get_username(), form.cleaned_data.get("why") or ""
    entered = formset.save(commit=False)
    for quota in formset.deleted_objects:
        quota_changes.remove_quota(quota=quota, by=by, reason=reason)
    for quota in entered:
        quota_changes.save_quota(quota=quota, by=by, reason=reason)
    _warn_of_unpriced(request, entered)


class QuotaChangeList(ListPage):
    """Looks up the states of a whole page at once."""

    def get_results(self, request: HttpRequest) -> None:
        """Django's, each row with its state."""
        super().get_results(request)
        rows: Any = self.result_list
        found = quotas.states(Quota.objects.filter(pk__in=[row.pk for row in rows]))
        by_id = {state.quota.pk: state for state in found}
        for row in rows:
            row.state = by_id.get(row.pk)


@admin.register(Quota)
class QuotaAdmin(StateColumns, AuditedAdmin[Quota]):
    """Every quota that renews, of keys and of companies."""

    company_rule = of_company("company_id", "token__company_id")
    form = SingleQuotaForm
    list_display = ["whose", "period", "left", "limited_to", "used", "reserved", "resets_at"]
    list_display_links = ["whose"]
    list_filter = ["period", "unit"]
    list_select_related = ["token", "company"]
    search_fields = ["company__company_id", "company__name", "token__company_id"]
    search_help_text = _("Company id or name.")
    raw_id_fields = ["token", "company"]
    readonly_fields = _STATE_COLUMNS
    fieldsets = [
        (None, {"fields": ["token", "company", "period", "limit", "first_day"]}),
        (_("Raise"), {"fields": ["raised_by", "raised_until"]}),
        (_NOW, {"fields": _STATE_COLUMNS}),
        (_("Change"), {"fields": ["why"]}),
    ]
    actions = None

    @admin.display(description=_("key or company"))
    def whose(self, quota: Quota) -> str:
        """The key, or the company with all its keys."""
        return str(quota.token or quota.company)

    @admin.display(description=_("limit"))
    def limited_to(self, quota: Quota) -> str:
        """LLM tokens, or money with its currency; without what it is raised by."""
        return quota.in_words(quota.limit)

    @admin.display(description=_("left"))
    def left(self, quota: Quota) -> str:
        """In this period, as a bar, in per cent and in numbers; the limit with its raise."""
        state = _state(quota)
        return "" if state is None else quota_bar(state)

    def get_fieldsets(self, request: HttpRequest, obj: Quota | None = None) -> Any:
        """How it stands, once there is one."""
        return [each for each in self.fieldsets or () if obj or each[0] != _NOW]

    def get_readonly_fields(self, request: HttpRequest, obj: Quota | None = None) -> list[str]:
        """Whose it is never changes."""
        return [*_STATE_COLUMNS, *(("token", "company") if obj else ())]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return QuotaChangeList

    def save_model(self, request: HttpRequest, obj: Quota, form: Any, change: bool) -> None:
        """Save and record it."""
        quota_changes.save_quota(
            quota=obj, by=request.user.get_username(), reason=form.cleaned_data["why"]
        )
        _warn_of_unpriced(request, [obj])

    def delete_model(self, request: HttpRequest, obj: Quota) -> None:
        """Record it, in both lists."""
        quota_changes.record_removal(quota=obj, by=request.user.get_username())
        super().delete_model(request, obj)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Django's; the sums of a quota go with it, though nobody may delete them alone."""
        deleted, counts, _lacking, protected = super().get_deleted_objects(objs, request)
        return deleted, counts, set(), protected


@admin.register(QuotaChange)
class QuotaChangeAdmin(ReadOnlyAdmin[QuotaChange]):
    """Who changed which quota, and why."""

    company_rule = of_company("company_id", "token__company_id")
    list_display = ["changed_at", "whose", "quota", "what", "change", "actor", "reason"]
    list_filter = ["what", "changed_at"]
    list_select_related = ["token", "company"]
    search_fields = ["company__company_id", "token__company_id", "actor"]

    @admin.display(description=_("key or company"))
    def whose(self, row: QuotaChange) -> str:
        """The key, or the company with all its keys."""
        return str(row.token or row.company)

    @admin.display(description=_("from → to"))
    def change(self, row: QuotaChange) -> str:
        """Both values."""
        none = gettext("none")
        return f"{row.from_value or none} → {row.to_value or none}"


def _state(quota: Quota) -> QuotaState | None:
    """The state of a quota; None for one that is not saved yet."""
    if quota.pk is None:
        return None
    known: QuotaState | None = getattr(quota, "state", None)
    return known or next(iter(quotas.states(Quota.objects.filter(pk=quota.pk))), None)


def _number(state: QuotaState | None, name: str) -> str:
    return "" if state is None else state.quota.in_words(getattr(state, name))


def _warn_of_unpriced(request: HttpRequest, entered: Iterable[Quota]) -> None:
    """Say which models the keys of quotas in money cannot be used for now."""
    for unpriced in unpriced_for(entered):
        messages.warning(request, str(unpriced))
