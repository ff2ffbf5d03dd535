"""What staff are to know that lasts until it is over, and who is told of what by mail."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tokens.models.alerts import Alert


class AlertKind(models.TextChoices):
    """What an alert is about."""

    THRESHOLD = "threshold", _("Threshold of a key")
    QUOTA = "quota", _("Share of a limit is used")
    LEDGER = "ledger", _("Books are wrong")
    NO_WORKER = "no-worker", _("No worker lives")
    KEY_REJECTED = "key-rejected", _("Key rejected by its provider")
    FAILURES = "failures", _("Many documents fail")
    DISK = "disk", _("Disk almost full")
    BACKUP = "backup", _("Backup is old")
    WEBHOOK = "webhook", _("Webhook disabled")


@dataclass(frozen=True, slots=True)
class Finding:
    """What an alert says, and of which company; "" for the whole site."""

    text: str
    company_id: str = ""


class SiteAlertQuerySet(models.QuerySet["SiteAlert"]):
    def raise_once(self, kind: AlertKind, subject: str, finding: Finding) -> bool:
        """Have an open alert about a subject; whether it is new."""
        _, is_new = self.get_or_create(
            kind=kind,
            subject=subject,
            resolved_at=None,
            defaults={"company_id": finding.company_id, "text": finding.text},
        )
        return is_new

    def resolve(self, kind: AlertKind, subjects: Q) -> int:
        """Close the open alerts of a kind about some subjects; return how many."""
        open_ones = self.filter(subjects, kind=kind, resolved_at=None)
        return open_ones.update(resolved_at=timezone.now())

    def follow(
        self,
        kind: AlertKind,
        found: Mapping[str, Finding],
        *,
        once: bool = False,
        not_over: Collection[str] = (),
    ) -> None:
        """Have open alerts of a kind about exactly these subjects.

        ``once``: none about a subject that had one before, be it closed. ``not_over``: subjects of
        which none is raised, but one that is open stays.
        """
        with transaction.atomic():
            of_kind = self.filter(kind=kind)
            open_ones = dict(of_kind.filter(resolved_at=None).values_list("subject", "pk"))
            lasting = {*found, *not_over}
            over = [pk for subject, pk in open_ones.items() if subject not in lasting]
            if over:
                self.filter(pk__in=over).update(resolved_at=timezone.now())
            for subject in (each for each in found if each not in open_ones):
                if not (once and of_kind.filter(subject=subject).exists()):
                    self.raise_once(kind, subject, found[subject])


class SiteAlert(Alert):
    """Something is wrong, from when it was found until it was found to be over."""

    kind = models.CharField(db_column="Kind", max_length=20, choices=AlertKind)
    company_id = models.CharField(
        _("company"), db_column="CompanyID", max_length=50, blank=True, default=""
    )
    subject = models.CharField(
        db_column="Subject", max_length=200, editable=False, help_text=_("Tells it apart.")
    )
    text = models.CharField(db_column="Text", max_length=500)
    resolved_at = models.DateTimeField(_("over"), db_column="ResolvedAt", null=True)
    told_at = models.DateTimeField(
        db_column="ToldAt", null=True, editable=False, help_text=_("When webhooks were told.")
    )

    objects = SiteAlertQuerySet.as_manager()

    class Meta:
        db_table = "SiteAlerts"
        verbose_name = _("alert")
        ordering = ["-created_at", "-alert_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject"], condition=Q(resolved_at=None), name="UQ_SiteAlerts_Open"
            )
        ]
        indexes = [
            models.Index(fields=["kind", "subject"], name="IX_SiteAlerts_Subject"),
            models.Index(fields=["-created_at"], name="IX_SiteAlerts_CreatedAt"),
        ]

    def __str__(self) -> str:
        return self.text


class AlertRecipient(models.Model):
    """Who gets which alerts by mail: a member of staff, or an address."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="+"
    )
    address = models.EmailField(_("mail address"), blank=True, default="")
    company_id = models.CharField(
        _("company"), max_length=50, blank=True, default="", help_text=_("Empty: of every company.")
    )
    kind = models.CharField(
        max_length=20, choices=AlertKind, blank=True, default="", help_text=_("Empty: every kind.")
    )

    class Meta:
        db_table = "AlertRecipients"
        verbose_name = _("recipient of alerts")
        verbose_name_plural = _("recipients of alerts")
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(user=None) ^ Q(address=""),
                name="CK_AlertRecipients_OneOf",
                violation_error_message=_(
                    "Choose a member of staff or enter an address, not both."
                ),
            )
        ]

    def __str__(self) -> str:
        who = self.address or str(self.user)
        kind = self.get_kind_display() if self.kind else gettext("every alert")
        if not self.company_id:
            return f"{who}: {kind}"
        return gettext("{who}: {kind} of {company}").format(
            who=who, kind=kind, company=self.company_id
        )
