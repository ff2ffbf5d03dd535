"""Quotas that renew: what a key, or a company with all its keys, may spend in each period.

The quota for a key's life is ``TokenMaster.total_token_limit``; these come on top of it.
"""

from datetime import datetime
from typing import Self
from zoneinfo import ZoneInfo

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from ocrsite.lib.database import UtcNow
from tokens.amounts import Amount, in_words
from tokens.models.company import Company
from tokens.models.token import TokenMaster
from tokens.periods import Period, Window, window_at


class Unit(models.TextChoices):
    """What a quota counts."""

    TOKENS = "tokens", _("LLM tokens")
    MONEY = "money", _("money")


class QuotaQuerySet(models.QuerySet["Quota"]):
    def of_key(self, token_id: int, company: Company | None) -> Self:
        """Those that a call with this key, of this company, counts towards."""
        return self.filter(Q(token_id=token_id) | (Q(company=company) if company else Q()))


class Quota(models.Model):
    """What may be spent in each period by one key, or by all keys of a company.

    Every call counts, from the beginning of the period on: also one before the quota was made.
    """

    quota_id = models.BigAutoField(db_column="QuotaID", primary_key=True)
    token = models.ForeignKey(
        TokenMaster,
        models.CASCADE,
        db_column="TokenID",
        null=True,
        blank=True,
        related_name="quotas",
        verbose_name=_("key"),
    )
    company = models.ForeignKey(
        Company,
        models.CASCADE,
        db_column="CompanyID",
        null=True,
        blank=True,
        related_name="quotas",
        help_text=_("For all its keys together."),
    )
    period = models.CharField(
        db_column="Period", max_length=10, choices=Period, default=Period.MONTHLY
    )
    unit = models.CharField(db_column="Unit", max_length=10, choices=Unit, default=Unit.TOKENS)
    currency = models.CharField(
        db_column="Currency",
        max_length=3,
        default="",
        db_default="",
        blank=True,
        validators=[RegexValidator(r"\A([A-Z]{3})?\Z", _("Three capital letters, such as EUR."))],
        help_text=_("Of money; ISO 4217."),
    )
    limit = models.BigIntegerField(
        db_column="QuotaLimit",
        help_text=_("In each period: LLM tokens, or money in units of 0.0000000001."),
    )
    first_day = models.PositiveSmallIntegerField(
        _("first day of the month"),
        db_column="FirstDay",
        default=1,
        db_default=1,
        validators=[MinValueValidator(1), MaxValueValidator(31)],
        help_text=_(
            "Of a monthly quota: the day on which billing starts; in a month that is "
            "shorter, its last day."
        ),
    )
    raised_by = models.BigIntegerField(
        db_column="RaisedBy",
        default=0,
        db_default=0,
        validators=[MinValueValidator(0)],
        help_text=_("So much more for a while; the raise ends by itself."),
    )
    raised_until = models.DateTimeField(db_column="RaisedUntil", null=True, blank=True)
    created_at = models.DateTimeField(
        db_column="CreatedAt", default=timezone.now, db_default=UtcNow(), editable=False
    )

    objects = QuotaQuerySet.as_manager()

    class Meta:
        db_table = "Quotas"
        ordering = ["quota_id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(token=None) ^ Q(company=None),
                name="CK_Quotas_OneScope",
                violation_error_message=_("Choose a key or a company, not both."),
            ),
            models.CheckConstraint(
                condition=Q(raised_by=0) | Q(raised_until__isnull=False),
                name="CK_Quotas_RaiseEnds",
                violation_error_message=_("Say until when it is raised."),
            ),
            models.CheckConstraint(
                condition=Q(unit=Unit.MONEY) ^ Q(currency=""),
                name="CK_Quotas_Currency",
                violation_error_message=_("Money has a currency, LLM tokens have none."),
            ),
            models.UniqueConstraint(
                fields=["token", "period", "unit"],
                condition=Q(token__isnull=False),
                name="UQ_Quotas_Token",
                violation_error_message=_("This key has such a quota already."),
            ),
            models.UniqueConstraint(
                fields=["company", "period", "unit"],
                condition=Q(company__isnull=False),
                name="UQ_Quotas_Company",
                violation_error_message=_("This company has such a quota already."),
            ),
        ]

    def __str__(self) -> str:
        counted = self.currency or self.get_unit_display()
        return f"{self.get_period_display()}, {counted}"

    def amount(self, value: int) -> Amount:
        """Return an amount in its unit."""
        return Amount(value, self.currency)

    def in_words(self, value: int) -> str:
        """Return an amount in its unit as people read it: ``1,250.00 EUR``, or ``1,250``."""
        return in_words(value, self.currency)

    def window(self, at: datetime, zone: ZoneInfo) -> Window:
        """Return the period that contains a moment, in the time zone of the company."""
        return window_at(at, Period(self.period), zone, first_day=self.first_day)

    def limit_at(self, now: datetime) -> int:
        """Return the limit with what it is raised by at this moment."""
        raised = self.raised_until is not None and now < self.raised_until
        return self.limit + self.raised_by if raised else self.limit


