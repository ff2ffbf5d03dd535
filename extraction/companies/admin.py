"""The companies in the admin."""

import logging
from collections import Counter
from typing import Any, cast

from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin.helpers import AdminForm
from django.contrib.admin.utils import quote, unquote
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.db.models import Count, QuerySet
from django.forms import BaseFormSet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from extraction.companies import closing
from extraction.companies.csv_columns import COMPANY_COLUMNS, AddedForm
from extraction.companies.forms import (
    ROLES,
    CompanyPageForm,
    OperatorForm,
    ReadyForm,
    WhyForm,
    operators_of,
)
from extraction.companies.ready import Made, NewKey, NewOperator, Site, make_ready
from extraction.models import ApiClientCompany, CompanyGrant
from extraction.readers.base import ReadingError
from extraction.readers.registry import model_of, reader_for
from ocrsite.lib import audit
from ocrsite.lib.admin import may_see
from ocrsite.lib.admin_companies import of_company
from ocrsite.lib.audited_admin import AuditedAdmin
from ocrsite.lib.csv_admin import CsvMixin
from ocrsite.lib.staff_companies import bound_companies
from tokens.models import Company, Provider, TokenMaster
from tokens.models.company import folded
from tokens.quota_admin import QuotaInline, save_quotas

logger = logging.getLogger(__name__)

# The parts of the page that makes one ready, and the permissions that each needs.
_KEY = ("new_key", "test_key", "total_token_limit", "threshold")
_CLIENT = ("client_name",)
_DEFAULTS = ("branches", "default_reader", "default_model", "export_as")
OPERATORS_HELP = gettext_noop(
    "With an e-mail and no password a new user is invited by mail. With neither, a password is "
    "made and shown once, and has to be changed. Of a user that there is, give the name alone."
)
_NEEDS = {
    "key": ["tokens.add_tokenmaster"],
    "client": ["extraction.add_apiclient"],
    "operators": ["auth.add_user", "extraction.add_companygrant"],
}
_SEEN_LISTS = "seen_lists"
# What of other lists is a company's, by label.
_LISTS = {
    gettext_noop("Keys"): "tokens_tokenmaster",
    gettext_noop("Clients"): "extraction_apiclient",
    gettext_noop("Users"): "auth_user",
    gettext_noop("Extractions"): "extraction_extraction",
    gettext_noop("Usage"): "tokens_tokenusagelog",
}


