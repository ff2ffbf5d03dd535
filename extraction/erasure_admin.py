"""Erasing in the admin: ask for what, show how much, have it confirmed by typing, and list it."""

from dataclasses import asdict
from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from extraction import erasure_orders
from extraction.erasure_orders import spellings
from extraction.models import Erasure, ErasureScope, Extraction
from ocrsite.lib.admin import ReadOnlyMixin
from ocrsite.lib.admin_companies import of_company
from ocrsite.lib.audited_admin import AuditedAdmin
from ocrsite.lib.numbers import grouped
from ocrsite.lib.staff_companies import bound_companies, within
from tokens.models import Company

ERASE = "extraction.erase_data"


class ErasureForm(forms.Form):
    """What to erase and why, for who is asking; the rest is asked for once counts were shown."""

    scope = forms.ChoiceField(
        label=_("What"), choices=ErasureScope.choices, widget=forms.RadioSelect
    )
    subject = forms.CharField(
        label=_("Which"),
        max_length=100,
        help_text=_("The id of the company, the name of the requester, or the id of the document."),
    )
    why = forms.CharField(
        label=_("Reason"),
        max_length=200,
        help_text=_("Kept in the audit list, without names: it outlasts what is erased."),
    )

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._bound = bound_companies(by)

    def clean(self) -> dict[str, Any]:
        """Refuse what is not there for who is asking, and a reason that would keep the name."""
        values: dict[str, Any] = super().clean() or {}
        scope, subject, why = (values.get(name) for name in ("scope", "subject", "why"))
        if not scope or not subject:
            return values
        if scope == ErasureScope.EXTRACTION and not _is_extraction(subject, self._bound):
            self.add_error("subject", gettext("There is no document of this id."))
        elif scope == ErasureScope.COMPANY and not _is_company(subject, self._bound):
            self.add_error("subject", gettext("There is no company of this id."))
        if scope == ErasureScope.PERSON and subject.casefold() in (why or "").casefold():
            self.add_error("why", gettext("Do not name the person: the reason is kept."))
        return values


class ConfirmedForm(ErasureForm):
    """The same with what was shown, and the name typed once more."""

    confirmation = forms.CharField(
        label=_("Type it once more"),
        max_length=100,
        widget=forms.TextInput({"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # What was counted is not changed any more.
        for name in ("scope", "subject", "why"):
            self.fields[name].widget = forms.HiddenInput()

    def clean(self) -> dict[str, Any]:
        """Refuse another name than the one that was shown."""
        values = super().clean()
        if values.get("confirmation") != values.get("subject"):
            self.add_error("confirmation", gettext("That is not what is to be erased."))
        return values


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyMixin, AuditedAdmin[Erasure]):
    """What was erased, and the page that orders it: for who may erase data."""

    company_rule = of_company("company_id")
    list_display = [
        "created_at",
        "what",
        "company_id",
        "asked_by",
        "why",
        "documents",
        "logs",
        "usage",
        "ended_at",
    ]
    list_filter = ["scope"]
    fields = [
        *("what", "company_id", "asked_by", "why", "created_at", "ended_at"),
        *("documents", "corrections", "logs", "usage"),
    ]
    readonly_fields = ["what"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may erase data."""
        return request.user.has_perm(ERASE)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """They and whoever may view erasures."""
        return request.user.has_perm(ERASE) or super().has_view_permission(request, obj)

    @admin.display(description=_("what"))
    def what(self, erasure: Erasure) -> str:
        """Whose documents; a person's name only while it is under way."""
        return f"{erasure.get_scope_display()}: {erasure.subject}"

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask for what and why, then show how much that is and have it typed once more."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        is_confirming = "confirmation" in request.POST
        kind = ConfirmedForm if is_confirming else ErasureForm
        by = cast("User", request.user)
        form = kind(request.POST or None, by=by)
        counts = None
        if form.is_valid() and is_confirming:
            return self._order(request, form.cleaned_data)
        is_known = form.is_bound and {"scope", "subject"} <= form.cleaned_data.keys()
        if form.is_valid() or (is_confirming and is_known):
            values = form.cleaned_data
            counts = erasure_orders.preview(ErasureScope(values["scope"]), values["subject"], by=by)
            if not is_confirming:
                form = ConfirmedForm(initial=values, by=by)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": gettext("Erase data"),
            "form": form,
            "counts": counts,
            "bound": bound_companies(by),
            "shown": counts and {each: _counted(n) for each, n in asdict(counts).items()},
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/extraction/erasure/erase.html", context)

    def _order(self, request: HttpRequest, values: dict[str, Any]) -> HttpResponse:
        erasure_orders.order(
            ErasureScope(values["scope"]),
            values["subject"],
            by=cast("User", request.user),
            why=values["why"],
        )
        self.message_user(
            request,
            gettext("It is being erased. This list says when it is done."),
            messages.SUCCESS,
        )
        return HttpResponseRedirect(reverse("admin:extraction_erasure_changelist"))


def _counted(number: int) -> str:
    shown = grouped(number)
    if number < erasure_orders.MOST_COUNTED:
        return shown
    return gettext("{number} or more").format(number=shown)


def _is_extraction(text: str, bound: list[str] | None) -> bool:
    try:
        found = Extraction.with_deleted.filter(pk=UUID(text)).values_list("company_id", flat=True)
    except ValueError:
        return False
    return bool(within(found, bound))


def _is_company(text: str, bound: list[str] | None) -> bool:
    known = Company.objects.written(text).exists()
    is_one = known or Extraction.with_deleted.filter(company_id=text).exists()
    return is_one and bool(within(spellings(text), bound))
