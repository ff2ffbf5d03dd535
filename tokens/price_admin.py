"""The admin of prices."""

from datetime import UTC, date, datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ocrsite.lib.admin_companies import SHARED
from ocrsite.lib.audited_admin import AuditedAdmin
from ocrsite.lib.csv_admin import CsvMixin
from ocrsite.lib.csv_rows import CsvColumns
from tokens import late_prices
from tokens.models import ModelPrice
from tokens.models.price import LONG


class LatePricesForm(forms.Form):
    """From which day on calls without a cost get one, and why."""

    since = forms.DateField(
        label=_("Since"), widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d")
    )
    why = forms.CharField(label=_("Reason"), max_length=200)


@admin.register(ModelPrice)
class ModelPriceAdmin(CsvMixin[ModelPrice], AuditedAdmin[ModelPrice]):
    """What models cost. A change applies to calls that are charged after it."""

    company_rule = SHARED
    change_list_template = "admin/tokens/modelprice/change_list.html"
    list_display = [
        "model",
        "valid_from",
        "input",
        "cached_input",
        "output",
        "currency",
        "source",
    ]
    list_filter = ["currency"]
    csv_columns = CsvColumns(
        identity={"id": "pk"},
        fields={
            **{name: name for name in ("model", "valid_from", "input", "cached_input", "output")},
            **{name: name for name in (*LONG, "currency", "source")},
        },
    )
    search_fields = ["model"]
    fieldsets = [
        (
            None,
            {
                "fields": ["model", "valid_from", "currency", "source"],
                "description": _(
                    "What calls cost is booked with them and stays as it is, whatever "
                    "is changed here. For a new price add a row; the earlier one says what applied "
                    "before."
                ),
            },
        ),
        (_("For a million LLM tokens"), {"fields": ["input", "cached_input", "output"]}),
        (_("For a million LLM tokens, where the prompt is long"), {"fields": list(LONG)}),
    ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Lead to the calls without a cost whoever may have them priced."""
        told = {"may_price": self.has_change_permission(request)}
        return super().changelist_view(request, told | (extra_context or {}))

    def get_urls(self) -> list[URLPattern]:
        """Add the page of calls without a cost."""
        view = self.admin_site.admin_view(self.late_view)
        return [path("late/", view, name="tokens_modelprice_late"), *super().get_urls()]

    def late_view(self, request: HttpRequest) -> HttpResponse:
        """Tell which calls have no cost, and have them priced when that is confirmed."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        is_confirmed = request.method == "POST"
        form = LatePricesForm(request.POST if is_confirmed else None, initial=_chosen(request))
        if is_confirmed and form.is_valid():
            since: date = form.cleaned_data["since"]
            late_prices.ask(since, by=request.user, why=form.cleaned_data["why"])
            messages.success(
                request,
                gettext(
                    "The calls without a cost since {since} are being priced; see below."
                ).format(since=since),
            )
            address = reverse("admin:tokens_modelprice_late", query={"since": since.isoformat()})
            return redirect(address)
        since = form.initial["since"]
        waiting = late_prices.waiting(since)
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": gettext("Calls without a cost"),
            "form": form,
            "since": since,
            "waiting": waiting,
            "priced": sum(each.priced for each in waiting),
        }
        return TemplateResponse(request, "admin/tokens/modelprice/late.html", context)


def _chosen(request: HttpRequest) -> dict[str, date]:
    """The day that is looked at: the first of this month, unless another one is asked for."""
    now = datetime.now(UTC).date()
    try:
        since = date.fromisoformat(request.GET.get("since", ""))
    except ValueError:
        since = now.replace(day=1)
    return {"since": since}
