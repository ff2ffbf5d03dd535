"""Provider keys with their quotas.

Table and column names are the contract's; quotas are LLM tokens, 64-bit.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Self

from django.db import models, transaction
from django.db.models import Q
from django.db.models.base import ModelBase
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from ocrsite.lib.database import UtcNow
from tokens import encryption
from tokens.models.call_limits import CallLimits

DEFAULT_LIMIT = 100_000
UNREADABLE_KEY = gettext_noop("cannot be decrypted")


class Provider(models.TextChoices):
    """Who reads the document; the value of ``TokenMaster.Provider``."""

    GEMINI = "Gemini", _("Gemini")
    OFFLINE = "Offline", _("Offline")


class TokenStatus(models.TextChoices):
    """The state of a key; the value of ``TokenMaster.Status``."""

    ACTIVE = "Active", _("Active")
    EXPIRED = "Expired", _("Expired")
    EXCEEDED = "Exceeded", _("Exceeded")
    DISABLED = "Disabled", _("Disabled")


class TokenQuerySet(models.QuerySet["TokenMaster"]):
    def for_company(self, company_id: str) -> Self:
        """Every key of one company; blanks around the id are ignored."""
        return self.filter(company_id=company_id.strip())

    def unexpired(self) -> Self:
        """Keys whose expiry is in the future, or that have none; whatever their status."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()))

    def usable(self) -> Self:
        """Active, unexpired keys of a known provider; the ledger decides whether quota is left."""
        return self.unexpired().filter(status=TokenStatus.ACTIVE, provider__in=Provider.values)


class TokenMaster(models.Model):
    """A company's key to a provider, with its quota."""

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
    # Not in the contract
    model = models.CharField(
        db_column="Model",
        max_length=100,
        null=True,
        blank=True,
        help_text=_("Gemini model for this key; empty means the site's default."),
    )
    expires_at = models.DateTimeField(
        db_column="ExpiresAt", null=True, blank=True, help_text=_("UTC; empty means never.")
    )
    key_fingerprint = models.CharField(
        db_column="KeyFingerprint",
        max_length=64,
        null=True,
        editable=False,
        db_index=True,
        help_text=_("Keyed digest of the clear key, to search and compare by."),
    )
    status_reason = models.CharField(
        db_column="StatusReason", max_length=200, null=True, blank=True, editable=False
    )

    project = models.CharField(
        db_column="Project",
        max_length=100,
        null=True,
        blank=True,
        help_text=_(
            "Google project of the key. Keys of one project share its quota and cool-downs."
        ),
    )
    max_concurrent_calls = models.PositiveIntegerField(
        _("calls at once"),
        db_column="MaxConcurrentCalls",
        null=True,
        blank=True,
        help_text=_("Further invoices wait; empty means no limit."),
    )
    requests_per_minute = models.PositiveIntegerField(
        db_column="RequestsPerMinute",
        null=True,
        blank=True,
        help_text=_("Further invoices wait; empty means no limit."),
    )

    objects = TokenQuerySet.as_manager()

    class Meta:
        db_table = "TokenMaster"
        verbose_name = _("key")
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["company_id", "status"], name="IX_TokenMaster_Company"),
            models.Index(fields=["-created_at"], name="IX_TokenMaster_CreatedAt"),
            # The reconciler looks for expired keys every two seconds.
            models.Index(fields=["status", "expires_at"], name="IX_TokenMaster_Expiry"),
        ]

    def __str__(self) -> str:
        return f"{self.company_id} #{self.token_id} ({self.provider})"

    def save(
        self,
        *,
        force_insert: bool | tuple[ModelBase, ...] = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        """Save; a key given in clear reaches the table encrypted."""
        save = partial(
            super().save, force_insert=force_insert, force_update=force_update, using=using
        )
        fields = None if update_fields is None else set(update_fields)
        if not self._has_clear_key() or (fields is not None and "api_key" not in fields):
            save(update_fields=fields)
        elif self._state.adding and fields is None:
            self._insert(save)
        else:
            self._encrypt_key()
            save(update_fields=None if fields is None else fields | {"key_fingerprint"})

    def reveal_key(self) -> str:
        """Return the clear key, for a call to its provider and for nothing else.

        Raises tokens.encryption.UndecryptableKey.
        """
        return encryption.decrypt(self.api_key, self.pk)

    def holds_key_of(self, other: "TokenMaster") -> bool:
        """Whether both rows hold the same key, whichever encryption key wrote each."""
        try:
            return self.reveal_key() == other.reveal_key()
        except encryption.UndecryptableKey:
            return self.api_key == other.api_key

    @property
    def masked_key(self) -> str:
        """What may be shown of the key, or that it cannot be decrypted."""
        try:
            return encryption.mask(self.reveal_key())
        except encryption.UndecryptableKey:
            return UNREADABLE_KEY

    @property
    def presentable(self) -> bool:
        """Whether a call can be made with it: its provider is known, and the key can be read."""
        if self.provider == Provider.OFFLINE:
            return True
        try:
            return self.provider in Provider.values and bool(self.reveal_key())
        except encryption.UndecryptableKey:
            return False

    @property
    def call_limits(self) -> CallLimits:
        """The limits of the calls of this key."""
        return CallLimits(self.max_concurrent_calls, self.requests_per_minute)

    @property
    def effective_status(self) -> str:
        """The status, or Expired for an active key whose expiry has passed."""
        expired = self.expires_at is not None and self.expires_at <= timezone.now()
        return TokenStatus.EXPIRED if expired and self.status == TokenStatus.ACTIVE else self.status

    @property
    def used(self) -> int:
        """LLM tokens used so far; a key inserted by SQL has no totals before its first call."""
        return self.summary.total_used_tokens if hasattr(self, "summary") else 0

    @property
    def unspent(self) -> int:
        """LLM tokens left of the limit; negative after the limit was lowered below the use."""
        return self.total_token_limit - self.used

    @property
    def free(self) -> int:
        """LLM tokens left that no call under way has reserved."""
        reserved = self.summary.reserved_tokens if hasattr(self, "summary") else 0
        return self.unspent - reserved

    def _has_clear_key(self) -> bool:
        return bool(self.api_key) and not encryption.is_encrypted(self.api_key)

    def _encrypt_key(self) -> None:
        self.key_fingerprint = encryption.fingerprint(self.api_key)
        self.api_key = encryption.encrypt(self.api_key, self.pk)

    def _insert(self, save: Callable[[], None]) -> None:
        """Insert the row without its key, then add that: encrypted, it carries the row's id."""
        clear, self.api_key = self.api_key, ""
        try:
            with transaction.atomic():
                save()
                self.api_key = clear
                self._encrypt_key()
                super().save(update_fields=["api_key", "key_fingerprint"])
        except BaseException:
            self.api_key = clear
            raise
