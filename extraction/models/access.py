"""Who may act for, and see, which company: operators by grant, staff and clients by binding."""

import uuid
from collections.abc import Iterable
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from rest_framework_api_key.models import AbstractAPIKey, APIKeyManager

from ocrsite.lib.addresses import Network, networks_in, validate_networks
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
        verbose_name = _("company of staff")
        verbose_name_plural = _("companies of staff")
        constraints = [
            models.UniqueConstraint(fields=["user", "company"], name="unique_staff_company")
        ]

    def __str__(self) -> str:
        return self.company_id


class Scope(models.TextChoices):
    """What an API client is for."""

    SUBMIT = "submit", _("submit documents, see what becomes of them, cancel and retry")
    READ = "read", _("read and export every document of its companies")
    CORRECT = "correct", _("read every document of its companies; correct, approve, reject, delete")
    USAGE = "usage", _("read usage and quotas")
    MANAGE = "manage", _("manage keys, companies, clients and grants; not together with submit")


# What clients could do before there were scopes, and can unless staff say otherwise.
EVERY_SCOPE = "submit read correct usage"
SCOPES_EXCLUDE = (
    "“manage” and “submit” are not for one client: who changes keys and limits spends nothing. "
    "Make two clients."
)


def require_scopes(scopes: Iterable[str]) -> None:
    """Raise ValidationError for scopes that one client cannot have together."""
    if {Scope.MANAGE, Scope.SUBMIT}.issubset(scopes):
        raise ValidationError({"scopes": SCOPES_EXCLUDE})


class ApiClientManager(APIKeyManager):
    """Makes clients whose primary key, which addresses of the admin show, holds no digest."""

    def assign_key(self, obj: AbstractAPIKey) -> str:
        """Give a new client its API key, and return that."""
        key = super().assign_key(obj)
        obj.id = uuid.uuid4().hex
        return key


class ApiClient(AbstractAPIKey):
    """An integrator's program. Its API key is stored hashed and shown once, when it is made.

    Its ``prefix`` names it for good: in ``Extraction.client``, and after a change of its key.
    """

    scopes = models.CharField(
        max_length=100,
        default=EVERY_SCOPE,
        db_default=EVERY_SCOPE,
        help_text=_("What the client is for, with blanks between; all else is refused."),
    )
    allowed_networks = models.TextField(
        blank=True,
        default="",
        db_default="",
        validators=[validate_networks],
        help_text=_(
            "From where it may call, one address or network per line, such as "
            "192.0.2.0/24. Empty: from everywhere."
        ),
    )
    requests_per_minute = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text=_("Empty: no limit.")
    )
    documents_at_a_time = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("How many of its documents may wait or be read at one time. Empty: no limit."),
    )
    last_used_at = models.DateTimeField(
        _("last used"), null=True, editable=False, help_text=_("To a minute.")
    )
    key_expires_at = models.DateTimeField(
        null=True,
        editable=False,
        help_text=_("When its first key ends, after a change of the key."),
    )

    objects: ClassVar[ApiClientManager] = ApiClientManager()

    class Meta(AbstractAPIKey.Meta):
        # The library's are plain text.
        verbose_name = _("API client")  # type: ignore[assignment]
        verbose_name_plural = _("API clients")  # type: ignore[assignment]

    def clean(self) -> None:
        """Raise ValidationError for scopes that exclude each other, too."""
        super().clean()
        require_scopes(self.scopes.split())

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save. Raises ValidationError for scopes that exclude each other."""
        require_scopes(self.scopes.split())
        super().save(*args, **kwargs)

    @cached_property
    def bound_company_ids(self) -> list[str]:
        """The companies that it is bound to, closed ones too, as its bindings write them."""
        return list(self.companies.values_list("company_id", flat=True))

    @cached_property
    def open_company_ids(self) -> list[str]:
        """The companies that it may act for: those that it is bound to and that are not closed."""
        bound = self.bound_company_ids
        closed = Company.objects.closed().filter(folded_id__in=set(map(folded, bound))).order_by()
        refused = set(closed.values_list("folded_id", flat=True)) if bound else set()
        return [company_id for company_id in bound if folded(company_id) not in refused]

    @property
    def is_refused(self) -> bool:
        """Whether it has companies, and all of them are closed; who manages may open them again."""
        if self.may(Scope.MANAGE):
            return False
        return bool(self.bound_company_ids) and not self.open_company_ids

    def may(self, scope: Scope) -> bool:
        """Whether the client is for this."""
        return scope in self.scopes.split()

    @property
    def networks(self) -> tuple[Network, ...]:
        """From where it may call; empty for everywhere."""
        return networks_in(self.allowed_networks)


class ApiClientKey(models.Model):
    """A later API key of a client, stored hashed; the first one stands at the client itself."""

    client = models.ForeignKey(ApiClient, models.CASCADE, related_name="keys")
    prefix = models.CharField(max_length=8, unique=True)
    hashed_key = models.CharField(max_length=150)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, help_text=_("None for the newest key."))

    class Meta:
        verbose_name = _("later key of an API client")
        verbose_name_plural = _("later keys of API clients")

    def __str__(self) -> str:
        return self.prefix


class ApiClientRequests(models.Model):
    """How many requests a client that has a limit made in the latest minute."""

    client = models.OneToOneField(ApiClient, models.CASCADE, primary_key=True)
    minute = models.DateTimeField(help_text=_("Its begin."))
    number = models.PositiveIntegerField()

    class Meta:
        verbose_name = _("requests of an API client")
        verbose_name_plural = _("requests of API clients")

    def __str__(self) -> str:
        return f"{self.number} at {self.minute:%H:%M}"


class ApiClientCompany(models.Model):
    """An API client may act for this company."""

    client = models.ForeignKey(ApiClient, models.CASCADE, related_name="companies")
    company_id = models.CharField(max_length=50)

    class Meta:
        verbose_name = _("company of an API client")
        verbose_name_plural = _("companies of API clients")
        constraints = [
            models.UniqueConstraint(fields=["client", "company_id"], name="unique_client_company")
        ]

    def __str__(self) -> str:
        return self.company_id
