"""Who may act for, and see, which company: operators by grant, staff and clients by binding."""

from django.conf import settings
from django.db import models
from django.utils.functional import cached_property
from rest_framework_api_key.models import AbstractAPIKey

from tokens.models import Company
from tokens.models.company import folded


class CompanyGrant(models.Model):
    """An operator may upload for, and see the extractions of, this company."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="company_grants"
    )
    company_id = models.CharField(max_length=50)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "company_id"], name="unique_company_grant")
        ]

    def __str__(self) -> str:
        return self.company_id


class StaffCompany(models.Model):
    """A member of staff is bound to this company, and maybe others: no other one is shown.

    Who has no such row is bound to none, and sees every company. Read by
    ocrsite/lib/staff_companies.py.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="staff_companies"
    )
    # Protected: who loses the last binding sees every company.
    company = models.ForeignKey(Company, models.PROTECT, related_name="staff_companies")

    class Meta:
        verbose_name = "company of staff"
        verbose_name_plural = "companies of staff"
        constraints = [
            models.UniqueConstraint(fields=["user", "company"], name="unique_staff_company")
        ]

    def __str__(self) -> str:
        return self.company_id


class ApiClient(AbstractAPIKey):
    """An integrator's program. Its API key is stored hashed and shown once, when it is made."""

    class Meta(AbstractAPIKey.Meta):
        verbose_name = "API client"
        verbose_name_plural = "API clients"

    @cached_property
    def open_company_ids(self) -> list[str]:
        """The companies that it may act for, as its bindings write them: those not closed."""
        bound = [binding.company_id for binding in self.companies.all()]
        closed = Company.objects.closed().filter(folded_id__in=set(map(folded, bound)))
        refused = set(closed.values_list("folded_id", flat=True)) if bound else set()
        return [company_id for company_id in bound if folded(company_id) not in refused]

    @property
    def is_refused(self) -> bool:
        """Whether it has companies, and all of them are closed."""
        return bool(self.companies.all()) and not self.open_company_ids


class ApiClientCompany(models.Model):
    """An API client may act for this company."""

    client = models.ForeignKey(ApiClient, models.CASCADE, related_name="companies")
    company_id = models.CharField(max_length=50)

    class Meta:
        verbose_name = "company of an API client"
        verbose_name_plural = "companies of API clients"
        constraints = [
            models.UniqueConstraint(fields=["client", "company_id"], name="unique_client_company")
        ]

    def __str__(self) -> str:
        return self.company_id
