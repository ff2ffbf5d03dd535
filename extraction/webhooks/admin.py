"""Webhooks in the admin: endpoints with their secrets, the delivery log, and sending again."""

import logging
from collections.abc import Sequence
from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from extraction.models import (
    ApiClient,
    DeliveryState,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
)
from extraction.webhooks import endpoints, secrets
from extraction.webhooks.endpoints import InvalidEndpoint
from ocrsite.lib import audit
from ocrsite.lib.admin import BoundedListMixin, ReadOnlyMixin
from ocrsite.lib.admin_companies import of_company
from ocrsite.lib.audit import Action
from ocrsite.lib.audited_admin import HIDDEN, AuditedAdmin
from ocrsite.lib.staff_companies import bound_companies
from ocrsite.lib.translations import in_english
from tokens.models import AlertKind, TokenMaster

logger = logging.getLogger(__name__)

_PILLS = {
    DeliveryState.PENDING: "waiting",
    DeliveryState.DELIVERED: "succeeded",
    DeliveryState.FAILED: "failed",
}


# Chosen for "", the company of what is of no company.
_THE_SITE = "*"


def _companies() -> list[tuple[str, str]]:
    """The ids of the companies that have a key."""
    ids = TokenMaster.objects.order_by("company_id").values_list("company_id", flat=True)
    return [
        ("", "---------"),
        *((each, each) for each in dict.fromkeys(ids)),
        (_THE_SITE, gettext("The site itself: alerts of no company")),
    ]


def _clients(bound: list[str] | None = None) -> list[tuple[str, str]]:
    """The clients; for staff who are bound to companies those of these alone."""
    clients = ApiClient.objects.filter(revoked=False).order_by("name")
    if bound is not None:
        clients = of_company("companies__company_id").rows(clients, bound)
    return [
        ("", gettext("Everybody of the company")),
        *((f"client:{client.prefix}", f"{client.name} ({client.prefix})") for client in clients),
    ]