class QuotaSum(models.Model):
    """What the calls that began in one period used and have reserved, in the quota's unit.

    The same as what their rows add up to: it is made from them when a call first needs it, or a
    few seconds after its period began.
    Those of periods that ended long ago are removed; nothing needs them.
    """

    sum_id = models.BigAutoField(db_column="SumID", primary_key=True)
    quota = models.ForeignKey(
        Quota, models.CASCADE, db_column="QuotaID", related_name="sums", db_index=False
    )
    starts_at = models.DateTimeField(db_column="StartsAt")
    ends_at = models.DateTimeField(db_column="EndsAt", null=True)
    used = models.BigIntegerField(db_column="Used", default=0)
    reserved = models.BigIntegerField(db_column="Reserved", default=0)

    class Meta:
        db_table = "QuotaSums"
        verbose_name = _("period of a quota")
        verbose_name_plural = _("periods of quotas")
        ordering = ["-starts_at", "quota"]
        constraints = [
            models.UniqueConstraint(fields=["quota", "starts_at"], name="UQ_QuotaSums_Period")
        ]

    def __str__(self) -> str:
        return gettext("from {start}: {used} used, {reserved} reserved").format(
            start=f"{self.starts_at:%Y-%m-%d %H:%M}", used=self.used, reserved=self.reserved
        )


class QuotaAspect(models.TextChoices):
    """What of a quota changed."""

    LIMIT = gettext_noop("limit"), _("Limit")
    RAISE = gettext_noop("raise"), _("Raise")
    PERIOD = gettext_noop("period"), _("Period")
    FIRST_DAY = gettext_noop("first day"), _("First Day")


class QuotaChange(models.Model):
    """One change of a quota: who made it, when, from what to what, and why.

    A quota that is made changes from nothing, and one that is removed to nothing.
    """

    change_id = models.BigAutoField(db_column="ChangeID", primary_key=True)
    token = models.ForeignKey(
        TokenMaster,
        models.CASCADE,
        db_column="TokenID",
        null=True,
        related_name="quota_changes",
        verbose_name=_("key"),
    )
    company = models.ForeignKey(
        Company, models.CASCADE, db_column="CompanyID", null=True, related_name="quota_changes"
    )
    quota = models.CharField(db_column="Quota", max_length=50)
    what = models.CharField(db_column="What", max_length=10, choices=QuotaAspect)
    from_value = models.CharField(db_column="FromValue", max_length=100, blank=True)
    to_value = models.CharField(db_column="ToValue", max_length=100, blank=True)
    actor = models.CharField(db_column="Actor", max_length=150)
    reason = models.CharField(db_column="Reason", max_length=200, blank=True)
    changed_at = models.DateTimeField(
        db_column="ChangedAt", default=timezone.now, db_default=UtcNow()
    )

    class Meta:
        db_table = "QuotaChanges"
        verbose_name = _("quota change")
        ordering = ["-changed_at", "-change_id"]
        indexes = [models.Index(fields=["-changed_at"], name="IX_QuotaChanges_ChangedAt")]

    def __str__(self) -> str:
        none = gettext("none")
        change = f"{self.from_value or none} → {self.to_value or none}"
        return f"{self.quota}: {gettext(self.what)}: {change}"
