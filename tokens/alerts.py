"""Alerts that a token's quota runs out, and who wants them by mail."""

from datetime import timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from ocrsite.database import UtcNow

# The threshold of the alert that a token is used up.
USED_UP = 0


class ThresholdAlertQuerySet(models.QuerySet["ThresholdAlert"]):
    def raise_once(self, token_id: int, *, threshold: int, limit: int, remaining: int) -> None:
        """Make the alert unless this token has it for this threshold and limit."""
        self.get_or_create(
            token_id=token_id, threshold=threshold, limit=limit, defaults={"remaining": remaining}
        )

    def deliverable(self, max_age: timedelta) -> Self:
        """Alerts to be mailed now: young, unsent, and claimed by nobody."""
        now = timezone.now()
        unclaimed = Q(claimed_until=None) | Q(claimed_until__lte=now)
        return self.filter(unclaimed, sent_at=None, created_at__gt=now - max_age)


class ThresholdAlert(models.Model):
    """A token has less left than its threshold, or (threshold 0) too little for any call.

    One per token, threshold and limit: a raised limit arms it again.
    """

    alert_id = models.BigAutoField(db_column="AlertID", primary_key=True)
    token = models.ForeignKey("tokens.TokenMaster", models.CASCADE, db_column="TokenID")
    threshold = models.BigIntegerField(
        db_column="Threshold", help_text="LLM tokens; 0: the token is used up."
    )
    limit = models.BigIntegerField(db_column="TotalTokenLimit")
    remaining = models.BigIntegerField(
        db_column="RemainingTokens", help_text="LLM tokens left when the alert was raised."
    )
    created_at = models.DateTimeField(
        db_column="CreatedAt", default=timezone.now, db_default=UtcNow()
    )
    claimed_until = models.DateTimeField(
        db_column="ClaimedUntil", null=True, help_text="Until then one process tries to mail it."
    )
    sent_at = models.DateTimeField("mailed", db_column="SentAt", null=True)

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


class AlertSubscription(models.Model):
    """Whether a member of staff gets the alerts of all tokens by mail."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="alert_subscription"
    )
    threshold_alerts = models.BooleanField(
        "mail threshold alerts",
        default=False,
        help_text="To this user's address, when a token's quota runs out. For staff only.",
    )

    class Meta:
        db_table = "AlertSubscriptions"

    def __str__(self) -> str:
        return "subscribed" if self.threshold_alerts else "not subscribed"
