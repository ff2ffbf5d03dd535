"""Who may spend what: provider keys with their quotas, and the books of what was spent.

Table and column names are the contract's; counters are LLM tokens, 64-bit.
"""

from collections.abc import Iterable
from typing import Any, Self

from django.db import models, transaction
from django.db.models import F, OuterRef, Q, Subquery
from django.utils import timezone

from ocrsite.lib.database import UtcNow
from tokens import circuit_breaker, encryption
from tokens.models.alerts import USED_UP, ThresholdAlert
from tokens.models.changes import SQL, SYSTEM, Aspect, TokenChange
from tokens.rate_limits import CallLimits

DEFAULT_LIMIT = 100_000
DEFAULT_THRESHOLD = 3_000
EXPIRED = "Its expiry has passed."
SPENT = "Its limit is used up."
# What staff change when a provider does not let a key do what it should.
_MENDS_A_KEY = {"api_key", "model", "project", "status"}
UNREADABLE_KEY = "cannot be decrypted"


class Provider(models.TextChoices):
    """Who reads the document; the value of ``TokenMaster.Provider``."""

    GEMINI = "Gemini"
    OFFLINE = "Offline"


class TokenStatus(models.TextChoices):
    """The state of a key; the value of ``TokenMaster.Status``."""

    ACTIVE = "Active"
    EXPIRED = "Expired"
    EXCEEDED = "Exceeded"
    DISABLED = "Disabled"


def _unexpired() -> Q:
    return Q(expires_at=None) | Q(expires_at__gt=timezone.now())


class TokenQuerySet(models.QuerySet["TokenMaster"]):
    def for_company(self, company_id: str) -> Self:
        """Every key of one company; the id may come with blanks around it."""
        return self.filter(company_id=company_id.strip())

    def usable(self) -> Self:
        """Keys that may be presented now: active and unexpired (quota is the ledger's to judge)."""
        return self.filter(_unexpired(), status=TokenStatus.ACTIVE, provider__in=Provider.values)

    def change_status(self, status: TokenStatus, reason: str, *, by: str = SYSTEM) -> int:
        """Give these keys a status and record it; return how many this call changed.

        At most 200 characters of the reason are kept. A key whose status another process changes
        in the same moment is left to that.
        """
        changed = 0
        reason = reason[:200]
        for token_id, before in self.exclude(status=status).values_list("pk", "status"):
            with transaction.atomic():
                if self.filter(pk=token_id, status=before).update(
                    status=status,
                    # Why a key is out of use; an active one needs no reason.
                    status_reason=None if status == TokenStatus.ACTIVE else reason,
                ):
                    TokenChange.objects.create(
                        token_id=token_id,
                        what=Aspect.STATUS,
                        from_value=before,
                        to_value=status,
                        actor=by,
                        reason=reason,
                    )
                    changed += 1
        return changed

    def mark_spent(self, token_id: int, smallest_call: int = 1) -> bool:
        """Turn an active key to Exceeded when it has less left than its smallest call costs."""
        spent = self._with_spent().filter(
            pk=token_id,
            status=TokenStatus.ACTIVE,
            total_token_limit__lt=F("spent") + smallest_call,
        )
        if not spent.exists():
            return False
        with transaction.atomic():
            # The summary first, as the ledger does: one order of locks, no deadlock.
            TokenUsageSummary.objects.open(token_id)
            changed = spent.change_status(TokenStatus.EXCEEDED, SPENT)
            TokenUsageSummary.objects.raise_alerts(token_id)
        return bool(changed)

    def reactivate(self, token_id: int) -> bool:
        """Turn an exceeded key back to Active when its limit is above what it used."""
        unspent = self._with_spent().filter(
            pk=token_id, status=TokenStatus.EXCEEDED, total_token_limit__gt=F("spent")
        )
        return bool(unspent.change_status(TokenStatus.ACTIVE, "Its limit is above its use."))

    def expire(self) -> int:
        """Turn active keys whose expiry has passed to Expired and return how many."""
        return self.filter(status=TokenStatus.ACTIVE, expires_at__lte=timezone.now()).change_status(
            TokenStatus.EXPIRED, EXPIRED
        )

    def renew(self) -> int:
        """Turn keys back to Active whose expiry was moved to the future, and return how many.

        A key that staff set to Expired by hand stays so.
        """
        return self.filter(
            _unexpired(), status=TokenStatus.EXPIRED, status_reason=EXPIRED
        ).change_status(TokenStatus.ACTIVE, "Its expiry is in the future.")

    def _with_spent(self) -> Self:
        summary = TokenUsageSummary.objects.filter(token_id=OuterRef("pk"))
        return self.alias(spent=Subquery(summary.values("total_used_tokens")))


