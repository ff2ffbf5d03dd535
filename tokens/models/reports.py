"""The database views about keys and their use, as read-only models."""

from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _


class TokenStatusRow(models.Model):
    """``vw_TokenStatus``: every key with its quota, its use and its health."""

    token_id = models.BigIntegerField("key", db_column="TokenID", primary_key=True)
    company_id = models.CharField(db_column="CompanyID", max_length=50)
    company_name = models.CharField(db_column="CompanyName", max_length=200, null=True)
    provider = models.CharField(db_column="Provider", max_length=100)
    status = models.CharField(db_column="Status", max_length=50)
    total_token_limit = models.BigIntegerField(db_column="TotalTokenLimit")
    total_used_tokens = models.BigIntegerField(db_column="TotalUsedTokens")
    total_remaining_tokens = models.BigIntegerField(db_column="TotalRemainingTokens")
    threshold = models.BigIntegerField(db_column="Threshold")
    health_status = models.CharField(db_column="HealthStatus", max_length=10)
    created_at = models.DateTimeField(db_column="CreatedAt")
    last_updated = models.DateTimeField(db_column="LastUpdated", null=True)

    class Meta:
        managed = False
        db_table = "vw_TokenStatus"
        verbose_name = "key status"
        verbose_name_plural = "key status"
        ordering = ["company_id", "token_id"]

    def __str__(self) -> str:
        return f"{self.company_id} #{self.token_id}: {self.health_status}"


class UsageSummaryRow(models.Model):
    """``vw_UsageSummary``: what each company used, in LLM tokens."""

    company_id = models.CharField(db_column="CompanyID", max_length=50, primary_key=True)
    company_name = models.CharField(db_column="CompanyName", max_length=200, null=True)
    total_branches = models.IntegerField(db_column="TotalBranches")
    total_users = models.IntegerField(db_column="TotalUsers")
    total_requests = models.BigIntegerField(db_column="TotalRequests")
    total_tokens_used = models.BigIntegerField(db_column="TotalTokensUsed")
    average_tokens = models.FloatField(db_column="AvgTokensPerRequest", null=True)
    last_used = models.DateTimeField(db_column="LastUsed", null=True)
    days_active = models.IntegerField(
        db_column="DaysActive", help_text=_("Days from the first use to the last, both counted.")
    )

    class Meta:
        managed = False
        db_table = "vw_UsageSummary"
        verbose_name = _("usage by company")
        verbose_name_plural = _("usage by company")
        ordering = ["company_id"]

    def __str__(self) -> str:
        return gettext("{company}: {tokens} LLM tokens").format(
            company=self.company_id, tokens=self.total_tokens_used
        )
