"""What was spent: one row per call, the running totals, and what calls under way have reserved.

Table and column names are the contract's; amounts are LLM tokens, 64-bit.
"""

from functools import cache

from django.db import models
from django.db.models import F, OuterRef, Subquery, Value
from django.db.models.functions import Coalesce, NullIf
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ocrsite.lib.database import UtcNow
from tokens.amounts import COST_PLACES
from tokens.models.token import DEFAULT_LIMIT, TokenMaster

DEFAULT_THRESHOLD = 3_000


def company_of(prefix: str = "", key_company: Subquery | None = None) -> Coalesce:
    """Return whose a usage row is: the company that it names, else its key's, else null.

    Rows that were inserted by SQL may name their key alone. ``prefix`` leads to the usage row;
    ``key_company``: the company of the key, where that is found otherwise than by a join.
    """
    of_key = key_company or f"{prefix}token__company_id"
    return Coalesce(NullIf(f"{prefix}company_id", Value("")), NullIf(of_key, Value("")))


class TokenUsageSummaryQuerySet(models.QuerySet["TokenUsageSummary"]):
    def lock(self, token_id: int) -> None:
        """Lock the totals of a key; create them for one that was inserted by SQL."""
        now = timezone.now()
        if not self.filter(token_id=token_id).update(last_updated=now):
            self.get_or_create(token_id=token_id)
            self.follow_limit(token_id)

    def follow_limit(self, token_id: int) -> None:
        """Set what remains of a key to its limit minus what it used."""
        self.filter(token_id=token_id).update(
            total_remaining_tokens=limit_of_key() - F("total_used_tokens")
        )

    def charge(self, token_id: int, amount: int, *, held: int) -> None:
        """Add to what a key used, and take off what was reserved for it; what remains follows.

        The caller's transaction has the totals locked: only then is the limit certainly current.
        """
        used = F("total_used_tokens") + amount
        self.filter(token_id=token_id).update(
            total_used_tokens=used,
            total_remaining_tokens=limit_of_key() - used,
            reserved_tokens=F("reserved_tokens") - held,
        )


@cache
def limit_of_key() -> Subquery:
    """Return the limit of the key whose totals are queried; made once: a query copies it."""
    key = TokenMaster.objects.filter(pk=OuterRef("token_id"))
    return Subquery(key.values("total_token_limit"))


class TokenUsageSummary(models.Model):
    """Running totals of one key. At every commit: used + reserved ≤ the key's limit."""

    summary_id = models.BigAutoField(db_column="SummaryID", primary_key=True)
    token = models.OneToOneField(
        TokenMaster,
        models.CASCADE,
        db_column="TokenID",
        related_name="summary",
        verbose_name=_("key"),
    )
    total_used_tokens = models.BigIntegerField(db_column="TotalUsedTokens", default=0, db_default=0)
    total_remaining_tokens = models.BigIntegerField(
        db_column="TotalRemainingTokens", default=DEFAULT_LIMIT, db_default=DEFAULT_LIMIT
    )
    threshold = models.BigIntegerField(
        db_column="Threshold", default=DEFAULT_THRESHOLD, db_default=DEFAULT_THRESHOLD
    )
    last_updated = models.DateTimeField(
        db_column="LastUpdated", default=timezone.now, db_default=UtcNow()
    )
    # Not in the contract
    reserved_tokens = models.BigIntegerField(db_column="ReservedTokens", default=0, db_default=0)
    quota_free = models.BooleanField(
        db_column="QuotaFree",
        null=True,
        help_text=_(
            "Known to have no quota that renews, and neither has its company; "
            "empty where that has to be looked up."
        ),
    )

    objects = TokenUsageSummaryQuerySet.as_manager()

    class Meta:
        db_table = "TokenUsageSummary"
        verbose_name = _("usage summary")
        verbose_name_plural = _("usage summaries")

    def __str__(self) -> str:
        return gettext("{used} used, {remaining} remaining").format(
            used=self.total_used_tokens, remaining=self.total_remaining_tokens
        )


