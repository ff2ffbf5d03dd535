"""What the admin of API clients has beside the stock pages: scopes to tick, another key."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from extraction import clients
from extraction.models import ApiClient, Scope
from extraction.models.access import EVERY_SCOPE
from ocrsite.lib import audit
from ocrsite.lib.audited_admin import AuditedAdmin

# So long callers have to begin with the new key.
OLD_KEY_KEPT_FOR = timedelta(days=7)


class ApiClientForm(forms.ModelForm[ApiClient]):
    """A client, with its scopes as boxes."""

    scopes = forms.MultipleChoiceField(
        label=_("Scopes"),
        choices=Scope.choices,
        widget=forms.CheckboxSelectMultiple,
        initial=EVERY_SCOPE.split(),
        error_messages={"required": _("Choose at least one: a client for nothing is of no use.")},
    )

    class Meta:
        model = ApiClient
        fields = [
            *("name", "scopes", "allowed_networks", "requests_per_minute", "documents_at_a_time"),
            *("expiry_date", "revoked"),
        ]
        widgets = {"allowed_networks": forms.Textarea({"rows": 3})}

    def get_initial_for_field(self, field: forms.Field, field_name: str) -> Any:
        """Return what the boxes take: the scopes one by one."""
        value = super().get_initial_for_field(field, field_name)
        return value.split() if field_name == "scopes" and isinstance(value, str) else value

    def clean_scopes(self) -> str:
        """Return the scopes as they are stored; the model looks whether they go together."""
        return " ".join(self.cleaned_data["scopes"])


class KeyChangeAdmin(AuditedAdmin[ApiClient]):
    """A button that gives a client another key, while the old one is accepted for a week."""

    form = ApiClientForm

    def get_urls(self) -> list[URLPattern]:
        another = path(
            "<path:object_id>/another-key/",
            self.admin_site.admin_view(self.another_key),
            name="extraction_apiclient_another_key",
        )
        return [another, *super().get_urls()]

    @method_decorator(require_POST)
    def another_key(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Make the key and show it once."""
        client = get_object_or_404(self.get_queryset(request), pk=object_id)
        if not self.has_change_permission(request, client):
            raise PermissionDenied
        if client.revoked:
            self.message_user(
                request, gettext("A revoked client gets no other key."), messages.ERROR
            )
        else:
            key = clients.change_key(client, keep_for=OLD_KEY_KEPT_FOR, by=audit.user(request.user))
            self.log_change(request, client, "Made another key.")
            told = gettext(
                "The new API key of {name} is: {key}. Keep it: it is not shown again. "
                "The old one is accepted for {days} more days."
            ).format(name=client.name, key=key, days=OLD_KEY_KEPT_FOR.days)
            self.message_user(request, told, messages.WARNING)
        return redirect("admin:extraction_apiclient_change", client.pk)
