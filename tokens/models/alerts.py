"""Alerts that a quota runs out or the books are wrong, and who wants them by mail."""

import hashlib
from collections.abc import Sequence

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from ocrsite.lib.email_outbox import MailedOnce

# The threshold of the alert that a token is used up.
USED_UP = 0


class Alert(MailedOnce):
    """What is wrong with a token, or with the books."""

    alert_id = models.BigAutoField(db_column="AlertID", primary_key=True)

    class Meta:
        abstract = True


class ThresholdAlertQuerySet(models.QuerySet["ThresholdAlert"]):
    def raise_once(self, token_id: int, *, threshold: int, limit: int, remaining: int) -> None:
        """Make the alert unless this token has it for this threshold and limit."""
        self.get_or_create(
            token_id=token_id, threshold=threshold, limit=limit, defaults={"remaining": remaining}
        )


class ThresholdAlert(Alert):
    """A token has less left than its threshold, or (threshold 0) too little for any call.

    One per token, threshold and limit: a raised limit arms it again.
    """

    token = models.ForeignKey("tokens.TokenMaster", models.CASCADE, db_column="TokenID")
    threshold = models.BigIntegerField(
        db_column="Threshold", help_text="LLM tokens; 0: the token is used up."
    )
    limit = models.BigIntegerField(db_column="TotalTokenLimit")
    remaining = models.BigIntegerField(
        db_column="RemainingTokens", help_text="LLM tokens left when the alert was raised."
    )

    objects = ThresholdAlertQuerySet.as_manager()

    class Meta:
        db_table = "TokenAlerts"
        verbose_name = "threshold alert"
        ordering = ["-created_at", "-alert_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["token", "threshold", "limit"], name="UQ_TokenAlerts_Once"
            )
        ]
        indexes = [models.Index(fields=["-created_at"], name="IX_TokenAlerts_CreatedAt")]

    def __str__(self) -> str:
        return f"{self.remaining} of {self.limit} left"


class LedgerAlertQuerySet(models.QuerySet["LedgerAlert"]):
    def follow(self, fingerprint_of: Sequence[str], findings: str) -> None:
        """Raise an alert for what an audit found, unless it stands; resolve what it found no more.

        ``fingerprint_of`` is what makes the findings these: nothing in it changes by itself.
        """
        fingerprint = hashlib.sha256("\n".join(fingerprint_of).encode()).hexdigest()
        with transaction.atomic():
            standing = self.filter(resolved_at=None)
            if not fingerprint_of:
                standing.update(resolved_at=timezone.now())
                return
            standing.exclude(fingerprint=fingerprint).update(resolved_at=timezone.now())
            self.get_or_create(
                fingerprint=fingerprint, resolved_at=None, defaults={"findings": findings}
            )


class LedgerAlert(Alert):
    """An audit found the books wrong. One as long as it finds the same; others end it."""

    findings = models.TextField(db_column="Findings")
    fingerprint = models.CharField(db_column="Fingerprint", max_length=64)
    resolved_at = models.DateTimeField(
        "resolved",
        db_column="ResolvedAt",
        null=True,
        help_text="When an audit found nothing wrong any more, or something else.",
    )

    objects = LedgerAlertQuerySet.as_manager()

    class Meta:
        db_table = "LedgerAlerts"
        verbose_name = "ledger alert"
        ordering = ["-created_at", "-alert_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["fingerprint"], condition=Q(resolved_at=None), name="UQ_LedgerAlerts_Open"
            )
        ]

    def __str__(self) -> str:
        return f"{self.created_at:%Y-%m-%d %H:%M}"


class AlertSubscription(models.Model):
    """Whether a member of staff gets alerts by mail, and which."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="alert_subscription"
    )
    threshold_alerts = models.BooleanField(
        "mail threshold alerts",
        default=False,
        help_text="To this user's address, when a token's quota runs out. For staff only.",
    )
    ledger_alerts = models.BooleanField(
        "mail ledger alerts",
        default=False,
        db_default=False,
        help_text="To this user's address, when an audit finds the books wrong. For staff only.",
    )

    class Meta:
        db_table = "AlertSubscriptions"

    def __str__(self) -> str:
        return "subscribed" if self.threshold_alerts or self.ledger_alerts else "not subscribed"