class EndpointForm(forms.ModelForm[WebhookEndpoint]):
    """An endpoint whose address may be called.

    ``bound`` are the companies of the member of staff who fills it in; None for all.
    """

    bound: ClassVar[list[str] | None] = None
    company_id = forms.ChoiceField(label=_("Company"), choices=_companies)
    client = forms.ChoiceField(label=_("Sent by"), required=False, choices=_clients)
    url = forms.CharField(
        label=pgettext_lazy("of a webhook", "Address"),
        widget=forms.URLInput({"class": "vURLField"}),
    )
    events = forms.MultipleChoiceField(
        label=_("Events"),
        choices=[(str(event), event.label) for event in WebhookEvent.subscribable()],
        widget=forms.CheckboxSelectMultiple,
    )

    alert_kinds = forms.MultipleChoiceField(
        label=_("Alerts about"),
        required=False,
        choices=AlertKind.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Of quota.warning and alert.raised; none chosen: every kind."),
    )

    class Meta:
        model = WebhookEndpoint
        fields = ["company_id", "client", "url", "events", "alert_kinds"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast("forms.ChoiceField", self.fields["client"]).choices = _clients(self.bound)
        stored = self.instance
        if stored.pk and stored.events:
            self.initial["events"] = stored.event_list
            self.initial["alert_kinds"] = stored.alert_kind_list
            self.initial["company_id"] = stored.company_id or _THE_SITE
            # What was chosen once stays to be chosen: a key or a client may be gone since.
            # Who may only see it has no initial values of what nobody changes.
            given = {"company_id": self.initial["company_id"], "client": stored.client}
            for name, value in given.items():
                field = self.fields[name]
                if isinstance(field, forms.ChoiceField) and not field.valid_value(value):
                    known = _companies() if name == "company_id" else _clients(self.bound)
                    field.choices = [*known, (value, value)]

    def clean_company_id(self) -> str:
        """As it is stored."""
        chosen: str = self.cleaned_data["company_id"]
        return "" if chosen == _THE_SITE else chosen

    def clean_url(self) -> str:
        """Raise ValidationError for an address that is not called."""
        try:
            return endpoints.require_url(self.cleaned_data["url"])
        except InvalidEndpoint as error:
            raise ValidationError(str(error)) from error

    def clean_events(self) -> str:
        """As they are stored."""
        return endpoints.require_events(self.cleaned_data["events"])

    def clean_alert_kinds(self) -> str:
        """As they are stored."""
        return ",".join(self.cleaned_data["alert_kinds"])


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(AuditedAdmin[WebhookEndpoint]):
    """Receivers. A secret is shown once, by the message after it was made."""

    company_rule = of_company("company_id")
    form = EndpointForm
    list_display = ["company_id", "host", "pill", "failing_since", "last_success_at", "event_names"]
    list_filter = ["enabled"]
    search_fields = ["company_id", "url"]
    search_help_text = _("Company id, or a part of the address.")
    actions = ["send_test", "new_secret", "enable", "disable"]
    readonly_fields = [
        "pill",
        "disabled_reason",
        "failing_since",
        "last_success_at",
        "old_secret_until",
        "created_at",
        "created_by",
    ]
    fieldsets = [
        (None, {"fields": ["company_id", "client", "url", "events", "alert_kinds"]}),
        (_("State"), {"fields": [*readonly_fields]}),
    ]

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm[WebhookEndpoint]]:
        """Django's, with the clients that the member of staff may see."""
        form = super().get_form(request, obj, change=change, **kwargs)
        return type(form.__name__, (form,), {"bound": bound_companies(request.user)})

    def get_fieldsets(self, request: HttpRequest, obj: WebhookEndpoint | None = None) -> Any:
        """A new one has no state yet."""
        return super().get_fieldsets(request, obj)[: None if obj else 1]

    def save_model(
        self, request: HttpRequest, obj: WebhookEndpoint, form: EndpointForm, change: bool
    ) -> None:
        """Save what the form has, and give a new one its secret."""
        user = request.user.get_username()
        if change:
            obj.save(update_fields=form.changed_data)
            logger.info("%s changed webhook %s of %s.", user, obj.pk, in_english(obj))
            return
        obj.created_by = user
        secret = secrets.give(obj)
        obj.save(force_insert=True)
        logger.info("%s added webhook %s of %s.", user, obj.pk, in_english(obj))
        self._show(request, obj, secret)

    def get_deleted_objects(
        self, objs: Sequence[WebhookEndpoint] | QuerySet[WebhookEndpoint], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Deliveries go with their endpoint, though nobody deletes them alone; they are many."""
        count = WebhookDelivery.objects.filter(endpoint__in=objs).count()
        counts = {
            str(WebhookEndpoint._meta.verbose_name_plural): len(objs),
            str(WebhookDelivery._meta.verbose_name_plural): count,
        }
        return [str(endpoint) for endpoint in objs], counts, set(), []

    @admin.display(description=_("host"))
    def host(self, obj: WebhookEndpoint) -> str:
        """Its host: the rest of its address may hold a secret of the receiver."""
        return obj.host

    @admin.display(description=_("events"))
    def event_names(self, obj: WebhookEndpoint) -> str:
        """What it asks for."""
        return ", ".join(obj.event_list)

    @admin.display(description=_("state"), ordering="enabled")
    def pill(self, obj: WebhookEndpoint) -> SafeString:
        """Whether it is called, and whether that succeeds."""
        if not obj.enabled:
            return format_html(
                '<span class="pill pill-{}">{}</span>', "disabled", gettext("Disabled")
            )
        if obj.failing_since is not None:
            return format_html('<span class="pill pill-{}">{}</span>', "failed", gettext("Failing"))
        return format_html('<span class="pill pill-{}">{}</span>', "active", gettext("Active"))

    @admin.action(description=_("Send a test"), permissions=["change"])
    def send_test(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        """To those of the chosen ones that are enabled."""
        sent = [endpoints.ping(endpoint) for endpoint in queryset.filter(enabled=True)]
        told = gettext("Tests on their way: {count}. The deliveries tell what becomes of them.")
        self.message_user(request, told.format(count=len(sent)))

    @admin.action(
        description=_("Give a new secret; the old one signs for a day, too"), permissions=["change"]
    )
    def new_secret(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        """Show the new secret of each of the chosen ones."""
        for endpoint in queryset:
            with transaction.atomic():
                secret = secrets.rotate(endpoint)
                self._audit(request, endpoint, f"secret: {HIDDEN}")
            self._show(request, endpoint, secret)

    @admin.action(description=_("Enable"), permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        """Have the chosen ones called again, with what waits for them."""
        for endpoint in queryset.filter(enabled=False):
            with transaction.atomic():
                endpoints.enable(endpoint)
                self._audit(request, endpoint, "enabled is on")

    @admin.action(description=_("Disable"), permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        """Do not call the chosen ones any more."""
        for endpoint in queryset:
            with transaction.atomic():
                if endpoints.disable(endpoint, f"By {request.user.get_username()}."):
                    self._audit(request, endpoint, "enabled is off")

    def _audit(self, request: HttpRequest, endpoint: WebhookEndpoint, what: str) -> None:
        audit.record(
            Action.CHANGED, who=audit.user(request.user), what=audit.row(endpoint), after=what
        )
        logger.info("%s changed webhook %s: %s.", request.user, endpoint.pk, what)

    def _show(self, request: HttpRequest, endpoint: WebhookEndpoint, secret: str) -> None:
        told = gettext(
            "The secret of {endpoint} is {secret} - nobody can see it again, so keep it now."
        )
        text = told.format(endpoint=endpoint, secret=secret)
        self.message_user(request, text, messages.WARNING)


class WebhookAttemptInline(ReadOnlyMixin, admin.TabularInline[WebhookAttempt, WebhookDelivery]):
    """The tries of one message."""

    model = WebhookAttempt
    extra = 0


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(
    BoundedListMixin[WebhookDelivery], ReadOnlyMixin, admin.ModelAdmin[WebhookDelivery]
):
    """The messages with their tries, to look at and to send again."""

    company_rule = of_company("endpoint__company_id")
    list_display = ["created_at", "endpoint", "event", "pill", "attempts", "due_at", "ended_at"]
    list_filter = ["state", "event", "created_at"]
    list_select_related = ["endpoint"]
    search_fields = ["=id", "=extraction_id", "endpoint__company_id"]
    search_help_text = _("The id of a message or of an extraction, or a company id.")
    fields = readonly_fields = (
        *("id", "endpoint", "event", "pill", "attempts", "created_at", "due_at", "give_up_at"),
        *("ended_at", "extraction_id", "body"),
    )
    inlines = [WebhookAttemptInline]
    actions = ["send_again"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Staff with the permission, which the action requires; there is nothing to edit."""
        return admin.ModelAdmin.has_change_permission(self, request, obj)

    @admin.display(description=_("state"), ordering="state")
    def pill(self, obj: WebhookDelivery) -> SafeString:
        """The state as a pill."""
        css = _PILLS[DeliveryState(obj.state)]
        return format_html('<span class="pill pill-{}">{}</span>', css, obj.get_state_display())

    @admin.action(description=_("Send again"), permissions=["change"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> None:
        """Send those of the chosen ones that ended, under the same ids."""
        sent = 0
        for delivery in queryset:
            with transaction.atomic():
                if WebhookDelivery.objects.send_again([delivery.pk]):
                    sent += 1
                    audit.record(
                        Action.RETRIED, who=audit.user(request.user), what=audit.row(delivery)
                    )
        told = gettext("Messages on their way again: {count}.")
        self.message_user(request, told.format(count=sent))
