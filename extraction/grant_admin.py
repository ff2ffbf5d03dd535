"""The grants of operators in the admin, as a list of their own: who may act for which company."""

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError

from extraction.models import CompanyGrant
from ocrsite.lib.admin_companies import of_company
from ocrsite.lib.audited_admin import AuditedAdmin
from ocrsite.lib.csv_admin import CsvMixin
from ocrsite.lib.csv_rows import CsvColumns
from tokens.models import Company


class GrantForm(forms.ModelForm[CompanyGrant]):
    """A grant for a company that there is, as that writes its id."""

    class Meta:
        model = CompanyGrant
        fields = ["user", "company_id"]

    def clean_company_id(self) -> str:
        """Raise ValidationError for an id of no company."""
        company = Company.objects.written(self.cleaned_data["company_id"]).first()
        if company is None:
            raise ValidationError("There is no such company.")
        return company.company_id


@admin.register(CompanyGrant)
class CompanyGrantAdmin(CsvMixin[CompanyGrant], AuditedAdmin[CompanyGrant]):
    company_rule = of_company("company_id")
    form = GrantForm
    list_display = ["user", "company_id"]
    list_select_related = ["user"]
    search_fields = ["user__username", "company_id"]
    ordering = ["user__username", "company_id"]
    csv_columns = CsvColumns(
        identity={"username": "user__username", "company_id": "company_id"},
        fields={"username": "user", "company_id": "company_id"},
        related={"username": "user__username"},
        may_remove=True,
    )