class TokenMaster(models.Model):
    """A company's provider key with its quota: what staff call a token."""

    token_id = models.BigAutoField(db_column="TokenID", primary_key=True)
    company_id = models.CharField(db_column="CompanyID", max_length=50)
    company_name = models.CharField(db_column="CompanyName", max_length=200, null=True, blank=True)
    api_key = models.CharField(db_column="ApiKey", max_length=1000)
    provider = models.CharField(
        db_column="Provider", max_length=100, choices=Provider, default=Provider.GEMINI
    )
    total_token_limit = models.BigIntegerField(
        db_column="TotalTokenLimit", default=DEFAULT_LIMIT, db_default=DEFAULT_LIMIT
    )
    status = models.CharField(
        db_column="Status",
        max_length=50,
        choices=TokenStatus,
        default=TokenStatus.ACTIVE,
        db_default=TokenStatus.ACTIVE.value,
    )
    created_at = models.DateTimeField(
        db_column="CreatedAt", default=timezone.now, db_default=UtcNow(), editable=False
    )
    # Ours
    model = models.CharField(
        db_column="Model",
        max_length=100,
        null=True,
        blank=True,
        help_text="Gemini model for this key; empty means the site's default.",
    )
    expires_at = models.DateTimeField(
        db_column="ExpiresAt", null=True, blank=True, help_text="UTC; empty means never."
    )
    key_fingerprint = models.CharField(
        db_column="KeyFingerprint",
        max_length=64,
        null=True,
        editable=False,
        db_index=True,
        help_text="Keyed digest of the clear key, to search and compare by.",
    )
    status_reason = models.CharField(
        db_column="StatusReason", max_length=200, null=True, blank=True, editable=False
    )

    project = models.CharField(
        db_column="Project",
        max_length=100,
        null=True,
        blank=True,
        help_text="Google project of the key. Its keys share one quota, and so their cool-downs.",
    )
    max_concurrent_calls = models.PositiveIntegerField(
        "calls at once",
        db_column="MaxConcurrentCalls",
        null=True,
        blank=True,
        help_text="Further invoices wait; empty means no limit.",
    )
    requests_per_minute = models.PositiveIntegerField(
        db_column="RequestsPerMinute",
        null=True,
        blank=True,
        help_text="Further invoices wait; empty means no limit.",
    )

    objects = TokenQuerySet.as_manager()

    class Meta:
        db_table = "TokenMaster"
        verbose_name = "token"
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["company_id", "status"], name="IX_TokenMaster_Company"),
            models.Index(fields=["-created_at"], name="IX_TokenMaster_CreatedAt"),
            # The sweep looks for what has expired every two seconds.
            models.Index(fields=["status", "expires_at"], name="IX_TokenMaster_Expiry"),
        ]

    def __str__(self) -> str:
        return f"{self.company_id} #{self.token_id} ({self.provider})"

    def save(
        self,
        *args: Any,
        update_fields: Iterable[str] | None = None,
        by: str = SYSTEM,
        reason: str = "",
        **kwargs: Any,
    ) -> None:
        """Save; a clear key reaches the table encrypted, and the books follow the limit.

        What changed of status, limit and key is recorded as done by whom and for what reason. An
        exceeded key whose limit is saved above its use is active again, and so is an expired one
        whose expiry is saved in the future.
        """
        fields = None if update_fields is None else set(update_fields)
        if self._state.adding:
            self._insert(*args, **kwargs)
            return
        if (fields is None or "api_key" in fields) and self._has_clear_key():
            self._encrypt_key()
            if fields is not None:
                fields.add("key_fingerprint")
        with transaction.atomic():
            # The summary first, as the ledger does: one order of locks, no deadlock.
            TokenUsageSummary.objects.open(self.pk)
            before = TokenMaster.objects.select_for_update().get(pk=self.pk)
            super().save(*args, update_fields=fields, **kwargs)
            self._record_changes(before, fields, by, reason)
            if fields is None or "total_token_limit" in fields:
                TokenUsageSummary.objects.follow_limit(self.pk)
                if TokenMaster.objects.reactivate(self.pk):
                    self.status, self.status_reason = TokenStatus.ACTIVE, None
            if fields is None or fields & _MENDS_A_KEY:
                circuit_breaker.forget(self)
            if (fields is None or "expires_at" in fields) and TokenMaster.objects.filter(
                pk=self.pk
            ).renew():
                self.status, self.status_reason = TokenStatus.ACTIVE, None

    def reveal_key(self) -> str:
        """Return the clear key, to be handed to the provider and to nobody else.

        Raises tokens.encryption.UndecryptableKey.
        """
        return encryption.decrypt(self.api_key, self.pk)

    @property
    def masked_key(self) -> str:
        """What people may see of the key."""
        try:
            return encryption.mask(self.reveal_key())
        except encryption.UndecryptableKey:
            return UNREADABLE_KEY

    @property
    def presentable(self) -> bool:
        """Whether there is something to present to a provider that we know."""
        if self.provider == Provider.OFFLINE:
            return True
        try:
            return self.provider in Provider.values and bool(self.reveal_key())
        except encryption.UndecryptableKey:
            return False

    @property
    def call_limits(self) -> CallLimits:
        """How many calls may be under way, and may begin in a minute."""
        return CallLimits(self.max_concurrent_calls, self.requests_per_minute)

    @property
    def effective_status(self) -> str:
        """The status, with an active key past its expiry counted as Expired."""
        expired = self.expires_at is not None and self.expires_at <= timezone.now()
        return TokenStatus.EXPIRED if expired and self.status == TokenStatus.ACTIVE else self.status

    @property
    def used(self) -> int:
        """LLM tokens used so far; a token inserted by SQL has no summary before its first call."""
        return self.summary.total_used_tokens if hasattr(self, "summary") else 0

    @property
    def unspent(self) -> int:
        """LLM tokens left of the limit; below 0 after the limit was lowered under its use."""
        return self.total_token_limit - self.used

    @property
    def free(self) -> int:
        """LLM tokens left that no call in flight has reserved."""
        reserved = self.summary.reserved_tokens if hasattr(self, "summary") else 0
        return self.unspent - reserved

    def _has_clear_key(self) -> bool:
        return bool(self.api_key) and not encryption.is_encrypted(self.api_key)

    def _encrypt_key(self) -> None:
        self.key_fingerprint = encryption.fingerprint(self.api_key)
        self.api_key = encryption.encrypt(self.api_key, self.pk)

    def _record_changes(
        self, before: "TokenMaster", fields: set[str] | None, by: str, reason: str
    ) -> None:
        """Write down what this save changed of the row as it was before."""
        saved = {"status", "total_token_limit", "api_key"} if fields is None else fields
        changed: dict[Aspect, tuple[str | int, str | int]] = {}
        if "status" in saved and self.status != before.status:
            changed[Aspect.STATUS] = before.status, self.status
        if "total_token_limit" in saved and self.total_token_limit != before.total_token_limit:
            changed[Aspect.LIMIT] = before.total_token_limit, self.total_token_limit
        if "api_key" in saved and not self.holds_key_of(before):
            changed[Aspect.KEY] = before.masked_key, self.masked_key
        for what, (old, new) in changed.items():
            TokenChange.objects.create(
                token=self, what=what, from_value=old, to_value=new, actor=by, reason=reason
            )

    def holds_key_of(self, other: "TokenMaster") -> bool:
        """Whether both hold one key, however it is stored."""
        try:
            return self.reveal_key() == other.reveal_key()
        except encryption.UndecryptableKey:
            return self.api_key == other.api_key

    def _insert(self, *args: Any, **kwargs: Any) -> None:
        """Insert the row without its key, then encrypt that, because it carries the row's id."""
        given = self.api_key
        clear = self._has_clear_key()
        try:
            with transaction.atomic():
                if clear:
                    self.api_key = ""
                super().save(*args, **kwargs)
                if clear:
                    self.api_key = given
                    self._encrypt_key()
                    super().save(update_fields=["api_key", "key_fingerprint"])
                TokenUsageSummary.objects.open(self.pk)
        except BaseException:
            self.api_key = given
            raise


