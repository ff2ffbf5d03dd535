"""The grants of operators in the admin, as a list of their own: who may act for which company."""

from django.contrib import admin

from extraction.models import CompanyGrant
from ocrsite.lib.admin_companies import of_company
from ocrsite.lib.audited_admin import AuditedAdmin
from ocrsite.lib.csv_admin import CsvMixin
from ocrsite.lib.csv_rows import CsvColumns
from tokens.company_fields import CompanyFilter, NamesCompany, PicksCompany


@admin.register(CompanyGrant)
class CompanyGrantAdmin(CsvMixin[CompanyGrant], PicksCompany, AuditedAdmin[CompanyGrant]):
    company_rule = of_company("company_id")
    form = NamesCompany[CompanyGrant]
    fields = ["user", "company_id"]
    list_display = ["user", "company_id"]
    list_filter = [CompanyFilter]
    list_select_related = ["user"]
    search_fields = ["user__username", "company_id"]
    ordering = ["user__username", "company_id"]
    csv_columns = CsvColumns(
        identity={"username": "user__username", "company_id": "company_id"},
        fields={"username": "user", "company_id": "company_id"},
        related={"username": "user__username"},
        may_remove=True,
    )
