"""The admin's site: its lists in groups by task, each under a name that people use for it."""

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.db.models import Model
from django.db.models.base import ModelBase
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.text import capfirst, slugify
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrPromise

from ocrsite.lib.admin import PageMixin
from ocrsite.lib.admin_companies import CompanyMixin
from ocrsite.lib.admin_conflicts import ConflictMixin

# The lists in their order, by their models. One whose name is not given has its model's.
GROUPS: dict[str, dict[str, StrPromise]] = {
    gettext_noop("Documents"): {
        "extraction.Extraction": _("Documents"),
        "extraction.Worker": _("Workers and queue"),
    },
    gettext_noop("Companies, keys, budgets"): {
        "tokens.Company": _("Companies"),
        "tokens.TokenMaster": _("Keys"),
        "tokens.Quota": _("Quotas that renew"),
        "tokens.TokenUsageLog": _("Usage"),
        "tokens.CoolDown": _("Blocked keys"),
        "tokens.TokenReservation": _("Reserved by calls under way"),
        "tokens.ModelPrice": _("Prices"),
    },
    gettext_noop("Access"): {
        "auth.User": _("Users"),
        "auth.Group": _("Roles"),
        "extraction.CompanyGrant": _("Grants"),
        "extraction.ApiClient": _("API clients"),
        "extraction.Authenticator": _("Second factors"),
        "extraction.FailedAttempts": _("Failed log-ins"),
        "extraction.Erasure": _("Erasures"),
    },
    gettext_noop("What happened"): {
        "logs.AuditEntry": _("Audit list"),
        "logs.ApplicationLog": _("Log"),
        "logs.ErrorGroup": _("Errors by kind"),
        "logs.RetryAttempt": _("Failed calls"),
        "tokens.TokenChange": _("Changes of keys"),
        "tokens.QuotaChange": _("Changes of quotas"),
        "tokens.ThresholdAlert": _("Alerts of keys"),
        "tokens.LedgerAlert": _("Alerts of the ledger"),
        "tokens.SiteAlert": _("Other alerts"),
        "extraction.WebhookDelivery": _("Webhook deliveries"),
        "logs.ErrorDigest": _("Mails of new errors"),
        "logs.RetentionRun": _("Retention runs"),
    },
    gettext_noop("Set-up"): {
        "extraction.ExportProfile": _("Export profiles"),
        "extraction.WebhookEndpoint": _("Webhooks"),
        "tokens.AlertRecipient": _("Recipients of alerts"),
        "logs.LoggerLevel": _("Log levels"),
    },
}
# Of models that no group names.
GROUP_OF_APP = {
    "auth": "Access",
    "extraction": "Set-up",
    "tokens": "Companies, keys, budgets",
    "logs": "What happened",
}
OTHERS = gettext_noop("Others")

_PLACES = {
    label.lower(): (group, number, name)
    for group, lists in GROUPS.items()
    for number, (label, name) in enumerate(lists.items())
}


class Site(admin.AdminSite):
    """Django's, with what every page of ours has, rules of companies, and the lists in GROUPS."""

    def register(
        self,
        model_or_iterable: type[Model] | Iterable[type[Model]],
        admin_class: type[ModelAdmin[Any]] | None = None,
        **options: Any,
    ) -> None:
        """Register models under their class with what every admin of ours has before it."""
        base: type[ModelAdmin[Any]] = admin_class or ModelAdmin
        # Names of fields last: the other two make classes of forms, whose fields are new.
        mixins = (PageMixin, ConflictMixin, CompanyMixin)
        mixed = type(base.__name__, (*mixins, base), {"__module__": base.__module__})
        super().register(model_or_iterable, mixed, **options)

    def name_of(self, model: type[Model]) -> str:
        """Return what the list of a model is called."""
        _, _, name = _place(model)
        return name

    def get_app_list(
        self, request: HttpRequest, app_label: str | None = None
    ) -> list[dict[str, Any]]:
        """Return the groups with the lists that the user may see; of one app, if it is given."""
        groups: dict[str, list[dict[str, Any]]] = {group: [] for group in (*GROUPS, OTHERS)}
        for app in super().get_app_list(request, app_label):
            for entry in app["models"]:
                group, _, name = _place(entry["model"])
                groups[group].append({**entry, "name": name})
        return [_group(name, lists) for name, lists in groups.items() if lists]

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """Show the dashboard above the groups."""
        from extraction.dashboard.page import dashboard  # after the apps are loaded

        context = {"dashboard": dashboard(request.user), **(extra_context or {})}  # type: ignore[arg-type]  # staff
        return super().index(request, context)

    def app_index(
        self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """Show the groups of one app, under its name."""
        title = capfirst(apps.get_app_config(app_label).verbose_name)
        return super().app_index(request, app_label, {"title": title, **(extra_context or {})})


def _place(model: type[Model] | ModelBase) -> tuple[str, int, str]:
    """Return a model's group, its place in it, and the name of its list."""
    meta = model._meta  # type: ignore[union-attr]  # every model has one
    if meta.label_lower in _PLACES:
        group, number, name = _PLACES[meta.label_lower]
        return group, number, str(name)
    group = GROUP_OF_APP.get(meta.app_label, OTHERS)
    return group, len(GROUPS.get(group, ())), capfirst(str(meta.verbose_name_plural))


def _group(name: str, lists: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a group as Django's templates know an app."""
    return {
        "name": gettext(name),
        "app_label": slugify(name),
        "app_url": reverse("admin:index"),
        "has_module_perms": True,
        "models": sorted(lists, key=lambda entry: _place(entry["model"])[1:]),
    }
