"""What was used on each day: sums of usage rows, so that no page has to add up millions."""

from django.db import models
from django.db.models import Q


class UsageDay(models.Model):
    """The sums of one day (UTC), company, key, model and currency of the cost.

    The ledger moves them in the transaction that writes the usage row. It has the key's totals
    locked then, so that no two transactions wait for each other here.
    """

    usage_day_id = models.BigAutoField(db_column="UsageDayID", primary_key=True)
    day = models.DateField(db_column="Day", help_text="UTC; that of LoggedAt.")
    company_id = models.CharField(db_column="CompanyID", max_length=50)
    # No foreign key: a unique row needs a value, 0 for calls whose key is in no row.
    token_id = models.BigIntegerField(db_column="TokenID", help_text="0: the key is in no row.")
    model = models.CharField(db_column="Model", max_length=100, help_text="Empty: not known.")
    currency = models.CharField(
        db_column="Currency", max_length=3, help_text="Empty: the cost is not known."
    )
    requests = models.BigIntegerField(db_column="Requests", default=0)
    input_tokens = models.BigIntegerField(db_column="InputTokens", default=0)
    cached_tokens = models.BigIntegerField(db_column="CachedTokens", default=0)
    output_tokens = models.BigIntegerField(db_column="OutputTokens", default=0)
    thinking_tokens = models.BigIntegerField(db_column="ThinkingTokens", default=0)
    total_tokens = models.BigIntegerField(db_column="TotalTokens", default=0)
    cost_units = models.BigIntegerField(
        db_column="CostUnits", default=0, help_text="In units of the last place of a cost: exact."
    )

    class Meta:
        db_table = "TokenUsageDays"
        default_permissions = ()  # nobody reads or changes the rows themselves
        constraints = [
            models.UniqueConstraint(
                fields=["day", "company_id", "token_id", "model", "currency"],
                name="UQ_TokenUsageDays",
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.company_id}: {self.total_tokens} LLM tokens"


class UsageDayAudit(models.Model):
    """How far the audit of the daily sums has come: one row.

    It goes from the newest day to the oldest, over several nights where one is too short.
    """

    id = models.PositiveSmallIntegerField(
        db_column="AuditID", primary_key=True, default=1, editable=False
    )
    checked_from = models.DateField(
        db_column="CheckedFrom",
        null=True,
        help_text="The days before this one are looked at next; empty: the newest ones are.",
    )
    is_filled = models.BooleanField(
        db_column="IsFilled",
        default=False,
        db_default=False,
        help_text="Whether it has looked at every day once: there are sums of each.",
    )

    class Meta:
        db_table = "TokenUsageDayAudit"
        default_permissions = ()  # nobody reads or changes it
        constraints = [models.CheckConstraint(condition=Q(id=1), name="CK_UsageDayAudit_One")]

    def __str__(self) -> str:
        return f"checked from {self.checked_from}"