@admin.register(Company)
class CompanyAdmin(CsvMixin[Company], AuditedAdmin[Company]):
    """Adding a company is the page that makes it ready. None is deleted: it is closed."""

    company_rule = of_company("company_id")
    form = CompanyPageForm
    csv_columns = COMPANY_COLUMNS
    list_display = ["company_id", "name", "pill", "keys", "clients", "users", "time_zone"]
    list_filter = [("closed_at", admin.EmptyFieldListFilter)]
    search_fields = ["company_id", "name"]
    search_help_text = _("Company id or name.")
    actions = None
    readonly_fields = ["company_id", "pill", "other_ids", "lists", "created_at"]
    fieldsets = [
        (None, {"fields": ["company_id", "name", "pill", "other_ids", "lists"]}),
        (_("What people begin with"), {"fields": ["time_zone", *_DEFAULTS, "created_at"]}),
        (_("Change"), {"fields": ["why"]}),
    ]
    inlines = [QuotaInline]

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Save the quotas of the company."""
        save_quotas(request, form, formset)

    def csv_form(self, request: HttpRequest, row: Company | None) -> Any:
        """Let a line add a company, without what the page adds to it."""
        return AddedForm if row is None else super().csv_form(request, row)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Staff with the permission who are bound to no company: others would not see the new."""
        return bound_companies(request.user) is None and super().has_add_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: what names its id still exists."""
        return False

    @admin.display(description=_("status"), ordering="closed_at")
    def pill(self, company: Company) -> str:
        """Active or Closed."""
        kind, label = (
            ("disabled", gettext("Closed")) if company.is_closed else ("active", gettext("Active"))
        )
        return format_html('<span class="pill pill-{}">{}</span>', kind, label)

    @admin.display(description=_("keys"))
    def keys(self, company: Company) -> int:
        """How many it has, whatever their status."""
        return _count(company, "keys_by_id")

    @admin.display(description=_("clients"))
    def clients(self, company: Company) -> int:
        """How many programs may act for it."""
        return _count(company, "clients_by_id")

    @admin.display(description=_("users"))
    def users(self, company: Company) -> int:
        """How many people it is granted to."""
        return _count(company, "users_by_id")

    @admin.display(description=_("also written"))
    def other_ids(self, company: Company) -> str:
        """The ids of old rows that differ from its own in case or blanks."""
        return ", ".join(f"“{each}”" for each in company.other_spellings) or gettext(
            "in no other way"
        )

    @admin.display(description=_("what it has"))
    def lists(self, company: Company) -> str:
        """Links to its rows in the other lists that the member of staff may see."""
        links = [
            (reverse(f"admin:{name}_changelist", query={"company": company.pk}), gettext(label))
            for label, name in company.__dict__.get(_SEEN_LISTS, {}).items()
        ]
        return format_html_join(" · ", '<a href="{}">{}</a>', links) if links else "-"

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Company | None:
        """Return a company that knows which of its lists this member of staff may see."""
        company = super().get_object(request, object_id, from_field)
        if company is not None:
            company.__dict__[_SEEN_LISTS] = {
                label: name
                for label, name in _LISTS.items()
                if may_see(apps.get_model(name.replace("_", ".")), request)
            }
        return company

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Count for all listed companies at once what each has."""
        changelist = super().get_changelist_instance(request)
        companies = list(changelist.result_list)
        ids = [written for company in companies for written in company.ids]
        counted = {
            "keys_by_id": _counts(TokenMaster.objects.filter(company_id__in=ids)),
            "clients_by_id": _counts(ApiClientCompany.objects.filter(company_id__in=ids)),
            "users_by_id": _counts(CompanyGrant.objects.filter(company_id__in=ids)),
        }
        for company in companies:
            company.__dict__.update(counted)
        changelist.result_list = companies
        return changelist

    def get_urls(self) -> list[URLPattern]:
        own = [("close", self.close_view), ("reopen", self.reopen_view)]
        return [
            *(
                path(
                    f"<path:object_id>/{name}/",
                    self.admin_site.admin_view(view),
                    name=f"tokens_company_{name}",
                )
                for name, view in own
            ),
            *super().get_urls(),
        ]

    @method_decorator([never_cache, sensitive_post_parameters()])
    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Make a company ready: what its user may not add is not on the page."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        may = {part: request.user.has_perms(needed) for part, needed in _NEEDS.items()}
        data = request.POST if request.method == "POST" else None
        form = ReadyForm(data).without(
            *(() if may["key"] else _KEY), *(() if may["client"] else _CLIENT)
        )
        rows = operators_of(data if may["operators"] else None)
        is_valid = form.is_valid() & (not may["operators"] or rows.is_valid())
        if is_valid and _accepts_key(form):
            made = _make(form, rows, request)
            if made is not None:
                self._log(request, made)
                told = {"made": made, "was_tested": form.cleaned_data.get("test_key", False)}
                return self._page(
                    request, "done", {"title": gettext("The company is ready"), **told}
                )
        context = {
            "title": gettext("Make a company ready"),
            "has_errors": data is not None,
            "parts": self._parts(form, rows, may),
            "management_form": rows.management_form,
        }
        return self._page(request, "ready", context)

    def _parts(
        self, form: ReadyForm, rows: "BaseFormSet[OperatorForm]", may: dict[str, bool]
    ) -> list[AdminForm]:
        """The parts of the page from top to bottom, as the admin draws them."""
        first: list[tuple[str | None, dict[str, Any]]] = [
            (None, {"fields": ["company_id", "name", "time_zone"]})
        ]
        if may["key"]:
            first.append((gettext("First key"), {"fields": _KEY}))
        if may["client"]:
            first.append((gettext("First program"), {"fields": _CLIENT}))
        parts = [self._part(form, first)]
        for number, row in enumerate(rows.forms if may["operators"] else [], start=1):
            about = {"description": gettext(OPERATORS_HELP)} if number == 1 else {}
            fields = [("username", "role", "email", "password")]
            title = gettext("Operator {number}").format(number=number)
            parts.append(self._part(row, [(title, {"fields": fields, **about})]))
        return [
            *parts,
            self._part(form, [(gettext("What people begin with"), {"fields": _DEFAULTS})]),
        ]

    def _part(self, form: Any, fieldsets: Any) -> AdminForm:
        return AdminForm(form, fieldsets, {}, model_admin=self)

    def close_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask why, and close it."""
        return self._change_state(request, object_id, is_closing=True)

    def reopen_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask why, and open it again."""
        return self._change_state(request, object_id, is_closing=False)

    def _change_state(
        self, request: HttpRequest, object_id: str, *, is_closing: bool
    ) -> HttpResponse:
        company = self.get_object(request, unquote(object_id))
        if company is None:
            raise Http404(gettext("There is no such company."))
        if not self.has_change_permission(request, company):
            raise PermissionDenied
        form = WhyForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            why, act = form.cleaned_data["why"], closing.close if is_closing else closing.reopen
            if act(company, who=audit.user(request.user), why=why):
                done = gettext_noop("Closed") if is_closing else gettext_noop("Opened again")
                self.log_change(request, company, f"{done}: {why}")
                messages.success(request, f"{company}: {gettext(done)}: {why}")
            return redirect("admin:tokens_company_change", quote(company.pk))
        title = gettext("Close {company}") if is_closing else gettext("Open {company} again")
        title = title.format(company=company)
        context = {"title": title, "form": form, "company": company, "is_closing": is_closing}
        return self._page(request, "state", context)

    def _page(self, request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts}
        return TemplateResponse(request, f"admin/tokens/company/{name}.html", shared | context)

    def _log(self, request: HttpRequest, made: Made) -> None:
        """Record each thing that was made in the admin's own history."""
        told = f"Made with the company {made.company.pk}."
        for each in (made.company, made.token, made.client, *made.users):
            if each is not None:
                self.log_addition(request, cast("Company", each), told)
        for user in made.granted:
            self.log_change(request, cast("Company", user), f"Granted {made.company.pk}.")


