"""The companies whose documents are read."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from django.db import IntegrityError, transaction
from rest_framework.request import Request
from rest_framework.response import Response

from extraction import clients
from extraction.api.management import documentation
from extraction.api.management.base import (
    ExistsAlready,
    ManagementView,
    change,
    checked,
    etag,
    filled,
    once,
    one,
)
from extraction.api.management.inputs import CompanyChangeInput, NewCompanyInput, WhyInput
from extraction.api.management.manager import Manager, manager_of
from extraction.companies import closing
from extraction.companies.csv_columns import AddedForm
from extraction.companies.forms import CompanyForm
from extraction.companies.ready import Site, make_ready
from ocrsite.lib import audit
from ocrsite.lib.audit import Action, Who
from ocrsite.lib.audited_admin import record_form
from tokens.models import Company

_SETTINGS = ("name", "time_zone", "default_reader", "default_model", "export_as")


class CompaniesView(ManagementView):
    """The caller's companies."""

    @documentation.companies
    def get(self, request: Request) -> Response:
        """Answer them, closed ones among them."""
        return Response({"results": [told(each) for each in manager_of(request).companies()]})

    @documentation.new_company
    def post(self, request: Request) -> Response:
        """Add one, which the caller manages from then on."""
        manager, values = manager_of(request), checked(NewCompanyInput, request)

        def make() -> str:
            company = _added(values, manager)
            clients.add_company(manager.client, company.pk, by=manager.who)
            return str(company.pk)

        pk, _ = once(request, manager, make)
        return _answer(one(Company.objects.all(), pk=pk), HTTPStatus.CREATED)


class CompanyView(ManagementView):
    """One company."""

    @documentation.company
    def get(self, request: Request, company_id: str) -> Response:
        """Answer it."""
        return _answer(_found(manager_of(request), company_id))

    @documentation.company_change
    def patch(self, request: Request, company_id: str) -> Response:
        """Change its name and what it begins with."""
        manager = manager_of(request)
        company = _found(manager, company_id)
        values = checked(CompanyChangeInput, request)
        rows = Company.objects.select_for_update()
        change(
            request,
            lambda: rows.get(pk=company.pk),
            _etag,
            lambda row: _changed(row, values, manager),
        )
        return _answer(_found(manager, company_id))


class _StateView(ManagementView):
    """A change of whether a company is open."""

    act: Callable[..., bool]

    def change_state(self, request: Request, company_id: str) -> Response:
        """Do it, and answer the company as it is then; it may have been so before."""
        manager = manager_of(request)
        company = _found(manager, company_id)
        why = checked(WhyInput, request)["why"]

        def make() -> str:
            type(self).act(company, who=manager.who, why=why)
            return company.pk

        once(request, manager, make)
        return _answer(_found(manager, company_id))


class ClosingView(_StateView):
    """The end of a company's readings."""

    act = staticmethod(closing.close)

    @documentation.company_closing
    def post(self, request: Request, company_id: str) -> Response:
        """Close it: its documents are refused and its keys not called."""
        return self.change_state(request, company_id)


class ReopeningView(_StateView):
    """A closed company that is open again."""

    act = staticmethod(closing.reopen)

    @documentation.company_reopening
    def post(self, request: Request, company_id: str) -> Response:
        """Open it again."""
        return self.change_state(request, company_id)


def told(company: Company) -> dict[str, Any]:
    """Return a company as the API tells it."""
    return {
        "company_id": company.company_id,
        **{name: getattr(company, name) for name in _SETTINGS},
        "branches": company.branch_names,
        "created_at": company.created_at,
        "closed_at": company.closed_at,
    }


def _etag(company: Company) -> str:
    return etag(told(company))


def _answer(company: Company, status: int = HTTPStatus.OK) -> Response:
    return Response(told(company), status=status, headers={"ETag": _etag(company)})


def _found(manager: Manager, company_id: str) -> Company:
    found: Company = one(manager.companies(), pk=company_id)
    return found


def _added(values: Mapping[str, Any], manager: Manager) -> Company:
    if Company.objects.written(values["company_id"]).exists():
        raise _exists(values["company_id"])
    company = filled(AddedForm, Company(), _entered(values)).save(commit=False)
    try:
        with transaction.atomic():
            _make(company, manager.who)
    except IntegrityError as error:
        raise _exists(values["company_id"]) from error
    return company


def _make(company: Company, who: Who) -> None:
    # Nobody is invited, so that no mail names the site.
    make_ready(company, key=None, client_name="", operators=(), site=Site("", False), who=who)


def _exists(company_id: str) -> ExistsAlready:
    return ExistsAlready(f"There is a company “{company_id}” already, maybe written otherwise.")


def _changed(company: Company, values: Mapping[str, Any], manager: Manager) -> None:
    form = filled(CompanyForm, company, _entered(values))
    company.save(update_fields=form.changed_data)
    record_form(form, Action.CHANGED, who=manager.who, what=audit.row(company))


def _entered(values: Mapping[str, Any]) -> dict[str, Any]:
    entered = dict(values)
    if "branches" in entered:
        entered["branches"] = "\n".join(entered["branches"])
    return entered