class TokenUsageSummaryQuerySet(models.QuerySet["TokenUsageSummary"]):
    def open(self, token_id: int) -> None:
        """Make sure that a token has its row and lock it; tokens inserted by SQL have none."""
        now = timezone.now()
        if not self.filter(token_id=token_id).update(last_updated=now):
            self.get_or_create(token_id=token_id)
            self.follow_limit(token_id)

    def follow_limit(self, token_id: int) -> None:
        """Set what remains of a token to its limit minus what it used."""
        limit = TokenMaster.objects.filter(pk=OuterRef("token_id")).values("total_token_limit")
        self.filter(token_id=token_id).update(
            total_remaining_tokens=Subquery(limit) - F("total_used_tokens")
        )

    def follow_limits(self) -> int:
        """Notice the limits that were changed by SQL, record each, and return how many.

        What was used and what remained of it add up to the limit as it was last known.
        """
        known = F("total_used_tokens") + F("total_remaining_tokens")
        changed = self.alias(known=known).exclude(known=F("token__total_token_limit"))
        return sum(map(self._follow_change, list(changed.values_list("token_id", flat=True))))

    def _follow_change(self, token_id: int) -> bool:
        with transaction.atomic():
            self.open(token_id)
            row = self.select_related("token").get(token_id=token_id)
            before = row.total_used_tokens + row.total_remaining_tokens
            if before == row.token.total_token_limit:  # followed a moment ago
                return False
            TokenChange.objects.create(
                token_id=token_id,
                what=Aspect.LIMIT,
                from_value=before,
                to_value=row.token.total_token_limit,
                actor=SQL,
                reason="Changed in the database by hand.",
            )
            self.follow_limit(token_id)
            if before < row.token.total_token_limit:
                TokenMaster.objects.reactivate(token_id)
            TokenMaster.objects.mark_spent(token_id)
            self.raise_alerts(token_id)
        return True

    def raise_alerts(self, token_id: int) -> None:
        """Raise the alerts that the state of a token calls for, each once.

        The caller's transaction has the summary locked, so that the count is exact.
        """
        summary = self.select_related("token").get(token_id=token_id)
        limit, remaining = summary.token.total_token_limit, summary.total_remaining_tokens
        crossed = {summary.threshold} if remaining < summary.threshold else set()
        if remaining <= 0 or summary.token.status == TokenStatus.EXCEEDED:
            crossed.add(USED_UP)
        for threshold in crossed:
            ThresholdAlert.objects.raise_once(
                token_id, threshold=threshold, limit=limit, remaining=remaining
            )