def _accepts_key(form: ReadyForm) -> bool:
    """Whether Gemini accepts the key, free of charge; what it says else is told at the field."""
    values = form.cleaned_data
    if not values.get("new_key") or not values.get("test_key"):
        return True
    token = TokenMaster(provider=Provider.GEMINI, model=values["default_model"] or None)
    try:
        reader_for(token.provider).check_key(api_key=values["new_key"], model=model_of(token))
    except ReadingError as error:
        form.add_error("new_key", error.detail)
        return False
    return True


def _make(form: ReadyForm, rows: "BaseFormSet[OperatorForm]", request: HttpRequest) -> Made | None:
    """Make what the valid forms say; None, and an error at its field, where others were faster."""
    values = form.cleaned_data
    key = None
    if values.get("new_key"):
        key = NewKey(values["new_key"], values["total_token_limit"], values["threshold"])
    company = form.save(commit=False)
    try:
        return make_ready(
            company,
            key=key,
            client_name=values.get("client_name", ""),
            operators=_operators(rows),
            site=Site(request.get_host(), request.is_secure()),
            who=audit.user(request.user),
        )
    except IntegrityError:
        taken = gettext(
            "This company, or one of the users, was added a moment ago. Look it up in the list."
        )
        form.add_error("company_id", taken)
        return None


def _operators(rows: "BaseFormSet[OperatorForm]") -> list[NewOperator]:
    if not rows.is_bound:
        return []
    return [
        NewOperator(
            username=row.cleaned_data["username"],
            role=ROLES[row.cleaned_data["role"]],
            email=row.cleaned_data["email"],
            password=row.cleaned_data["password"],
            existing=row.existing,
        )
        for row in rows.forms
        if row.cleaned_data
    ]


def _counts(rows: QuerySet[Any]) -> Counter[str]:
    """How many rows name each company, folded."""
    counts: Counter[str] = Counter()
    for company_id, count in rows.order_by().values_list("company_id").annotate(Count("pk")):
        counts[folded(company_id)] += count
    return counts


def _count(company: Company, name: str) -> int:
    counts: Counter[str] = getattr(company, name)
    return counts[company.folded_id]