class TokenUsageLog(models.Model):
    """What one call was charged. ``attempt_id`` is unique: a call settled twice is charged once."""

    usage_id = models.BigAutoField(db_column="UsageID", primary_key=True)
    token = models.ForeignKey(
        TokenMaster,
        models.PROTECT,
        db_column="TokenID",
        null=True,
        db_index=False,
        verbose_name=_("key"),
    )
    branch = models.CharField(
        db_column="Branch", max_length=50, default="Default", db_default="Default"
    )
    requested_by = models.CharField(
        db_column="RequestedBy", max_length=100, default="System", db_default="System"
    )
    input_tokens = models.BigIntegerField(db_column="InputTokens", default=0, db_default=0)
    output_tokens = models.BigIntegerField(db_column="OutputTokens", default=0, db_default=0)
    text_prompt_tokens = models.BigIntegerField(
        db_column="TextPromptTokens", default=0, db_default=0
    )
    image_prompt_tokens = models.BigIntegerField(
        db_column="ImagePromptTokens", default=0, db_default=0
    )
    text_candidates_tokens = models.BigIntegerField(
        db_column="TextCandidatesTokens", default=0, db_default=0
    )
    total_tokens_used = models.BigIntegerField(
        db_column="TotalTokensUsed",
        default=0,
        db_default=0,
        help_text=_("Input + output + thinking, as billed."),
    )
    request_count = models.IntegerField(db_column="RequestCount", default=1, db_default=1)
    logged_at = models.DateTimeField(
        db_column="LoggedAt", default=timezone.now, db_default=UtcNow()
    )
    # Not in the contract
    thinking_tokens = models.BigIntegerField(db_column="ThinkingTokens", default=0, db_default=0)
    cached_tokens = models.BigIntegerField(db_column="CachedTokens", default=0, db_default=0)
    attempt_id = models.UUIDField(db_column="AttemptID", null=True, unique=True)
    company_id = models.CharField(db_column="CompanyID", max_length=50, null=True)
    estimated = models.BooleanField(
        db_column="Estimated",
        default=False,
        db_default=False,
        help_text=_("The bill is unknown (the call was cut off): charged at what was reserved."),
    )
    model = models.CharField(
        db_column="Model", max_length=100, null=True, help_text=_("Which model was called.")
    )
    cost = models.DecimalField(
        db_column="Cost",
        max_digits=24,
        decimal_places=COST_PLACES,
        null=True,
        help_text=_("By the price that applied at the time; empty where that is not known."),
    )
    currency = models.CharField(
        db_column="Currency", max_length=3, null=True, help_text=_("Of the cost; ISO 4217.")
    )
    key_fingerprint = models.CharField(
        db_column="KeyFingerprint",
        max_length=64,
        null=True,
        editable=False,
        help_text=_("Keyed digest of the key of a call made while the database was unreachable."),
    )
    began_at = models.DateTimeField(
        db_column="BeganAt",
        null=True,
        help_text=_(
            "When its reservation was made: it counts towards the quotas of that period. "
            "Empty where that is not known; it counts when it was logged, then."
        ),
    )

    class Meta:
        db_table = "TokenUsageLogs"
        verbose_name = _("usage")
        verbose_name_plural = _("usage")
        ordering = ["-logged_at"]
        indexes = [
            models.Index(fields=["token"], name="IX_Usage_TokenID"),
            models.Index(fields=["-logged_at"], name="IX_Usage_LoggedAt"),
            models.Index(fields=["branch"], name="IX_Usage_Branch"),
            models.Index(fields=["token", "began_at"], name="IX_Usage_Began"),
        ]

    def __str__(self) -> str:
        return gettext("{tokens} LLM tokens, {time}").format(
            tokens=self.total_tokens_used, time=f"{self.logged_at:%Y-%m-%d %H:%M}"
        )


class TokenReservation(models.Model):
    """Quota reserved for one attempt until it is settled or released, or its lease runs out."""

    attempt_id = models.UUIDField(db_column="AttemptID", primary_key=True)
    token = models.ForeignKey(
        TokenMaster, models.CASCADE, db_column="TokenID", verbose_name=_("key")
    )
    amount = models.BigIntegerField(db_column="Amount")
    cost_units = models.BigIntegerField(
        db_column="CostUnits",
        null=True,
        help_text=_(
            "The most that the call can cost, in units of the last place of a cost; empty "
            "where its model has no price."
        ),
    )
    currency = models.CharField(
        db_column="Currency", max_length=3, null=True, help_text=_("Of that cost; ISO 4217.")
    )
    leased_until = models.DateTimeField(
        db_column="LeasedUntil",
        help_text=_("After this the attempt counts as dead, and its quota is released."),
    )
    created_at = models.DateTimeField(
        db_column="CreatedAt", default=timezone.now, db_default=UtcNow()
    )

    class Meta:
        db_table = "TokenReservations"
        verbose_name = _("reservation")

    def __str__(self) -> str:
        return gettext("{tokens} LLM tokens reserved").format(tokens=self.amount)