class TokenUsageSummary(models.Model):
    """Running totals of one token. At every commit: used + reserved ≤ the token's limit."""

    summary_id = models.BigAutoField(db_column="SummaryID", primary_key=True)
    token = models.OneToOneField(
        TokenMaster, models.CASCADE, db_column="TokenID", related_name="summary"
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
    # Ours
    reserved_tokens = models.BigIntegerField(db_column="ReservedTokens", default=0, db_default=0)

    objects = TokenUsageSummaryQuerySet.as_manager()

    class Meta:
        db_table = "TokenUsageSummary"
        verbose_name = "usage summary"
        verbose_name_plural = "usage summaries"

    def __str__(self) -> str:
        return f"{self.total_used_tokens} used, {self.total_remaining_tokens} remaining"


class TokenUsageLog(models.Model):
    """One call's charge. ``attempt_id`` is unique: a call settled twice is charged once."""

    usage_id = models.BigAutoField(db_column="UsageID", primary_key=True)
    token = models.ForeignKey(
        TokenMaster, models.PROTECT, db_column="TokenID", null=True, db_index=False
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
        help_text="Input + output + thinking, as billed.",
    )
    request_count = models.IntegerField(db_column="RequestCount", default=1, db_default=1)
    logged_at = models.DateTimeField(
        db_column="LoggedAt", default=timezone.now, db_default=UtcNow()
    )
    # Ours
    thinking_tokens = models.BigIntegerField(db_column="ThinkingTokens", default=0, db_default=0)
    cached_tokens = models.BigIntegerField(db_column="CachedTokens", default=0, db_default=0)
    attempt_id = models.UUIDField(db_column="AttemptID", null=True, unique=True)
    company_id = models.CharField(db_column="CompanyID", max_length=50, null=True)
    estimated = models.BooleanField(
        db_column="Estimated",
        default=False,
        db_default=False,
        help_text="The bill is unknown (killed or cut off in mid-call): charged at the reserve.",
    )
    key_fingerprint = models.CharField(
        db_column="KeyFingerprint",
        max_length=64,
        null=True,
        editable=False,
        help_text="Keyed digest of the key of a call that was made while the database was away.",
    )

    class Meta:
        db_table = "TokenUsageLogs"
        verbose_name = "usage"
        verbose_name_plural = "usage"
        ordering = ["-logged_at"]
        indexes = [
            models.Index(fields=["token"], name="IX_Usage_TokenID"),
            models.Index(fields=["-logged_at"], name="IX_Usage_LoggedAt"),
            models.Index(fields=["branch"], name="IX_Usage_Branch"),
        ]

    def __str__(self) -> str:
        return f"{self.total_tokens_used} tokens, {self.logged_at:%Y-%m-%d %H:%M}"


class TokenReservation(models.Model):
    """Quota set aside for one attempt until it is settled, released or its lease runs out."""

    attempt_id = models.UUIDField(db_column="AttemptID", primary_key=True)
    token = models.ForeignKey(TokenMaster, models.CASCADE, db_column="TokenID")
    amount = models.BigIntegerField(db_column="Amount")
    leased_until = models.DateTimeField(
        db_column="LeasedUntil", help_text="After this the attempt is dead and its quota is freed."
    )
    created_at = models.DateTimeField(
        db_column="CreatedAt", default=timezone.now, db_default=UtcNow()
    )

    class Meta:
        db_table = "TokenReservations"
        verbose_name = "reservation"

    def __str__(self) -> str:
        return f"{self.amount} tokens reserved"
