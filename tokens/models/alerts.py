"""Alerts that a quota runs out or that the ledger is wrong, and who gets them by mail.

``tokens/models/site_alerts.py`` has the alerts of every other kind.
"""

import hashlib
from collections.abc import Sequence

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ocrsite.lib.email_outbox import MailedOnce
from tokens.models.token import TokenMaster

# The threshold of the alert that a key is used up.
USED_UP = 0


class Alert(MailedOnce):
    """An alert that staff see in the admin and may get by mail."""

    alert_id = models.BigAutoField(db_column="AlertID", primary_key=True)

    class Meta:
        abstract = True


class ThresholdAlertQuerySet(models.QuerySet["ThresholdAlert"]):
    def raise_once(self, token_id: int, *, threshold: int, limit: int, remaining: int) -> None:
        """Make the alert unless this key has it for this threshold and limit."""
        self.get_or_create(
            token_id=token_id, threshold=threshold, limit=limit, defaults={"remaining": remaining}
        )


class ThresholdAlert(Alert):
    """A key has less left than its threshold, or (threshold 0) too little for any call.

    One per key, threshold and limit: after a change of the limit it can be raised again.
    """

    token = models.ForeignKey(
        TokenMaster, models.CASCADE, db_column="TokenID", verbose_name=_("key")
    )
    threshold = models.BigIntegerField(
        db_column="Threshold", help_text=_("LLM tokens; 0: the key is used up.")
    )
    limit = models.BigIntegerField(db_column="TotalTokenLimit")
    remaining = models.BigIntegerField(
        db_column="RemainingTokens", help_text=_("LLM tokens left when the alert was raised.")
    )
    told_at = models.DateTimeField(
        db_column="ToldAt", null=True, editable=False, help_text=_("When webhooks were told.")
    )

    objects = ThresholdAlertQuerySet.as_manager()

    class Meta:
        db_table = "TokenAlerts"
        verbose_name = _("threshold alert")
        ordering = ["-created_at", "-alert_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["token", "threshold", "limit"], name="UQ_TokenAlerts_Once"
            )
        ]
        indexes = [models.Index(fields=["-created_at"], name="IX_TokenAlerts_CreatedAt")]

    def __str__(self) -> str:
        return gettext("{remaining} of {limit} LLM tokens left").format(
            remaining=self.remaining, limit=self.limit
        )


class LedgerAlertQuerySet(models.QuerySet["LedgerAlert"]):
    def follow(self, fingerprint_of: Sequence[str], findings: str) -> None:
        """Have one unresolved alert for the findings of an audit, and none for other findings.

        ``fingerprint_of`` identifies the findings: texts that stay the same until a repair. The
        alert that has them stays as it is, and is not mailed again.
        """
        with transaction.atomic():
            unresolved = self.filter(resolved_at=None)
            if not fingerprint_of:
                unresolved.update(resolved_at=timezone.now())
                return
            others = unresolved.exclude(fingerprint=_fingerprint(fingerprint_of))
            others.update(resolved_at=timezone.now())
            self.raise_once(fingerprint_of, findings)

    def raise_once(self, fingerprint_of: Sequence[str], findings: str) -> bool:
        """Have an unresolved alert for what was found between two audits; the next one follows.

        Returns whether it is new.
        """
        _, new = self.get_or_create(
            fingerprint=_fingerprint(fingerprint_of),
            resolved_at=None,
            defaults={"findings": findings},
        )
        return new


def _fingerprint(identities: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(identities).encode()).hexdigest()


class LedgerAlert(Alert):
    """An audit found the ledger wrong. Resolved by the next audit that finds something else."""

    findings = models.TextField(db_column="Findings")
    fingerprint = models.CharField(db_column="Fingerprint", max_length=64)
    resolved_at = models.DateTimeField(
        _("resolved"),
        db_column="ResolvedAt",
        null=True,
        help_text=_("When a later audit found nothing wrong, or something else."),
    )

    objects = LedgerAlertQuerySet.as_manager()

    class Meta:
        db_table = "LedgerAlerts"
        verbose_name = _("ledger alert")
        ordering = ["-created_at", "-alert_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["fingerprint"], condition=Q(resolved_at=None), name="UQ_LedgerAlerts_Open"
            )
        ]

    def __str__(self) -> str:
        return f"{self.created_at:%Y-%m-%d %H:%M}"


class AlertSubscription(models.Model):
    """Which alerts a member of staff gets by mail."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="alert_subscription"
    )
    threshold_alerts = models.BooleanField(
        _("mail threshold alerts"),
        default=False,
        help_text=_("To this user's address, when the quota of a key runs out. For staff only."),
    )
    ledger_alerts = models.BooleanField(
        _("mail ledger alerts"),
        default=False,
        db_default=False,
        help_text=_(
            "To this user's address, when an audit finds the ledger wrong. For staff only."
        ),
    )

    class Meta:
        db_table = "AlertSubscriptions"

    def __str__(self) -> str:
        is_subscribed = self.threshold_alerts or self.ledger_alerts
        return gettext("subscribed") if is_subscribed else gettext("not subscribed")
